package stage_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/gateway/stage"
	"faveo-gateway/upstream/laravel"
)

// door is the first stages in front of one handler.
type door struct {
	echo     *echo.Echo
	log      bytes.Buffer
	registry *prometheus.Registry
}

func newDoor(trusted []string, handler echo.HandlerFunc, stages ...echo.MiddlewareFunc) *door {
	d := &door{echo: echo.New(), registry: prometheus.NewRegistry()}
	var prefixes []netip.Prefix
	for _, text := range trusted {
		prefixes = append(prefixes, netip.MustParsePrefix(text))
	}
	peers := stage.NewPeers(prefixes)
	d.echo.IPExtractor = peers.Extractor()
	d.echo.HTTPErrorHandler = func(err error, c echo.Context) {
		var ambiguous *laravel.Ambiguous
		if errors.As(err, &ambiguous) {
			c.String(http.StatusBadRequest, string(ambiguous.Reason))
			return
		}
		c.String(http.StatusInternalServerError, "fault")
	}
	d.echo.Pre(stage.NewObserver(peers, slog.New(slog.NewJSONHandler(&d.log, nil)), nil, d.registry).Observe(), stage.Recover())
	d.echo.Any("/*", handler, stages...)
	return d
}

// get sends a request from a peer; headers are "Name: value".
func (d *door) get(target, peer string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.RemoteAddr = peer
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	d.echo.ServeHTTP(w, r)
	return w
}

// TestClientAddress believes the word of trusted proxies and of nobody else.
func TestClientAddress(t *testing.T) {
	for _, try := range []struct {
		name    string
		trusted []string
		peer    string
		headers []string
		want    string
	}{
		{"no proxy, forged", nil, "192.0.2.1:9", []string{"X-Forwarded-For: 6.6.6.6", "X-Real-IP: 6.6.6.6", "Forwarded: for=6.6.6.6"}, "192.0.2.1"},
		{"no proxy, peer in a private network, forged", nil, "10.0.0.7:9", []string{"X-Forwarded-For: 6.6.6.6"}, "10.0.0.7"},
		{"loopback is not trusted by itself", nil, "127.0.0.1:9", []string{"X-Forwarded-For: 6.6.6.6"}, "127.0.0.1"},
		{"trusted", []string{"10.0.0.0/8"}, "10.0.0.7:9", []string{"X-Forwarded-For: 192.0.2.5"}, "192.0.2.5"},
		{"trusted, the client forged the left part", []string{"10.0.0.0/8"}, "10.0.0.7:9", []string{"X-Forwarded-For: 6.6.6.6, 192.0.2.5, 10.0.0.3"}, "192.0.2.5"},
		{"trusted, forged header of its own", []string{"10.0.0.0/8"}, "10.0.0.7:9", []string{"X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 192.0.2.5"}, "192.0.2.5"},
		{"another peer", []string{"10.0.0.0/8"}, "192.0.2.1:9", []string{"X-Forwarded-For: 6.6.6.6"}, "192.0.2.1"},
		{"garbage is nobody's address", []string{"10.0.0.0/8"}, "10.0.0.7:9", []string{"X-Forwarded-For: drop table"}, ""},
		{"unknown, as RFC 7239 says", []string{"10.0.0.0/8"}, "10.0.0.7:9", []string{"X-Forwarded-For: 192.0.2.5, unknown"}, ""},
		{"an empty header", []string{"10.0.0.0/8"}, "10.0.0.7:9", []string{"X-Forwarded-For: "}, "10.0.0.7"},
		{"an empty element", []string{"10.0.0.0/8"}, "10.0.0.7:9", []string{"X-Forwarded-For: 192.0.2.5,"}, ""},
		{"with a port", []string{"10.0.0.0/8"}, "10.0.0.7:9", []string{"X-Forwarded-For: 6.6.6.6, 192.0.2.5:5555"}, "192.0.2.5"},
		{"IPv6 with a port", []string{"10.0.0.0/8"}, "10.0.0.7:9", []string{"X-Forwarded-For: [2001:db8::1]:5555"}, "2001:db8::1"},
		{"IPv6 in brackets", []string{"10.0.0.0/8"}, "10.0.0.7:9", []string{"X-Forwarded-For: [2001:db8::1]"}, "2001:db8::1"},
		{"with a zone", []string{"10.0.0.0/8"}, "10.0.0.7:9", []string{"X-Forwarded-For: fe80::1%eth0"}, "fe80::1"},
		{"IPv4 in IPv6", []string{"10.0.0.0/8"}, "[::ffff:10.0.0.7]:9", []string{"X-Forwarded-For: ::ffff:192.0.2.5"}, "192.0.2.5"},
		{"all of them trusted", []string{"10.0.0.0/8"}, "10.0.0.7:9", []string{"X-Forwarded-For: 10.0.0.9, 10.0.0.8"}, "10.0.0.9"},
		{"IPv6", []string{"fd00::/8"}, "[fd00::1]:9", []string{"X-Forwarded-For: 2001:db8::1"}, "2001:db8::1"},
	} {
		d := newDoor(try.trusted, func(c echo.Context) error { return c.String(http.StatusOK, stage.From(c).Client) })
		if got := d.get("/", try.peer, try.headers...).Body.String(); got != try.want {
			t.Errorf("%s: client is %q, want %q", try.name, got, try.want)
		}
	}
}

