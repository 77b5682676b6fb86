package keyring

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"faveo-gateway/gateway/token"
)

// snapshot is all that a Ring knows at one time. It is never changed.
type snapshot struct {
	generation uint64
	// records are the listing that the snapshot was made of.
	records []Record
	// signing signs. Nil when it was revoked and its heir is not loaded yet.
	signing *token.Key
	// pending is the key that signs next, nil when there is none.
	pending *token.Key
	// keys verify: the pending, the active and the retiring ones.
	keys map[string]*token.Key
	// public are the same, the oldest first.
	public []*token.Key
	// revoked are the ids that were.
	revoked map[string]bool
}

// errNoSigningKey lasts from the news that the signing key was revoked until its
// heir is loaded.
var errNoSigningKey = fmt.Errorf("%w: the signing key was revoked, and its heir is not loaded yet", ErrUnavailable)

// SigningKey returns the key that signs. The error is an ErrUnavailable: the key
// was revoked a moment ago and its heir is not loaded yet, or the store that has it
// does not answer.
func (r *Ring) SigningKey() (*token.Key, error) {
	if key := r.state.Load().signing; key != nil {
		return key, nil
	}
	return nil, errNoSigningKey
}

// VerificationKey returns the key of that id, when its tokens are accepted.
func (r *Ring) VerificationKey(kid string) (*token.Key, bool) {
	key, ok := r.state.Load().keys[kid]
	return key, ok
}

// Revoked reports whether that id is one of a key that was revoked.
func (r *Ring) Revoked(kid string) bool { return r.state.Load().revoked[kid] }

// Stale reports whether others may sign with keys that this replica does not know:
// it cannot sign, or has not heard from the store for longer than the others wait for
// it.
func (r *Ring) Stale() bool {
	unheard := r.now().Sub(time.Unix(0, r.loadedAt.Load()))
	return r.state.Load().signing == nil || unheard > lease
}

// First reports whether this process has made the very first key: then nobody can
// have used this installation before.
func (r *Ring) First() bool { return r.first }

// Generation numbers the sets of keys that verify.
func (r *Ring) Generation() uint64 { return r.state.Load().generation }

// PublicKeys returns the keys to be published, for token.PublicSet: pending, active
// and retiring, the oldest first. The caller must not change the slice.
func (r *Ring) PublicKeys() []*token.Key { return r.state.Load().public }

// unsealAll makes a snapshot of a listing. Keys that are in memory already are not
// unsealed again. missing names the records that could not be unsealed, which are
// left out of the snapshot; err, an ErrCorrupt, means that there is no snapshot.
func (r *Ring) unsealAll(records []Record) (s *snapshot, missing, err error) {
	count := make(map[State]int)
	for _, record := range records {
		count[record.State]++
	}
	if count[StateActive] != 1 || count[StatePending] > 1 {
		return nil, nil, fmt.Errorf("%w: %d active keys and %d pending ones", ErrCorrupt, count[StateActive], count[StatePending])
	}
	known := r.state.Load().keys
	s = &snapshot{records: records, keys: make(map[string]*token.Key), revoked: make(map[string]bool)}
	for _, record := range records {
		if record.State == StateRevoked {
			s.revoked[record.KID] = true
		}
		if !record.State.verifies() {
			continue
		}
		key := known[record.KID]
		if key == nil {
			var fault error
			if key, fault = unseal(record, r.sealing); fault != nil {
				missing = errors.Join(missing, fault)
				continue
			}
		}
		s.add(key, record.State)
	}
	return s, missing, nil
}

// verifies reports whether the tokens of keys in that state are accepted.
func (s State) verifies() bool { return s == StatePending || s == StateActive || s == StateRetiring }

// add puts a key into a snapshot that nobody else has yet.
func (s *snapshot) add(key *token.Key, state State) {
	s.keys[key.ID()] = key
	s.public = append(s.public, key)
	switch state {
	case StateActive:
		s.signing = key
	case StatePending:
		s.pending = key
	}
}

// refuse takes a key out of a snapshot that nobody else has yet.
func (s *snapshot) refuse(kid string) {
	s.revoked[kid] = true
	delete(s.keys, kid)
	s.public = slices.DeleteFunc(s.public, func(k *token.Key) bool { return k.ID() == kid })
	if s.signing != nil && s.signing.ID() == kid {
		s.signing = nil
	}
	if s.pending != nil && s.pending.ID() == kid {
		s.pending = nil
	}
}

// copied returns a snapshot that can be changed.
func (s *snapshot) copied() *snapshot {
	c := *s
	c.keys, c.revoked, c.public = maps.Clone(s.keys), maps.Clone(s.revoked), slices.Clone(s.public)
	return &c
}

// install makes next the snapshot, less what is refused.
func (r *Ring) install(next *snapshot) {
	r.change.Lock()
	defer r.change.Unlock()
	for kid := range r.refused {
		next.refuse(kid)
	}
	r.replace(next)
}

// replace numbers next and makes it the snapshot. The caller holds r.change. A
// number is kept while the same keys verify: a new one costs every remembered
// token.
func (r *Ring) replace(next *snapshot) {
	now := r.state.Load()
	next.generation = now.generation
	if now.generation == 0 || !maps.Equal(now.keys, next.keys) {
		next.generation++
	}
	r.state.Store(next)
}

// Changed takes the news that the stored keys have changed. A kid that is not empty
// is one that was revoked: it is refused from now on, for as long as this process
// lives, whatever the store says of it later. Changed never blocks.
func (r *Ring) Changed(kid string) {
	if kid != "" {
		r.refuse(kid)
	}
	select {
	case r.wake <- struct{}{}:
	default: // The loop is about to run.
	}
}

func (r *Ring) refuse(kid string) {
	r.change.Lock()
	defer r.change.Unlock()
	if r.refused[kid] {
		return
	}
	r.refused[kid] = true
	next := r.state.Load().copied()
	next.refuse(kid)
	r.replace(next)
}

// promote makes the pending key sign, when it is the one of that id.
func (r *Ring) promote(kid string) bool {
	r.change.Lock()
	defer r.change.Unlock()
	now := r.state.Load()
	if now.pending == nil || now.pending.ID() != kid {
		return false
	}
	next := now.copied()
	next.signing, next.pending = now.pending, nil
	r.replace(next)
	return true
}
