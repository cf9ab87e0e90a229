-- Takes a fresh store-wide number, the next generation. With a third key, that number also becomes the lock
-- of a replace: the later of two replaces of one organization wins it, the earlier finds out at its flip.
-- KEYS: epoch, clock [, lock]   ARGV: epoch value
if is_foreign_store() then return FOREIGN_STORE end
local g = next_generation(KEYS[2])
if not g then return BAD_CLOCK end
if KEYS[3] then redis.call('SET', KEYS[3], g) end
return g
