package limit_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"faveo-gateway/gateway/limit"
	"faveo-gateway/gateway/storetest"
)

// replica is a Fallback over a shared store, and all that can be seen of it.
type replica struct {
	*limit.Fallback
	shared  *storetest.Limits
	clock   *storetest.Clock
	log     *bytes.Buffer
	metrics *prometheus.Registry
}

func newReplica(shared *storetest.Limits, clock *storetest.Clock) *replica {
	r := &replica{shared: shared, clock: clock, log: new(bytes.Buffer), metrics: prometheus.NewRegistry()}
	r.Fallback = limit.NewFallback(limit.FallbackOptions{
		Shared: shared, Local: limit.NewLocal(limit.LocalOptions{Now: clock.Now}), Now: clock.Now,
		Log: slog.New(slog.NewTextHandler(r.log, nil)), Registerer: r.metrics,
	})
	return r
}

func newReplicaAlone() *replica {
	clock := storetest.NewClock()
	return newReplica(storetest.NewLimits(clock.Now), clock)
}

// wantCounted wants a counter to have a value; label is "" for one without.
func (r *replica) wantCounted(t *testing.T, name, label string, want float64) {
	t.Helper()
	families, err := r.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			hasLabel := label == "" && len(m.GetLabel()) == 0 || len(m.GetLabel()) == 1 && m.GetLabel()[0].GetValue() == label
			if f.GetName() == "faveo_gateway_"+name && hasLabel {
				if got := m.GetCounter().GetValue(); got != want {
					t.Errorf("%s{%s} is %v, want %v", name, label, got, want)
				}
				return
			}
		}
	}
	t.Errorf("there is no %s{%s}", name, label)
}

var errDown = errors.New("down")

// TestFallbackOverAStoreThatWorks is no different from that store.
func TestFallbackOverAStoreThatWorks(t *testing.T) {
	storetest.TestLimitStore(t, func(*testing.T) (limit.Store, func(time.Duration)) {
		r := newReplicaAlone()
		return r, r.clock.Advance
	})
}

// TestOutageGivesNoNewAllowance: what this replica has seen of a bucket counts when
// the shared store fails.
func TestOutageGivesNoNewAllowance(t *testing.T) {
	r := newReplicaAlone()
	b := account(7, tenAQuarter)
	if n := takes(t, r, 6, b); n != 6 {
		t.Fatalf("%d takes", n)
	}
	if err := r.Return(t.Context(), "login", b); err != nil {
		t.Fatal(err)
	}
	r.shared.Fail(errDown)
	if n := takes(t, r, 20, b); n != 5 {
		t.Errorf("%d takes in the outage, want the 5 that are left", n)
	}
	r.wantCounted(t, "rate_limit_fallbacks_total", "", 20)
	for _, name := range limit.Names() {
		want := 0.0
		if name == limit.NameAccount {
			want = 15
		}
		r.wantCounted(t, "rate_limited_total", string(name), want)
	}
}

// TestOutageFreesNobody: who was refused because of what other replicas have seen is
// refused as long when the shared store fails.
func TestOutageFreesNobody(t *testing.T) {
	one := newReplicaAlone()
	other := newReplica(one.shared, one.clock)
	b, address := account(7, tenAQuarter), limit.Bucket{Name: limit.NameAddress, Of: "192.0.2.1", Rate: limit.Rate{Count: 50, Per: time.Minute}}
	takes(t, one, 10, b)
	one.clock.Advance(time.Minute)
	if take(t, other, b, address) {
		t.Fatal("allowed by the shared store")
	}
	one.shared.Fail(errDown)
	v, err := other.Take(t.Context(), "login", b, address)
	if err != nil || v.Allowed || v.By != limit.NameAccount || v.RetryAfter != 30*time.Second {
		t.Errorf("in the outage: %+v, %v, want refused for 30s", v, err)
	}
	one.clock.Advance(30 * time.Second)
	if !take(t, other, b, address) || take(t, other, b, address) {
		t.Error("30s later not just one was allowed")
	}
	if n := takes(t, other, 60, address); n != 49 {
		t.Errorf("the other bucket had %d left, want 49", n)
	}
}

// TestMembersInAnOutage: who was remembered is left out as before.
func TestMembersInAnOutage(t *testing.T) {
	r := newReplicaAlone()
	owner := account(7, tenAQuarter)
	owner.Unless = limit.Member{Set: "account/7", Of: "192.0.2.1"}
	if err := r.Remember(t.Context(), "login", owner.Unless, time.Hour); err != nil {
		t.Fatal(err)
	}
	r.shared.Fail(errDown)
	takes(t, r, 20, account(7, tenAQuarter))
	if !take(t, r, owner) {
		t.Error("the owner was refused")
	}
	// So is who is remembered only now.
	other := owner
	other.Unless.Of = "192.0.2.2"
	if take(t, r, other) {
		t.Error("a stranger was allowed")
	}
	if err := r.Remember(t.Context(), "login", other.Unless, time.Hour); err != nil || !take(t, r, other) {
		t.Errorf("Remember: %v, or it had no effect", err)
	}
}

