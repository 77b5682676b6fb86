package login

import (
	"context"
	"errors"
	"time"

	"faveo-gateway/gateway/identity"
)

// ErrNoAccount is what a Directory answers for a name or an id that no account
// has. Every other error of a Directory is a fault of the infrastructure.
var ErrNoAccount = errors.New("no such account")

// Account is what a login needs to know of one row of Faveo's users.
type Account struct {
	UserID uint64
	Role   identity.Role
	// MayLogin is false for an inactive, banned or deleted account.
	MayLogin bool
	// Fingerprint changes with the password; a session keeps it.
	Fingerprint string
	// Verify spends one hash and says whether the password is the account's. An
	// error means that the stored hash can never verify anything.
	Verify func(password string) (bool, error)
	// Answer appends the body of a successful login, in the shape that the
	// site's version of Faveo has.
	Answer func(dst []byte, token string) ([]byte, error)
}

// Directory finds accounts. A call ends within its own deadline.
type Directory interface {
	// Find returns the account that Faveo would log in by this name, or
	// ErrNoAccount.
	Find(ctx context.Context, username string) (Account, error)
	// Fold returns the same digest for all names that Find takes for one, whether an
	// account has that name or not: at most 64 of the characters of a limit.Bucket's
	// Of, never the text of a number, and of no use to whoever wants to know the name.
	// Every text has one; an error is a fault.
	Fold(ctx context.Context, username string) (string, error)
	// Profile appends the body of GET authenticate/user, or ErrNoAccount.
	Profile(ctx context.Context, dst []byte, userID uint64) ([]byte, error)
}

// Hashes knows what the site's password hashes cost. Neither call asks the database.
type Hashes interface {
	// Decoy spends the time of one hash of the site's usual cost.
	Decoy(password string)
	// HashTime is how long the costliest hash of any account takes on this machine,
	// Decoy included; 0 while nobody knows.
	HashTime() time.Duration
}
