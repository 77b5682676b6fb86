package session

import (
	"context"
	"errors"
	"time"
)

// ErrNoAccount is the answer of Accounts that no such account exists. It is an
// answer, never a fault.
var ErrNoAccount = errors.New("no such account")

// Account is what a Session depends on in Faveo's database.
type Account struct {
	UserID uint64
	// Role is the role the account has now.
	Role string
	// MayLogin is false for inactive, banned and deleted accounts.
	MayLogin bool
	// PasswordFingerprint changes whenever the stored password does. Empty
	// means that the account has no password, and no Session fits it.
	PasswordFingerprint string
}

// Accounts reads accounts. It is safe for concurrent use and bounds the time
// of a call itself as well as by ctx.
type Accounts interface {
	// Account returns the account as it is in the database now, not from a
	// cache, or ErrNoAccount. Any other error is a fault and says nothing
	// about the account.
	Account(ctx context.Context, userID uint64) (Account, error)
}

// look is one look at an account.
type look struct {
	account Account
	// found is false when there was no such account.
	found bool
	// at is when the look began: what it saw is at least as new as that.
	at time.Time
}

// open reports whether somebody could log in to this account.
func (l look) open() bool {
	return l.found && l.account.MayLogin && l.account.PasswordFingerprint != ""
}

// admits reports whether s is still a login of this account.
func (l look) admits(s *Session) bool {
	return l.open() && l.account.PasswordFingerprint == s.PasswordFingerprint
}
