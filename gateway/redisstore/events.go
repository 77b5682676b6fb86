package redisstore

import (
	"context"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"faveo-gateway/gateway/apikey"
	"faveo-gateway/gateway/session"
)

// epochLife is how long the epoch outlives the last announcement. When it is gone,
// everybody forgets everything once.
const epochLife = 24 * time.Hour

// announceFunction is Lua that numbers and publishes announcements. The epoch of each
// is the time of Redis in microseconds, or one more than the one before where that is
// not less: unique, growing, and it tells when. Each names the one before it, so that
// who did not hear that one knows. The first thing that is written is one that a full
// Redis allows, and with it the rest.
//
// KEYS: epoch. ARGV: life of the epoch in ms, channel, announcements.
const announceFunction = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local function announce()
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  local last = tonumber(redis.call('GET', KEYS[1]) or '') or 0
  for i = 3, #ARGV do
    local epoch = math.max(last + 1, now)
    redis.call('PUBLISH', ARGV[2], string.format('%.0f %.0f %s', last, epoch, ARGV[i]))
    last = epoch
  end
  redis.call('SET', KEYS[1], string.format('%.0f', last), 'PX', ARGV[1])
end
`

const announceScript = `
announce()
return 1
`

// pollScript returns the epoch and the time of the same node in microseconds. A Redis
// without an epoch was emptied, or is new: it announces what it is given then.
//
// KEYS and ARGV as announceFunction.
const pollScript = `
if redis.call('EXISTS', KEYS[1]) == 0 then
  announce()
end
return {redis.call('GET', KEYS[1]), string.format('%.0f', now)}
`

// announce tells all replicas, this one included. None tells nothing.
func (s *Store) announce(ctx context.Context, news ...string) error {
	if len(news) == 0 {
		return nil
	}
	return s.call(ctx, opAnnounce, func(ctx context.Context) error {
		return s.run(ctx, s.scripts.announce, []string{s.keys.epoch()}, s.newsArguments(news...)...).Err()
	})
}

// announceEnd tells of what has been stored already, though the caller may be gone.
func (s *Store) announceEnd(ctx context.Context, news ...string) error {
	return s.announce(context.WithoutCancel(ctx), news...)
}

func (s *Store) newsArguments(news ...string) []any {
	arguments := []any{epochLife.Milliseconds(), s.keys.news()}
	for _, text := range news {
		arguments = append(arguments, text)
	}
	return arguments
}

// The kinds of announcements, each with what follows it.
const (
	newsSession    = "session" // <user> <id>: that session has ended.
	newsUser       = "user"    // <user>: all sessions of that user have.
	newsEverything = "all"     // Any session may have ended, and all keys may have changed.
	newsKeys       = "keys"    // The signing keys have changed.
	newsKey        = "key"     // <kid>: that signing key was revoked.
	newsAPIKey     = "apikey"  // <id>: that API key has changed.
)

func sessionEnded(userID uint64, id string) string {
	return newsSession + " " + strconv.FormatUint(userID, 10) + " " + id
}

func userEnded(userID uint64) string {
	return newsUser + " " + strconv.FormatUint(userID, 10)
}

func keyRevoked(kid string) string { return newsKey + " " + kid }

func apiKeyChanged(id string) string { return newsAPIKey + " " + id }

// idPattern is what the id of a signing key or a replica can be. It has no blank and
// nothing that means anything in a key.
var idPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// announcement is one piece of news.
type announcement struct {
	// before is the epoch of the one before, epoch its own.
	before, epoch int64
	kind          string
	userID        uint64
	sessionID     string
	kid           string
	apiKeyID      string
}

// isEnd reports whether it takes something from somebody.
func (a announcement) isEnd() bool { return a.kind != newsKeys }

// readAnnouncement reads what announceFunction has published. ok is false for
// everything else.
func readAnnouncement(payload string) (a announcement, ok bool) {
	words := strings.Split(payload, " ")
	if len(words) < 3 {
		return announcement{}, false
	}
	before, ok := readNumber(words[0])
	epoch, isNumber := readNumber(words[1])
	if !ok || !isNumber || epoch <= before || epoch > math.MaxInt64 {
		return announcement{}, false
	}
	a = announcement{before: int64(before), epoch: int64(epoch), kind: words[2]}
	return a, a.readRest(words[3:])
}

// readRest reads what follows the kind.
func (a *announcement) readRest(words []string) (ok bool) {
	switch {
	case a.kind == newsEverything || a.kind == newsKeys:
		return len(words) == 0
	case a.kind == newsKey && len(words) == 1:
		a.kid = words[0]
		return idPattern.MatchString(a.kid)
	case a.kind == newsAPIKey && len(words) == 1:
		a.apiKeyID = words[0]
		return apikey.ValidID(a.apiKeyID)
	case a.kind == newsUser && len(words) == 1:
		a.userID, ok = readNumber(words[0])
		return ok && a.userID != 0
	case a.kind == newsSession && len(words) == 2:
		a.userID, ok = readNumber(words[0])
		a.sessionID = words[1]
		return ok && a.userID != 0 && session.ValidID(a.sessionID)
	}
	return false
}

// readNumber reads a number in the one way in which it is written.
func readNumber(text string) (n uint64, ok bool) {
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil && strconv.FormatUint(n, 10) == text
}
