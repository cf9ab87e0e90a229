-- Stands before the scripts that write role sets and headers: what such a value shows by itself. Its checksum is looked at
-- for its form alone, since to compute it here would cost more than the write; whoever reads computes it.

local STORE = string.match(ARGV[1], '^%S+')
local PRIMARY = {owner = true, administrator = true, member = true}

local function malformed(why)
  return redis.error_reply('MALFORMED ' .. why)
end

-- Byte by byte: Lua's own comparison goes by the server's locale.
local function precedes(a, b)
  for place = 1, math.min(#a, #b) do
    local one, other = string.byte(a, place), string.byte(b, place)
    if one ~= other then return one < other end
  end
  return #a < #b
end

local function object(body, organization)
  local value = cjson.decode(string.match(body, '^({.*}) %x%x%x%x%x%x%x%x$'))
  assert(value.v == 1 and value.s == STORE and value.o == organization)
  assert(type(value.a) == 'string' and type(value.n) == 'number')
  return value
end

local function header_in(body, organization)
  local header, last = object(body, organization), nil
  assert(type(header.c) == 'number' and header.c >= 1)
  assert(header.d == 0 or header.d == 1)
  local enablings = {Accounts = 0}
  for _, product in ipairs(header.p) do
    assert(#product == 3 and product[1] ~= 'Accounts' and type(product[3]) == 'boolean')
    assert(not last or precedes(last, product[1]))
    last, enablings[product[1]] = product[1], product[2] + 0
  end
  header.enablings = enablings
  return header
end

-- A header with the enabling numbers by product; nothing when the body is none of this store and organization.
local function read_header(body, organization)
  local sound, header = pcall(header_in, body, organization)
  return sound and header or nil
end

local function fault_in(body, header, account)
  local set = object(body, header.o)
  if set.a ~= account then return 'names another account' end
  if set.n ~= header.n then return 'is of another side number than its header' end
  local primary, last
  for _, grant in ipairs(set.r) do
    local product, role = grant[1], grant[2]
    assert(type(product) == 'string' and type(role) == 'string' and #grant <= 5)
    for place = 4, #grant do assert(type(grant[place]) == 'number' or place == 4 and grant[4] == cjson.null) end
    if grant[3] ~= header.enablings[product] then return 'holds ' .. product .. '/' .. role .. ' under no enabling that is in force' end
    if last and not (last[1] == product and precedes(last[2], role) or precedes(last[1], product)) then
      return 'has grants out of order, or one twice'
    end
    if product == 'Accounts' and PRIMARY[role] then
      if primary then return 'holds two primary roles' end
      if #grant ~= 3 then return 'holds its primary role for a time' end
      primary = role
    end
    last = grant
  end
  if not primary then return 'holds no primary role' end
  if (primary == 'owner') ~= (account == header.a) then return 'and its header do not agree on the owner' end
  for _, marks in ipairs({set.u or {}, set.w or {}}) do
    for _, mark in ipairs(marks) do
      if mark[1] == 'Accounts' or mark[2] ~= header.enablings[mark[1]] then return 'has a state under no enabling that is in force' end
    end
  end
end

-- What stands behind the account in a sound body, of this call's header: most of a batch holds the same roles.
local sound_behind = {}

-- Why a body is no role set of `account` under `header`; nothing when it is one.
local function fault_of_role_set(body, header, account)
  local front = '{"v":1,"s":"' .. STORE .. '","o":"' .. header.o .. '","a":"' .. account .. '",'
  local behind = account ~= header.a and string.sub(body, 1, #front) == front and string.sub(body, #front, -10)
  local named = string.find(account, '^[%w%-_.:@+=]+$')
  if named and behind and sound_behind[behind] and string.find(body, '^ %x%x%x%x%x%x%x%x$', -9) then return nil end
  local sound, fault = pcall(fault_in, body, header, account)
  if not (sound and named) then fault = 'is no role set of this store and organization' end
  if fault then return malformed('the role set of ' .. account .. ' ' .. fault) end
  -- A second account in it would be another one for each.
  if behind and not string.find(behind, '"a":', 1, true) then sound_behind[behind] = true end
end
