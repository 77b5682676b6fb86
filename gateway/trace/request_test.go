package trace_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	api "go.opentelemetry.io/otel/trace"

	"faveo-gateway/gateway/trace"
)

const (
	strangersTrace  = "4bf92f3577b34da6a3ce929d0e0e4736"
	strangersParent = "00-" + strangersTrace + "-00f067aa0ba902b7-01"
)

var errBroken = errors.New("a text with password hunter2")

func request(headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/api/v1/helpdesk/ticket?ticket_id=7&token=hunter2", nil)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	return r
}

func TestARequestAndItsCalls(t *testing.T) {
	var id, parent string
	spans := kept(t, 1, func(tracer *trace.Tracer) {
		ctx, q := tracer.Begin(request(), false)
		id = q.ID()
		tracer.Called(ctx, "redis", "session_find", 3*time.Millisecond, nil)
		tracer.Called(ctx, "database", "account", time.Millisecond, fmt.Errorf("%w: %w", errBroken, context.DeadlineExceeded))
		tracer.Called(context.Background(), "redis", "ping", time.Millisecond, nil) // Of nobody.
		var end func(int, error)
		parent, end = q.Upstream(ctx)
		end(404, nil)
		q.End(trace.Outcome{Method: "GET", Pattern: "/api/*", Route: "api", Rule: "ticket", Reason: "allowed", Status: 502})
	})
	if len(spans) != 4 {
		t.Fatalf("%d spans, want 4: %v", len(spans), spans)
	}
	redis, database, upstream, server := spans[0], spans[1], spans[2], spans[3]
	for _, s := range []struct {
		name       string
		got        string
		kind       api.SpanKind
		status     codes.Code
		attributes map[string]string
	}{
		{"redis session_find", redis.Name, redis.SpanKind, redis.Status.Code, attributes(redis)},
		{"database account", database.Name, database.SpanKind, database.Status.Code, attributes(database)},
		{"upstream", upstream.Name, upstream.SpanKind, upstream.Status.Code, attributes(upstream)},
		{"GET /api/*", server.Name, server.SpanKind, server.Status.Code, attributes(server)},
	} {
		want := map[string]struct {
			kind       api.SpanKind
			status     codes.Code
			attributes map[string]string
		}{
			"redis session_find": {api.SpanKindClient, codes.Unset, map[string]string{
				"faveo_gateway.dependency": "redis", "db.operation.name": "session_find",
			}},
			"database account": {api.SpanKindClient, codes.Error, map[string]string{
				"faveo_gateway.dependency": "database", "db.operation.name": "account", "error.type": "timeout",
			}},
			"upstream": {api.SpanKindClient, codes.Error, map[string]string{
				"http.response.status_code": "404", "error.type": "404",
			}},
			"GET /api/*": {api.SpanKindServer, codes.Error, map[string]string{
				"http.request.method": "GET", "http.response.status_code": "502", "http.route": "/api/*", "error.type": "502",
				"faveo_gateway.route": "api", "faveo_gateway.rule": "ticket", "faveo_gateway.reason": "allowed",
			}},
		}[s.name]
		if s.got != s.name || s.kind != want.kind || s.status != want.status || !maps.Equal(s.attributes, want.attributes) {
			t.Errorf("span %q (%v, %v) has %v, want %q (%v, %v) with %v", s.got, s.kind, s.status, s.attributes, s.name, want.kind, want.status, want.attributes)
		}
	}
	for _, child := range spans[:3] {
		if child.Parent.SpanID() != server.SpanContext.SpanID() || child.SpanContext.TraceID().String() != id {
			t.Errorf("%s is not a child of the request", child.Name)
		}
	}
	if took := redis.EndTime.Sub(redis.StartTime); took != 3*time.Millisecond {
		t.Errorf("the call took %v, want 3ms", took)
	}
	if want := "00-" + id + "-" + upstream.SpanContext.SpanID().String() + "-01"; parent != want {
		t.Errorf("traceparent for PHP is %s, want %s", parent, want)
	}
	if server.Parent.IsValid() {
		t.Errorf("the request has a parent: %v", server.Parent)
	}
	for _, s := range spans {
		if text := fmt.Sprintf("%+v", s); strings.Contains(text, "hunter2") || strings.Contains(text, "ticket_id") {
			t.Errorf("a span shows what the client wrote: %s", text)
		}
	}
	if of := server.Resource.String(); !strings.Contains(of, "service.name=faveo-gateway") || !strings.Contains(of, "service.instance.id=replica") {
		t.Errorf("the resource is %s", of)
	}
}

