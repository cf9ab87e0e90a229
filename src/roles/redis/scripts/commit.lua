-- A small change of one organization: compares the generation it was computed on, then writes everything.
-- Nothing is written before everything is checked, since a script is not rolled back.
-- KEYS: epoch, clock, log, audit, idempotency keys, header, counter, index, then for each account: role set, memberships
-- ARGV: epoch value, length of the log, record, idempotency key ('' = none), expected counter value, counter suffix,
--       organization, header body ('' = keep), accounts by the header, owner,
--       then for each account: account, role set body ('' = remove)
if is_foreign_store() then return FOREIGN_STORE end
if is_used(KEYS[5], ARGV[4]) then return USED_KEY end
if redis.call('GET', KEYS[7]) ~= ARGV[5] then return redis.error_reply('CONFLICT the organization was changed') end
if redis.call('EXISTS', KEYS[6]) == 0 then return redis.error_reply('BROKEN header is missing') end

local organization, header, owner = ARGV[7], ARGV[8], ARGV[10]
local accounts, owner_stays = redis.call('ZCARD', KEYS[8]), redis.call('ZSCORE', KEYS[8], owner)
local what = {'o', organization}
if header ~= '' then
  what[#what + 1] = 'h'
  what[#what + 1] = '1'
end
for argument = 11, #ARGV, 2 do
  local account, stays = ARGV[argument], ARGV[argument + 1] ~= ''
  if redis.call('ZSCORE', KEYS[8], account) then
    if not stays then accounts = accounts - 1 end
  elseif stays then
    accounts = accounts + 1
  end
  if account == owner then owner_stays = stays end
  what[#what + 1] = 'a'
  what[#what + 1] = account
end
if accounts ~= tonumber(ARGV[9]) then
  return redis.error_reply('MALFORMED its header counts ' .. ARGV[9] .. ' accounts, there are ' .. accounts)
end
if not owner_stays then return redis.error_reply('MALFORMED its owner ' .. owner .. ' is none of its accounts') end

local g = next_generation(KEYS[2], KEYS[3], KEYS[4])
if not g then return BAD_CLOCK end
note(g, KEYS[3], KEYS[4], KEYS[5], {ARGV[2], ARGV[3], ARGV[4]}, what)
redis.call('SET', KEYS[7], g .. ARGV[6])
if header ~= '' then redis.call('SET', KEYS[6], g .. ' ' .. header) end
local key = 9
for argument = 11, #ARGV, 2 do
  local account, body = ARGV[argument], ARGV[argument + 1]
  if body == '' then
    redis.call('UNLINK', KEYS[key])
    redis.call('ZREM', KEYS[8], account)
    redis.call('ZREM', KEYS[key + 1], organization)
  else
    redis.call('SET', KEYS[key], g .. ' ' .. body)
    redis.call('ZADD', KEYS[8], 0, account)
    redis.call('ZADD', KEYS[key + 1], 0, organization)
  end
  key = key + 2
end
return g
