// Package audit keeps a trail of who was let in, who was not, and who changed what,
// in which an entry that is changed, taken out, put in or moved is found.
//
// # The chain
//
// Entries are numbered from 1 without a gap. Each has the SHA-256 of the hash of the
// entry before and its own text, so every entry fixes all before it; and a MAC of its
// number and hash under a key that is not in the store, so that nobody who can write
// there can make another chain that holds. Beside the entries stands one Head, the
// place where the trail ends and, when old entries were pruned, where it begins. It has
// a MAC too, so that entries cannot be cut off at either end by who has not kept an
// older Head. Of a trail that was set back as a whole, Head and all, only who noted a
// later Link elsewhere can tell: Verify takes it. A replica that runs notes its own.
//
// # A key that nobody knows
//
// An entry whose key the reader does not have proves nothing by itself; the next one
// whose key he has proves it with all before. So whoever rewrites the end of the trail
// could name a key that does not exist and wait until the gateway puts an honest entry
// on top. It does not: before a writer seals anything it proves the Head. Where it
// cannot, the first entry that it writes says so (KindTrail, Failed), with what it saw,
// and Verify stops there; unless the reader, who may have more keys, can prove that
// Head. That is the case when replicas get a new key one after another. A trail all of
// whose keys were replaced at once holds again for who has the old ones too.
//
// # Off the path of requests
//
// Record puts an event into a bounded queue and returns. One writer takes batches to
// the Sink. While that is down events wait; when the queue is full, and at a shutdown
// with the Sink down, they go to the log, whole, and are counted. No event vanishes,
// but with a process that is killed: what waited in it.
//
// # What is gathered
//
// Some events can be caused by anybody, thousands a second. So of equal ones the first
// is an entry at once, and those of the ten seconds from then on are, together, one more
// with their number. Equal means all but Time, Agent, RequestID and Address; of that, the
// network counts: whoever has one IPv6 address has its /64.
//
// Gathered are refusals of logins, of requests and of the admin API, lockouts, refreshes,
// and ends of sessions by their owner. Everything else is an entry of its own: each
// successful login, each token that was used twice, and whatever operators and the
// gateway do.
//
// Nor can anybody make so many different ones that the trail grows without bounds, or
// that those of others get lost in them. In ten seconds, of each kind:
//
//   - 8 are told apart for one account, or one network of strangers. What is beyond is
//     one entry with its number, which still says whose they are.
//   - 64 refusals of strangers, and for as long as that goes on 8; as many entries can
//     say whose the others are. What is beyond counts by its reason alone. In a day that
//     is some 300,000 entries of each kind at worst.
//   - 256 refusals of accounts, likewise, and 32: some 900,000 in a day, for which it takes
//     32 accounts that are attacked at once.
//   - Refreshes and ends of sessions only by the first rule: 150,000 in a day by one account.
//   - Lockouts are never counted by anything less than whom they concern. Each costs as
//     many hashes as it takes to be locked out.
//
// All this is for each replica.
//
// # What it refuses to do
//
// An event has no place for a credential. What somebody typed as a name is not in it
// either, for people type passwords there; unknown names are told apart by a digest.
package audit

import "time"

// Kind is what happened, a closed set.
type Kind string

// The kinds.
const (
	KindLogin          Kind = "login"           // somebody asked for a token by password
	KindLockout        Kind = "lockout"         // an account or an address ran out of attempts
	KindLockoutCleared Kind = "lockout_cleared" // an operator ended lockouts
	KindRequest        Kind = "request"         // an API request was refused
	KindRefresh        Kind = "refresh"         // a token was exchanged for its successor
	KindReuse          Kind = "reuse"           // a token was exchanged twice: its session was ended
	KindSessionEnded   Kind = "session_ended"   // by its owner or an operator
	KindKeyCreated     Kind = "key_created"     // a signing key was made, and waits
	KindKeyActivated   Kind = "key_activated"   // it signs from now on
	KindKeyRevoked     Kind = "key_revoked"     // it is refused from now on
	KindKeysResealed   Kind = "keys_resealed"
	KindAPIKeyCreated  Kind = "apikey_created"
	KindAPIKeyRotated  Kind = "apikey_rotated"
	KindAPIKeyRevoked  Kind = "apikey_revoked"
	KindConfiguration  Kind = "configuration" // the gateway began to work by a configuration
	KindAdmin          Kind = "admin"         // a request to the admin API was refused, or its change failed
	KindTrail          Kind = "trail"         // the trail itself is not as it was written; recorded by a Trail only
)

// Kinds returns all kinds.
func Kinds() []Kind {
	return []Kind{
		KindLogin, KindLockout, KindLockoutCleared, KindRequest, KindRefresh, KindReuse, KindSessionEnded,
		KindKeyCreated, KindKeyActivated, KindKeyRevoked, KindKeysResealed,
		KindAPIKeyCreated, KindAPIKeyRotated, KindAPIKeyRevoked, KindConfiguration, KindAdmin, KindTrail,
	}
}

// Outcome is how it ended, a closed set.
type Outcome string

// The outcomes.
const (
	Success Outcome = "success"
	Refused Outcome = "refused"
	Failed  Outcome = "failed" // an infrastructure fault: nobody knows, or nothing happened
)

// Outcomes returns all outcomes.
func Outcomes() []Outcome { return []Outcome{Success, Refused, Failed} }

// Event is one thing that happened. Every field but Kind and Outcome may be empty;
// none is a credential. Whatever a client may have chosen, so every text, is cut to 200
// bytes between characters by Record, and what does not print in it is replaced.
type Event struct {
	// Time is when it happened, to the microsecond; zero is the moment of Record.
	Time    time.Time
	Kind    Kind
	Outcome Outcome
	// Reason is why, from the closed set of the room that refused.
	Reason string
	// Actor is who caused it: "user", "api_key", "admin" (the admin API), "gateway"
	// (by itself), or "" for a stranger.
	Actor string
	// UserID is the account that it is about, below 2^63.
	UserID uint64
	// Subject is the session, signing key, API key, rule or digest of a name that it is
	// about.
	Subject string
	// Address and Agent are the client's.
	Address, Agent string
	RequestID      string
	// Detail is a short text for people, such as what was changed.
	Detail string
	// Count is how many equal events this one stands for; 0 and 1 both mean one. In
	// one that stands for several, Time is that of the first, and so are Address, Agent
	// and RequestID. Where Detail is "of many others" they differ in Subject and Detail,
	// and in whatever of UserID, Actor and Address is empty, too.
	Count int
}
