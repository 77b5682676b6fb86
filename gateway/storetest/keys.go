package storetest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"faveo-gateway/gateway/keyring"
)

var _ keyring.Store = (*Keys)(nil)

// Keys is a keyring.Store in memory. It is safe for concurrent use.
type Keys struct {
	door
	records []keyring.Record // oldest first
}

// NewKeys returns a store of these records.
func NewKeys(records ...keyring.Record) *Keys { return &Keys{records: copyRecords(records)} }

// Records returns what is stored, the oldest first, without a call.
func (k *Keys) Records() []keyring.Record {
	k.mu.Lock()
	defer k.mu.Unlock()
	return copyRecords(k.records)
}

// Tamper changes what is stored, as somebody could who can write to a database.
func (k *Keys) Tamper(change func([]keyring.Record) []keyring.Record) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.records = change(k.records)
}

// Keys implements keyring.Store.
func (k *Keys) Keys(ctx context.Context) ([]keyring.Record, error) {
	var records []keyring.Record
	err := k.call(ctx, func() error {
		records = copyRecords(k.records)
		return nil
	})
	return records, err
}

// AddActive implements keyring.Store.
func (k *Keys) AddActive(ctx context.Context, r keyring.Record) error {
	return k.call(ctx, func() error {
		if k.has(keyring.StateActive) {
			return keyring.ErrActiveExists
		}
		return k.add(r, keyring.StateActive)
	})
}

// AddPending implements keyring.Store.
func (k *Keys) AddPending(ctx context.Context, r keyring.Record, active string) error {
	return k.call(ctx, func() error {
		switch {
		case k.find(active, keyring.StateActive) == nil:
			return keyring.ErrChanged
		case k.has(keyring.StatePending):
			return keyring.ErrPendingExists
		}
		return k.add(r, keyring.StatePending)
	})
}

// Activate implements keyring.Store.
func (k *Keys) Activate(ctx context.Context, pending, active string, at, verifyUntil time.Time) error {
	return k.call(ctx, func() error {
		next, old := k.find(pending, keyring.StatePending), k.find(active, keyring.StateActive)
		if next == nil || old == nil {
			return keyring.ErrChanged
		}
		next.State, next.ActivatedAt = keyring.StateActive, at
		old.State, old.RetiredAt, old.VerifyUntil = keyring.StateRetiring, at, verifyUntil
		return nil
	})
}

// Bury implements keyring.Store.
func (k *Keys) Bury(ctx context.Context, kid string, at time.Time) error {
	return k.call(ctx, func() error {
		r := k.find(kid, keyring.StateRetiring)
		if r == nil {
			return keyring.ErrChanged
		}
		r.State, r.EndedAt, r.Sealed = keyring.StateGone, at, nil
		return nil
	})
}

// Revoke implements keyring.Store.
func (k *Keys) Revoke(ctx context.Context, kid string, at time.Time, heir keyring.Record) error {
	return k.call(ctx, func() error {
		r := k.find(kid, keyring.StatePending, keyring.StateActive, keyring.StateRetiring)
		if r == nil {
			return keyring.ErrChanged
		}
		before := *r
		r.State, r.EndedAt, r.Sealed = keyring.StateRevoked, at, nil
		if before.State != keyring.StateActive {
			return nil
		}
		err := k.inherit(heir, at)
		if err != nil {
			*r = before
		}
		return err
	})
}

// inherit makes heir active.
func (k *Keys) inherit(heir keyring.Record, at time.Time) error {
	if next := k.find(heir.KID, keyring.StatePending); next != nil {
		next.State, next.ActivatedAt = keyring.StateActive, at
		return nil
	}
	if heir.KID == "" || k.find(heir.KID, keyring.States()...) != nil {
		return keyring.ErrChanged
	}
	heir.State, heir.ActivatedAt = keyring.StateActive, at
	return k.add(heir, keyring.StateActive)
}

// Reseal implements keyring.Store.
func (k *Keys) Reseal(ctx context.Context, kid string, old, resealed []byte) error {
	return k.call(ctx, func() error {
		r := k.find(kid, keyring.States()...)
		if r == nil || !bytes.Equal(r.Sealed, old) {
			return keyring.ErrChanged
		}
		r.Sealed = bytes.Clone(resealed)
		return nil
	})
}

// call runs a call alone, unless it fails.
func (k *Keys) call(ctx context.Context, run func() error) error {
	if err := k.enter(ctx); err != nil {
		return err
	}
	defer k.mu.Unlock()
	return run()
}

// add stores a record that is in the given state.
func (k *Keys) add(r keyring.Record, state keyring.State) error {
	if r.State != state || len(r.Sealed) == 0 {
		return fmt.Errorf("a record in state %q with %d sealed bytes cannot be added as %q", r.State, len(r.Sealed), state)
	}
	r.Sealed = bytes.Clone(r.Sealed)
	k.records = append(k.records, r)
	slices.SortStableFunc(k.records, func(a, b keyring.Record) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return nil
}

// find returns the record of that id where it is in one of the states, else nil.
func (k *Keys) find(kid string, states ...keyring.State) *keyring.Record {
	for i := range k.records {
		if r := &k.records[i]; r.KID == kid && slices.Contains(states, r.State) {
			return r
		}
	}
	return nil
}

func (k *Keys) has(state keyring.State) bool {
	return slices.ContainsFunc(k.records, func(r keyring.Record) bool { return r.State == state })
}

// copyRecords returns records that share nothing with the given ones.
func copyRecords(records []keyring.Record) []keyring.Record {
	copies := slices.Clone(records)
	for i := range copies {
		copies[i].Sealed = bytes.Clone(copies[i].Sealed)
	}
	return copies
}
