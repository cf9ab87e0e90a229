-- Stands before every script of this folder.
-- Every script: KEYS[1] is the epoch key, ARGV[1] its value as the caller knows it.

local function is_foreign_store()
  return redis.call('GET', KEYS[1]) ~= ARGV[1]
end

local FOREIGN_STORE = redis.error_reply('EPOCH another store, or none')

-- Keys of one side of an organization, as a script finds out for itself whether it was given the right ones.
local function index_key(organization, side) return 'rg:i:{' .. organization .. '}:' .. side end
local function role_set_key(organization, side, account) return 'rg:r:{' .. organization .. '}:' .. side .. ':' .. account end

-- The next generation: microseconds of the server's clock, always above the last one and above the streams that would
-- refuse it else, the log and, for a write, the audit. As text, since Lua would print a number of this size with an exponent. Nothing, and nothing is
-- written, when the last one cannot have been made by this server's clock: readers would refuse whatever came after it.
-- Whoever takes a generation appends to the log under it: readers go by the log alone.
local function next_generation(clock, log, audit)
  local time = redis.call('TIME')
  local now = time[1] * 1000000 + time[2]
  local last = tonumber(redis.call('GET', clock) or '0')
  for _, stream in ipairs({log, audit}) do
    local newest = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
    if newest and last then last = math.max(last, tonumber(string.match(newest[1], '^%d+'))) end
  end
  if not last or last > now + 60000000 then return nil end
  local g = string.format('%.0f', math.max(last + 1, now))
  redis.call('SET', clock, g)
  return g
end

local BAD_CLOCK = redis.error_reply('BROKEN rg:clock is no number, or it, rg:log or rg:audit is more than a minute ahead of the server')

-- Whether a write was made under this idempotency key ('' = none) already.
local function is_used(keys, key)
  return key ~= '' and redis.call('ZSCORE', keys, key)
end

local USED_KEY = redis.error_reply('CONFLICT the idempotency key was used')

-- Tells two writes apart that got the same generation: a store that went back, under a clock that went back, gives it anew.
local function token(what)
  local time = redis.call('TIME')
  return string.sub(redis.sha1hex(time[1] .. '.' .. time[2] .. ' ' .. what), 1, 8)
end

-- What goes with every write: its record in the audit, its entry in the change log, and its idempotency key.
-- `about` begins with the length of the log, the record, and the key as the audit scopes it ('' = none).
local function note(g, log, audit, keys, about, what)
  redis.call('XADD', audit, g .. '-0', 'r', about[2])
  what[#what + 1] = 't'
  what[#what + 1] = token(about[2])
  redis.call('XADD', log, 'MAXLEN', '~', about[1], g .. '-0', unpack(what))
  if about[3] ~= '' then
    redis.call('ZADD', keys, g, about[3])
    redis.call('ZREMRANGEBYRANK', keys, 0, -100001)
  end
end
