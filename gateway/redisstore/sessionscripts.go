package redisstore

// finishFunction ends one session, and returns whether there was one.
const finishFunction = `
local function finish(user, index, id)
  local n = redis.call('DEL', user .. 's:' .. id)
  redis.call('ZREM', index, id)
  return n
end
`

// storeFunction writes a session and ends the oldest beyond the limit. The score
// of a session is a number that grows with every login, for a clock might stand
// still or be turned back. The first write is the one that a full Redis refuses,
// before anything has changed.
//
// It reads KEYS: record, index. ARGV: content, life in ms, life of the index in ms,
// limit without the new one, id, what the user's keys begin with. It returns the ids
// that were ended, oldest first.
const storeFunction = `
local function store()
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  local newest = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')
  redis.call('ZADD', KEYS[2], (tonumber(newest[2]) or 0) + 1, ARGV[5])
  if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[3]) then
    redis.call('PEXPIRE', KEYS[2], ARGV[3])
  end
  local live = {}
  for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
    if redis.call('EXISTS', ARGV[6] .. 's:' .. id) == 0 then
      redis.call('ZREM', KEYS[2], id)
    elseif id ~= ARGV[5] then
      live[#live + 1] = id
    end
  end
  local ended = {}
  for i = 1, #live - tonumber(ARGV[4]) do
    finish(ARGV[6], KEYS[2], live[i])
    ended[i] = live[i]
  end
  return ended
end
`

const createScript = `return store()`

// replaceScript stores a session in place of another content of it. It never makes the
// session live shorter, for the clock by which its life was reckoned may be ahead: what
// the record says of its expiry decides.
//
// KEYS: record, index. ARGV: content that was found, content to store, life in ms,
// life of the index in ms, id. Returns 1, or 0 when something else is stored.
const replaceScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] or not redis.call('ZSCORE', KEYS[2], ARGV[5]) then
  return 0
end
local life = math.max(tonumber(ARGV[3]), redis.call('PTTL', KEYS[1]))
redis.call('SET', KEYS[1], ARGV[2], 'PX', string.format('%.0f', life))
if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[4]) then
  redis.call('PEXPIRE', KEYS[2], ARGV[4])
end
return 1
`

// listScript returns the sessions of a user, the oldest first, id and content in
// turn, and takes out of the index what has expired.
//
// KEYS: index. ARGV: what the user's keys begin with.
const listScript = `
local found = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local content = redis.call('GET', ARGV[1] .. 's:' .. id)
  if content then
    found[#found + 1] = id
    found[#found + 1] = content
  else
    redis.call('ZREM', KEYS[1], id)
  end
end
return found
`

// removeScript ends sessions and returns how many had neither ended nor expired.
//
// KEYS: index. ARGV: what the user's keys begin with, ids.
const removeScript = `
local n = 0
for i = 2, #ARGV do
  n = n + finish(ARGV[1], KEYS[1], ARGV[i])
end
return n
`

// removeAllScript ends all sessions of a user, marks the second in which it did, and
// returns how many had neither ended nor expired.
//
// KEYS: index, since. ARGV: what the user's keys begin with, life of the mark in ms.
const removeAllScript = `
local ids = redis.call('ZRANGE', KEYS[1], 0, -1)
redis.call('DEL', KEYS[1])
local n = 0
for _, id in ipairs(ids) do
  n = n + finish(ARGV[1], KEYS[1], id)
end
mark(KEYS[2], ARGV[2])
return n
`