// TestOutageMakesNobodyWait: one call a second asks the shared store whether it works
// again; and the log has one line for the beginning and one for the end.
func TestOutageMakesNobodyWait(t *testing.T) {
	r := newReplicaAlone()
	b := account(7, limit.Rate{Count: 1000, Per: time.Hour})
	r.shared.Fail(errDown)
	before := r.shared.Calls()
	for second := range 5 {
		for range 100 {
			take(t, r, b)
			if err := errors.Join(r.Return(t.Context(), "login", b), r.Remember(t.Context(), "login", limit.Member{Set: "a", Of: "b"}, time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		if n := r.shared.Calls() - before; n != second+1 {
			t.Errorf("second %d: %d calls in all, want one a second", second, n)
		}
		r.clock.Advance(time.Second)
	}
	r.shared.Fail(nil)
	r.clock.Advance(time.Second)
	before = r.shared.Calls()
	takes(t, r, 10, b)
	if n := r.shared.Calls() - before; n != 10 {
		t.Errorf("%d calls once it works again, want 10", n)
	}
	if log := r.log.String(); strings.Count(log, "\n") != 2 || !strings.Contains(log, "error=down") || !strings.Contains(log, "works again") {
		t.Errorf("the log is\n%s", log)
	}
	r.wantCounted(t, "rate_limit_fallbacks_total", "", 500)
}

// TestHangingUpGoesAroundNothing: the takes of a client that is gone count, in the
// shared store, and say nothing about it.
func TestHangingUpGoesAroundNothing(t *testing.T) {
	r := newReplicaAlone()
	b := account(7, tenAQuarter)
	gone, hangUp := context.WithCancel(t.Context())
	hangUp()
	for i := range 20 {
		if v, err := r.Take(gone, "login", b); err != nil || v.Allowed != (i < 10) {
			t.Errorf("take %d: %+v, %v", i, v, err)
		}
	}
	if take(t, r.shared, b) {
		t.Error("the takes did not reach the shared store")
	}
	if err := r.Return(gone, "login", b); err != nil || !take(t, r.shared, b) {
		t.Errorf("Return: %v, or it had no effect", err)
	}
	if r.log.Len() > 0 {
		t.Errorf("the log is\n%s", r.log)
	}
	r.wantCounted(t, "rate_limit_fallbacks_total", "", 0)
}

// TestMistakesAreNoOutage: a malformed bucket is the caller's error, and none is
// allowed for it.
func TestMistakesAreNoOutage(t *testing.T) {
	r := newReplicaAlone()
	for name, err := range map[string]error{
		"Take":     second(r.Take(t.Context(), "login", account("{}", tenAQuarter))),
		"Return":   r.Return(t.Context(), "login", account("", tenAQuarter)),
		"Remember": r.Remember(t.Context(), "login", limit.Member{}, time.Hour),
	} {
		if !errors.Is(err, limit.ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
	if n := r.shared.Calls(); n != 0 || r.log.Len() > 0 {
		t.Errorf("%d calls of the shared store; the log is\n%s", n, r.log)
	}
}

func second[T any](_ T, err error) error { return err }

// TestNoLimitsAskNobody: with nothing to limit the shared store has no call.
func TestNoLimitsAskNobody(t *testing.T) {
	r := newReplicaAlone()
	if !take(t, r, account(7, limit.Rate{}), account(8, limit.Rate{Off: true})) {
		t.Error("refused")
	}
	if err := r.Return(t.Context(), "login", account(7, limit.Rate{})); err != nil {
		t.Error(err)
	}
	if n := r.shared.Calls(); n != 0 {
		t.Errorf("%d calls", n)
	}
}

// TestLockoutsInAnOutage are not known; what was not cleared is not said to be.
func TestLockoutsInAnOutage(t *testing.T) {
	r := newReplicaAlone()
	b := account(7, tenAQuarter)
	takes(t, r, 10, b)
	r.shared.Fail(errDown)
	if _, _, err := r.Locked(t.Context(), "login", 5); !errors.Is(err, errDown) {
		t.Errorf("Locked: %v, want the fault", err)
	}
	all := func(limit.Lockout) bool { return true }
	if _, err := r.Clear(t.Context(), "login", all); !errors.Is(err, errDown) {
		t.Errorf("Clear: %v, want the fault", err)
	}
	if !take(t, r, b) {
		t.Error("this replica was not cleared")
	}
}

// TestClearReachesTheMemory: an outage does not bring a lockout back.
func TestClearReachesTheMemory(t *testing.T) {
	r := newReplicaAlone()
	b := account(7, tenAQuarter)
	takes(t, r, 10, b)
	if n, err := r.Clear(t.Context(), "login", func(limit.Lockout) bool { return true }); n != 1 || err != nil {
		t.Errorf("Clear = %d, %v", n, err)
	}
	r.shared.Fail(errDown)
	if n := takes(t, r, 20, b); n != 10 {
		t.Errorf("%d takes, want 10", n)
	}
}

// TestOutageUnderLoad has many goroutines go through outages that begin and end: no
// call is an error, and each replica allows at most what a bucket holds.
func TestOutageUnderLoad(t *testing.T) {
	r := newReplicaAlone()
	b := account(7, limit.Rate{Count: 50, Per: time.Hour})
	var all sync.WaitGroup
	var mu sync.Mutex
	allowed := 0
	for i := range 20 {
		all.Go(func() {
			for range 50 {
				if i == 0 {
					r.shared.Fail(errDown)
					r.clock.Advance(time.Millisecond)
					r.shared.Fail(nil)
				}
				v, err := r.Take(t.Context(), "login", b)
				if err != nil {
					t.Errorf("Take: %v", err)
				}
				mu.Lock()
				if v.Allowed {
					allowed++
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if allowed < 50 || allowed > 100 {
		t.Errorf("%d were allowed, want 50, and in outages at most as many again", allowed)
	}
}
