package redisstore

import "github.com/redis/go-redis/v9"

// scripts are sent by their digest, and in full to a Redis that does not know
// them yet.
type scripts struct {
	create, remove, removeAll *redis.Script
}

func newScripts() scripts {
	return scripts{
		create:    redis.NewScript(createScript),
		remove:    redis.NewScript(removeScript),
		removeAll: redis.NewScript(removeAllScript),
	}
}

// createScript writes a session and ends the oldest beyond the limit. The score
// of a session is a number that grows with every login, for a clock might stand
// still or be turned back. The first write is the one that a full Redis refuses,
// before anything has changed.
//
// KEYS: record, index. ARGV: content, life in ms, life of the index in ms, limit
// without the new one, id, what records begin with, channel, user.
// Returns the ids that were ended, oldest first.
const createScript = `
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
local newest = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')
redis.call('ZADD', KEYS[2], (tonumber(newest[2]) or 0) + 1, ARGV[5])
if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[3]) then
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
local live = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  if redis.call('EXISTS', ARGV[6] .. id) == 0 then
    redis.call('ZREM', KEYS[2], id)
  elseif id ~= ARGV[5] then
    live[#live + 1] = id
  end
end
local ended = {}
for i = 1, #live - tonumber(ARGV[4]) do
  redis.call('DEL', ARGV[6] .. live[i])
  redis.call('ZREM', KEYS[2], live[i])
  redis.call('PUBLISH', ARGV[7], ARGV[8] .. ' ' .. live[i])
  ended[i] = live[i]
end
return ended
`

// removeScript ends one session. It publishes even when there is none: a replica
// may remember one that Redis has lost.
//
// KEYS: record, index. ARGV: id, channel, user.
const removeScript = `
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('PUBLISH', ARGV[2], ARGV[3] .. ' ' .. ARGV[1])
return 1
`

// removeAllScript ends all sessions of a user and returns how many had neither
// ended nor expired.
//
// KEYS: index. ARGV: what records begin with, channel, user.
const removeAllScript = `
local n = 0
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  n = n + redis.call('DEL', ARGV[1] .. id)
end
redis.call('DEL', KEYS[1])
redis.call('PUBLISH', ARGV[2], ARGV[3] .. ' *')
return n
`
