package redisstore

import (
	"strconv"
	"strings"
)

// keys makes the keys of the package comment.
type keys struct{ prefix string }

// user is what all keys of a user begin with.
func (k keys) user(userID uint64) string {
	return k.prefix + "{u:" + strconv.FormatUint(userID, 10) + "}:"
}

func (k keys) record(userID uint64, id string) string { return k.user(userID) + "s:" + id }

func (k keys) tombstone(userID uint64, id string) string { return k.user(userID) + "e:" + id }

func (k keys) index(userID uint64) string { return k.user(userID) + "index" }

// everybodysSince is since for all users, adopting the marker of BeginAdoption. Both are
// in one slot.
func (k keys) everybodysSince() string { return k.prefix + "{all}:since" }

func (k keys) adopting() string { return k.prefix + "{all}:adopting" }

func (k keys) since(userID uint64) string { return k.user(userID) + "since" }

// indexes and records are patterns for SCAN of the keys of all users. A prefix has
// no character that means anything in a pattern.
func (k keys) indexes() string { return k.prefix + "{u:*}:index" }

func (k keys) records() string { return k.prefix + "{u:*}:s:*" }

// userOf reads the user out of the key of an index; ok is false for other keys.
func (k keys) userOf(index string) (userID uint64, ok bool) {
	text, ok := strings.CutPrefix(index, k.prefix+"{u:")
	if ok {
		text, ok = strings.CutSuffix(text, "}:index")
	}
	userID, err := strconv.ParseUint(text, 10, 64)
	return userID, ok && err == nil && userID != 0
}

// news is the channel, epoch the key that numbers what was announced there.
func (k keys) news() string { return k.prefix + "{news}" }

func (k keys) epoch() string { return k.news() + ":epoch" }

// replica is the record of one replica, leases a sorted set of when they expire.
func (k keys) replica(id string) string { return k.replicas() + id }

func (k keys) replicas() string { return k.prefix + "{replicas}:r:" }

func (k keys) leases() string { return k.prefix + "{replicas}:leases" }

// kept is a value of APIKeys.
func (k keys) kept(name string) string { return k.prefix + "{k:" + name + "}" }

func (k keys) census() string { return k.prefix + "{census}" }

// group is what all keys of a group of limits begin with. Groups, sets and owners of
// buckets are texts that package limit has checked: none has a brace. The name of a
// bucket has no colon.
func (k keys) group(group string) string { return k.prefix + "{l:" + group + "}:" }

func (k keys) buckets(group string) string { return k.group(group) + "b:" }

func (k keys) members(group, set string) string { return k.group(group) + "m:" + set }

func (k keys) locked(group string) string { return k.group(group) + "locked" }
