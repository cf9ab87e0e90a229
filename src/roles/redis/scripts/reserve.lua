-- Takes a fresh store-wide number, the next generation. With a fourth key, that number also becomes the lock
-- of a replace: the later of two replaces of one organization wins it, the earlier finds out at its flip.
-- KEYS: epoch, clock, log [, lock]   ARGV: epoch value, length of the log
if is_foreign_store() then return FOREIGN_STORE end
local g = next_generation(KEYS[2], KEYS[3])
if not g then return BAD_CLOCK end
if KEYS[4] then redis.call('SET', KEYS[4], g) end
redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[2], g .. '-0', 'n', '1', 't', token(g))
return g
