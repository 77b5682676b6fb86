package gateway_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	span "go.opentelemetry.io/proto/otlp/trace/v1"
)

// recorded runs a gateway that traces, until do has returned and the gateway has ended,
// and returns what the collector got of each request, in their order.
func recorded(t *testing.T, stores settings, do func(*world)) (requests []*traced) {
	t.Helper()
	to := newCollector(t)
	t.Run("serve", func(t *testing.T) { do(start(t, merge(stores, to.settings()))) })
	children := map[string][]*span.Span{}
	for _, s := range to.spans {
		if s.Kind == span.Span_SPAN_KIND_SERVER {
			requests = append(requests, &traced{server: s})
		} else {
			children[string(s.ParentSpanId)] = append(children[string(s.ParentSpanId)], s)
		}
	}
	slices.SortFunc(requests, func(a, b *traced) int {
		return int(int64(a.server.StartTimeUnixNano) - int64(b.server.StartTimeUnixNano))
	})
	for _, r := range requests {
		for _, s := range children[string(r.server.SpanId)] {
			r.calls = append(r.calls, s.Name)
			if string(s.TraceId) != string(r.server.TraceId) {
				t.Errorf("%s is in another trace than its request", s.Name)
			}
		}
		delete(children, string(r.server.SpanId))
	}
	if len(children) > 0 {
		t.Errorf("spans of no request: %v", children)
	}
	return requests
}

// traced is a request as the collector sees it.
type traced struct {
	server *span.Span
	calls  []string // that left the process
}

// attribute is that of the server's span, "" without it.
func (r *traced) attribute(name string) string {
	for _, a := range r.server.Attributes {
		if a.Key == name {
			if text := a.Value.GetStringValue(); text != "" {
				return text
			}
			return fmt.Sprint(a.Value.GetIntValue())
		}
	}
	return ""
}

// TestARequestIsTraced shows in which of its parts a request left the process: a session
// that this replica does not know asks Redis and the database, one that it knows neither.
func TestARequestIsTraced(t *testing.T) {
	stores, _ := onMariaDB(t)
	token := start(t, stores).login("demo_admin", "AdminPass1!")
	var log string
	got := recorded(t, stores, func(w *world) {
		ask := func() {
			if got := w.send(http.MethodGet, "/api/v1/helpdesk/priority?secret=hunter2", "", bearer(token)); got.status != http.StatusOK {
				t.Errorf("%d %s", got.status, got.body)
			}
		}
		ask()
		// Until the replica hears the news of the others it has forgotten what it knew before.
		eventually(t, "a warm session", func() bool {
			ask()
			return counter(t, w.metrics(), `faveo_gateway_session_cache_total{result="hit"}`) > 0
		})
		w.send(http.MethodGet, "/api/v1/helpdesk/priority", "")
		w.send(http.MethodGet, "/api//v1/helpdesk/priority", "")
		w.send(http.MethodPost, "/api/v1/authenticate", "username=alice&password=AlicePass1!", "Content-Type: application/x-www-form-urlencoded")
		log = w.log.String()
	})
	if len(got) < 5 {
		t.Fatalf("%d requests were traced, want 5", len(got))
	}
	got = append(got[:1], got[len(got)-4:]...)
	for i, want := range []struct {
		what, name, status string
		calls              []string
	}{
		{"cold", "GET /api/*", "200", []string{"database account", "redis apikey_get", "redis session_find", "upstream"}},
		{"warm", "GET /api/*", "200", []string{"upstream"}},
		{"without a token", "GET /api/*", "401", nil},
		{"ambiguous", "GET refused", "400", nil},
		{"a login", "POST /api/v1/authenticate", "200", []string{"database login_lookup", "redis session_create"}},
	} {
		r := got[i]
		slices.Sort(r.calls)
		calls := slices.DeleteFunc(slices.Clone(r.calls), func(name string) bool { return want.what == "a login" && !slices.Contains(want.calls, name) })
		if r.server.Name != want.name || r.attribute("http.response.status_code") != want.status || !slices.Equal(calls, want.calls) {
			t.Errorf("%s: %s, %s, calls %q; want %s, %s, %q", want.what, r.server.Name, r.attribute("http.response.status_code"), r.calls, want.name, want.status, want.calls)
		}
		if id := fmt.Sprintf(`"trace_id":"%x"`, r.server.TraceId); strings.Count(log, id) != 1 {
			t.Errorf("%s: the log does not have %s once", want.what, id)
		}
	}
	if r := got[2]; r.attribute("faveo_gateway.rule") == "" || r.attribute("faveo_gateway.reason") != "unauthenticated" {
		t.Errorf("the refused request is of rule %q for %q", r.attribute("faveo_gateway.rule"), r.attribute("faveo_gateway.reason"))
	}
}

