// Package limit says how often something may happen, by the generic cell rate
// algorithm (GCRA): the state of a bucket is one time, the one at which it will be
// full again, so a counter is one small value. A Rate of 10/1m lets ten through at
// once and then one every six seconds; no window has an edge at which all ten come
// back together.
//
// # Takes
//
// Whoever wants to do something takes one from each of a few buckets, and gets all
// of them or none: a refused take costs nothing. What turned out to be harmless, such
// as a login with the right password, is given back. Taking comes before the deed, so
// that a hundred attempts at once are not all let in before the first has failed.
//
// # Members
//
// A bucket may leave somebody out: an address that an account has logged in from
// before does not draw from that account's bucket, which strangers may have emptied
// on purpose, and keeps an allowance of its own. Who is left out is a member of a
// small set beside the buckets, and is looked up in the same step.
//
// # Where
//
// A Store is Redis (package redisstore), whose clock counts, so that all replicas
// draw from the same buckets; or Local, which does the same in memory. Fallback takes
// the second when the first fails: a limit may be too generous then, never absent.
//
// # Clocks
//
// A clock that is turned back makes a bucket at most empty: whoever waits for one
// gets it after Rate.Every, as always, and what was used up stays so. One that
// jumps ahead fills buckets early, to the brim at most.
//
// # What it does not do
//
// It does no I/O, and finds out nobody. Which buckets a login or a request draws from,
// and what becomes of whoever is refused, rooms login and stage say; here are the names
// of these buckets, and how the section `limits` writes a Rate and a Route.
package limit

import (
	"context"
	"time"
)

// Name is what a bucket limits, a closed set, the label `limit` of
// rate_limited_total.
type Name string

// The names.
const (
	NameAccount Name = "account" // failed logins to one account, or to one unknown name
	NameAddress Name = "address" // failed logins from one address
	NamePair    Name = "pair"    // failed logins to one account from one address
	NameIP      Name = "ip"      // API requests from one address
	NameUser    Name = "user"    // API requests of one user
	NameAPIKey  Name = "api_key" // API requests with one managed API key
	NameBadKey  Name = "bad_key" // API keys that were looked up, from one address, and were none
	NameRoute   Name = "route"   // API requests to a route that limits.per_route names
)

// Names returns all names.
func Names() []Name {
	return []Name{NameAccount, NameAddress, NamePair, NameIP, NameUser, NameAPIKey, NameBadKey, NameRoute}
}

// Bucket is one counter.
type Bucket struct {
	Name Name
	// Of is whose it is: 1 to 128 of the characters A-Z a-z 0-9 . _ : - % @ / |. With
	// Name and the group it names the bucket.
	Of string
	// Rate is how much it holds and how fast it fills again. A bucket whose Rate
	// limits nothing is always full. Another Rate than the last time counts at once.
	Rate Rate
	// Unless leaves out who is in a set: a member takes nothing and is not refused.
	// The zero Member leaves out nobody.
	Unless Member
	// Listed shows it in the Lockouts of its group while it is empty. It is the same
	// in every call for one bucket.
	Listed bool
}

// Member is somebody in a set of a group. Both texts are like Bucket.Of.
type Member struct{ Set, Of string }

// Verdict is the answer to a take.
type Verdict struct {
	// Allowed says that one was taken from each bucket, but for those that left
	// somebody out.
	Allowed bool
	// By is the bucket that refused, of several the one that refuses longest; zero
	// when Allowed.
	By Name
	// RetryAfter is when a take can succeed at the earliest, to the microsecond, always
	// positive when refused; zero when Allowed.
	RetryAfter time.Duration
	// Emptied are the Listed buckets from which the last one was taken just now: who
	// takes next is refused. In no order.
	Emptied []Bucket
}

// Source counts. It is safe for concurrent use. A group has all buckets, members and
// lockouts that one call may touch together; on a Redis Cluster it is one slot. It is
// a text like Bucket.Of.
//
// What cannot be is ErrMalformed, the caller's mistake, and changes nothing. Every
// other error is a fault of the store, within the store's own deadline, after which
// nobody knows whether the call had its effect.
type Source interface {
	// Take takes one from each bucket, or nothing when any refuses. No two of the
	// buckets are the same.
	Take(ctx context.Context, group string, buckets ...Bucket) (Verdict, error)
	// Return gives back what a Take of the same buckets took, nothing to those that
	// leave out somebody who is a member by now: Return comes before Remember. It
	// never fills a bucket above its Rate, and takes it off the Lockouts.
	Return(ctx context.Context, group string, buckets ...Bucket) error
	// Remember puts a member into its set for that long from now, 1 ms to ten years.
	// From a set that has MaxMembers others, the one who would leave first leaves.
	Remember(ctx context.Context, group string, m Member, life time.Duration) error
}

// MaxMembers bounds a set of members.
const MaxMembers = 50

// Lockout is an empty bucket that is Listed.
type Lockout struct {
	Name Name
	Of   string
	// Until is when one can be taken again, rounded up to a millisecond, and UTC.
	Until time.Time
}

// Lockouts shows and ends what is refused now. The errors are as those of Source.
type Lockouts interface {
	// Locked returns at most most, 1 or more, of the empty Listed buckets of a group,
	// those that refuse longest first, and whether there are more.
	Locked(ctx context.Context, group string, most int) (locked []Lockout, more bool, err error)
	// Clear fills the buckets again that match says, and returns how many that were,
	// with an error those until then. Only Listed buckets that are empty are asked
	// about, one of them twice perhaps.
	Clear(ctx context.Context, group string, match func(Lockout) bool) (cleared int, err error)
}

// Store counts, and shows what it refuses.
type Store interface {
	Source
	Lockouts
}
