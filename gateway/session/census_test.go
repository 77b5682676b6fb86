package session_test

import (
	"context"
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"faveo-gateway/gateway/session"
	"faveo-gateway/gateway/storetest"
)

var _ session.Counter = (*storetest.Sessions)(nil)

// counter is a session.Counter whose answer is set.
type counter struct {
	n     atomic.Int64
	fault atomic.Bool
	calls atomic.Int64
}

func (c *counter) Count(ctx context.Context) (int, error) {
	c.calls.Add(1)
	if c.fault.Load() {
		return 0, errDown
	}
	return int(c.n.Load()), ctx.Err()
}

func TestCensus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		active := func() float64 {
			t.Helper()
			synctest.Wait()
			families, err := registry.Gather()
			if err != nil || len(families) != 1 || families[0].GetName() != "faveo_gateway_sessions_active" {
				t.Fatalf("gathered %v, %v", families, err)
			}
			return families[0].GetMetric()[0].GetGauge().GetValue()
		}
		c := new(counter)
		c.n.Store(3)
		census := session.NewCensus(c, time.Minute, registry)
		if n := active(); !math.IsNaN(n) {
			t.Errorf("%v sessions before anybody has counted", n)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- census.Run(ctx) }()
		if n := active(); n != 3 {
			t.Errorf("%v sessions at once, want 3", n)
		}
		c.n.Store(5)
		time.Sleep(time.Minute - 1)
		if n := active(); n != 3 {
			t.Errorf("%v sessions within the minute, want 3", n)
		}
		time.Sleep(time.Nanosecond)
		if n := active(); n != 5 {
			t.Errorf("%v sessions after the minute, want 5", n)
		}
		c.fault.Store(true)
		time.Sleep(time.Minute)
		if n := active(); !math.IsNaN(n) {
			t.Errorf("%v sessions that nobody can count, want NaN", n)
		}
		c.fault.Store(false)
		time.Sleep(time.Minute)
		if n := active(); n != 5 {
			t.Errorf("%v sessions after the fault, want 5", n)
		}
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		if n := c.calls.Load(); n != 4 {
			t.Errorf("counted %d times, want 4", n)
		}
	})
}

func TestMetricsAreWellFormed(t *testing.T) {
	w := newWorld(t)
	registry := prometheus.NewPedanticRegistry()
	session.NewManager(session.Options{Store: w.store, Accounts: w.accounts, Registerer: registry})
	session.NewCensus(w.store, time.Minute, registry)
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
}
