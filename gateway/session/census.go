package session

import (
	"context"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Counter counts the live Sessions of all users. It bounds the time of a call
// itself, and may take the answer of another replica that is at most a minute old.
type Counter interface {
	Count(ctx context.Context) (int, error)
}

// Census keeps faveo_gateway_sessions_active up to date.
type Census struct {
	store  Counter
	every  time.Duration
	active prometheus.Gauge
}

// NewCensus returns a Census that counts once in a while; r may be nil.
func NewCensus(store Counter, every time.Duration, r prometheus.Registerer) *Census {
	c := &Census{store: store, every: every, active: promauto.With(r).NewGauge(prometheus.GaugeOpts{
		Name: "faveo_gateway_sessions_active",
		Help: "Live sessions of all replicas together, about a minute old; NaN when they cannot be counted.",
	})}
	c.active.Set(math.NaN())
	return c
}

// Run counts until ctx ends, and returns nil then.
func (c *Census) Run(ctx context.Context) error {
	tick := time.NewTicker(c.every)
	defer tick.Stop()
	for {
		c.count(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (c *Census) count(ctx context.Context) {
	n, err := c.store.Count(ctx)
	if err != nil {
		// An old number would look as if nothing were wrong.
		c.active.Set(math.NaN())
		return
	}
	c.active.Set(float64(n))
}
