-- Stands before commit.lua where Redis is out of memory, and that script may run nevertheless: a change passes that
-- writes no longer value than it replaces. So what takes away still works, at the price of its record.
do
  local function grows(key, body)
    return body ~= '' and redis.call('STRLEN', key) < #body + 17
  end
  local grown = grows(KEYS[6], ARGV[8])
  local key = 9
  for argument = 11, #ARGV, 2 do
    grown = grown or grows(KEYS[key], ARGV[argument + 1])
    key = key + 2
  end
  if grown then return redis.error_reply('OOM the change would take more memory') end
end
