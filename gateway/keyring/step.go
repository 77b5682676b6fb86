package keyring

import (
	"context"
	"time"
)

// take takes the step of a plan and reports whether it did. Where another replica
// was first, or the Store failed, nothing has changed.
func (r *Ring) take(ctx context.Context, p plan, now time.Time) bool {
	var (
		at     = wholeSeconds(now)
		made   = Change{KID: p.kid}
		result result
		change func(context.Context) error
	)
	switch p.action {
	case add:
		record, err := r.create(StatePending, r.schedule.algorithm, at)
		if err != nil {
			r.outages.report(changing, err)
			return false
		}
		made.KID, made.State, result = record.KID, StatePending, started
		change = func(ctx context.Context) error { return r.store.AddPending(ctx, record, p.active) }
	case activate:
		made.State, made.Was, result = StateActive, StatePending, completed
		change = func(ctx context.Context) error {
			return r.store.Activate(ctx, p.kid, p.active, at, at.Add(r.schedule.verifyFor))
		}
	case bury:
		made.State, made.Was = StateGone, StateRetiring
		change = func(ctx context.Context) error { return r.store.Bury(ctx, p.kid, at) }
	default:
		r.outages.report(changing, nil)
		return false
	}
	if err := r.step(ctx, result, change); err != nil {
		return false
	}
	r.tell(ctx, made)
	_ = r.announce(ctx, "") // Who does not hear of it sees it within pollEvery.
	return true
}

// step changes what is stored, within its time, and counts what became of it. The
// error is an answer of the Store, or an ErrUnavailable.
func (r *Ring) step(ctx context.Context, success result, change func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := change(bounded)
	switch {
	case err == nil:
		r.metrics.count(success)
	case !isFault(err):
		return err
	case ctx.Err() != nil: // Who asked and left says nothing about the store.
		return unavailable("change the signing keys", err)
	default:
		r.metrics.count(failed)
		err = unavailable("change the signing keys", err)
	}
	r.outages.report(changing, err)
	return err
}

// announce tells all replicas, this one included, that the stored keys have
// changed; kid is empty, or the one that was revoked. The error is an
// ErrUnavailable.
func (r *Ring) announce(ctx context.Context, kid string) error {
	bounded, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := r.registry.AnnounceKeys(bounded, kid)
	if ctx.Err() == nil {
		r.outages.report(announcing, err)
	}
	if err != nil {
		return unavailable("tell the other replicas", err)
	}
	return nil
}
