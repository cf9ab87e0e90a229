-- The end of an organization: without header and counter it is unknown, whatever is left of it. A replace under way
-- loses its lock, and with that its flip.
-- KEYS: epoch, clock, log, audit, idempotency keys, header, counter, lock, organizations
-- ARGV: epoch value, length of the log, record, idempotency key ('' = none), expected counter value, organization
if is_foreign_store() then return FOREIGN_STORE end
if is_used(KEYS[5], ARGV[4]) then return USED_KEY end
if redis.call('GET', KEYS[7]) ~= ARGV[5] then return redis.error_reply('CONFLICT the organization was changed') end

local g = next_generation(KEYS[2], KEYS[3], KEYS[4])
if not g then return BAD_CLOCK end
local what = {'o', ARGV[6], 'h', '1', 'all', '1'}
note(g, KEYS[3], KEYS[4], KEYS[5], {ARGV[2], ARGV[3], ARGV[4]}, what)
redis.call('UNLINK', KEYS[6], KEYS[7], KEYS[8])
redis.call('ZREM', KEYS[9], ARGV[6])
return g