// TestRequestID keeps an id only from a trusted proxy and only when it is one.
func TestRequestID(t *testing.T) {
	for _, try := range []struct {
		name, peer, id string
		kept           bool
	}{
		{"trusted", "10.0.0.7:9", "abc-123", true},
		{"stranger", "192.0.2.1:9", "abc-123", false},
		{"too long", "10.0.0.7:9", strings.Repeat("x", 65), false},
		{"line of its own", "10.0.0.7:9", `a","level":"x`, false},
		{"none", "10.0.0.7:9", "", false},
	} {
		d := newDoor([]string{"10.0.0.0/8"}, func(c echo.Context) error { return c.String(http.StatusOK, stage.From(c).RequestID) })
		got := d.get("/", try.peer, "X-Request-Id: "+try.id).Body.String()
		if got == "" || (got == try.id) != try.kept {
			t.Errorf("%s: id is %q", try.name, got)
		}
	}
}

// TestPanic answers a fault, and tells the log where it was.
func TestPanic(t *testing.T) {
	d := newDoor(nil, func(echo.Context) error { panic("boom") })
	if w := d.get("/", "192.0.2.1:9"); w.Code != http.StatusInternalServerError {
		t.Errorf("status %d", w.Code)
	}
	if log := d.log.String(); !strings.Contains(log, "boom") || !strings.Contains(log, "stage_test.go") || !strings.Contains(log, `"status":500`) {
		t.Errorf("log is %s", log)
	}
}

// TestAbort lets the panic that cuts a connection through, and reports it.
func TestAbort(t *testing.T) {
	d := newDoor(nil, func(echo.Context) error { panic(http.ErrAbortHandler) })
	func() {
		defer func() {
			if value := recover(); value != http.ErrAbortHandler { //nolint:errorlint // The very value is what net/http looks for.
				t.Errorf("recovered %v", value)
			}
		}()
		d.get("/", "192.0.2.1:9")
	}()
	if log := d.log.String(); !strings.Contains(log, `"status":499`) {
		t.Errorf("log is %s", log)
	}
}

// TestHostileLabels sends what clients invent and finds the number of series
// unchanged.
func TestHostileLabels(t *testing.T) {
	d := newDoor(nil, func(c echo.Context) error { return c.NoContent(http.StatusOK) })
	send := func(method, target string) {
		r := httptest.NewRequest(method, target, nil)
		r.Header.Set("User-Agent", target)
		d.echo.ServeHTTP(httptest.NewRecorder(), r)
	}
	send("GET", "/")
	send("PROPFIND", "/")
	send("BREW", "/")
	before := series(t, d.registry)
	for _, path := range []string{"/a", "/b?x=1", "/%ff", "/api/v1/" + strings.Repeat("x", 100)} {
		send("GET", path)
		send("PROPFIND", path)
		send("X"+strings.Repeat("Y", 50), path)
	}
	if after := series(t, d.registry); after != before {
		t.Errorf("%d series became %d", before, after)
	}
}

// TestStrangeStatus: PHP may answer with any number, which becomes no label.
func TestStrangeStatus(t *testing.T) {
	for status, label := range map[int]string{http.StatusOK: "200", http.StatusTeapot: "418", 299: "other", 599: "other", 999: "other"} {
		d := newDoor(nil, func(c echo.Context) error { return c.NoContent(status) })
		d.get("/", "192.0.2.1:9")
		want := fmt.Sprintf("faveo_gateway_http_requests_total{code=%q,method=\"GET\",route=\"refused\"} 1\n", label)
		if got := text(t, d.registry, ""); !strings.Contains(got, want) {
			t.Errorf("%d: want %s in\n%s", status, want, got)
		}
	}
}

