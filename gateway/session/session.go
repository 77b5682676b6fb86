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
// # The algorithm
//
// Manager.Check looks at both, each through a local bounded cache:
//
//  1. The Session: from memory when it was read less than cache_ttl ago, else
//     from the Store. One that has expired by this machine's clock is refused
//     even if the Store still has it.
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
// # What it refuses to do
//
//   - It never answers ErrRevoked because something is broken. A Store or a
//     database that fails is ErrUnavailable, and no Session is ended for it.
//   - It never refuses out of memory. What is cached can only let a request
//     pass within the bounds above; each refusal is decided on an Account that
//     was read after the request came, so a login with a new password is not
//     refused because the old one is still remembered.
//   - It keeps no list of refused Sessions.
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
	// ErrUnavailable is part of every error that is caused by a Store or a
	// database and says nothing about the Session (503).
	ErrUnavailable = errors.New("session state unavailable")
	// ErrMalformed is a user id of zero or an id that NewID cannot have made:
	// the caller's mistake. Nothing was looked up or changed.
	ErrMalformed = errors.New("malformed session identifier")
)

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
	// CreatedAt and ExpiresAt are in UTC and whole milliseconds. At ExpiresAt
	// itself the Session is over.
	CreatedAt, ExpiresAt time.Time
	// PasswordFingerprint is Account.PasswordFingerprint at login, never empty.
	PasswordFingerprint string
}

// Validate reports what no Store may accept: ErrMalformed for identifiers, and
// a plain error for a Session without a password fingerprint or one that is
// over before it began.
func (s Session) Validate() error {
	if s.UserID == 0 || !ValidID(s.ID) {
		return ErrMalformed
	}
	if s.PasswordFingerprint == "" {
		return errors.New("session has no password fingerprint")
	}
	if !s.ExpiresAt.After(s.CreatedAt) {
		return fmt.Errorf("session expires at %s, not after its creation at %s",
			s.ExpiresAt.Format(time.RFC3339Nano), s.CreatedAt.Format(time.RFC3339Nano))
	}
	return nil
}

// Store keeps Sessions for all replicas. Implementations are safe for
// concurrent use, bound the time of every call themselves as well as by ctx,
// and pass storetest.TestSessionStore.
//
// Each method returns ErrMalformed for a zero userID or an id that is not
// ValidID. Any other error but ErrNotFound is a fault: it says nothing about
// whether a Session exists, and a writing call may or may not have happened.
type Store interface {
	// Create stores s until s.ExpiresAt and ends the user's oldest Sessions
	// beyond maxPerUser (at least 1), never s itself. It returns their ids.
	// All of it happens at once.
	Create(ctx context.Context, s Session, maxPerUser int) (ended []string, err error)
	// Find returns the Session, or ErrNotFound.
	Find(ctx context.Context, userID uint64, id string) (Session, error)
	// Delete ends one Session and tells the other replicas. Nil means that it
	// is over, also when there was none.
	Delete(ctx context.Context, userID uint64, id string) error
	// DeleteAll ends all Sessions of the user at once, tells the other
	// replicas, and returns how many there were.
	DeleteAll(ctx context.Context, userID uint64) (n int, err error)
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

func parseID(id string) (raw rawID, ok bool) {
	if len(id) != idLength {
		return raw, false
	}
	// The decoder skips line breaks; an id with one comes out too short.
	n, err := idEncoding.Decode(raw[:], []byte(id))
	return raw, err == nil && n == len(raw)
}
