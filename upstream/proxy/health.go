package proxy

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// health is the active half of a standing: what probes say of a server. Guarded by the
// standing's lock.
type health struct {
	config  Health
	known   bool // one probe at least has been made
	healthy bool
	against int // probes in a row that contradict healthy
}

// probed counts a probe. The first one decides alone: nothing is known yet that
// could be taken back too soon.
func (h *health) probed(passed bool) {
	if !h.known {
		h.known, h.healthy = true, passed
		return
	}
	if passed == h.healthy {
		h.against = 0
		return
	}
	h.against++
	needed := h.config.UnhealthyAfter
	if passed {
		needed = h.config.HealthyAfter
	}
	if h.against >= needed {
		h.healthy, h.against = passed, 0
	}
}

// Run probes every upstream once in health.interval until ctx is done, the first
// time at once; it has no error. With an interval of 0 it only waits. A Proxy
// works without it, and then knows of its upstreams what requests show.
func (p *Proxy) Run(ctx context.Context) error {
	for {
		var next <-chan time.Time
		if interval := p.fleet.Load().config.Health.Interval; interval > 0 {
			p.checkHealth(ctx)
			next = time.After(jittered(interval))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-p.changed:
		case <-next:
		}
	}
}

// jittered varies an interval by a tenth, so that replicas do not probe in step.
func jittered(interval time.Duration) time.Duration {
	return interval - interval/10 + rand.N(interval/5+1)
}

// checkHealth probes all upstreams side by side and remembers what it finds.
func (p *Proxy) checkHealth(ctx context.Context) {
	f := p.fleet.Load()
	var probes sync.WaitGroup
	for _, u := range f.upstreams {
		probes.Go(func() {
			bounded, cancel := context.WithTimeout(ctx, f.config.Health.Timeout)
			defer cancel()
			fault := p.probe(bounded, u)
			if ctx.Err() == nil { // Else it is the gateway that stops.
				u.probed(fault)
			}
		})
	}
	probes.Wait()
}
