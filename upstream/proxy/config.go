package proxy

import (
	"fmt"
	"net/http"
	"time"
)

// Config is the section proxy of the configuration. DefaultConfig is valid; the
// zero value is not.
type Config struct {
	Timeouts Timeouts `yaml:"timeouts"`
	// MaxIdleConnections is how many connections to each upstream are kept for
	// reuse. Default 256, at least 1. More are opened when needed and closed after
	// use. Keep it above the number of PHP workers.
	MaxIdleConnections int `yaml:"max_idle_connections"`
	// ForwardHeaders are names of request headers that API routes get besides the
	// known ones, for plugins; the web UI gets them anyway. Case does not matter.
	// Cookies, identity, forwarding and hop-by-hop headers cannot be named, nor what
	// would ask for a part or an encoding of an answer. Default none.
	ForwardHeaders []string `yaml:"forward_headers"`
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

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{
		Timeouts: Timeouts{
			Connect:        2 * time.Second,
			ResponseHeader: 60 * time.Second,
			Idle:           60 * time.Second,
		},
		MaxIdleConnections: 256,
	}
}

// Validate reports every fault with its YAML path below the section.
func (c Config) Validate(report func(path, message string)) {
	for _, t := range []struct {
		path  string
		value time.Duration
	}{
		{"timeouts.connect", c.Timeouts.Connect},
		{"timeouts.response_header", c.Timeouts.ResponseHeader},
		{"timeouts.idle", c.Timeouts.Idle},
	} {
		if t.value <= 0 {
			report(t.path, "must be longer than 0s")
		}
	}
	if c.MaxIdleConnections < 1 {
		report("max_idle_connections", "must be at least 1")
	}
	for i, name := range c.ForwardHeaders {
		if fault := forwardFault(http.CanonicalHeaderKey(name)); fault != "" {
			report(fmt.Sprintf("forward_headers[%d]", i), fmt.Sprintf("%q %s", name, fault))
		}
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
