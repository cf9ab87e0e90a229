-- Removes a bounded batch of role sets from a side that is not in force: what an aborted replace left, what a finished
-- one put out of force, or what a deletion left. The header tells that the side is idle, the lock whether a replace has
-- begun to fill it since.
-- KEYS: epoch, header, lock, index of the side, then for each account: role set there, role set on the other side, memberships
-- ARGV: epoch value, header value as seen ('' = absent), lock value as known ('' = absent), organization, then the accounts
if is_foreign_store() then return FOREIGN_STORE end
if (redis.call('GET', KEYS[2]) or '') ~= ARGV[2] then return redis.error_reply('CONFLICT the organization was changed') end
if (redis.call('GET', KEYS[3]) or '') ~= ARGV[3] then return redis.error_reply('CONFLICT another replace took over') end
local sound, header = pcall(cjson.decode, string.match(ARGV[2], '^%d+ ({.*}) %x+$') or '{}')
local side = string.sub(KEYS[4], -1)
if sound and side == tostring(header.d) then return redis.error_reply('MALFORMED the side is in force') end
if KEYS[4] ~= index_key(ARGV[4], side) then return redis.error_reply('MALFORMED its index is of another organization') end
local key = 5
for argument = 5, #ARGV do
  if KEYS[key] ~= role_set_key(ARGV[4], side, ARGV[argument]) then return redis.error_reply('MALFORMED a role set is on another side than its index') end
  key = key + 3
end
key = 5
for argument = 5, #ARGV do
  redis.call('UNLINK', KEYS[key])
  redis.call('ZREM', KEYS[4], ARGV[argument])
  if redis.call('EXISTS', KEYS[key + 1]) == 0 then redis.call('ZREM', KEYS[key + 2], ARGV[4]) end
  key = key + 3
end
return #ARGV