// TestWhoseTraceparentReachesPHP sends what a client may write about traces.
func TestWhoseTraceparentReachesPHP(t *testing.T) {
	inOrder(t)
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	hostile := []string{"Traceparent: 00-" + id + "-00f067aa0ba902b7-01", "Tracestate: vendor=value", "Baggage: user=root", "trace_parent: x"}
	stores, _ := onMariaDB(t)
	for _, peer := range []struct {
		name      string
		trusted   string
		ratio     string
		continued bool
		flags     string
	}{
		{"a stranger", "192.0.2.1", "1", false, "01"},
		{"a stranger who is not sampled", "192.0.2.1", "0", false, "00"},
		{"a trusted proxy", "127.0.0.1", "0", true, "01"},
	} {
		to := newCollector(t)
		t.Run(peer.name, func(t *testing.T) {
			w := start(t, merge(stores, merge(to.settings(), settings{
				"server.trusted_proxies": peer.trusted, "observability.tracing.sample_ratio": peer.ratio,
			})))
			token := w.login("alice", "AlicePass1!")
			for _, path := range []string{priority, "/"} {
				w.send(http.MethodGet, path, "", append([]string{bearer(token)}, hostile...)...)
				seen, _ := w.faveo.LastRequest()
				parents := seen.Header.Values("Traceparent")
				if len(parents) != 1 || strings.Contains(parents[0], id) != peer.continued || strings.Contains(parents[0], "00f067aa0ba902b7") || !strings.HasSuffix(parents[0], "-"+peer.flags) {
					t.Errorf("%s: PHP got the traceparent %q, want continued: %v", path, parents, peer.continued)
				}
				if extra := seen.Header["Tracestate"]; extra != nil || seen.Header["Baggage"] != nil || seen.Header["Trace_parent"] != nil {
					t.Errorf("%s: PHP got %v", path, seen.Header)
				}
			}
		})
	}
}

// TestUntracedRequestsAreAsBefore is the default: PHP gets no traceparent at all.
func TestUntracedRequestsAreAsBefore(t *testing.T) {
	stores, _ := onMariaDB(t)
	w := start(t, stores)
	w.send(http.MethodGet, "/", "", "Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	if seen, _ := w.faveo.LastRequest(); seen.Header.Values("Traceparent") != nil {
		t.Errorf("PHP got %v", seen.Header)
	}
	if strings.Contains(w.log.String(), "trace_id") {
		t.Errorf("the log has an id of no trace: %s", w.log)
	}
}

// TestRequestsDoNotWaitForTheCollector serves while it is down, and stops.
func TestRequestsDoNotWaitForTheCollector(t *testing.T) {
	stores, _ := onMariaDB(t)
	w := start(t, merge(stores, settings{
		"observability.tracing.endpoint": "http://127.0.0.1:1", "observability.tracing.sample_ratio": "1", "observability.tracing.timeout": "300ms",
	}))
	token := w.login("alice", "AlicePass1!")
	for range 50 {
		if got := w.send(http.MethodGet, priority, "", bearer(token)); got.status != http.StatusOK {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
}
