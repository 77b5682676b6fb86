package proxy_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"faveo-gateway/upstream/proxy"
)

// TestRequestOnTheWire compares every byte that PHP receives.
func TestRequestOnTheWire(t *testing.T) {
	const host = "Host: helpdesk.example.test\r\n"
	tests := []struct {
		name string
		kind proxy.Kind
		sent string // after the request line and the Host header
		line string // the request line
		want string // after the request line and the Host header
	}{
		{
			"known headers pass on an API route", proxy.API,
			"Accept: application/json\r\nAccept-Encoding: gzip\r\nAccept-Language: de\r\nIf-None-Match: \"a\"\r\nOrigin: https://a.test\r\n" +
				"Range: bytes=0-1\r\nUser-Agent: Dalvik/2.1\r\nX-Requested-With: XMLHttpRequest\r\n\r\n",
			"GET /api/v1/helpdesk/ticket?ticket_id=1 HTTP/1.1\r\n",
			"User-Agent: Dalvik/2.1\r\nAccept: application/json\r\nAccept-Language: de\r\nAuthorization: Bearer bridge\r\n" +
				"If-None-Match: \"a\"\r\nOrigin: https://a.test\r\nX-Forwarded-For: 203.0.113.7\r\n" +
				"X-Forwarded-Host: helpdesk.example.test\r\nX-Forwarded-Proto: https\r\nX-Request-Id: request-1\r\nX-Requested-With: XMLHttpRequest\r\n\r\n",
		},
		{
			"cookie on an API route", proxy.API,
			"Cookie: token=stolen\r\n\r\n", "GET /api/v1/helpdesk/ticket HTTP/1.1\r\n", identity + "\r\n",
		},
		{
			"unknown header on an API route", proxy.API,
			"X-Plugin: a\r\nReferer: https://a.test/?token=t\r\nContent-Encoding: gzip\r\n\r\n", "GET /api/v1/helpdesk/ticket HTTP/1.1\r\n", identity + "\r\n",
		},
		{
			"header named in forward_headers", proxy.API,
			"X-Tenant: a\r\nX-Tenant: b\r\n\r\n", "GET /api/v1/helpdesk/ticket HTTP/1.1\r\n", identity + "X-Tenant: a\r\nX-Tenant: b\r\n\r\n",
		},
		{
			"cookie and unknown headers on a web page", proxy.Web,
			"Cookie: faveo_session=s; XSRF-TOKEN=x\r\nReferer: https://a.test/\r\nX-Csrf-Token: c\r\nX-Plugin: a\r\n\r\n", "GET /tickets HTTP/1.1\r\n",
			"Authorization: Bearer bridge\r\nCookie: faveo_session=s; XSRF-TOKEN=x\r\nReferer: https://a.test/\r\nX-Csrf-Token: c\r\n" +
				strings.Replace(strings.TrimPrefix(identity, "Authorization: Bearer bridge\r\n"), "X-Request-Id", "X-Plugin: a\r\nX-Request-Id", 1) + "\r\n",
		},
		{
			"query that Go would rewrite", proxy.Web,
			"\r\n", "GET /search?a;b&c=%zz&d HTTP/1.1\r\n", identity + "\r\n",
		},
		{
			"path in its own encoding", proxy.Web,
			"\r\n", "GET /kb/a%2Fb//c%20d HTTP/1.1\r\n", identity + "\r\n",
		},
		{
			"empty query", proxy.Web,
			"\r\n", "GET /search? HTTP/1.1\r\n", identity + "\r\n",
		},
		{
			"body of known length", proxy.API,
			"Content-Length: 3\r\nContent-Type: application/json\r\n\r\n{ }", "POST /api/v1/helpdesk/create HTTP/1.1\r\n",
			"Content-Length: 3\r\nAuthorization: Bearer bridge\r\nContent-Type: application/json\r\n" +
				strings.TrimPrefix(identity, "Authorization: Bearer bridge\r\n") + "\r\n{ }",
		},
		{
			"trailers of a client", proxy.Web,
			"Transfer-Encoding: chunked\r\nTrailer: X-Forwarded-For\r\nTE: trailers\r\n\r\n3\r\nabc\r\n0\r\nX-Forwarded-For: 1.1.1.1\r\n\r\n",
			"POST /upload HTTP/1.1\r\n",
			"Transfer-Encoding: chunked\r\n" + identity + "\r\n3\r\nabc\r\n0\r\n\r\n",
		},
		{
			"smuggling: length and chunks", proxy.Web,
			"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "POST /upload HTTP/1.1\r\n",
			"Transfer-Encoding: chunked\r\n" + identity + "\r\n0\r\n\r\n",
		},
		{
			"smuggling: the same length twice", proxy.Web,
			"Content-Length: 2\r\nContent-Length: 2\r\n\r\nab", "POST /upload HTTP/1.1\r\n",
			"Content-Length: 2\r\n" + identity + "\r\nab",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			upstream := newPHP(t, says(okAnswer))
			o := options(upstream.url)
			o.Config.ForwardHeaders = []string{"x-tenant"}
			f := fronting(t, newProxy(t, o), tt.kind)
			f.send(t, tt.line+host+tt.sent)
			got := upstream.got(t)
			// net/http puts User-Agent, Content-Length and Transfer-Encoding behind Host.
			if want := tt.line + host + tt.want; got != want {
				t.Errorf("PHP received\n%q\nwant\n%q", got, want)
			}
			upstream.nothing(t)
		})
	}
}

