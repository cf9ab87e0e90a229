-- The moment of a replace: the header names the side that was staged.
-- KEYS: epoch, clock, log, audit, idempotency keys, header, counter, lock, organizations,
--       index of the staged side, role set of the owner there
-- ARGV: epoch value, length of the log, record, idempotency key ('' = none),
--       expected counter value ('' = there is no such organization), counter suffix, organization,
--       number of the replace, header body
if is_foreign_store() then return FOREIGN_STORE end
if is_used(KEYS[5], ARGV[4]) then return USED_KEY end
if redis.call('GET', KEYS[8]) ~= ARGV[8] then return redis.error_reply('CONFLICT another replace took over') end
if (redis.call('GET', KEYS[7]) or '') ~= ARGV[5] then return redis.error_reply('CONFLICT the organization was changed') end
if redis.call('EXISTS', KEYS[6]) ~= redis.call('EXISTS', KEYS[7]) then return redis.error_reply('BROKEN header and counter do not agree') end
local header = read_header(ARGV[9], ARGV[7])
if not header or header.n ~= tonumber(ARGV[8]) then return malformed('its header is none of this replace') end
if ARGV[6] ~= ' ' .. STORE .. ' ' .. ARGV[7] then return malformed('its counter is of another place') end
local before = read_header(string.match(redis.call('GET', KEYS[6]) or '', '^%d+ (.*)$') or '', ARGV[7])
if before and before.d == header.d then return malformed('its header names the side that is in force') end
local staged = redis.call('ZCARD', KEYS[10])
if staged ~= header.c then return malformed('its header counts ' .. header.c .. ' accounts, staged are ' .. staged) end
local owned = string.match(redis.call('GET', KEYS[11]) or '', '^%d+ (.*)$') or ''
local fault = fault_of_role_set(owned, header, header.a)
if fault then return fault end

local g = next_generation(KEYS[2], KEYS[3], KEYS[4])
if not g then return BAD_CLOCK end
local what = {'o', ARGV[7], 'h', '1', 'all', '1'}
note(g, KEYS[3], KEYS[4], KEYS[5], {ARGV[2], ARGV[3], ARGV[4]}, what)
redis.call('SET', KEYS[7], g .. ARGV[6])
redis.call('SET', KEYS[6], g .. ' ' .. ARGV[9])
redis.call('ZADD', KEYS[9], 0, ARGV[7])
redis.call('UNLINK', KEYS[8])
return g
