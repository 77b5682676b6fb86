// Package keyring keeps the keys that sign the gateway's tokens, and replaces them
// without anybody noticing.
//
// # The idea
//
// A key is sealed with the operator's encryption key and stored in the state
// database, where all replicas find it. Ring holds the unsealed keys in memory and
// answers token.Keys from there: no token, whatever it names, causes a call to the
// store.
//
// A key is first pending, when all replicas publish it and accept its tokens; then
// active, when it signs; then retiring, when it verifies what it has signed; then
// gone. So a token is never signed with a key that some replica does not know yet,
// and never outlives its key. Whoever reads the JWK set has publish_ahead to do so.
//
// # The algorithm
//
// Each replica runs one loop (Run): it loads the records, makes an immutable
// snapshot of them, tells the Registry which keys it holds now, and plans. The
// plan (plan.go) is a pure function of what the Store and the Registry said and has
// at most one step: to add a pending key, to activate it, or to bury a retiring
// one. The Store takes a step only while the keys are as the plan took them to be,
// in one transaction. So nobody is elected, any replica may take the step, and two
// at once make one.
//
// A pending key becomes active when it was published long enough, when every
// replica that the Registry knows holds it, and when there is no reason to doubt
// that the Registry knows all of them (watch.go): it may have been emptied a moment
// ago. A replica registers before it loads its first key, so it is waited for. One
// that hangs is waited for until its registration expires.
//
// All times are the Registry's. A replica's own clock decides nothing about keys:
// one that jumps destroys nothing.
//
// When the Store or the Registry does not answer, signing and verifying go on from
// memory and no step is taken. A replica that alone has lost the Store sees in the
// Registry that the others sign with the next key, and does so too.
//
// Revoke is for emergencies: it is stored, and then announced, and every replica
// that hears of it refuses the key before it has loaded anything, for as long as it
// runs. When it was the active key its heir signs at once, which the others load
// when they hear of it.
//
// # What it refuses to do
//
//   - It does not trust the Store with secrets, nor believe it on its word. A record
//     is sealed by AES-256-GCM, bound to its key id and algorithm, so that records
//     cannot be read, altered or exchanged for one another by whoever can write to
//     the database; and the id of the unsealed key, its RFC 7638 thumbprint, must be
//     the one under which it is stored.
//   - It does not start with a record that it cannot unseal, and never starts afresh
//     because of one: a new key would log everybody out and hide the fault.
//   - It does not give up a working memory for a listing that cannot be: one without
//     an active key changes nothing (ErrCorrupt).
package keyring

import (
	"errors"
	"fmt"
)

// State is where a key stands in its life.
type State string

// The states. A key goes from pending to active to retiring to gone; pending,
// active and retiring ones can be revoked.
const (
	// StatePending is published and verifies, and does not sign yet. At most one.
	StatePending State = "pending"
	// StateActive is the state of the one key that signs.
	StateActive State = "active"
	// StateRetiring verifies what it has signed, and signs no more.
	StateRetiring State = "retiring"
	// StateGone is over: the last token that it signed has expired. Its secret is
	// deleted, the record stays for people to read.
	StateGone State = "gone"
	// StateRevoked was taken out by hand, whatever it has signed. Its secret is
	// deleted.
	StateRevoked State = "revoked"
)

// States returns the closed set in the order of a key's life.
func States() []State {
	return []State{StatePending, StateActive, StateRetiring, StateGone, StateRevoked}
}

// The errors of this package, to be tested with errors.Is.
var (
	// ErrNoEncryptionKey means that state.encryption_keys is empty.
	ErrNoEncryptionKey = errors.New("state.encryption_keys is empty")
	// ErrEncryptionKey means that an encryption key is malformed.
	ErrEncryptionKey = errors.New("malformed encryption key")
	// ErrCannotUnseal means that no key of state.encryption_keys opens a
	// stored record, or that the record was altered.
	ErrCannotUnseal = errors.New("cannot unseal the signing key")
	// ErrCorrupt means that the records contradict one another or themselves.
	ErrCorrupt = errors.New("the stored signing keys are inconsistent")
	// ErrUnknownKey means that there is no such key, or that it is gone.
	ErrUnknownKey = errors.New("no such signing key")
	// ErrUnavailable is part of every error that the Store or the Registry caused,
	// and says nothing about a key (503).
	ErrUnavailable = errors.New("signing key state unavailable")
	// ErrNotAnnounced is an ErrUnavailable of Revoke: the key is revoked, and not every
	// replica has been told.
	ErrNotAnnounced = fmt.Errorf("%w: the key is revoked, and the other replicas may not know", ErrUnavailable)
)