// TestForgedHeaders sends headers that only the gateway may say, in every
// spelling that PHP folds together.
func TestForgedHeaders(t *testing.T) {
	forged := []string{
		"X-Forwarded-For", "x-forwarded-for", "X_Forwarded_For", "X.Forwarded.For", "X-Forwarded_For", "x_forwarded-for",
		"X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix", "X_FORWARDED_HOST", "X-Forwarded",
		"Forwarded", "Forwarded-For", "X-Real-IP", "X_Real_IP", "Client-IP", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP", "CF-Ray",
		"X-Request-Id", "X_Request_Id", "traceparent", "tracestate", "baggage",
		"Authorization", "AUTHORIZATION", "X-Authorization", "X-API-Key", "X_Api_Key", "Remote-User",
		"Proxy", "Proxy-Authorization", "Proxy-Connection",
		"X-HTTP-Method-Override", "X-Http-Method", "X-Method-Override", "X_Http_Method_Override",
		"X-Original-URL", "X-Rewrite-URL", "X-Original-Host", "X-Php-Ob-Level",
		"X-Sendfile", "X-Sendfile-Type", "X-Accel-Mapping", "X-Accel-Redirect",
		"Expect-Nothing_", "TE", "Trailer", "Keep-Alive", "Upgrade", "HTTP2-Settings",
		"Idempotency-Key", "X-Idempotency-Key", "Content_Length", "Content_Type", "Http_Cookie",
		"X!Forwarded!For", "X~Forwarded~For",
	}
	for _, kind := range []proxy.Kind{proxy.API, proxy.Web} {
		upstream := newPHP(t, says(okAnswer))
		f := fronting(t, newProxy(t, options(upstream.url)), kind)
		want := "GET /page HTTP/1.1\r\nHost: helpdesk.example.test\r\n" + identity + "\r\n"
		for _, name := range forged {
			f.get(t, "/page", name+": forged\r\n")
			if got := upstream.got(t); got != want {
				t.Errorf("kind %d, %s: PHP received %q, want %q", kind, name, got, want)
			}
		}
	}
}

