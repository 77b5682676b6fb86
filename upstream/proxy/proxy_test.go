package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"faveo-gateway/upstream/proxy"
)

func TestNewNamesEveryFault(t *testing.T) {
	parse := func(raw string) *url.URL {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	tests := []struct {
		name   string
		change func(*proxy.Options)
		want   string
	}{
		{"no upstream", func(o *proxy.Options) { o.Upstreams = nil }, "no upstream"},
		{"nil upstream", func(o *proxy.Options) { o.Upstreams[0] = nil }, "upstream 0 must be a URL"},
		{"user", func(o *proxy.Options) { o.Upstreams[0] = parse("http://u:secret@php") }, "user name"},
		{"path", func(o *proxy.Options) { o.Upstreams[0] = parse("http://php/secret") }, "path"},
		{"twice", func(o *proxy.Options) { o.Upstreams = append(o.Upstreams, parse("https://php:80")) }, "upstream 1 has the host"},
		{"identify", func(o *proxy.Options) { o.Identify = nil }, "Identify"},
		{"probe path", func(o *proxy.Options) { o.ProbePath = "check-url" }, "slash"},
		{"log", func(o *proxy.Options) { o.Log = nil }, "no Log"},
		{"registerer", func(o *proxy.Options) { o.Registerer = nil }, "Registerer"},
		{"config", func(o *proxy.Options) { o.Config = proxy.Config{} }, "timeouts.idle"},
	}
	for _, tt := range tests {
		o := options(parse("http://php:80"))
		tt.change(&o)
		p, err := proxy.New(o)
		if p != nil || err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want an error with %q", tt.name, err, tt.want)
		}
	}
	_, err := proxy.New(proxy.Options{})
	for _, want := range []string{"no upstream", "timeouts.connect", "max_idle_connections", "Identify", "Registerer", "Log"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

func TestNewReportsMetricsTaken(t *testing.T) {
	o := options(&url.URL{Scheme: "http", Host: "php"})
	newProxy(t, o)
	var taken prometheus.AlreadyRegisteredError
	if _, err := proxy.New(o); !errors.As(err, &taken) {
		t.Errorf("error %v", err)
	}
}

func TestConfigValidate(t *testing.T) {
	tests := []struct {
		name   string
		change func(*proxy.Config)
		want   []string
	}{
		{"defaults", func(*proxy.Config) {}, nil},
		{"zero", func(c *proxy.Config) { *c = proxy.Config{} }, []string{
			"balance", "timeouts.connect", "timeouts.response_header", "timeouts.idle", "health.timeout", "breaker.open_for",
			"health.unhealthy_after", "health.healthy_after", "retries.budget_percent", "max_idle_connections",
		}},
		{"negative", func(c *proxy.Config) { c.Timeouts.Connect = -time.Second; c.MaxIdleConnections = -1 }, []string{"timeouts.connect", "max_idle_connections"}},
		{"negative fleet", func(c *proxy.Config) {
			c.Health.Interval, c.Breaker.Failures, c.Retries.Max = -1, -1, -1
		}, []string{"health.interval", "breaker.failures", "retries.max"}},
		{"too much", func(c *proxy.Config) {
			c.Breaker.OpenFor, c.Retries.BudgetPercent = time.Hour, 101
		}, []string{"breaker.max_open_for", "retries.budget_percent"}},
		{"switched off", func(c *proxy.Config) {
			c.Balance, c.Health.Interval, c.Breaker.Failures, c.Retries.Max = proxy.RoundRobin, 0, 0, 0
		}, nil},
		{"plugin headers", func(c *proxy.Config) { c.ForwardHeaders = []string{"X-Tenant", "x-csrf-token", "Referer"} }, nil},
		{
			"reserved headers",
			func(c *proxy.Config) {
				c.ForwardHeaders = []string{
					"authorization", "X-FORWARDED-FOR", "x-forwarded-anything", "Forwarded", "x-real-ip", "Connection", "Te", "upgrade", "Host", "content-length",
					"Transfer-Encoding", "Cookie", "X-Request-ID", "traceparent", "Proxy", "X-API-Key", "X-HTTP-Method-Override", "content-encoding", "idempotency-key",
					"range", "if-range", "accept-encoding",
				}
			},
			func() (all []string) {
				for i := range 22 {
					all = append(all, fmt.Sprintf("forward_headers[%d]", i))
				}
				return all
			}(),
		},
		{
			"no header names",
			func(c *proxy.Config) {
				c.ForwardHeaders = []string{"", "X_Tenant", "X.Tenant", "X Tenant", "X-Ä", "ok"}
			},
			[]string{"forward_headers[0]", "forward_headers[1]", "forward_headers[2]", "forward_headers[3]", "forward_headers[4]"},
		},
	}
	for _, tt := range tests {
		c := proxy.DefaultConfig()
		tt.change(&c)
		var got []string
		c.Validate(func(path, message string) {
			if message == "" {
				t.Errorf("%s: %s without a message", tt.name, path)
			}
			got = append(got, path)
		})
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: faults at %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestProbe(t *testing.T) {
	up := newPHP(t, says(okAnswer))
	moved := newPHP(t, says("HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n"))
	maintained := newPHP(t, says("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"))
	gone := refused(t)
	tests := []struct {
		name      string
		upstreams []*url.URL
		want      []float64
		fails     bool
	}{
		{"up", []*url.URL{up.url}, []float64{1}, false},
		{"redirect is an answer", []*url.URL{moved.url}, []float64{1}, false},
		{"maintenance", []*url.URL{maintained.url}, []float64{0}, true},
		{"gone", []*url.URL{gone}, []float64{0}, true},
		{"one of two", []*url.URL{gone, up.url}, []float64{0, 1}, false},
		{"none of two", []*url.URL{gone, maintained.url}, []float64{0, 0}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := options(tt.upstreams...)
			registry := prometheus.NewRegistry()
			o.Registerer = registry
			p := newProxy(t, o)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if err := p.Probe(ctx); errors.Is(err, proxy.ErrUnavailable) != tt.fails {
				t.Errorf("error %v, want one: %t", err, tt.fails)
			}
			p.CheckHealth(ctx)
			if got := states(t, registry, tt.upstreams); !slices.Equal(got, tt.want) {
				t.Errorf("upstream_up %v, want %v", got, tt.want)
			}
		})
	}
	if got := up.got(t); !strings.HasPrefix(got, "GET /api/v1/helpdesk/check-url HTTP/1.1\r\n") || hasHeader(got, "Authorization") {
		t.Errorf("PHP received %q", got)
	}
}

// states are the values of upstream_up in the order of the upstreams.
func states(t *testing.T, g prometheus.Gatherer, upstreams []*url.URL) []float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]float64)
	for _, family := range families {
		if family.GetName() != "faveo_gateway_upstream_up" {
			continue
		}
		for _, m := range family.GetMetric() {
			found[m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue()
		}
	}
	var values []float64
	for _, u := range upstreams {
		values = append(values, found[u.Host])
	}
	return values
}

// TestParallelRequests mixes outcomes over pooled calls: no answer may reach
// another's request, and no error either.
func TestParallelRequests(t *testing.T) {
	backend := newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("do") {
		case "die":
			w.Header().Set("Content-Length", "99")
			_, _ = w.Write([]byte("{"))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case "slam":
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "[%q]", r.URL.Query().Get("n"))
	})
	p := newProxy(t, options(backend))
	f := newFront(t, func(w http.ResponseWriter, r *http.Request) error {
		err := p.Forward(w, r, proxy.Passage{Kind: proxy.API})
		if slam := r.URL.Query().Get("do") == "slam"; errors.Is(err, proxy.ErrUnavailable) != slam {
			t.Errorf("%s: error %v", r.URL.RawQuery, err)
		}
		return err
	})
	done := make(chan error, 8)
	for worker := range 8 {
		go func() { done <- f.mixed(worker, 40) }()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
