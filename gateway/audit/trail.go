package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The rhythm of the writer.
const (
	// writeEvery is how long an event waits at most while the Sink works.
	writeEvery = 200 * time.Millisecond
	// longestPause is between attempts while it does not.
	longestPause = 5 * time.Second
)

// Options is what a Trail is made of.
type Options struct {
	// Sink keeps the entries. Nil keeps none: events are counted and forgotten.
	Sink Sink
	// Keys make the MACs. Required with a Sink.
	Keys Keys
	// Log is told of outages, and of breaches, and gets the events that find no other
	// place. Required.
	Log *slog.Logger
	// Registerer takes the metrics; nil registers nowhere.
	Registerer prometheus.Registerer
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Trail takes events and writes them. It is safe for concurrent use.
type Trail struct {
	sink    Sink
	keys    Keys
	log     *slog.Logger
	now     func() time.Time
	metrics *metrics
	queue   *queue

	closeOnce sync.Once
	closing   chan struct{} // closed by Close
	ended     chan struct{} // closed by Run

	// What follows belongs to Run.

	// last is the last entry that this Trail has stored, unsure that of a batch which
	// may be stored or not.
	last, unsure Link
	// trying is how many events the batch has that is not stored for sure, 0 for none.
	trying       int
	failingSince time.Time
}

// New returns a Trail. It writes once it runs.
func New(o Options) (*Trail, error) {
	switch {
	case o.Log == nil:
		return nil, errors.New("audit: a trail needs a log")
	case o.Sink != nil && len(o.Keys.list) == 0:
		return nil, errors.New("audit: a trail needs keys")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	q := newQueue(o.Now())
	return &Trail{
		sink: o.Sink, keys: o.Keys, log: o.Log, now: o.Now, metrics: newMetrics(o.Registerer, q.length), queue: q,
		closing: make(chan struct{}), ended: make(chan struct{}),
	}, nil
}

// Record takes an event and returns at once; it never waits for the Sink. An event that
// finds the queue full, or comes after Close, goes to the log.
func (t *Trail) Record(e Event) {
	e = e.clean(t.now)
	t.metrics.count(&e)
	if t.sink != nil && !t.queue.put(e) {
		t.spill("the queue is full or closed", e)
	}
}

// Run writes what is recorded. It returns nil when all is written after Close, or when
// ctx ends: what is not written then goes to the log. A Trail runs once.
func (t *Trail) Run(ctx context.Context) error {
	defer close(t.ended)
	closing := t.closing
	for {
		t.spill("the queue is full", t.queue.turn(t.now())...)
		err := t.write(ctx)
		switch {
		case ctx.Err() != nil:
			t.queue.close()
			t.spill("the gateway stops", t.queue.drain()...)
			return nil
		case t.queue.isDone():
			return nil
		}
		pause, full := writeEvery, t.queue.full
		if err != nil {
			full = nil
			if closing != nil {
				pause = t.nextPause()
			}
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-closing:
			closing = nil
		case <-full:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// Close takes no more events and waits until Run has written those that there are. When
// ctx ends before, they go to the log, and the error says how many; those that are being
// written may then be in both. Whoever runs the Trail ends Run's context after that.
func (t *Trail) Close(ctx context.Context) error {
	t.closeOnce.Do(func() {
		t.queue.close()
		close(t.closing)
	})
	select {
	case <-t.ended:
		return nil
	case <-ctx.Done():
	}
	rest := t.queue.drain()
	if len(rest) == 0 {
		return nil
	}
	t.spill("the gateway stops", rest...)
	return fmt.Errorf("audit: %d events could not be stored and are in the log: %w", len(rest), ctx.Err())
}

// write writes what is in the queue, batch by batch, until it is empty or the Sink
// fails. A batch that failed is tried again as it was: if it turns out to be stored, an
// event that had joined it since would be taken for stored as well.
func (t *Trail) write(ctx context.Context) error {
	for {
		most := maxBatch
		if t.trying > 0 {
			most = t.trying
		}
		events := t.queue.batch(most)
		if len(events) == 0 {
			return nil
		}
		t.trying = len(events)
		err := t.append(ctx, events)
		t.report(ctx, err)
		if err != nil {
			return err
		}
		t.queue.done(t.trying)
		t.trying = 0
	}
}

// append stores one batch. It has to be called with the same events until it succeeds.
func (t *Trail) append(ctx context.Context, events []Event) error {
	var breach string
	err := t.sink.Append(ctx, t.unsure, func(h Head) Batch {
		sealed := events
		if breach = t.keys.breach(h, t.last); breach != "" {
			sealed = slices.Insert(slices.Clone(events), 0, breachEvent(breach, h).clean(t.now))
		}
		b := t.keys.seal(h, sealed)
		t.unsure = b.Head.Last
		return b
	})
	if breach != "" { // It is a fact, stored or not.
		t.metrics.count(&Event{Kind: KindTrail, Outcome: Failed, Count: 1})
		t.log.Error("the audit trail is not as it was written, or by keys that this replica does not have: run faveo-gateway audit verify",
			slog.String("reason", breach))
	}
	if err == nil {
		t.last, t.unsure = t.unsure, Link{}
	}
	return err
}

// report tells the log of the begin and the end of an outage.
func (t *Trail) report(ctx context.Context, err error) {
	switch {
	case err != nil && t.failingSince.IsZero() && ctx.Err() == nil:
		t.failingSince = t.now()
		t.log.Error("the audit trail cannot be written; events wait", slog.Any("error", err))
	case err == nil && !t.failingSince.IsZero():
		t.log.Info("the audit trail is written again", slog.Time("since", t.failingSince))
		t.failingSince = time.Time{}
	}
}

// nextPause is the longer the longer the Sink has failed.
func (t *Trail) nextPause() time.Duration {
	return min(max(t.now().Sub(t.failingSince), writeEvery), longestPause)
}

// spill writes events to the log, whole.
func (t *Trail) spill(why string, events ...Event) {
	for _, e := range events {
		t.metrics.unwritten.Add(float64(e.Count))
		t.log.Warn("an event is not in the audit trail: "+why, slog.Group("audit",
			slog.Time("time", e.Time), slog.String("kind", string(e.Kind)), slog.String("outcome", string(e.Outcome)),
			slog.String("reason", e.Reason), slog.String("actor", e.Actor), slog.Uint64("user_id", e.UserID),
			slog.String("subject", e.Subject), slog.String("address", e.Address), slog.String("agent", e.Agent),
			slog.String("request_id", e.RequestID), slog.String("detail", e.Detail), slog.Int("count", e.Count),
		))
	}
}
