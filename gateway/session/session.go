// Package session keeps track of who is logged in, and answers for every
// request whether its login still counts.
//
// # The idea
//
// A token proves that somebody logged in at some time. Whether that login is
// still good is another question, and PHP never asks it: there a token lives
// on after a logout, a ban or a new password. Here a login is a Session, one
// record in a Store shared by all replicas, and a token without its Session is
// refused. Behind the Session stands the Account in Faveo's own database, which
// knows nothing of the gateway and can change at any time.
//
// A Session is also a family of tokens: the first from the login, each later one
// from a refresh of the one before. The id of the Session stays, that of the token
// changes, and the record names the newest token and those that were refreshed a
// moment ago. So a token that was refreshed is soon worth nothing to whoever has copied
// it, and when it is refreshed once more, the copy is found out and the Session ends.
//
// # The algorithm
//
// Manager.Check looks at both, each through a local bounded cache:
//
//  1. The Session: from memory when it was read less than cache_ttl ago, else
//     from the Store. One that has expired by this machine's clock is refused
//     even if the Store still has it. The token must be its newest one, or one
//     that was refreshed less than refresh_overlap ago.
//  2. The Account: from memory when it was read less than account_ttl ago, else
//     from Accounts. A Session whose Account is gone, may not log in any more,
//     or has another password than at login is refused and ended.
//
// A check that both caches answer does no I/O. Concurrent reads of one thing
// are one read; it does not belong to the client that caused it, so a client
// that hangs up takes nobody else's answer away.
//
// Memory forgets a Session when this replica ends it, when another replica says
// so (Drop), and after cache_ttl in case that message was lost. A read that was
// under way at such a moment is not remembered and joined by nobody, otherwise
// an answer from before a revocation would bring the Session back to life.
//
// Manager.Refresh compares and swaps the record in the Store, so that of parallel
// refreshes on any number of replicas one wins, and the others return what it has
// made. Manager.CheckAdopted makes a Session for a token that Faveo issued, when it
// is first seen; the Store remembers what has ended, so that it is made once, and
// when it has lost that memory it takes every token from before for ended.
//
// The clock is each replica's own. One that is wrong refuses what it takes for
// expired, but ends nothing for it; only clocks that are further apart than the
// overlap make an honest repetition look like a theft.
//
// # What it refuses to do
//
//   - It never answers ErrRevoked because something is broken. A Store or a
//     database that fails is ErrUnavailable, and no Session is ended for it.
//   - It believes nothing longer than these bounds but within failure.grace: while the
//     Store fails, what it knows of a Session lets requests that only read go on, and
//     while the database fails, what it knows of an account any request, but for those
//     that make or prolong a credential. What it knows to be over it does not believe.
//   - It never refuses out of memory. What is cached can only let a request
//     pass within the bounds above; each refusal is decided on a Session and an
//     Account that were read after the request came, so a login with a new
//     password is not refused because the old one is still remembered, nor a token
//     that another replica has just refreshed.
//   - It keeps no list of refused Sessions.
//   - It sees no token, only the ids of tokens.
package session

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"time"
)

// The outcomes that are no Session. Compare with errors.Is.
var (
	// ErrNotFound is a Store's answer that there is no such Session: never
	// created, ended or expired. It is an answer, never a fault.
	ErrNotFound = errors.New("session not found")
	// ErrRevoked is Check's answer that the login no longer counts (401).
	ErrRevoked = errors.New("session revoked")
	// ErrReused is Refresh's answer that the token was refreshed before, and that
	// the Session was ended for it. It is an ErrRevoked too.
	ErrReused = fmt.Errorf("%w: a token was refreshed twice", ErrRevoked)
	// ErrSpent is Refresh's answer that RefreshableUntil has come: somebody has to log
	// in again. Nothing was ended.
	ErrSpent = errors.New("session cannot be prolonged")
	// ErrUnavailable is part of every error that is caused by a Store or a
	// database and says nothing about the Session (503).
	ErrUnavailable = errors.New("session state unavailable")
	// ErrConflict is a Store's answer that a Session is not, or no longer, what
	// the caller took it for. Nothing was changed.
	ErrConflict = errors.New("session changed meanwhile")
	// ErrMalformed is a user id of zero or an id that NewID cannot have made:
	// the caller's mistake. Nothing was looked up or changed.
	ErrMalformed = errors.New("malformed session identifier")
)