// TestExemplar: the duration of a request that belongs to a sampled trace leads to it, in
// the format that has room for that; another one's does not.
func TestExemplar(t *testing.T) {
	const trace = "0af7651916cd43dd8448eb211c80319c"
	for _, id := range []string{trace, ""} {
		d := newDoor(nil, func(c echo.Context) error { return c.NoContent(http.StatusOK) },
			func(next echo.HandlerFunc) echo.HandlerFunc {
				return func(c echo.Context) error {
					stage.From(c).SetTraceID(id)
					return next(c)
				}
			})
		d.get("/", "192.0.2.1:9")
		got := text(t, d.registry, "application/openmetrics-text; version=1.0.0")
		if leads := strings.Contains(got, `# {trace_id="`+trace+`"}`); leads != (id != "") {
			t.Errorf("trace %q: an exemplar names it: %v, in\n%s", id, leads, got)
		}
		if !strings.Contains(got, `faveo_gateway_http_request_duration_seconds_count{method="GET",route="refused"} 1`) {
			t.Errorf("trace %q: the request is not counted in\n%s", id, got)
		}
	}
}

// text is what a scraper that accepts that format gets.
func text(t *testing.T, registry *prometheus.Registry, accept string) string {
	t.Helper()
	r, w := httptest.NewRequest(http.MethodGet, "/metrics", nil), httptest.NewRecorder()
	r.Header.Set("Accept", accept)
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true}).ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("metrics: %d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func series(t *testing.T, registry *prometheus.Registry) int {
	t.Helper()
	n, err := testutil.GatherAndCount(registry)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestCredentials finds the one token of a request, or the reason why it has two
// readings.
func TestCredentials(t *testing.T) {
	const bearer = "Authorization: Bearer "
	for _, try := range []struct {
		name, target string
		headers      []string
		want         string // the token, or the reason behind "! "
	}{
		{"none", "/api/v1/x", nil, ""},
		{"header", "/api/v1/x", []string{bearer + "h"}, "h"},
		{"header, scheme in any case", "/api/v1/x", []string{"Authorization: BEARER h"}, "h"},
		{"header, blanks around", "/api/v1/x", []string{bearer + "  h "}, "h"},
		{"header without a token", "/api/v1/x", []string{"Authorization: Bearer"}, ""},
		{"query", "/api/v1/x?token=q", nil, "q"},
		{"empty query parameter before the header", "/api/v1/x?token=", []string{bearer + "h"}, "h"},
		{"another scheme", "/api/v1/x", []string{"Authorization: Basic dTpw"}, ""},
		{"cookie", "/api/v1/x", []string{"Cookie: token=c"}, ""},
		{"other spellings of the parameter", "/api/v1/x?TOKEN=q&Token=q&access_token=q", nil, ""},

		{"header and query", "/api/v1/x?token=q", []string{bearer + "h"}, "! two_tokens"},
		{"the same in header and query", "/api/v1/x?token=h", []string{bearer + "h"}, "! two_tokens"},
		{"the same twice in the query", "/api/v1/x?token=q&token=q", nil, "! two_tokens"},
		{"two headers", "/api/v1/x", []string{bearer + "h", bearer + "i"}, "! authorization_header"},
		{"the last bearer of a header", "/api/v1/x", []string{bearer + "h, Bearer i"}, "! authorization_header"},
		{"bearer behind another scheme", "/api/v1/x", []string{"Authorization: Basic dTpw bEaReR i"}, "! authorization_header"},
		{"two tokens with a comma", "/api/v1/x", []string{bearer + "h,bearer"}, "! authorization_header"},
		{"bearer inside a token", "/api/v1/x", []string{bearer + "abearerb"}, "abearerb"},
		{"list", "/api/v1/x?token[]=q", nil, "! token_kind"},
		{"source left out", "/api/v1/x?token=q", nil, "! token_source"},
	} {
		t.Run(try.name, func(t *testing.T) {
			tokens := &seen{}
			authenticator := &stage.Authenticator{Tokens: tokens, Sources: identity.Sources(), BodyLimit: 1 << 10}
			if try.name == "source left out" {
				authenticator.Sources = []identity.Source{identity.SourceHeader}
			}
			reader := laravel.NewReader("", laravel.Limits{Body: 1 << 10, Parameters: 1 << 10})
			d := newDoor(nil, func(c echo.Context) error { return c.String(http.StatusOK, "through") },
				stage.Canonicalize(reader), authenticator.RequireToken())
			w := d.get(try.target, "192.0.2.1:9", try.headers...)
			reason, refused := strings.CutPrefix(try.want, "! ")
			switch {
			case refused && (w.Code != http.StatusBadRequest || w.Body.String() != reason):
				t.Errorf("answer %d %s, want reason %s", w.Code, w.Body, reason)
			case refused && tokens.raw != "":
				t.Errorf("token %q was looked at", tokens.raw)
			case !refused && tokens.raw != try.want:
				t.Errorf("token is %q, want %q", tokens.raw, try.want)
			}
		})
	}
}

// seen accepts every token and remembers it.
type seen struct{ raw string }

// Verify implements identity.Tokens.
func (s *seen) Verify(raw string) (identity.Token, error) {
	s.raw = raw
	return identity.Token{UserID: 1, SessionID: "s"}, nil
}