// TestNamedInConnection lets a client name headers as hop-by-hop: neither the
// gateway's own nor the type of the judged body may vanish.
func TestNamedInConnection(t *testing.T) {
	for _, kind := range []proxy.Kind{proxy.API, proxy.Web} {
		upstream := newPHP(t, says(okAnswer))
		f := fronting(t, newProxy(t, options(upstream.url)), kind)
		f.send(t, "POST /api/v1/helpdesk/create HTTP/1.1\r\nHost: helpdesk.example.test\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"+
			"Connection: Authorization, X-Forwarded-For, x-request-id, Content-Type, content-length, Host, Accept\r\n"+
			"Connection: X-Forwarded-Proto\r\nAccept: a\r\nAuthorization: forged\r\n\r\n{}")
		want := "POST /api/v1/helpdesk/create HTTP/1.1\r\nHost: helpdesk.example.test\r\nContent-Length: 2\r\n" +
			strings.Replace(identity, "X-Forwarded-For", "Content-Type: application/json\r\nX-Forwarded-For", 1) + "\r\n{}"
		if got := upstream.got(t); got != want {
			t.Errorf("kind %d: PHP received\n%q, want\n%q", kind, got, want)
		}
	}
}

// TestHeaderNotInCanonicalCase puts names into the map that net/http would have
// spelled otherwise: the deny-list must not miss them.
func TestHeaderNotInCanonicalCase(t *testing.T) {
	upstream := newPHP(t, says(okAnswer))
	p := newProxy(t, options(upstream.url))
	for _, name := range []string{"authorization", "x-forwarded-for", "X-FORWARDED-FOR", "cookie", ""} {
		r := httptest.NewRequest(http.MethodGet, "/page", nil)
		r.Host = "helpdesk.example.test"
		r.Header = http.Header{name: {"forged"}}
		if err := p.Forward(httptest.NewRecorder(), r, proxy.Passage{Kind: proxy.Web}); err != nil {
			t.Fatal(err)
		}
		if got := upstream.got(t); strings.Contains(got, "forged") {
			t.Errorf("%q: PHP received %q", name, got)
		}
		if r.Header[name][0] != "forged" || len(r.Header) != 1 {
			t.Errorf("Forward changed the headers of its request: %v", r.Header)
		}
	}
}

// TestRefusedRequests never reach PHP, and are no fault of it.
func TestRefusedRequests(t *testing.T) {
	upstream := newPHP(t, says(okAnswer))
	f := fronting(t, newProxy(t, options(upstream.url)), proxy.Web)
	tests := map[string]string{
		"no host":            "GET / HTTP/1.0\r\n\r\n",
		"empty host":         "GET / HTTP/1.1\r\nHost: \r\n\r\n",
		"duplicated host":    "GET / HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n",
		"path in host":       "GET / HTTP/1.1\r\nHost: a.test/evil\r\n\r\n",
		"user in host":       "GET / HTTP/1.1\r\nHost: a.test@evil.test\r\n\r\n",
		"host with quote":    "GET / HTTP/1.1\r\nHost: a'b\r\n\r\n",
		"host with percent":  "GET / HTTP/1.1\r\nHost: a%2eb\r\n\r\n",
		"dots only":          "GET / HTTP/1.1\r\nHost: ..\r\n\r\n",
		"port too large":     "GET / HTTP/1.1\r\nHost: a.test:65536\r\n\r\n",
		"port in words":      "GET / HTTP/1.1\r\nHost: a.test:http\r\n\r\n",
		"empty port":         "GET / HTTP/1.1\r\nHost: a.test:\r\n\r\n",
		"open bracket":       "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
		"zone":               "GET / HTTP/1.1\r\nHost: [fe80::1%25eth0]\r\n\r\n",
		"bare IPv6":          "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n",
		"IPv4 in brackets":   "GET / HTTP/1.1\r\nHost: [127.0.0.1]\r\n\r\n",
		"CONNECT":            "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n",
		"TRACE":              "TRACE / HTTP/1.1\r\nHost: a.test\r\n\r\n",
		"protocol not ASCII": "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: \xe9\r\n\r\n",
		"two lengths":        "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
		"unknown coding":     "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
	}
	for name, raw := range tests {
		t.Run(name, func(t *testing.T) {
			answer := f.send(t, raw)
			if code := strings.Fields(answer)[1]; code != "400" && code != "501" {
				t.Errorf("answer %q, want 400 or 501", answer)
			}
			upstream.nothing(t)
		})
	}
}

