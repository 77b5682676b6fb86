package login_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"faveo-gateway/gateway/login"
)

// TestRefusalTakesOneStep that is longer than the costliest hash of the site.
func TestRefusalTakesOneStep(t *testing.T) {
	for _, test := range []struct{ hash, longest, want time.Duration }{
		{0, 0, 250 * time.Millisecond},
		{249 * time.Millisecond, 0, 250 * time.Millisecond},
		{260 * time.Millisecond, 0, 500 * time.Millisecond}, // Nobody has measured.
		{70 * time.Millisecond, 70 * time.Millisecond, 250 * time.Millisecond},
		{70 * time.Millisecond, 280 * time.Millisecond, 700 * time.Millisecond},
		{280 * time.Millisecond, 280 * time.Millisecond, 700 * time.Millisecond},
		{550 * time.Millisecond, 280 * time.Millisecond, 700 * time.Millisecond},
		{time.Second, 280 * time.Millisecond, 1400 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &site{hash: func() { time.Sleep(test.hash) }, longest: test.longest}
			service, _ := newService(s, login.DefaultConfig())
			began := time.Now()
			_ = try(t, service, "alice", "wrong", "192.0.2.1")
			if took := time.Since(began); took != test.want {
				t.Errorf("a hash of %v where the longest is %v: refused after %v, want %v", test.hash, test.longest, took, test.want)
			}
		})
	}
}

// TestCostlierHashDoesNotShowUnderLoad: whatever the wait for a slot was, an account
// with a costlier hash is refused in the same step as an unknown name.
func TestCostlierHashDoesNotShowUnderLoad(t *testing.T) {
	const usual, costly = 60 * time.Millisecond, 240 * time.Millisecond
	refused := func(wait, hash time.Duration) (took time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			config := login.DefaultConfig()
			config.MaxConcurrentHashes = 1
			s := &site{longest: costly, hash: func() { time.Sleep(wait) }}
			service, _ := newService(s, config)
			go func() { _ = try(t, service, "nobody", "x", "198.51.100.1") }()
			synctest.Wait()
			s.mu.Lock()
			s.hash = func() { time.Sleep(hash) }
			s.mu.Unlock()
			began := time.Now()
			_ = try(t, service, "alice", "wrong", "192.0.2.1")
			took = time.Since(began)
			synctest.Wait()
		})
		return took
	}
	steps := map[time.Duration]bool{}
	for wait := time.Duration(0); wait < 1900*time.Millisecond; wait += 7 * time.Millisecond {
		cheap, dear := refused(wait, usual), refused(wait, costly)
		if cheap != dear {
			t.Errorf("after a wait of %v: %v with the usual hash, %v with a costlier one", wait, cheap, dear)
		}
		steps[cheap] = true
	}
	if len(steps) < 3 {
		t.Errorf("only the steps %v were seen: the waits prove nothing", steps)
	}
}

// TestLeavingEndsThePadding at once.
func TestLeavingEndsThePadding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := login.DefaultConfig()
		config.MinFailureTime = 10 * time.Second
		service, _ := newService(&site{}, config)
		ctx, leave := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, leave)
		began := time.Now()
		_, err := service.Login(ctx, login.Credentials{Username: "alice", Password: "wrong"})
		if took := time.Since(began); took != time.Second || !errors.Is(err, login.ErrInvalidCredentials) {
			t.Errorf("returned after %v with %v, want 1s", took, err)
		}
	})
}

// TestQueueIsBounded: of a thousand logins at once only those wait whose turn can
// come in time. The others are refused at once and cost no memory.
func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{hash: func() { time.Sleep(100 * time.Millisecond) }}
		config := login.DefaultConfig()
		config.MaxConcurrentHashes = 2
		config.Lockout = unlimited()
		service, registry := newService(s, config)
		if err := try(t, service, "alice", "right", "192.0.2.1"); err != nil {
			t.Fatal(err)
		}
		var (
			mu       sync.Mutex
			outcomes = map[string]int{}
			group    sync.WaitGroup
		)
		for range 1000 {
			group.Go(func() {
				began := time.Now()
				err := try(t, service, "alice", "right", "192.0.2.1")
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					outcomes["in"]++
				case errors.Is(err, login.ErrBusy) && time.Since(began) == 0:
					outcomes["refused at once"]++
				default:
					outcomes[err.Error()]++
				}
			})
		}
		synctest.Wait()
		// 2 s for 2 slots of 100 ms each is 40 logins in the queue, besides the two.
		if waiting := count(t, registry, "faveo_gateway_login_hash_queue", ""); waiting < 38 || waiting > 42 {
			t.Errorf("%v wait, want about 40", waiting)
		}
		group.Wait()
		if outcomes["in"] < 38 || outcomes["in"] > 44 || outcomes["in"]+outcomes["refused at once"] < 990 {
			t.Errorf("outcomes %v, want about 42 in and the others refused at once", outcomes)
		}
	})
}
