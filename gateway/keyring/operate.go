package keyring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"faveo-gateway/gateway/token"
)

// attempts is how often an operation begins anew because another replica was first.
const attempts = 5

// errBusy means that other replicas were first every time.
var errBusy = fmt.Errorf("%w: the keys keep changing", ErrUnavailable)

// Rotate begins a rotation and returns its pending key, of that algorithm, or of
// tokens.algorithm when it is empty. Where one is pending already, that one is
// returned; where another replica has just completed a rotation meanwhile, the key
// that signs now. An unknown algorithm is a token.ErrKey, a fault an ErrUnavailable.
func (r *Ring) Rotate(ctx context.Context, algorithm token.Algorithm) (Key, error) {
	if algorithm == "" {
		algorithm = r.schedule.algorithm
	}
	record, err := r.rotate(ctx, algorithm)
	if err != nil {
		return Key{}, fmt.Errorf("rotate: %w", err)
	}
	return keyOf(record), nil
}

func (r *Ring) rotate(ctx context.Context, algorithm token.Algorithm) (Record, error) {
	if !algorithm.Known() {
		return Record{}, fmt.Errorf("%w: unknown algorithm %q", token.ErrKey, algorithm)
	}
	now, err := r.time(ctx)
	if err != nil {
		return Record{}, err
	}
	var replaced string
	for range attempts {
		records, err := r.reload(ctx)
		if err != nil {
			return Record{}, err
		}
		if pending, found := inState(records, StatePending); found {
			return pending, nil
		}
		active, _ := inState(records, StateActive)
		if replaced != "" && replaced != active.KID {
			return active, nil
		}
		replaced = active.KID
		made, err := r.create(StatePending, algorithm, now)
		if err != nil {
			return Record{}, err
		}
		err = r.step(ctx, started, func(ctx context.Context) error { return r.store.AddPending(ctx, made, active.KID) })
		if isFault(err) {
			return Record{}, err
		}
		if err == nil {
			r.tell(ctx, Change{KID: made.KID, State: StatePending, OnDemand: true})
			_ = r.announce(ctx, "") // Who does not hear of it sees it within pollEvery.
			r.Changed("")
			return made, nil
		}
	}
	return Record{}, errBusy
}

// Revoke makes a key invalid, with all tokens that it has signed. When it returns
// without an error that is stored, and all replicas that listen refuse the key. A
// key that was revoked before is announced once more. Of the active key the pending
// one takes the place, else a new one. A key that is gone or was never there is
// ErrUnknownKey. After ErrNotAnnounced the key is revoked, and after any other
// ErrUnavailable it may or may not be: repeat it.
func (r *Ring) Revoke(ctx context.Context, kid string) (Key, error) {
	record, err := r.revoke(ctx, kid)
	if err == nil {
		r.Changed(kid)
		if err = r.announce(ctx, kid); err != nil {
			err = fmt.Errorf("%w: %w", ErrNotAnnounced, err)
		}
		_, _ = r.reload(ctx) // For the heir, or the loop loads it.
	}
	if err != nil {
		return Key{}, fmt.Errorf("revoke: %w", err)
	}
	return keyOf(record), nil
}

// revoke stores the revocation.
func (r *Ring) revoke(ctx context.Context, kid string) (Record, error) {
	now, err := r.time(ctx)
	if err != nil {
		return Record{}, err
	}
	for range attempts {
		records, err := r.reload(ctx)
		if err != nil {
			return Record{}, err
		}
		record, found := find(records, kid)
		switch {
		case !found, record.State == StateGone:
			return Record{}, ErrUnknownKey
		case record.State == StateRevoked:
			return record, nil
		}
		heir, err := r.heir(records, record, now)
		if err != nil {
			return Record{}, err
		}
		err = r.step(ctx, revoked, func(ctx context.Context) error { return r.store.Revoke(ctx, kid, now, heir) })
		if isFault(err) {
			return Record{}, err
		}
		if err == nil {
			r.tellRevoked(ctx, record, heir)
			record.State, record.EndedAt, record.Sealed = StateRevoked, now, nil
			return record, nil
		}
	}
	return Record{}, errBusy
}

// tellRevoked tells of the end of a key, and of the one that has taken its place.
func (r *Ring) tellRevoked(ctx context.Context, of, heir Record) {
	r.tell(ctx, Change{KID: of.KID, State: StateRevoked, Was: of.State, OnDemand: true})
	if heir.KID == "" {
		return
	}
	taken := Change{KID: heir.KID, State: StateActive, OnDemand: true}
	if heir.State == StatePending {
		taken.Was = StatePending
	}
	r.tell(ctx, taken)
}

// heir returns the record that takes the place of one that is revoked: none unless
// that one is active.
func (r *Ring) heir(records []Record, of Record, now time.Time) (Record, error) {
	if of.State != StateActive {
		return Record{}, nil
	}
	if pending, found := inState(records, StatePending); found {
		return pending, nil
	}
	return r.create(StateActive, r.schedule.algorithm, now)
}

// Reseal seals every stored key, that another one of state.encryption_keys has
// sealed, with the first of them, and returns how many it were. Afterwards the
// others can be removed from the configuration of all replicas. A key that cannot be
// unsealed is ErrCannotUnseal, a fault an ErrUnavailable; what was done before stays.
func (r *Ring) Reseal(ctx context.Context) (int, error) {
	n, err := r.reseal(ctx)
	if err != nil {
		return n, fmt.Errorf("reseal: %w", err)
	}
	return n, nil
}

func (r *Ring) reseal(ctx context.Context) (n int, err error) {
	records, err := r.stored(ctx)
	if err != nil {
		return 0, err
	}
	var faults []error
	for _, record := range records {
		if !record.State.verifies() || bytes.Equal(sealedBy(record), r.sealing[0].id[:]) {
			continue
		}
		key, err := unseal(record, r.sealing)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		sealed, err := r.sealing[0].seal(key)
		if err != nil {
			return n, err
		}
		err = r.step(ctx, none, func(ctx context.Context) error { return r.store.Reseal(ctx, record.KID, record.Sealed, sealed) })
		switch {
		case isFault(err):
			return n, err
		case err == nil: // Else it ended meanwhile, or another replica was first.
			n++
		}
	}
	return n, errors.Join(faults...)
}

// time asks the clock that all replicas share.
func (r *Ring) time(ctx context.Context) (time.Time, error) {
	view, err := r.replicas(ctx)
	return wholeSeconds(view.Now), err
}

func find(records []Record, kid string) (Record, bool) {
	for _, r := range records {
		if r.KID == kid {
			return r, true
		}
	}
	return Record{}, false
}