func TestHostIsKept(t *testing.T) {
	upstream := newPHP(t, says(okAnswer))
	f := fronting(t, newProxy(t, options(upstream.url)), proxy.Web)
	for _, host := range []string{"helpdesk.example.test", "a.test:8080", "a_b", "127.0.0.1", "[::1]", "[2001:db8::1]:8443", "a.test."} {
		f.send(t, "GET / HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
		if got := upstream.got(t); !hasLine(got, "Host: "+host) {
			t.Errorf("host %s: PHP received %q", host, got)
		}
	}
}

// TestOpaqueTarget sends a target whose path net/http keeps apart from what it
// would print: PHP must see the path that was judged, which is empty.
func TestOpaqueTarget(t *testing.T) {
	upstream := newPHP(t, says(okAnswer))
	f := fronting(t, newProxy(t, options(upstream.url)), proxy.Web)
	f.send(t, "GET http:api/v1/helpdesk/api_key HTTP/1.1\r\nHost: a.test\r\n\r\n")
	if got := upstream.got(t); !strings.HasPrefix(got, "GET / HTTP/1.1\r\nHost: a.test\r\n") {
		t.Errorf("PHP received %q", got)
	}
}

// TestExpectContinue: the gateway itself says 100, PHP never hears the wish.
func TestExpectContinue(t *testing.T) {
	upstream := newPHP(t, says(okAnswer))
	f := fronting(t, newProxy(t, options(upstream.url)), proxy.API)
	answer := f.send(t, "POST /api/v1/helpdesk/create HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}")
	if !strings.HasPrefix(answer, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n") {
		t.Errorf("answer %q", answer)
	}
	if got := upstream.got(t); hasHeader(got, "Expect") || !strings.HasSuffix(got, "\r\n\r\n{}") {
		t.Errorf("PHP received %q", got)
	}
}

// TestSmuggledRequestStaysInside: what a second parser could take for a request
// of its own reaches PHP as a body.
func TestSmuggledRequestStaysInside(t *testing.T) {
	const inner = "GET /api/v1/system-config HTTP/1.1\r\nHost: a.test\r\n\r\n"
	upstream := newPHP(t, says(okAnswer))
	f := fronting(t, newProxy(t, options(upstream.url)), proxy.Web)
	length := fmt.Sprintf("Content-Length: %d", len(inner))
	f.send(t, "GET /page HTTP/1.1\r\nHost: a.test\r\n"+length+"\r\nConnection: Content-Length\r\n\r\n"+inner)
	if got := upstream.got(t); !hasLine(got, length) || !strings.HasSuffix(got, "\r\n\r\n"+inner) {
		t.Errorf("PHP received %q", got)
	}
	upstream.nothing(t)
}

// TestUpstreamsInTurn spreads requests evenly.
func TestUpstreamsInTurn(t *testing.T) {
	one, two := newPHP(t, says(okAnswer)), newPHP(t, says(okAnswer))
	o := options(one.url, two.url)
	o.Config.Balance = proxy.RoundRobin
	f := fronting(t, newProxy(t, o), proxy.API)
	for range 4 {
		f.get(t, "/api/v1/x", "")
	}
	for _, upstream := range []*php{one, two} {
		upstream.got(t)
		upstream.got(t)
		upstream.nothing(t)
	}
}

// TestHTTPSUpstream checks the certificate against the configured name and
// speaks HTTP/1.1 even to a server that offers HTTP/2.
func TestHTTPSUpstream(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto)
	}))
	server.EnableHTTP2 = true
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	server.StartTLS()
	defer server.Close()
	right, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	f := fronting(t, newProxy(t, options(right)), proxy.Web)
	if answer := f.get(t, "/", ""); !strings.HasSuffix(answer, "\r\n\r\nHTTP/1.1") {
		t.Errorf("trusted certificate: %q", answer)
	}
	wrong := *right
	wrong.Host = "localhost:" + right.Port()
	f = fronting(t, newProxy(t, options(&wrong)), proxy.Web)
	if answer := f.get(t, "/", ""); !strings.HasPrefix(answer, "HTTP/1.1 502 ") {
		t.Errorf("certificate of another name: %q", answer)
	}
}
