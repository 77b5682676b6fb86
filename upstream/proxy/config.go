package proxy

import (
	"fmt"
	"net/http"
	"time"
)

// Config is the section proxy of the configuration. DefaultConfig is valid; the
// zero value is not.
type Config struct {
	// Balance spreads the requests over several upstreams: "least_requests", the
	// default, or "round_robin".
	Balance  Balance  `yaml:"balance"`
	Timeouts Timeouts `yaml:"timeouts"`
	Health   Health   `yaml:"health"`
	Breaker  Breaker  `yaml:"breaker"`
	Retries  Retries  `yaml:"retries"`
	// MaxIdleConnections is how many connections to each upstream are kept for
	// reuse. Default 256, at least 1. More are opened when needed and closed after
	// use. Keep it above the number of PHP workers.
	MaxIdleConnections int `yaml:"max_idle_connections"`
	// ForwardHeaders are names of request headers that API routes get besides the
	// known ones, for plugins; the web UI gets them anyway. Case does not matter.
	// Cookies, identity, forwarding and hop-by-hop headers cannot be named, nor what
	// would ask for a part or an encoding of an answer. Default none.
	ForwardHeaders []string `yaml:"forward_headers"`
	// TLS is for upstreams with https.
	TLS TLS `yaml:"tls"`
}

// Timeouts are all required, there is no value for "for ever".
type Timeouts struct {
	// Connect bounds making a connection, the TLS handshake included. Default 2s.
	Connect time.Duration `yaml:"connect"`
	// ResponseHeader bounds the wait for the answer's headers after the request was
	// sent. Default 60s, twice PHP's own max_execution_time.
	ResponseHeader time.Duration `yaml:"response_header"`
	// Idle is how long an unused connection is kept. Default 60s. It should be
	// shorter than the web server's own (nginx 75s, Apache 5s), or a POST may meet
	// a connection that is being closed, which is a 502.
	Idle time.Duration `yaml:"idle"`
}

// Health is how upstreams are probed, see Proxy.Run.
type Health struct {
	// Interval is the time between two probes of an upstream, give or take a tenth.
	// Default 5s; 0 probes none.
	Interval time.Duration `yaml:"interval"`
	// Timeout bounds one probe. Default 2s, longer than 0.
	Timeout time.Duration `yaml:"timeout"`
	// UnhealthyAfter is how many probes in a row must fail before an upstream gets no
	// more requests. Default 3, at least 1. The first probe of all decides alone.
	UnhealthyAfter int `yaml:"unhealthy_after"`
	// HealthyAfter is how many must pass before it gets them again. Default 2, at
	// least 1.
	HealthyAfter int `yaml:"healthy_after"`
}

// Breaker is when failed requests eject an upstream, and for how long. A single
// upstream is never left out.
type Breaker struct {
	// Failures in a row eject. Default 5; 0 never ejects.
	Failures int `yaml:"failures"`
	// OpenFor is how long the first ejection lasts; one request then tries. Each
	// trial that fails doubles it. Default 5s, longer than 0.
	OpenFor time.Duration `yaml:"open_for"`
	// MaxOpenFor bounds the doubling. Default 1m, at least OpenFor.
	MaxOpenFor time.Duration `yaml:"max_open_for"`
}

// Retries is how often a request that is safe to repeat goes to another upstream.
type Retries struct {
	// Max is how many other upstreams one request may go to. Default 2; 0 sends
	// none again.
	Max int `yaml:"max"`
	// BudgetPercent bounds the retries to a share of all requests; 10 more can be
	// saved up. Default 20, from 1 to 100.
	BudgetPercent int `yaml:"budget_percent"`
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{
		Balance: LeastRequests,
		Timeouts: Timeouts{
			Connect:        2 * time.Second,
			ResponseHeader: 60 * time.Second,
			Idle:           60 * time.Second,
		},
		Health:             Health{Interval: 5 * time.Second, Timeout: 2 * time.Second, UnhealthyAfter: 3, HealthyAfter: 2},
		Breaker:            Breaker{Failures: 5, OpenFor: 5 * time.Second, MaxOpenFor: time.Minute},
		Retries:            Retries{Max: 2, BudgetPercent: 20},
		MaxIdleConnections: 256,
	}
}

// Validate reports every fault with its YAML path below the section.
func (c Config) Validate(report func(path, message string)) {
	if c.Balance != LeastRequests && c.Balance != RoundRobin {
		report("balance", "must be least_requests or round_robin")
	}
	for _, t := range []struct {
		path  string
		value time.Duration
	}{
		{"timeouts.connect", c.Timeouts.Connect},
		{"timeouts.response_header", c.Timeouts.ResponseHeader},
		{"timeouts.idle", c.Timeouts.Idle},
		{"health.timeout", c.Health.Timeout},
		{"breaker.open_for", c.Breaker.OpenFor},
	} {
		if t.value <= 0 {
			report(t.path, "must be longer than 0s")
		}
	}
	c.validateFleet(report)
	if c.MaxIdleConnections < 1 {
		report("max_idle_connections", "must be at least 1")
	}
	c.TLS.Validate(func(path, message string) { report("tls."+path, message) })
	for i, name := range c.ForwardHeaders {
		if fault := forwardFault(http.CanonicalHeaderKey(name)); fault != "" {
			report(fmt.Sprintf("forward_headers[%d]", i), fmt.Sprintf("%q %s", name, fault))
		}
	}
}

// validateFleet is the part of Validate about several upstreams.
func (c Config) validateFleet(report func(path, message string)) {
	if c.Health.Interval < 0 {
		report("health.interval", "must not be negative; 0s probes none")
	}
	if c.Breaker.MaxOpenFor < c.Breaker.OpenFor {
		report("breaker.max_open_for", "must not be shorter than breaker.open_for")
	}
	for _, n := range []struct {
		path  string
		value int
		least int
	}{
		{"health.unhealthy_after", c.Health.UnhealthyAfter, 1},
		{"health.healthy_after", c.Health.HealthyAfter, 1},
		{"breaker.failures", c.Breaker.Failures, 0},
		{"retries.max", c.Retries.Max, 0},
	} {
		if n.value < n.least {
			report(n.path, fmt.Sprintf("must be at least %d", n.least))
		}
	}
	if p := c.Retries.BudgetPercent; p < 1 || p > 100 {
		report("retries.budget_percent", "must be from 1 to 100")
	}
}

// forwardFault says why a canonical name cannot be forwarded, "" when it can.
func forwardFault(name string) string {
	switch {
	case !plain(name):
		return "is not a header name of letters, digits and hyphens"
	case reserved(name):
		return "is an identity, forwarding or connection header, which only the gateway sets"
	case name == "Cookie":
		return "would give the API a second place for a token"
	case name == "Range" || name == "If-Range" || name == "Accept-Encoding":
		return "would let an answer past the gateway that it has to read"
	case name == "Content-Encoding":
		return "would let a web server read another body than the gateway"
	}
	return ""
}
