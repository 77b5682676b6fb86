package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// pruneEvery is how often a Pruner looks for old entries.
const pruneEvery = time.Hour

// Pruner deletes the entries that are older than they are kept.
//
// Somebody who can write to the database could make entries look old. So nothing is
// deleted that does not hold: the chain up to there and to the entry behind is proved
// as far as the keys go, and the Head must be proved wholly. Where that is not so
// nothing is deleted, and the log says it each time.
type Pruner struct {
	store Store
	keys  Keys
	keep  time.Duration
	log   *slog.Logger
	now   func() time.Time
}

// NewPruner returns a Pruner that keeps entries for keep, which is longer than 0s. now
// is the clock; nil means time.Now.
func NewPruner(store Store, keys Keys, keep time.Duration, log *slog.Logger, now func() time.Time) *Pruner {
	if now == nil {
		now = time.Now
	}
	return &Pruner{store: store, keys: keys, keep: keep, log: log, now: now}
}

// Run prunes at once and then once an hour, until ctx ends, and returns nil. All
// replicas may run one: who comes first prunes, and the others find nothing to do.
func (p *Pruner) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		pruned, err := p.Prune(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			p.log.Error("old entries of the audit trail are not pruned", slog.Any("error", err))
		case pruned > 0:
			p.log.Info("old entries of the audit trail were pruned", slog.Uint64("entries", pruned))
		}
		timer := time.NewTimer(pruneEvery)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
	return nil
}

// Prune deletes what is too old, and returns how many entries that were.
func (p *Pruner) Prune(ctx context.Context) (pruned uint64, err error) {
	before := p.now().Add(-p.keep)
	for {
		from, to, err := p.old(ctx, before)
		if err != nil || from == to {
			return pruned, err
		}
		done, err := p.cut(ctx, from, to)
		if err != nil || !done {
			return pruned, err
		}
		pruned += to.Sequence - from.Sequence
	}
}

// old returns where the trail begins and where it should, at most a page further.
func (p *Pruner) old(ctx context.Context, before time.Time) (from, to Link, err error) {
	head, err := p.store.Head(ctx)
	if err != nil {
		return Link{}, Link{}, err
	}
	entries, err := p.store.After(ctx, head.Start.Sequence, page+1)
	if err != nil {
		return Link{}, Link{}, err
	}
	w := walker{keys: p.keys, last: head.Start}
	for i := range entries {
		e := &entries[i]
		// The first one that stays is looked at as well: it has to follow the last one
		// that goes.
		if _, fault := w.follow(e); fault != "" {
			return p.blame(ctx, head, fmt.Errorf("audit: entry %d: %s", e.Sequence, fault))
		}
		if i == page || !e.Time.Before(before) {
			break
		}
		w.last = e.Link()
	}
	return head.Start, w.last, nil
}

// blame returns the fault, unless the trail begins elsewhere by now: then another
// replica prunes, and there is nothing to do.
func (p *Pruner) blame(ctx context.Context, head Head, fault error) (from, to Link, err error) {
	now, err := p.store.Head(ctx)
	if err == nil && now.Start == head.Start {
		err = fault
	}
	return Link{}, Link{}, err
}

// errHead is why nothing is pruned when the Head is not proved.
var errHead = errors.New("audit: the end of the trail is not proved: run faveo-gateway audit verify")

// cut deletes the entries between the two, unless somebody else did already.
func (p *Pruner) cut(ctx context.Context, from, to Link) (done bool, err error) {
	var fault error
	err = p.store.Prune(ctx, func(h Head) (Head, bool) {
		switch {
		case h.Start != from || h.Last.Sequence < to.Sequence:
			return Head{}, false
		case p.keys.judgeHead(h) != proved, h.Last.Sequence == to.Sequence && h.Last != to:
			fault = errHead
			return Head{}, false
		}
		h.Start, done = to, true
		h.KeyID, h.MAC = p.keys.sign(h.text())
		return h, true
	})
	return done && err == nil, errors.Join(fault, err)
}
