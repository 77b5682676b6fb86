package login

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// ErrBusy means that no hash slot came free within the queue's deadline, or that so
// many wait already that none would. The client may try again.
var ErrBusy = errors.New("too many logins at once")

// slots bounds how many passwords are hashed at once. Hashing is the only part
// of a login that burns CPU by design; unbounded, a flood of logins would take
// every core from the proxied traffic.
//
// It bounds how many wait, too: who would wait for longer than the queue's deadline,
// at the time that hashes have taken here, is refused at once. That is before anything is
// asked of a store: a flood would else fill the connections to the database, which
// requests need as well, with lookups for logins that are refused later.
type slots struct {
	free    chan struct{}
	timeout time.Duration
	// inside is how many have entered and not left.
	inside atomic.Int64
	// usual is how long a hash takes, in nanoseconds, the newer ones counting more.
	usual   atomic.Int64
	metrics *metrics
}

const (
	// leastHash is taken for the time of a hash that is shorter, or not known yet: it
	// bounds the queue to a thousand for each slot and second of the deadline.
	leastHash = time.Millisecond
	// usualOf is the number of hashes over which usual levels out.
	usualOf = 16
)

// newSlots makes n slots, for hashes that are taken to last for usual.
func newSlots(n int, timeout, usual time.Duration, m *metrics) *slots {
	s := &slots{free: make(chan struct{}, n), timeout: timeout, metrics: m}
	s.usual.Store(int64(usual))
	return s
}

// enter takes a place in the queue, or returns ErrBusy. Who has entered must leave.
func (s *slots) enter() error {
	ahead := s.inside.Add(1) - 1 - int64(cap(s.free))
	usual := max(time.Duration(s.usual.Load()), leastHash)
	if time.Duration(ahead)*usual/time.Duration(cap(s.free)) > s.timeout {
		s.leave()
		return ErrBusy
	}
	return nil
}

func (s *slots) leave() { s.inside.Add(-1) }

// do runs hash in a slot. It returns ErrBusy when none came free in time, and
// the context's error when the client went away while it waited; hash has not
// run then.
func (s *slots) do(ctx context.Context, hash func()) error {
	if err := s.acquire(ctx); err != nil {
		return err
	}
	defer func() { <-s.free }()
	if err := ctx.Err(); err != nil {
		return err // Of a turn and a client who leaves, at once, select may see the first.
	}
	started := time.Now()
	hash()
	s.measured(time.Since(started))
	return nil
}

func (s *slots) acquire(ctx context.Context) error {
	s.metrics.hashQueue.Inc()
	defer s.metrics.hashQueue.Dec()
	timer := time.NewTimer(s.timeout)
	defer timer.Stop()
	select {
	case s.free <- struct{}{}:
		return nil
	case <-timer.C:
		return ErrBusy
	case <-ctx.Done():
		return ctx.Err()
	}
}

// measured notes how long a hash took. Of two at once one may be lost.
func (s *slots) measured(took time.Duration) {
	s.metrics.hashSeconds.Observe(took.Seconds())
	usual := s.usual.Load()
	if usual == 0 {
		usual = int64(took)
	}
	s.usual.Store(usual + (int64(took)-usual)/usualOf)
}
