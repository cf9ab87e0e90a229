-- A bounded batch of role sets of a replace, onto the idle side. They count once the header names their number.
-- KEYS: epoch, lock, index of the idle side, then for each account: role set, memberships
-- ARGV: epoch value, number of the replace, organization, header body to come, then for each account: account, role set body
if is_foreign_store() then return FOREIGN_STORE end
if redis.call('GET', KEYS[2]) ~= ARGV[2] then return redis.error_reply('CONFLICT another replace took over') end
local header = read_header(ARGV[4], ARGV[3])
if not header or header.n ~= tonumber(ARGV[2]) then return malformed('its header is none of this replace') end
if KEYS[3] ~= index_key(ARGV[3], header.d) then return malformed('its index is of another side than its header') end
for argument = 5, #ARGV, 2 do
  if KEYS[argument - 1] ~= role_set_key(ARGV[3], header.d, ARGV[argument]) then return malformed('a role set is on another side than its header') end
  local fault = fault_of_role_set(ARGV[argument + 1], header, ARGV[argument])
  if fault then return fault end
end
local key = 4
for argument = 5, #ARGV, 2 do
  redis.call('SET', KEYS[key], ARGV[2] .. ' ' .. ARGV[argument + 1])
  redis.call('ZADD', KEYS[3], 0, ARGV[argument])
  redis.call('ZADD', KEYS[key + 1], 0, ARGV[3])
  key = key + 2
end
return #ARGV
