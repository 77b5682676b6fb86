package redisstore

// markFunction marks the present second as the one up to which all is over. The mark
// only grows, for another Redis after a failover may have a slower clock. The first
// write is one that a full Redis allows, and with it the rest: there is always room for
// an end.
const markFunction = `
local function mark(key, life)
  redis.call('PEXPIRE', key, life)
  local since = tonumber(redis.call('GET', key) or '') or 0
  local now = tonumber(redis.call('TIME')[1])
  redis.call('SET', key, string.format('%.0f', math.max(since, now)), 'PX', life)
end
`

// markScript marks for all users. KEYS: since. ARGV: life of the mark in ms.
const markScript = `
mark(KEYS[1], ARGV[1])
return 1
`

// adoptableScript returns the Unix second up to which no token can be adopted, whosever
// it is. A Redis without the marker was emptied: that is now.
//
// KEYS: marker, since. ARGV: life of both in ms.
const adoptableScript = `
if redis.call('EXISTS', KEYS[1]) == 0 then
  mark(KEYS[2], ARGV[1])
end
redis.call('SET', KEYS[1], '', 'PX', ARGV[1])
return tonumber(redis.call('GET', KEYS[2]) or '0')
`

// adoptScript stores a session unless it is there, and returns nothing when it was
// ended. A record that the index has lost was ended too. The tombstone is written at
// once, and outlives the token by an hour: however the session ends, or its record gets
// lost, the token does not get another one.
//
// KEYS and ARGV as storeFunction; then KEYS: tombstone, since. ARGV: when the token
// was issued, in Unix seconds, life of the tombstone in ms.
const adoptScript = `
if redis.call('EXISTS', KEYS[1]) == 1 then
  return redis.call('ZSCORE', KEYS[2], ARGV[5]) and {}
end
if redis.call('EXISTS', KEYS[3]) == 1 then
  return false
end
local since = redis.call('GET', KEYS[4])
if since and tonumber(ARGV[7]) <= tonumber(since) then
  return false
end
local ended = store()
redis.call('SET', KEYS[3], '', 'PX', ARGV[8])
return ended
`

// barScript ends a session, if there is one, and leaves a tombstone in any case.
//
// KEYS: index, tombstone. ARGV: what the user's keys begin with, id, life of the
// tombstone in ms.
const barScript = `
finish(ARGV[1], KEYS[1], ARGV[2])
if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[3]) then
  redis.call('SET', KEYS[2], '', 'PX', ARGV[3])
end
return 1
`
