-- An operator accepts the store as it was found: its epoch gets a higher number, above that of any copy of it.
-- KEYS: epoch   ARGV: epoch value, store id
if is_foreign_store() then return FOREIGN_STORE end
local time = redis.call('TIME')
local number = math.max(tonumber(string.match(ARGV[1], '%d+$')) + 1, time[1] * 1000000 + time[2])
redis.call('SET', KEYS[1], ARGV[2] .. ' ' .. string.format('%.0f', number))
return number
