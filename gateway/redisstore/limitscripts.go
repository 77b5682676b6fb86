package redisstore

// The scripts count as package limit does in gcra.go, in microseconds by the clock of
// Redis, which a double of Lua holds exactly until the year 2255.

// bucketFunctions is Lua that reads the buckets of a take into drawn, but for those
// that leave somebody out; put stores one, and list keeps the lockouts right and says
// whether it is one. A bucket whose time is further away than that of an empty
// one is empty: a clock was turned back, or the rate was another one. Even a refused
// take stores that, otherwise the bucket would begin to fill only when that time has
// come.
//
// KEYS: lockouts, then for each bucket: bucket, set of members. ARGV for each bucket:
// how it is called in the lockouts, how long one takes to come back, how long all of
// them take, 1 if it is listed, who is left out if a member, or nothing.
const bucketFunctions = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local function text(number) return string.format('%.0f', number) end

local function is_member(set, who)
  local leaves = who ~= '' and redis.call('ZSCORE', set, who)
  return leaves and tonumber(leaves) > now
end

local function free_at(b) return b.full_at - (b.whole - b.every) end

local function put(b)
  redis.call('SET', b.key, text(b.full_at), 'PX', text(math.ceil((b.full_at - now) / 1000) + 1))
end

local function list(b)
  if not b.listed then
    return false
  end
  if free_at(b) <= now then
    redis.call('ZREM', KEYS[1], b.entry)
    return false
  end
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', text(now))
  redis.call('ZADD', KEYS[1], text(free_at(b)), b.entry)
  local life = math.ceil((free_at(b) - now) / 1000) + 1
  if redis.call('PTTL', KEYS[1]) < life then
    redis.call('PEXPIRE', KEYS[1], text(life))
  end
  return true
end

local function read(i)
  local a = 5 * (i - 1)
  local b = {
    number = i, key = KEYS[2 * i], entry = ARGV[a + 1], every = tonumber(ARGV[a + 2]), whole = tonumber(ARGV[a + 3]),
    listed = ARGV[a + 4] == '1', full_at = now
  }
  if is_member(KEYS[2 * i + 1], ARGV[a + 5]) then
    return nil
  end
  local stored = redis.call('GET', b.key)
  if stored then
    b.full_at = math.max(now, tonumber(string.match(stored, '^%d+$')) or error('a bucket holds no number'))
  end
  return b
end

local drawn = {}
for i = 1, (#KEYS - 1) / 2 do
  drawn[#drawn + 1] = read(i)
end
`

// takeScript returns 0 and the numbers of the listed buckets that it has emptied; or
// the number of the bucket that refuses longest, and for how long. A full Redis
// refuses the first thing that it writes, before anything has changed: who makes many
// buckets must not be able to fill it further.
const takeScript = `
local by, wait = 0, 0
for _, b in ipairs(drawn) do
  if b.full_at > now + b.whole then
    b.full_at = now + b.whole
    put(b)
    list(b)
  end
  if free_at(b) - now > wait then
    by, wait = b.number, free_at(b) - now
  end
end
if by > 0 then
  return {by, wait}
end
local answer = {0}
for _, b in ipairs(drawn) do
  b.full_at = b.full_at + b.every
  put(b)
  if list(b) then
    answer[#answer + 1] = b.number
  end
end
return answer
`

// giveBackScript gives one back to each bucket that is not full. None of them is empty
// then. The first thing that it writes is one that a full Redis allows, and with it the
// rest, none of which is more than was there.
const giveBackScript = `
for _, b in ipairs(drawn) do
  redis.call('ZREM', KEYS[1], b.entry)
  if b.full_at > now then
    b.full_at = math.min(b.full_at, now + b.whole) - b.every
    if b.full_at > now then
      put(b)
    else
      redis.call('DEL', b.key)
    end
  end
end
return 1
`

// rememberScript puts a member in, and takes out who has left, and who would leave
// first of those that are too many.
//
// KEYS: set of members. ARGV: member, for how many microseconds, how many may be there.
const rememberScript = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[2]), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
local over = redis.call('ZCARD', KEYS[1]) - ARGV[3]
if over > 0 then
  for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, over)) do
    if member ~= ARGV[1] and over > 0 then
      redis.call('ZREM', KEYS[1], member)
      over = over - 1
    end
  end
end
local life = math.ceil(ARGV[2] / 1000) + 1
if redis.call('PTTL', KEYS[1]) < life then
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', life))
end
return 1
`

// lockedScript returns how many lockouts there are and the longest of them, each with
// when it ends in ms. A bucket that Redis has evicted is none any more.
//
// KEYS: lockouts. ARGV: what the keys of buckets begin with, how many.
const lockedScript = `
local time = redis.call('TIME')
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', time[1] * 1000000 + time[2]))
local answer = {tostring(redis.call('ZCARD', KEYS[1]))}
local found = redis.call('ZREVRANGE', KEYS[1], 0, ARGV[2] - 1, 'WITHSCORES')
for i = 1, #found, 2 do
  if redis.call('EXISTS', ARGV[1] .. found[i]) == 1 then
    answer[#answer + 1] = found[i]
    answer[#answer + 1] = string.format('%.0f', math.ceil(found[i + 1] / 1000))
  else
    redis.call('ZREM', KEYS[1], found[i])
  end
end
return answer
`

// lockedPageScript returns some lockouts in no order, as lockedScript does, after where
// the next ones begin. It misses none that is there all the while.
//
// KEYS: lockouts. ARGV: where to begin, about how many.
const lockedPageScript = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local page = redis.call('ZSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
local answer = {page[1]}
for i = 1, #page[2], 2 do
  if tonumber(page[2][i + 1]) > now then
    answer[#answer + 1] = page[2][i]
    answer[#answer + 1] = string.format('%.0f', math.ceil(page[2][i + 1] / 1000))
  end
end
return answer
`

// clearScript fills the buckets that are still empty, and returns how many.
//
// KEYS: lockouts. ARGV: what the keys of buckets begin with, how they are called in the
// lockouts.
const clearScript = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local n = 0
for i = 2, #ARGV do
  local free_at = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if free_at and tonumber(free_at) > now then
    n = n + redis.call('DEL', ARGV[1] .. ARGV[i])
  end
  redis.call('ZREM', KEYS[1], ARGV[i])
end
return n
`
