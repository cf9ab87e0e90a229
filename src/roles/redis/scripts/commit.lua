-- A small change of one organization: compares the generation it was computed on, then writes everything.
-- Nothing is written before everything is checked, since a script is not rolled back.
-- KEYS: epoch, clock, log, header, counter, index, then for each account: role set, memberships
-- ARGV: epoch value, expected counter value, counter suffix, organization, header body ('' = keep),
--       length of the log, accounts by the header, owner, then for each account: account, role set body ('' = remove)
if is_foreign_store() then return FOREIGN_STORE end
if redis.call('GET', KEYS[5]) ~= ARGV[2] then return redis.error_reply('CONFLICT the organization was changed') end
if redis.call('EXISTS', KEYS[4]) == 0 then return redis.error_reply('BROKEN header is missing') end

local accounts, owner = redis.call('ZCARD', KEYS[6]), redis.call('ZSCORE', KEYS[6], ARGV[8])
for argument = 9, #ARGV, 2 do
  local account, stays = ARGV[argument], ARGV[argument + 1] ~= ''
  if redis.call('ZSCORE', KEYS[6], account) then
    if not stays then accounts = accounts - 1 end
  elseif stays then
    accounts = accounts + 1
  end
  if account == ARGV[8] then owner = stays end
end
if accounts ~= tonumber(ARGV[7]) then
  return redis.error_reply('MALFORMED its header counts ' .. ARGV[7] .. ' accounts, there are ' .. accounts)
end
if not owner then return redis.error_reply('MALFORMED its owner ' .. ARGV[8] .. ' is none of its accounts') end

local g = next_generation(KEYS[2], KEYS[3])
if not g then return BAD_CLOCK end
local organization, log = ARGV[4], {'o', ARGV[4]}
redis.call('SET', KEYS[5], g .. ARGV[3])
if ARGV[5] ~= '' then
  redis.call('SET', KEYS[4], g .. ' ' .. ARGV[5])
  log[#log + 1] = 'h'
  log[#log + 1] = '1'
end
local key = 7
for argument = 9, #ARGV, 2 do
  local account, body = ARGV[argument], ARGV[argument + 1]
  if body == '' then
    redis.call('UNLINK', KEYS[key])
    redis.call('ZREM', KEYS[6], account)
    redis.call('ZREM', KEYS[key + 1], organization)
  else
    redis.call('SET', KEYS[key], g .. ' ' .. body)
    redis.call('ZADD', KEYS[6], 0, account)
    redis.call('ZADD', KEYS[key + 1], 0, organization)
  end
  log[#log + 1] = 'a'
  log[#log + 1] = account
  key = key + 2
end
redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[6], g .. '-0', unpack(log))
return g
