-- Stands before every script of this folder.
-- Every script: KEYS[1] is the epoch key, ARGV[1] its value as the caller knows it.

local function is_foreign_store()
  return redis.call('GET', KEYS[1]) ~= ARGV[1]
end

local FOREIGN_STORE = redis.error_reply('EPOCH another store, or none')

-- The next generation: microseconds of the server's clock, always above the last one. As text, since Lua would
-- print a number of this size with an exponent.
local function next_generation(clock)
  local now = redis.call('TIME')
  local g = math.max(tonumber(redis.call('GET', clock) or '0') + 1, now[1] * 1000000 + now[2])
  g = string.format('%.0f', g)
  redis.call('SET', clock, g)
  return g
end

