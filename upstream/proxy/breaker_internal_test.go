package proxy

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// arithmetic of a breaker: three failures, one second, at most five.
func newTestStanding(t *testing.T) *standing {
	t.Helper()
	m, err := newMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	c := DefaultConfig()
	c.Breaker = Breaker{Failures: 3, OpenFor: time.Second, MaxOpenFor: 5 * time.Second}
	return newStanding("php:80", m, c, slog.New(slog.DiscardHandler))
}

var errTest = errors.New("test")

// tries reports whether an ejected server may be tried, and tells how it ended.
func tries(t *testing.T, s *standing, force bool, v verdict) bool {
	t.Helper()
	report, ok := s.trial(force)
	if ok && report == nil {
		t.Fatal("it is not ejected")
	}
	if ok {
		report(v, errTest)
	}
	return ok
}

// TestEjectionGrows: 1 s, 2 s, 4 s, and then 5 s for ever, until a trial succeeds.
func TestEjectionGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStanding(t)
		for n := range 3 {
			if s.ejected.Load() {
				t.Fatalf("ejected after %d failures", n)
			}
			s.fail(unreachable, false, errTest)
		}
		for n, open := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 5 * time.Second, 5 * time.Second} {
			if !s.ejected.Load() {
				t.Fatalf("trial %d: not ejected", n)
			}
			time.Sleep(open)
			if tries(t, s, false, unreachable) {
				t.Fatalf("trial %d: before %v were over", n, open)
			}
			time.Sleep(time.Millisecond)
			if !tries(t, s, false, unreachable) {
				t.Fatalf("trial %d: not after %v", n, open)
			}
		}
		time.Sleep(5*time.Second + time.Millisecond)
		if !tries(t, s, false, alive) || s.ejected.Load() || !s.ready.Load() {
			t.Fatal("a good trial did not end the ejection")
		}
		for range 3 {
			s.fail(unreachable, false, errTest)
		}
		time.Sleep(time.Second + time.Millisecond)
		if !tries(t, s, false, neutral) {
			t.Error("the time did not begin anew after a recovery")
		}
		if !tries(t, s, false, alive) || s.ejected.Load() {
			t.Error("a trial that tells nothing kept its seat")
		}
	})
}

// TestFailuresMustBeInARow: a success between them clears the count.
func TestFailuresMustBeInARow(t *testing.T) {
	s := newTestStanding(t)
	for range 20 {
		s.fail(unreachable, true, errTest)
		s.fail(faulty, true, errTest)
		s.succeed()
	}
	if s.ejected.Load() {
		t.Error("ejected")
	}
}

// TestOnlyRefusedConnectionsEjectTheLastOne is the rule that keeps a client's
// failures from taking a fleet down.
func TestOnlyRefusedConnectionsEjectTheLastOne(t *testing.T) {
	s := newTestStanding(t)
	for range 20 {
		s.fail(faulty, false, errTest)
		s.fail(unreachable, false, errTest)
		s.fail(unreachable, false, errTest)
	}
	if s.ejected.Load() {
		t.Fatal("ejected by failures of both kinds, though the fleet cannot spare it")
	}
	s.fail(unreachable, false, errTest)
	if !s.ejected.Load() {
		t.Error("not ejected by three refused connections")
	}
}

// TestOneTrialAtATime, of both kinds.
func TestOneTrialAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStanding(t)
		for range 3 {
			s.fail(unreachable, false, errTest)
		}
		if _, ok := s.trial(false); ok {
			t.Error("a trial before the time")
		}
		first, ok := s.trial(true)
		if _, second := s.trial(true); !ok || second {
			t.Errorf("forced trials: first %v, second %v", ok, second)
		}
		time.Sleep(DefaultConfig().Timeouts.Connect) // Then the first is connected.
		time.Sleep(time.Millisecond)
		half, ok := s.trial(false)
		if _, second := s.trial(false); !ok || second {
			t.Errorf("half-open trials: first %v, second %v", ok, second)
		}
		half(alive, nil)
		for range 3 {
			s.fail(unreachable, false, errTest)
		}
		first(alive, nil) // Of the ejection before: it says nothing about this one.
		if !s.ejected.Load() {
			t.Error("the trial of an earlier ejection ended this one")
		}
	})
}

