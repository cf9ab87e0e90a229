-- Removes a bounded batch of role sets from the side that is not in force: what an aborted replace left,
-- or what a finished one put out of force. The caller has seen in the header that the side is idle.
-- KEYS: epoch, header, index of the idle side, then for each account: role set there, role set on the other side, memberships
-- ARGV: epoch value, header value as seen ('' = absent), organization, then the accounts
if is_foreign_store() then return FOREIGN_STORE end
if (redis.call('GET', KEYS[2]) or '') ~= ARGV[2] then return redis.error_reply('CONFLICT the organization was changed') end
local key = 4
for argument = 4, #ARGV do
  redis.call('UNLINK', KEYS[key])
  redis.call('ZREM', KEYS[3], ARGV[argument])
  if redis.call('EXISTS', KEYS[key + 1]) == 0 then redis.call('ZREM', KEYS[key + 2], ARGV[3]) end
  key = key + 3
end
return #ARGV
