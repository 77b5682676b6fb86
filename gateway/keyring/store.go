package keyring

import (
	"context"
	"errors"
	"time"
)

// Record is a key as it is stored. All times are in whole seconds and UTC, zero
// for what has not happened.
type Record struct {
	// KID is the key's id, its RFC 7638 thumbprint: 43 characters, base64url,
	// case sensitive.
	KID string
	// Algorithm is the name of the key's token.Algorithm.
	Algorithm string
	// Configured is the tokens.algorithm under which the key was made. It differs
	// from Algorithm when an operator asked for another one by hand. When the
	// configured algorithm is another than this one, the key is due for rotation.
	Configured string
	// State is where the key stands.
	State State
	// Sealed is the private key, encrypted; below 4 KiB. Empty in StateGone and
	// StateRevoked.
	Sealed []byte
	// CreatedAt is when the key was made.
	CreatedAt time.Time
	// ActivatedAt is when it began to sign.
	ActivatedAt time.Time
	// RetiredAt is when it stopped signing, VerifyUntil when it stops verifying.
	RetiredAt, VerifyUntil time.Time
	// EndedAt is when it became gone or revoked.
	EndedAt time.Time
}

// The answers of a Store that are no faults. Nothing was changed.
var (
	// ErrActiveExists is what Store.AddActive returns when there is an active key
	// already, for instance that of a replica that was first.
	ErrActiveExists = errors.New("an active key exists already")
	// ErrPendingExists is the same of Store.AddPending.
	ErrPendingExists = errors.New("a pending key exists already")
	// ErrChanged means that the keys are not, or no longer, in the states that the
	// caller took them to be in: another replica was first.
	ErrChanged = errors.New("the signing keys changed meanwhile")
)

// Store keeps records. It knows nothing of keys. Its calls respect the
// deadline of their context and are safe for concurrent use, from several
// processes too; each happens whole or not at all. It is the one judge of which
// of two replicas was first. It passes storetest.TestKeyStore.
type Store interface {
	// Keys returns all records, the oldest first. No record is no error.
	Keys(ctx context.Context) ([]Record, error)
	// AddActive stores r, whose state is StateActive, unless a record with that
	// state exists: then it is ErrActiveExists.
	AddActive(ctx context.Context, r Record) error
	// AddPending stores r, whose state is StatePending, to follow that active key.
	// ErrPendingExists when a record with that state exists, ErrChanged when the
	// active key is another one by now.
	AddPending(ctx context.Context, r Record, active string) error
	// Activate makes the pending key active at that time, and the active one
	// retiring until verifyUntil. ErrChanged unless both are in these states.
	Activate(ctx context.Context, pending, active string, at, verifyUntil time.Time) error
	// Bury makes a retiring key gone at that time and deletes its secret.
	// ErrChanged unless it is retiring.
	Bury(ctx context.Context, kid string, at time.Time) error
	// Revoke makes a pending, active or retiring key revoked at that time and
	// deletes its secret. Of an active one heir takes the place in the same
	// moment: a record that is stored as pending is made active, one that is not
	// stored is added as active. For other keys heir is ignored, and may be zero.
	// ErrChanged when the key is in another state, or the heir cannot take its
	// place.
	Revoke(ctx context.Context, kid string, at time.Time, heir Record) error
	// Reseal replaces the sealed secret of a key. ErrChanged unless it is old.
	Reseal(ctx context.Context, kid string, old, resealed []byte) error
}
