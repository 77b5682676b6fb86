// Package keyring keeps the keys that sign the gateway's tokens.
//
// A key is made once, sealed with the operator's encryption key, and stored in
// the state database, where all replicas find it; a restart changes nothing.
// Ring holds the unsealed keys in memory and answers token.Keys from there: no
// token, whatever it names, causes a call to the store.
//
// The store is not trusted with secrets and not believed on its word. A record
// is sealed by AES-256-GCM, bound to its key id and algorithm, so that records
// cannot be read, altered or exchanged for one another by whoever can write to
// the database; and the id of the unsealed key, its RFC 7638 thumbprint, must
// be the one under which it is stored.
//
// Open creates a key only when the store holds no active one. A record that
// cannot be unsealed is an error and never a reason to start afresh: a new key
// would log everybody out and hide the fault. Two replicas that start at once
// end with one key, because the store takes only one active record; the loser
// discards its own and reads again.
//
// A record in any other state than StateActive neither signs nor verifies. The
// state of a Ring is one immutable snapshot.
package keyring

import (
	"context"
	"errors"
	"time"
)

// State is where a key stands in its life.
type State string

// StateActive is the state of the one key that signs.
const StateActive State = "active"

// Record is a key as it is stored.
type Record struct {
	// KID is the key's id, its RFC 7638 thumbprint: 43 characters, base64url,
	// case sensitive.
	KID string
	// Algorithm is the name of the key's token.Algorithm.
	Algorithm string
	// State is where the key stands.
	State State
	// Sealed is the private key, encrypted; below 4 KiB.
	Sealed []byte
	// CreatedAt is when the key was made, in whole seconds and UTC.
	CreatedAt time.Time
}

// ErrActiveExists is what Store.AddActive returns when there is an active key
// already, for instance that of a replica that was first.
var ErrActiveExists = errors.New("an active key exists already")

// Store keeps records. It knows nothing of keys. Its calls respect the
// deadline of their context and are safe for concurrent use, from several
// processes too.
type Store interface {
	// Keys returns all records. No record is no error.
	Keys(ctx context.Context) ([]Record, error)
	// AddActive stores r, whose state is StateActive, unless a record with
	// that state exists: then it stores nothing and returns ErrActiveExists.
	AddActive(ctx context.Context, r Record) error
}

// The errors of Open, to be tested with errors.Is. Faults of the Store are
// passed on wrapped.
var (
	// ErrNoEncryptionKey means that state.encryption_keys is empty.
	ErrNoEncryptionKey = errors.New("state.encryption_keys is empty")
	// ErrEncryptionKey means that an encryption key is malformed.
	ErrEncryptionKey = errors.New("malformed encryption key")
	// ErrCannotUnseal means that no key of state.encryption_keys opens a
	// stored record, or that the record was altered.
	ErrCannotUnseal = errors.New("cannot unseal the signing key")
	// ErrAlgorithm means that tokens.algorithm is another than that of the
	// stored key.
	ErrAlgorithm = errors.New("tokens.algorithm differs from the stored signing key")
	// ErrCorrupt means that the records contradict one another or themselves.
	ErrCorrupt = errors.New("the stored signing keys are inconsistent")
)
