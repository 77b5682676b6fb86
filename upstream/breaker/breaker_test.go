package breaker_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"faveo-gateway/upstream/breaker"
)

// patience is how long a call may take.
const patience = 2 * time.Second

// store is one whose witness a test makes answer, fail or hang.
type store struct {
	// slow is how long an answer takes, in nanoseconds.
	slow  atomic.Int64
	fails atomic.Pointer[error]
	hangs atomic.Bool
	asked atomic.Int32
}

func (s *store) witness(ctx context.Context) error {
	s.asked.Add(1)
	if s.hangs.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Duration(s.slow.Load())):
	}
	if err := s.fails.Load(); err != nil {
		return *err
	}
	return nil
}

func (s *store) fail(err error) {
	if s.fails.Store(&err); err == nil {
		s.fails.Store(nil)
	}
}

// bubble runs a test with a Breaker by a clock of its own.
func bubble(t *testing.T, test func(t *testing.T, s *store, b *breaker.Breaker)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		b := breaker.New(s.witness, patience)
		defer b.Close()
		test(t, s, b)
	})
}

func wantAllowed(t *testing.T, b *breaker.Breaker) {
	t.Helper()
	if err := b.Allow(t.Context()); err != nil {
		t.Errorf("Allow: %v, want a call", err)
	}
}

func wantOpen(t *testing.T, b *breaker.Breaker) {
	t.Helper()
	began := time.Now()
	if err := b.Allow(t.Context()); !errors.Is(err, breaker.ErrOpen) {
		t.Errorf("Allow: %v, want ErrOpen", err)
	}
	if took := time.Since(began); took != 0 {
		t.Errorf("Allow took %v", took)
	}
}

// TestOneClientCannotOpenIt: calls that are too slow say nothing about a store that
// answers its witness.
func TestOneClientCannotOpenIt(t *testing.T) {
	bubble(t, func(t *testing.T, s *store, b *breaker.Breaker) {
		for range 1000 {
			b.Unanswered(t.Context())
			synctest.Wait()
			wantAllowed(t, b)
		}
		if n := s.asked.Load(); n != 1000 {
			t.Errorf("the witness was asked %d times", n)
		}
	})
}

// TestOneBreakIsNoOutage: of two questions one is answered.
func TestOneBreakIsNoOutage(t *testing.T) {
	bubble(t, func(t *testing.T, s *store, b *breaker.Breaker) {
		s.hangs.Store(true)
		b.Unanswered(t.Context())
		synctest.Wait()
		s.hangs.Store(false)
		time.Sleep(500 * time.Millisecond) // Of the bubble.
		synctest.Wait()
		if n := s.asked.Load(); n != 2 {
			t.Errorf("the witness was asked %d times, want 2", n)
		}
		wantAllowed(t, b)
	})
}

// TestASlowStoreStaysOpen: one that takes long to give a connection, but less than a call
// may take, is not shut for the question of a client that took too long.
func TestASlowStoreStaysOpen(t *testing.T) {
	bubble(t, func(t *testing.T, s *store, b *breaker.Breaker) {
		s.slow.Store(int64(patience / 2))
		for range 100 {
			b.Unanswered(t.Context())
			wantAllowed(t, b)
			time.Sleep(patience)
			synctest.Wait()
			wantAllowed(t, b)
		}
	})
}

// TestASlowStoreComesBack: its recovery is seen, however slow it is.
func TestASlowStoreComesBack(t *testing.T) {
	bubble(t, func(t *testing.T, s *store, b *breaker.Breaker) {
		s.hangs.Store(true)
		b.Unanswered(t.Context())
		time.Sleep(2 * patience)
		synctest.Wait()
		wantOpen(t, b)
		s.slow.Store(int64(patience / 2))
		s.hangs.Store(false)
		for began := time.Now(); b.Allow(t.Context()) != nil; time.Sleep(time.Millisecond) {
			if time.Since(began) > 2*patience {
				t.Fatalf("the store is not used again")
			}
		}
	})
}

// TestOpensAndCloses: a store that hangs and one that fails are found out by any call, and
// found to be back by the first call after a pause.
func TestOpensAndCloses(t *testing.T) {
	for name, break_ := range map[string]func(*store){
		"hangs": func(s *store) { s.hangs.Store(true) },
		"fails": func(s *store) { s.fail(errors.New("connection refused")) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *store, b *breaker.Breaker) {
				break_(s)
				b.Unanswered(t.Context())
				if s.hangs.Load() {
					wantAllowed(t, b) // Nothing is known yet; a refusal is known at once.
				}
				time.Sleep(patience + 500*time.Millisecond)
				synctest.Wait()
				// It stays open as long as nobody answers, and no call waits.
				for range 1000 {
					wantOpen(t, b)
					time.Sleep(10 * time.Millisecond)
				}
				s.hangs.Store(false)
				s.fail(nil)
				back := time.Now()
				for b.Allow(t.Context()) != nil {
					time.Sleep(time.Millisecond)
				}
				if took := time.Since(back); took > patience+300*time.Millisecond {
					t.Errorf("the store was used again after %v", took)
				}
				wantAllowed(t, b)
			})
		})
	}
}

// TestOneLookAtATime: of a thousand callers nobody waits, and one look goes on.
func TestOneLookAtATime(t *testing.T) {
	bubble(t, func(t *testing.T, s *store, b *breaker.Breaker) {
		s.hangs.Store(true)
		var callers sync.WaitGroup
		for range 1000 {
			callers.Go(func() { b.Unanswered(t.Context()) })
		}
		callers.Wait()
		synctest.Wait()
		if n := s.asked.Load(); n != 1 {
			t.Errorf("the witness was asked %d times at once", n)
		}
	})
}

// TestALookOutlivesItsCaller, whose going says nothing about the store.
func TestALookOutlivesItsCaller(t *testing.T) {
	bubble(t, func(t *testing.T, s *store, b *breaker.Breaker) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for range 10 {
			b.Unanswered(ctx)
			synctest.Wait()
		}
		wantAllowed(t, b)
		if n := s.asked.Load(); n != 10 {
			t.Errorf("the witness was asked %d times, want 10", n)
		}
	})
}

// TestClose ends the look and lets none begin.
func TestClose(t *testing.T) {
	bubble(t, func(t *testing.T, s *store, b *breaker.Breaker) {
		s.hangs.Store(true)
		b.Unanswered(t.Context())
		began := time.Now()
		b.Close()
		if took := time.Since(began); took != 0 {
			t.Errorf("Close took %v", took)
		}
		asked := s.asked.Load()
		b.Unanswered(t.Context())
		synctest.Wait()
		if n := s.asked.Load(); n != asked {
			t.Errorf("the witness was asked %d times, want %d", n, asked)
		}
	})
}
