package proxy

import (
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// standing is what is known of one of PHP's servers: what probes say (health)
// and what requests say (breaker). It outlives the reload of a configuration.
//
// A request that ends well on a server in good standing reads and writes the
// atomics only; the lock is for those that fail, and for what comes after them.
type standing struct {
	name    string // the label of its metrics: host:port as configured
	metrics upstreamMetrics
	up      prometheus.Gauge
	log     *slog.Logger
	// holders counts the upstreams that share this standing. Guarded by Proxy.mu.
	holders int

	// ready: it gets requests in its turn. That is healthy and not ejected.
	ready atomic.Bool
	// ejected: the breaker is open or half-open.
	ejected atomic.Bool
	// tainted: the closed breaker has counted failures, which a success clears.
	tainted atomic.Bool
	// answers counts what proves that the server works: good answers, to probes too.
	answers atomic.Uint64

	mu      sync.Mutex
	health  health
	breaker breaker
}

// newStanding presumes a server innocent: it gets requests until a probe or the
// requests themselves speak against it.
func newStanding(name string, m *metrics, c Config, log *slog.Logger) *standing {
	s := &standing{name: name, metrics: m.of(name), up: m.up.WithLabelValues(name), log: log}
	s.ready.Store(true)
	s.up.Set(1)
	s.health = health{healthy: true}
	s.breaker.config = c.Breaker
	s.breaker.arm(c.Breaker.OpenFor)
	s.configure(c)
	return s
}

// configure takes over the settings of a reload. What is known stays.
func (s *standing) configure(c Config) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.health.config = c.Health
	if c.Health.Interval == 0 {
		s.health = health{config: c.Health, healthy: true} // Nobody would ever say otherwise.
	}
	if changed := s.breaker.config != c.Breaker; changed || s.breaker.connect != c.Timeouts.Connect {
		s.breaker.config, s.breaker.connect = c.Breaker, c.Timeouts.Connect
		if changed && !s.ejected.Load() {
			s.breaker.arm(c.Breaker.OpenFor)
		}
		if c.Breaker.Failures == 0 {
			s.restore()
		}
	}
	s.publish(nil)
}

// succeed hears of a good answer.
func (s *standing) succeed() {
	s.answers.Add(1)
	if !s.tainted.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ejected.Load() {
		s.tainted.Store(false)
		s.breaker.succeed()
	}
}

// fail hears of a failed request. mayEject says whether the fleet can do without
// this server; a server that does not even take connections is ejected anyway,
// since nobody loses by it.
func (s *standing) fail(v verdict, mayEject bool, cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ejected.Load() || s.breaker.config.Failures == 0 {
		return // Sent before the ejection: it is known.
	}
	s.tainted.Store(true)
	if s.breaker.fail(v == unreachable, mayEject) {
		s.ejected.Store(true)
		s.publish(cause)
	}
}

// trial asks to let one request through to an ejected server. ok says whether it
// may go there; report, when it is not nil, must be called once with the outcome.
//
// Without force the breaker decides: one request when its time is over, unless
// the probes still fail. With force, for when there is no other server to turn to, a
// request may go at any time while no other is still connecting.
func (s *standing) trial(force bool) (report func(verdict, error), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ejected.Load() {
		return nil, true // It came back since the caller looked.
	}
	if !force && !s.health.healthy {
		return nil, false
	}
	settle := s.breaker.trial(force)
	if settle == nil {
		return nil, false
	}
	return func(v verdict, cause error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if v == alive {
			s.answers.Add(1)
		}
		if settle(v) {
			s.restore()
			s.publish(nil)
		}
	}, true
}

// restore ends an ejection.
func (s *standing) restore() {
	s.ejected.Store(false)
	s.tainted.Store(false)
	s.breaker.close()
}

// probed hears of a probe. A server that was ejected because it took no
// connections, and takes them again, is back; one that failed in another way has
// to show with a request that it does no more.
func (s *standing) probed(fault error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.health.probed(fault == nil)
	if fault == nil {
		s.answers.Add(1)
		if s.ejected.Load() && s.breaker.unreachable {
			s.restore()
		}
	}
	s.publish(fault)
}

// publish makes what is known what is shown.
func (s *standing) publish(cause error) {
	ready := s.health.healthy && !s.ejected.Load()
	if s.ready.Swap(ready) == ready {
		return
	}
	if ready {
		s.up.Set(1)
		s.log.Info("upstream is back", slog.String("upstream", s.name))
		return
	}
	s.up.Set(0)
	s.log.Warn("upstream is out", slog.String("upstream", s.name), slog.Any("error", cause))
}
