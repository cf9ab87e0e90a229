-- The moment of a replace: the header names the side that was staged.
-- KEYS: epoch, clock, log, header, counter, lock, organizations
-- ARGV: epoch value, expected counter value ('' = there is no such organization), counter suffix,
--       organization, number of the replace, header body, length of the log
if is_foreign_store() then return FOREIGN_STORE end
if redis.call('GET', KEYS[6]) ~= ARGV[5] then return redis.error_reply('CONFLICT another replace took over') end
if (redis.call('GET', KEYS[5]) or '') ~= ARGV[2] then return redis.error_reply('CONFLICT the organization was changed') end
if redis.call('EXISTS', KEYS[4]) ~= redis.call('EXISTS', KEYS[5]) then return redis.error_reply('BROKEN header and counter do not agree') end

local g = next_generation(KEYS[2], KEYS[3])
if not g then return BAD_CLOCK end
redis.call('SET', KEYS[5], g .. ARGV[3])
redis.call('SET', KEYS[4], g .. ' ' .. ARGV[6])
redis.call('ZADD', KEYS[7], 0, ARGV[4])
redis.call('UNLINK', KEYS[6])
redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[7], g .. '-0', 'o', ARGV[4], 'h', '1', 'all', '1')
return g
