package keyring

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"
)

// The rhythm of the loop. A turn of it, in which every call takes as long as it
// may, is shorter than a lease.
const (
	pollEvery = 3 * time.Second
	// pollPending is for the time in which everybody waits for everybody.
	pollPending = 500 * time.Millisecond
	// callTimeout bounds one call of the loop to the Store or the Registry.
	callTimeout = 3 * time.Second
	// leaveTimeout bounds the end.
	leaveTimeout = time.Second
)

// Run keeps the Ring up to date and takes part in rotations until ctx ends, and
// then ends this replica's registration. It returns nil. A Ring runs once.
func (r *Ring) Run(ctx context.Context) error {
	defer r.leave(ctx)
	for ctx.Err() == nil {
		timer := time.NewTimer(r.turn(ctx))
		select {
		case <-ctx.Done():
		case <-r.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
	return nil
}

func (r *Ring) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
	defer cancel()
	if err := r.registry.Leave(ctx, r.self.ID); err != nil {
		r.log.Warn("this replica could not end its registration, which expires by itself", slog.Any("error", err))
	}
}

// turn looks around once, takes at most one step, and returns how long to wait
// until the next turn.
func (r *Ring) turn(ctx context.Context) time.Duration {
	records, loadFault := r.reload(ctx)
	view, viewFault := r.register(ctx)
	switch {
	case viewFault != nil:
		return r.pause()
	case loadFault != nil:
		r.follow(view)
		return r.pause()
	}
	if r.take(ctx, r.situation(records, view).plan(), view.Now) {
		return 0
	}
	return r.pause()
}

// pause is how long to wait in vain for news.
func (r *Ring) pause() time.Duration {
	if r.state.Load().pending != nil {
		return pollPending
	}
	return pollEvery
}

// situation is what a plan is made of.
func (r *Ring) situation(records []Record, view View) situation {
	return situation{schedule: r.schedule, records: records, view: view, doubt: r.watch.doubt(view), local: r.now()}
}

// reload makes what is stored the snapshot, and returns it. When that is not
// possible the snapshot stays as it is, and the error is an ErrUnavailable or
// ErrCorrupt.
func (r *Ring) reload(ctx context.Context) ([]Record, error) {
	// The wait for others who ask counts, or many of them could keep the loop from
	// its registration while the store hangs.
	bounded, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	select {
	case r.loading <- struct{}{}:
		defer func() { <-r.loading }()
	case <-bounded.Done():
		return nil, unavailable("load the signing keys", bounded.Err())
	}
	records, err := r.stored(bounded)
	var next *snapshot
	var missing error
	if err == nil {
		next, missing, err = r.unsealAll(records)
	}
	if ctx.Err() == nil || err == nil { // Who asked and left says nothing about the store.
		r.outages.report(loading, err)
	}
	if err != nil {
		return nil, err
	}
	r.outages.report(unsealing, missing)
	r.install(next)
	r.loadedAt.Store(r.now().UnixNano())
	return records, nil
}

// stored asks the store for the records.
func (r *Ring) stored(ctx context.Context) ([]Record, error) {
	bounded, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	records, err := r.store.Keys(bounded)
	if err != nil {
		return nil, unavailable("load the signing keys", err)
	}
	return records, nil
}

// register tells the others which keys this replica holds by now.
func (r *Ring) register(ctx context.Context) (View, error) {
	bounded, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	self, now := r.self, r.state.Load()
	self.Keys = slices.Sorted(maps.Keys(now.keys))
	if now.signing != nil {
		self.Signing = now.signing.ID()
	}
	view, err := r.registry.Register(bounded, self, lease)
	if ctx.Err() == nil {
		r.outages.report(registering, err)
	}
	if err != nil {
		return View{}, unavailable("register this replica", err)
	}
	// What only somebody's request would try again works, too.
	r.outages.report(asking, nil)
	r.outages.report(announcing, nil)
	r.watch.see(view)
	return view, nil
}

// follow is for a replica that alone has lost the store. When others sign with the
// key that is still pending in its memory, it does so, too, or it would go on
// signing with one that is gone some day.
func (r *Ring) follow(view View) {
	for _, other := range view.Replicas {
		if other.ID != r.self.ID && other.Signing != "" && r.promote(other.Signing) {
			r.log.Info("the other replicas sign with the next key: signing with it, without the state database",
				slog.String("kid", other.Signing))
			return
		}
	}
}