func TestWhoseTraceItIs(t *testing.T) {
	other := strings.Replace(strangersParent, "4bf9", "aaaa", 1)
	for _, c := range []struct {
		name      string
		trusted   bool
		ratio     float64
		headers   []string
		recorded  bool
		continued bool
		linked    bool
	}{
		{"a stranger's is not continued", false, 1, []string{"Traceparent: " + strangersParent}, true, false, true},
		{"a stranger cannot have his recorded", false, 0, []string{"Traceparent: " + strangersParent}, false, false, false},
		{"a trusted proxy's is continued", true, 0, []string{"Traceparent: " + strangersParent}, true, true, false},
		{"a trusted proxy decides against it", true, 1, []string{"Traceparent: " + strings.TrimSuffix(strangersParent, "1") + "0"}, false, true, false},
		{"of two neither counts", true, 1, []string{"Traceparent: " + strangersParent, "Traceparent: " + other}, true, false, false},
		{"a malformed one does not count", true, 1, []string{"Traceparent: 00-" + strings.Repeat("0", 32) + "-00f067aa0ba902b7-01"}, true, false, false},
		{"nobody's", true, 1, nil, true, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var parent, id string
			spans := kept(t, c.ratio, func(tracer *trace.Tracer) {
				r := request(append(c.headers, "Tracestate: vendor=hunter2", "Baggage: user=hunter2")...)
				ctx, q := tracer.Begin(r, c.trusted)
				if same := ctx == r.Context(); same == c.recorded {
					t.Errorf("the context is the request's own: %v, and recorded: %v", same, c.recorded)
				}
				id = q.ID()
				parent, _ = q.Upstream(ctx)
				q.End(trace.Outcome{Method: "GET", Pattern: "/*", Route: "web", Status: 200})
			})
			if (len(spans) == 1) != c.recorded || (id != "") != c.recorded || strings.HasSuffix(parent, "-01") != c.recorded {
				t.Errorf("%d spans, id %q, traceparent for PHP %q; want recorded: %v", len(spans), id, parent, c.recorded)
			}
			if strings.Contains(parent, strangersTrace) != c.continued {
				t.Errorf("traceparent for PHP is %s, want continued: %v", parent, c.continued)
			}
			for _, s := range spans {
				linked := len(s.Links) == 1 && s.Links[0].SpanContext.TraceID().String() == strangersTrace
				if (len(s.Links) > 0) != c.linked || linked != c.linked {
					t.Errorf("links are %v, want linked: %v", s.Links, c.linked)
				}
				if text := fmt.Sprintf("%+v", s); strings.Contains(text, "hunter2") {
					t.Errorf("tracestate or baggage got in: %s", text)
				}
			}
		})
	}
}

// TestKindsOfFailure holds the closed set of error.type.
func TestKindsOfFailure(t *testing.T) {
	for want, failure := range map[string]error{
		"broken_off": http.ErrAbortHandler, "canceled": context.Canceled,
		"timeout": fmt.Errorf("redis: %w", timeout{}), "_OTHER": errBroken,
	} {
		spans := kept(t, 1, func(tracer *trace.Tracer) {
			ctx, q := tracer.Begin(request(), false)
			tracer.Called(ctx, "redis", "ping", 0, failure)
			_, end := q.Upstream(ctx)
			end(0, failure)
		})
		for _, s := range spans {
			if got := attributes(s); got["error.type"] != want || s.Status.Code != codes.Error || s.Status.Description != "" {
				t.Errorf("%s after %v: %v %v, want %s", s.Name, failure, got, s.Status, want)
			}
		}
	}
}

type timeout struct{}

func (timeout) Error() string   { return "i/o timeout" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

// TestNothingIsTraced is for a Tracer that is nil.
func TestNothingIsTraced(t *testing.T) {
	var none *trace.Tracer
	none.Called(t.Context(), "redis", "ping", time.Second, errBroken)
	if err := none.Close(t.Context()); err != nil {
		t.Errorf("close: %v", err)
	}
}

func BenchmarkBegin(b *testing.B) {
	for name, ratio := range map[string]float64{"never": 0, "1%": .01, "always": 1} {
		b.Run(name, func(b *testing.B) {
			o := options(&buffer{})
			o.SampleRatio = ratio
			tracer := trace.OpenTo(o, &remembering{})
			defer tracer.Close(context.Background())
			r := request()
			b.ReportAllocs()
			for b.Loop() {
				ctx, q := tracer.Begin(r, false)
				_, end := q.Upstream(ctx)
				end(200, nil)
				q.End(trace.Outcome{Method: "GET", Pattern: "/api/*", Route: "api", Rule: "tickets", Reason: "allowed", Status: 200})
			}
		})
	}
}
