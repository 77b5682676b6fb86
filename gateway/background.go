package gateway

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"faveo-gateway/gateway/redisstore"
)

// background runs what goes on beside the requests, until the gateway stops and
// has waited for it.
func (g *Gateway) background(name string, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = run(ctx) // Each tells of its faults itself, and ends with ctx.
	}()
	g.onStop(name, func(context.Context) error {
		cancel()
		<-done
		return nil
	})
}

// watch empties the local caches of what other replicas have ended or changed.
func watch(s *rooms, r prometheus.Registerer) func(context.Context) error {
	latency := newRevocationLatency(r)
	return func(ctx context.Context) error {
		return s.redis.Watch(ctx, redisstore.Handler{
			Session: s.sessions.manager.Drop, Key: s.ring.Changed, APIKey: s.keys.door.Drop,
			Latency: func(took time.Duration) { latency.Observe(took.Seconds()) },
		})
	}
}

// newRevocationLatency makes the histogram of what watch hears.
func newRevocationLatency(r prometheus.Registerer) prometheus.Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "faveo_gateway_revocation_latency_seconds",
		Help:    "Time from the end of a session, a signing key or an API key, on any replica, until this one knew.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, .75, 1, 2.5, 5, 10, 30},
		// Native buckets grow by a tenth: fine enough for a p99 that moves.
		NativeHistogramBucketFactor:     1.1,
		NativeHistogramMaxBucketNumber:  100,
		NativeHistogramMinResetDuration: time.Hour,
	})
	r.MustRegister(h)
	return h
}
