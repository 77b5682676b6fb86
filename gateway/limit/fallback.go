package limit

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// FallbackOptions are what a Fallback is made of.
type FallbackOptions struct {
	// Shared is asked first, Local when it fails. Both are required.
	Shared Store
	Local  *Local
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Log is told when Shared begins to fail, and when it ends; nil tells nobody.
	Log *slog.Logger
	// Registerer gets the metrics; nil registers nowhere.
	Registerer prometheus.Registerer
}

// Fallback is a Store that always has an answer to a take: that of a shared Store, or
// while this one fails that of the replica's own memory. What the shared one says is
// noted in memory, so that an outage gives nobody a new allowance from this replica
// for what it has seen. What happened in an outage is not carried over: buckets that
// were emptied then are emptied in memory only.
//
// The only error of Take, Return and Remember is ErrMalformed. They finish what they
// have begun when the caller is gone: nobody gets around a limit by hanging up, and a
// client that does so says nothing about the shared Store.
//
// After a failure the shared Store is left alone for a second, and then asked by one
// call a second until it answers, so that an outage makes nobody wait but those.
type Fallback struct {
	shared  Store
	local   *Local
	outage  outage
	metrics *metrics
}

var _ Store = (*Fallback)(nil)

// NewFallback returns a Fallback whose shared Store is taken to work.
func NewFallback(o FallbackOptions) *Fallback {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Fallback{
		shared: o.Shared, local: o.Local, outage: outage{log: o.Log, now: o.Now}, metrics: newMetrics(o.Registerer),
	}
}

// Take implements Source.
func (f *Fallback) Take(ctx context.Context, group string, buckets ...Bucket) (Verdict, error) {
	if err := CheckBuckets(group, buckets); err != nil {
		return Verdict{}, err
	}
	if !anyLimits(buckets) {
		return Verdict{Allowed: true}, nil
	}
	var v Verdict
	if f.ask(func() (err error) {
		v, err = f.shared.Take(context.WithoutCancel(ctx), group, buckets...)
		return err
	}) {
		f.local.mirror(group, buckets, v)
	} else {
		f.metrics.fallbacks.Inc()
		v, _ = f.local.Take(ctx, group, buckets...) // Its only error was ruled out.
	}
	f.metrics.answered(v)
	return v, nil
}

// Return implements Source.
func (f *Fallback) Return(ctx context.Context, group string, buckets ...Bucket) error {
	if err := f.local.Return(ctx, group, buckets...); err != nil {
		return err
	}
	if anyLimits(buckets) {
		f.ask(func() error { return f.shared.Return(context.WithoutCancel(ctx), group, buckets...) })
	}
	return nil
}

// Remember implements Source.
func (f *Fallback) Remember(ctx context.Context, group string, m Member, life time.Duration) error {
	if err := f.local.Remember(ctx, group, m, life); err != nil {
		return err
	}
	f.ask(func() error { return f.shared.Remember(context.WithoutCancel(ctx), group, m, life) })
	return nil
}

// Locked implements Lockouts: those of the shared Store, or its fault.
func (f *Fallback) Locked(ctx context.Context, group string, most int) ([]Lockout, bool, error) {
	return f.shared.Locked(ctx, group, most)
}

// Clear implements Lockouts. It clears the shared Store, or returns its fault, and
// this replica's memory in any case; match is asked about both. The count is that of
// the shared one. What other replicas remember counts only while the shared one fails.
func (f *Fallback) Clear(ctx context.Context, group string, match func(Lockout) bool) (int, error) {
	if _, err := f.local.Clear(ctx, group, match); err != nil {
		return 0, err
	}
	return f.shared.Clear(ctx, group, match)
}

// ask calls the shared Store, unless it has just failed, and reports whether that was
// done and went well.
func (f *Fallback) ask(call func() error) bool {
	if !f.outage.mayAsk() {
		return false
	}
	err := call()
	f.outage.report(err)
	return err == nil
}

// anyLimits says whether there is anything to ask about.
func anyLimits(buckets []Bucket) bool {
	for i := range buckets {
		if buckets[i].Rate.Limits() {
			return true
		}
	}
	return false
}
