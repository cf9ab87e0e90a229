-- A small change of one organization: compares the generation it was computed on, then writes everything.
-- Nothing is written before everything is checked, since a script is not rolled back.
-- KEYS: epoch, clock, log, audit, idempotency keys, header, counter, index, then for each account: role set, memberships
-- ARGV: epoch value, length of the log, record, idempotency key ('' = none), expected counter value, counter suffix,
--       organization, header body ('' = keep), accounts by the header, owner,
--       then for each account: account, role set body ('' = remove)
if is_foreign_store() then return FOREIGN_STORE end
if is_used(KEYS[5], ARGV[4]) then return USED_KEY end
if redis.call('GET', KEYS[7]) ~= ARGV[5] then return redis.error_reply('CONFLICT the organization was changed') end
local organization, header, owner = ARGV[7], ARGV[8], ARGV[10]
if ARGV[6] ~= ' ' .. STORE .. ' ' .. organization then return malformed('its counter is of another place') end
local before = read_header(string.match(redis.call('GET', KEYS[6]) or '', '^%d+ (.*)$') or '', organization)
if not before then return redis.error_reply('BROKEN ' .. KEYS[6] .. ' is missing, or no header') end
local after = before
if header ~= '' then
  after = read_header(header, organization)
  if not after then return malformed('its header is none of this store and organization') end
  if after.d ~= before.d or after.n ~= before.n then return malformed('its header is of another side') end
end
if after.a ~= owner then return malformed('its header names another owner than ' .. owner) end
if after.c ~= tonumber(ARGV[9]) then return malformed('its header counts another number of accounts than ' .. ARGV[9]) end

local accounts, owner_stays = redis.call('ZCARD', KEYS[8]), redis.call('ZSCORE', KEYS[8], owner)
local changed = {}
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
  if stays then
    local fault = fault_of_role_set(ARGV[argument + 1], after, account)
    if fault then return fault end
  end
  changed[account] = true
  what[#what + 1] = 'a'
  what[#what + 1] = account
end
if accounts ~= after.c then return malformed('its header counts ' .. ARGV[9] .. ' accounts, there are ' .. accounts) end
if not owner_stays then return malformed('its owner ' .. owner .. ' is none of its accounts') end
if after.a ~= before.a and not (changed[after.a] and changed[before.a]) then
  return malformed('its ownership changes without the role sets of both')
end

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