// predecessors is how many tokens may overlap with the newest one: those that a client
// in a hurry has refreshed within one overlap.
const predecessors = 3

// seenEvery is how coarse Session.SeenAt is, so that being used costs no writing.
const seenEvery = 5 * time.Minute

// Session is one login. It is a value: copies are independent.
type Session struct {
	// ID is 128 random bits in base64url without padding, 22 characters.
	// It is unguessable, but it is not a credential: a token is.
	ID string
	// UserID is users.id in Faveo, never zero.
	UserID uint64
	// Role is the account's role at login. What the user may do now is
	// Account.Role.
	Role string
	// Address is the client's address at login, for people to read. At most
	// maxAddress bytes, printable characters only; may be empty.
	Address string
	// Agent is the client's User-Agent at login, for people to read. At most
	// maxAgent bytes, printable characters only; may be empty.
	Agent string
	// CreatedAt and ExpiresAt are in UTC and whole milliseconds. ExpiresAt is that of
	// the token that lives longest; at that time itself the Session is over.
	CreatedAt, ExpiresAt time.Time
	// RefreshableUntil bounds what refreshing can make of ExpiresAt, and is never
	// before it. UTC, whole milliseconds.
	RefreshableUntil time.Time
	// SeenAt is when the Session was last used, as coarse as seenEvery; at first
	// CreatedAt. UTC, whole milliseconds.
	SeenAt time.Time
	// PasswordFingerprint is Account.PasswordFingerprint at login, never empty.
	PasswordFingerprint string
	// Token is the newest token of the Session.
	Token Token
	// Previous are the tokens that were refreshed last, the newest first; zero where
	// there is none. One that overlaps no more loses its place to the next, and where
	// more than these are refreshed within one overlap the oldest loses its own: to
	// repeat its refresh is reuse then.
	Previous [predecessors]Superseded
	// Adopted is true for the Session of a token that Faveo issued, from its first sight
	// on and through all refreshes: only of such a one the Store has to know that it has
	// ended.
	Adopted bool
}

// admits reports whether the token of that id counts.
func (s *Session) admits(tokenID string, now time.Time) bool {
	return tokenID == s.Token.ID || s.overlapping(tokenID, now) != nil
}

// overlapping returns the token of that id when it was refreshed a moment ago, else nil.
func (s *Session) overlapping(tokenID string, now time.Time) *Superseded {
	for i := range s.Previous {
		if p := &s.Previous[i]; p.TokenID == tokenID && now.Before(p.Until) {
			return p
		}
	}
	return nil
}

// Token names a token that belongs to a Session; it is not the token itself.
type Token struct {
	// ID is the token's jti, never empty.
	ID string
	// KeyID is the kid of the key that signed it, so that a revoked key ends the
	// Sessions that hang on it. Empty for a token that Faveo issued.
	KeyID string
}

// Superseded is a token that was refreshed.
type Superseded struct {
	// TokenID is its jti.
	TokenID string
	// Until is when it stops counting: it overlaps with its successor, for
	// requests that were under way. UTC, whole milliseconds.
	Until time.Time
	// Successor is the token that replaced it, sealed so that only the holder of
	// this one can open it. Opaque here. A second refresh within the overlap is
	// answered with it.
	Successor string
}

// Validate reports what no Store may accept: ErrMalformed for identifiers, and
// a plain error for a Session without a password fingerprint or a token, or one
// that is over before it began or lasts longer than it can be refreshed.
func (s Session) Validate() error {
	if s.UserID == 0 || !ValidID(s.ID) {
		return ErrMalformed
	}
	if s.PasswordFingerprint == "" {
		return errors.New("session has no password fingerprint")
	}
	if s.Token.ID == "" {
		return errors.New("session has no token")
	}
	if !s.ExpiresAt.After(s.CreatedAt) {
		return fmt.Errorf("session expires at %s, not after its creation at %s",
			s.ExpiresAt.Format(time.RFC3339Nano), s.CreatedAt.Format(time.RFC3339Nano))
	}
	if s.RefreshableUntil.Before(s.ExpiresAt) {
		return errors.New("session expires after it can be refreshed")
	}
	return nil
}

