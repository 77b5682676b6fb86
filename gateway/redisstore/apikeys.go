package redisstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"faveo-gateway/gateway/apikey"
)

// keepScript stores a value with its version in front, unless a higher version is there.
// What is no value of ours gives way. The first thing that is written is one that a full
// Redis allows, and with it the rest: the record of a key that was revoked has to take
// the place of the one before, and only keys that exist have any.
//
// KEYS: value. ARGV: version, value, life in ms. Returns 1, or 0 when it was not stored.
const keepScript = `
local there = redis.call('GET', KEYS[1])
local version = there and tonumber(string.match(there, '^(%d+):') or '')
if version and version > tonumber(ARGV[1]) then
  return 0
end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1] .. ':' .. ARGV[2], 'PX', ARGV[3])
return 1
`

// maxVersion is up to where Lua counts without a gap.
const maxVersion = 1 << 53

// apiKeys is an apikey.Cache.
type apiKeys struct{ *Store }

var _ apikey.Cache = apiKeys{}

// APIKeys returns the memory of API keys that the replicas share.
func (s *Store) APIKeys() apikey.Cache { return apiKeys{s} }

// errKept is the caller's mistake.
var errKept = errors.New("redisstore: a malformed name or version, or a value without a life")

// Get implements apikey.Cache.
func (k apiKeys) Get(ctx context.Context, name string) (value []byte, found bool, err error) {
	if !idPattern.MatchString(name) {
		return nil, false, errKept
	}
	err = k.call(ctx, opAPIKeyGet, func(ctx context.Context) error {
		content, err := k.client.Get(ctx, k.keys.kept(name)).Bytes()
		if errors.Is(err, redis.Nil) {
			return nil
		}
		if err != nil {
			return err
		}
		version, rest, cut := bytes.Cut(content, []byte(":"))
		if _, isNumber := readNumber(string(version)); !cut || !isNumber {
			return fmt.Errorf("%q holds no value of ours", k.keys.kept(name))
		}
		value, found = rest, true
		return nil
	})
	return value, found, err
}

// Put implements apikey.Cache.
func (k apiKeys) Put(ctx context.Context, name string, version int64, value []byte, life time.Duration) error {
	if !idPattern.MatchString(name) || version < 0 || version > maxVersion || life < time.Millisecond {
		return errKept
	}
	return k.call(ctx, opAPIKeyPut, func(ctx context.Context) error {
		return k.run(ctx, k.scripts.keep, []string{k.keys.kept(name)}, version, value, life.Milliseconds()).Err()
	})
}

// Announce implements apikey.Cache.
func (k apiKeys) Announce(ctx context.Context, id string) error {
	if !apikey.ValidID(id) {
		return errors.New("redisstore: malformed id of an API key")
	}
	return k.announce(ctx, apiKeyChanged(id))
}