// TestALongTrialHidesNoRecovery: while one request waits for its answer, others try as
// often as the ejection is long, and the first good answer ends it.
func TestALongTrialHidesNoRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStanding(t)
		for range 3 {
			s.fail(faulty, true, errTest)
		}
		time.Sleep(time.Second + time.Millisecond)
		long, ok := s.trial(false)
		if !ok {
			t.Fatal("no trial after the time")
		}
		trials := 0
		for range 50 {
			time.Sleep(100 * time.Millisecond)
			if tries(t, s, false, faulty) {
				trials++
			}
		}
		if trials < 3 || trials > 5 {
			t.Errorf("%d trials in 5 s, want one a second", trials)
		}
		time.Sleep(time.Second + time.Millisecond)
		if !tries(t, s, false, alive) || s.ejected.Load() || !s.ready.Load() {
			t.Error("a good answer did not end the ejection")
		}
		long(faulty, errTest) // It says nothing about the server that is back.
		if s.ejected.Load() {
			t.Error("the long trial ejected it again")
		}
	})
}

// TestProbeEndsOnlyWhatItCanJudge: a server that takes connections again is back
// by a probe; one that failed otherwise has to answer a request.
func TestProbeEndsOnlyWhatItCanJudge(t *testing.T) {
	for _, v := range []verdict{unreachable, faulty} {
		s := newTestStanding(t)
		for range 3 {
			s.fail(v, true, errTest)
		}
		s.probed(nil)
		if back := !s.ejected.Load(); back != (v == unreachable) {
			t.Errorf("verdict %d: back %v", v, back)
		}
	}
}

// TestProbesCount: the first decides alone, then 3 against and 2 for.
func TestProbesCount(t *testing.T) {
	s := newTestStanding(t)
	for n, step := range []struct {
		fault error
		ready bool
	}{
		{errTest, false},
		{nil, false},
		{errTest, false},
		{nil, false},
		{nil, true},
		{errTest, true},
		{errTest, true},
		{nil, true},
		{errTest, true},
		{errTest, true},
		{errTest, false},
	} {
		s.probed(step.fault)
		if s.ready.Load() != step.ready {
			t.Fatalf("probe %d: ready %v", n, s.ready.Load())
		}
	}
	c := DefaultConfig()
	c.Health.Interval = 0
	s.configure(c)
	if !s.ready.Load() {
		t.Error("out for ever, because nobody probes any more")
	}
}

// TestOwnExhaustion: that this machine has no more sockets says nothing of PHP.
func TestOwnExhaustion(t *testing.T) {
	for cause, want := range map[error]verdict{
		syscall.EMFILE: neutral, syscall.ENFILE: neutral, syscall.EADDRNOTAVAIL: neutral, syscall.ENOBUFS: neutral,
		syscall.ECONNREFUSED: unreachable, syscall.EHOSTUNREACH: unreachable, os.ErrDeadlineExceeded: unreachable,
	} {
		c := &call{sent: true, in: httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)}
		c.err = c.classify(&dialError{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", cause)}})
		if got := c.outcome(); got != want {
			t.Errorf("%v: verdict %d, want %d", cause, got, want)
		}
	}
}

// TestBudget: ten are saved up, then one in five requests.
func TestBudget(t *testing.T) {
	var b budget
	for range 1000 {
		b.earn(20)
	}
	retries := 0
	for b.spend() {
		retries++
	}
	if retries != savings {
		t.Errorf("%d retries saved up, want %d", retries, savings)
	}
	retries = 0
	for range 1000 {
		b.earn(20)
		if b.spend() {
			retries++
		}
	}
	if retries != 200 {
		t.Errorf("%d retries in 1000 requests, want 200", retries)
	}
}

// BenchmarkStanding is what the upstreams cost a request that ends well, besides
// its way over the wire.
func BenchmarkStanding(b *testing.B) {
	for name, hosts := range map[string][]string{"one": {"a"}, "three": {"a", "b", "c"}} {
		b.Run(name, func(b *testing.B) {
			m, err := newMetrics(prometheus.NewRegistry())
			if err != nil {
				b.Fatal(err)
			}
			p := &Proxy{metrics: m}
			f := &fleet{config: DefaultConfig()}
			for _, host := range hosts {
				f.upstreams = append(f.upstreams, &upstream{standing: newStanding(host, m, f.config, slog.New(slog.DiscardHandler))})
			}
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					to, _ := f.pick(nil, true)
					to.inflight.Add(1)
					if len(f.upstreams) > 1 {
						p.budget.earn(20)
					}
					to.succeed()
					p.leave(to.upstream)
				}
			})
		})
	}
}