// Store keeps Sessions for all replicas. Implementations are safe for
// concurrent use, bound the time of every call themselves as well as by ctx,
// and pass storetest.TestSessionStore.
//
// Each method returns ErrMalformed for a zero userID or an id that is not
// ValidID. ErrNotFound and ErrConflict are answers. Any other error is a fault: it says
// nothing about whether a Session exists, and a writing call may or may not have
// happened.
type Store interface {
	// Create stores s until s.ExpiresAt and ends the user's oldest Sessions
	// beyond maxPerUser (at least 1), never s itself. It returns their ids.
	// All of it happens at once. An adopted Session is an error.
	Create(ctx context.Context, s Session, maxPerUser int) (ended []string, err error)
	// Adopt is Create for a Session whose id was made out of a token that Faveo
	// issued at issuedAt, and which is therefore asked for again and again. When
	// the user has it already nothing happens. When it was ended or barred before, or
	// when DeleteAll for the user or DeleteEverything was called in or after the second
	// of issuedAt, it is ErrNotFound: what has ended stays ended. That it was adopted is
	// remembered for an hour longer than s.ExpiresAt, which is the token's, because the
	// clock by which that was reckoned may have been ahead; the end of all, for longer than any token
	// lives, 31 days. A Store that finds out that it may have lost such a memory answers
	// the same for every token from before. A Session that is not Adopted is an error.
	Adopt(ctx context.Context, s Session, issuedAt time.Time, maxPerUser int) (ended []string, err error)
	// Find returns the Session, or ErrNotFound.
	Find(ctx context.Context, userID uint64, id string) (Session, error)
	// List returns all Sessions of the user, the oldest first. None is no error.
	List(ctx context.Context, userID uint64) ([]Session, error)
	// Replace stores the changed Session in place of the one that the caller has
	// found, until changed.ExpiresAt. UserID, ID, CreatedAt and Adopted may not differ.
	// When the Store has anything else than found, or nothing, it is ErrConflict.
	Replace(ctx context.Context, found, changed Session) error
	// Delete ends one Session and tells the other replicas. Nil means that it
	// is over, also when there was none.
	Delete(ctx context.Context, userID uint64, id string) error
	// Bar is Delete for the Session of a token that Faveo issued and that expires at
	// until: also when there was none, Adopt refuses its id from now on, for as long as
	// if it had been ended.
	Bar(ctx context.Context, userID uint64, id string, until time.Time) error
	// DeleteAll ends all Sessions of the user at once, tells the other
	// replicas, and returns how many there were.
	DeleteAll(ctx context.Context, userID uint64) (n int, err error)
	// DeleteWhere ends every Session of every user that match reports true for,
	// tells the other replicas that anything may be over, and returns how many
	// there were. It walks through all Sessions and may take seconds; only ctx
	// bounds it. One that begins meanwhile may be missed. An error may leave some
	// of them ended.
	DeleteWhere(ctx context.Context, match func(Session) bool) (n int, err error)
	// DeleteEverything is DeleteWhere for all Sessions. First of all it makes Adopt
	// refuse every token that was issued up to now: none gets away because nobody had
	// shown it yet, or because it is shown meanwhile.
	DeleteEverything(ctx context.Context) (n int, err error)
	// Each calls yield with every Session of every user, in no order, until it
	// returns false. Time and Sessions that begin or end meanwhile are as in
	// DeleteWhere.
	Each(ctx context.Context, yield func(Session) bool) error
}

// rawID is the 16 bytes behind a Session's id.
type rawID [16]byte

// idLength is the length of 16 bytes in base64url without padding.
const idLength = 22

// Strict refuses stray bits in the last character, so that no two texts are one
// id (RFC 4648 section 3.5).
var idEncoding = base64.RawURLEncoding.Strict()

// NewID returns a new random id.
func NewID() string {
	var raw rawID
	// crypto/rand.Read never returns an error since Go 1.24.
	_, _ = rand.Read(raw[:])
	return idEncoding.EncodeToString(raw[:])
}

// ValidID reports whether id could have come from NewID. Such an id has no
// character that means anything in a key, a pattern or a message.
func ValidID(id string) bool {
	_, ok := parseID(id)
	return ok
}

// wholeMillis is t as Sessions hold it: in UTC, cut to whole milliseconds.
func wholeMillis(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

func parseID(id string) (raw rawID, ok bool) {
	if len(id) != idLength {
		return raw, false
	}
	// The decoder skips line breaks; an id with one comes out too short.
	n, err := idEncoding.Decode(raw[:], []byte(id))
	return raw, err == nil && n == len(raw)
}
