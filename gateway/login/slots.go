package login

import (
	"context"
	"errors"
	"runtime"
	"time"
)

// ErrBusy means that no hash slot came free within the queue's deadline. The
// client may try again.
var ErrBusy = errors.New("too many logins at once")

// slots bounds how many passwords are hashed at once. Hashing is the only part
// of a login that burns CPU by design; unbounded, a flood of logins would take
// every core from the proxied traffic.
type slots struct {
	free    chan struct{}
	timeout time.Duration
	metrics *metrics
}

// newSlots makes n slots; zero means one for each CPU.
func newSlots(n int, timeout time.Duration, m *metrics) *slots {
	if n == 0 {
		n = runtime.GOMAXPROCS(0)
	}
	return &slots{free: make(chan struct{}, n), timeout: timeout, metrics: m}
}

// do runs hash in a slot. It returns ErrBusy when none came free in time, and
// the context's error when the client went away while it waited; hash has not
// run then.
func (s *slots) do(ctx context.Context, hash func()) error {
	if err := s.acquire(ctx); err != nil {
		return err
	}
	defer func() { <-s.free }()
	started := time.Now()
	hash()
	s.metrics.hashSeconds.Observe(time.Since(started).Seconds())
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
