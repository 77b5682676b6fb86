package proxy_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"faveo-gateway/upstream/proxy"
)

// refused is the address of a port that nobody listens on.
func refused(t *testing.T) *url.URL {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return &url.URL{Scheme: "http", Host: listener.Addr().String()}
}

// counted fails the test unless exactly one request ended, with this code. It
// was counted when Forward is left, which the caller has waited for.
func counted(t *testing.T, r prometheus.Gatherer, u *url.URL, code string) {
	t.Helper()
	want := `
# HELP faveo_gateway_upstream_requests_total Requests sent to PHP by upstream (host:port as configured) and code: ` +
		`the status of the answer (a registered one, or other), broken (the answer broke off), unavailable, timeout, too_large, client_gone, internal (no answer).
# TYPE faveo_gateway_upstream_requests_total counter
faveo_gateway_upstream_requests_total{code="` + code + `",upstream="` + u.Host + `"} 1
`
	if err := testutil.GatherAndCompare(r, strings.NewReader(want), "faveo_gateway_upstream_requests_total"); err != nil {
		t.Error(err)
	}
}

// TestUnavailable provokes every way of not getting an answer.
func TestUnavailable(t *testing.T) {
	tests := map[string]string{
		"closed without an answer": "",
		"broken head":              "HTTP/1.1 200 OK\r\nContent-",
		"not HTTP":                 "220 mail.example.test ESMTP\r\n",
		"status without meaning":   "HTTP/1.1 000 Nothing\r\nContent-Length: 0\r\n\r\n",
		"endless head":             "HTTP/1.1 200 OK\r\nX-A: " + strings.Repeat("a", 300<<10) + "\r\n\r\n",
		"switch unasked":           "HTTP/1.1 101 Switching Protocols\r\n\r\n",
		"nameless switch unasked":  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n",
		"died before the first byte of a body to label": "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\n",
	}
	for name, answer := range tests {
		t.Run(name, func(t *testing.T) {
			upstream := newPHP(t, saysAndCloses(answer))
			o := options(upstream.url)
			registry := prometheus.NewRegistry()
			o.Registerer = registry
			f := fronting(t, newProxy(t, o), proxy.API)
			if got := f.get(t, "/api/v1/x", ""); !strings.HasPrefix(got, "HTTP/1.1 502 ") || hasHeader(got, "X-A") {
				t.Errorf("answer %q", got)
			}
			if err := f.result(t); !errors.Is(err, proxy.ErrUnavailable) {
				t.Errorf("error %v", err)
			}
			counted(t, registry, upstream.url, "unavailable")
		})
	}
	t.Run("refused", func(t *testing.T) {
		o := options(refused(t))
		registry := prometheus.NewRegistry()
		o.Registerer = registry
		f := fronting(t, newProxy(t, o), proxy.API)
		f.ask(t, "POST", "/api/v1/x", "Content-Length: 1\r\n") // Whose body never comes.
		if err := f.result(t); !errors.Is(err, proxy.ErrUnavailable) {
			t.Errorf("error %v", err)
		}
		counted(t, registry, o.Upstreams[0], "unavailable")
	})
	t.Run("handshake not finished in time", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0") // Accepts by its backlog and never speaks.
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		o := options(&url.URL{Scheme: "https", Host: listener.Addr().String()})
		o.Config.Timeouts.Connect = 20 * time.Millisecond
		f := fronting(t, newProxy(t, o), proxy.API)
		f.get(t, "/api/v1/x", "")
		if err := f.result(t); !errors.Is(err, proxy.ErrUnavailable) {
			t.Errorf("error %v, want ErrUnavailable: nothing was sent", err)
		}
	})
}

// silence never answers; the test ends by the connection being closed.
func silence(_ net.Conn, reader *bufio.Reader, _ *http.Request) bool {
	_, _ = reader.ReadByte()
	return false
}

func TestTimeout(t *testing.T) {
	t.Run("response header", func(t *testing.T) {
		upstream := newPHP(t, silence)
		o := options(upstream.url)
		o.Config.Timeouts.ResponseHeader = 20 * time.Millisecond
		registry := prometheus.NewRegistry()
		o.Registerer = registry
		f := fronting(t, newProxy(t, o), proxy.API)
		if got := f.get(t, "/api/v1/x", ""); !strings.HasPrefix(got, "HTTP/1.1 504 ") {
			t.Errorf("answer %q", got)
		}
		if err := f.result(t); !errors.Is(err, proxy.ErrTimeout) {
			t.Errorf("error %v", err)
		}
		counted(t, registry, upstream.url, "timeout")
	})
	t.Run("deadline of the request", func(t *testing.T) {
		p := newProxy(t, options(newPHP(t, silence).url))
		f := newFront(t, func(w http.ResponseWriter, r *http.Request) error {
			ctx, cancel := context.WithTimeout(r.Context(), 20*time.Millisecond)
			defer cancel()
			return p.Forward(w, r.WithContext(ctx), proxy.Passage{Kind: proxy.API})
		})
		f.get(t, "/api/v1/x", "")
		if err := f.result(t); !errors.Is(err, proxy.ErrTimeout) {
			t.Errorf("error %v", err)
		}
	})
}

// TestTooLarge: a body without a length goes over its limit on the way. PHP
// must not take what it got for the whole.
func TestTooLarge(t *testing.T) {
	upstream := newPHP(t, says(okAnswer))
	o := options(upstream.url)
	registry := prometheus.NewRegistry()
	o.Registerer = registry
	p := newProxy(t, o)
	f := newFront(t, func(w http.ResponseWriter, r *http.Request) error {
		r.Body = http.MaxBytesReader(w, r.Body, 4)
		return p.Forward(w, r, proxy.Passage{Kind: proxy.API})
	})
	if got := f.send(t, "POST /api/v1/x HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nabcdefgh\r\n0\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 413 ") {
		t.Errorf("answer %q", got)
	}
	var large *http.MaxBytesError
	if err := f.result(t); !errors.Is(err, proxy.ErrTooLarge) || !errors.As(err, &large) {
		t.Errorf("error %v", err)
	}
	if got := upstream.got(t); !strings.HasPrefix(got, "incomplete: ") {
		t.Errorf("PHP received a whole request: %q", got)
	}
	counted(t, registry, upstream.url, "too_large")
}

// failing is a body that breaks.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
func (failing) Close() error               { return nil }

// TestSpooledBodyFails: the gateway's own disk is nobody else's fault.
func TestSpooledBodyFails(t *testing.T) {
	p := newProxy(t, options(newPHP(t, says(okAnswer)).url))
	r := httptest.NewRequest(http.MethodPost, "http://a.test/api/v1/x", failing{&fs.PathError{Op: "read", Path: "upload", Err: io.ErrUnexpectedEOF}})
	err := p.Forward(httptest.NewRecorder(), r, proxy.Passage{Kind: proxy.API})
	if err == nil || status(err) != http.StatusInternalServerError {
		t.Errorf("error %v, want one without a sentinel", err)
	}
}

func TestClientGone(t *testing.T) {
	t.Run("while PHP thinks", func(t *testing.T) {
		upstream := newPHP(t, silence)
		o := options(upstream.url)
		registry := prometheus.NewRegistry()
		o.Registerer = registry
		f := fronting(t, newProxy(t, o), proxy.API)
		conn := f.dial(t)
		if _, err := io.WriteString(conn, "GET /api/v1/x HTTP/1.1\r\nHost: a.test\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		upstream.got(t)
		conn.Close()
		if err := f.result(t); !errors.Is(err, proxy.ErrClientGone) || !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		counted(t, registry, upstream.url, "client_gone")
	})
	t.Run("while sending", func(t *testing.T) {
		upstream := newPHP(t, says(okAnswer))
		f := fronting(t, newProxy(t, options(upstream.url)), proxy.API)
		conn := f.dial(t)
		if _, err := io.WriteString(conn, "POST /api/v1/x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9\r\n\r\nabc"); err != nil {
			t.Fatal(err)
		}
		conn.Close()
		if err := f.result(t); !errors.Is(err, proxy.ErrClientGone) {
			t.Errorf("error %v", err)
		}
		if got := upstream.got(t); !strings.HasPrefix(got, "incomplete: ") {
			t.Errorf("PHP received a whole request: %q", got)
		}
	})
	t.Run("broken chunks", func(t *testing.T) {
		f := fronting(t, newProxy(t, options(newPHP(t, says(okAnswer)).url)), proxy.API)
		f.send(t, "POST /api/v1/x HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
		if err := f.result(t); !errors.Is(err, proxy.ErrClientGone) {
			t.Errorf("error %v", err)
		}
	})
}

// TestUpstreamDiesInTheBody: the client must see that the answer is not whole,
// with and without a length, with and without a look at its first byte.
func TestUpstreamDiesInTheBody(t *testing.T) {
	tests := map[string]string{
		"length":        "Content-Type: application/json\r\nContent-Length: 20\r\n\r\n{\"a\":",
		"chunks":        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n",
		"length, label": "Content-Type: text/html\r\nContent-Length: 20\r\n\r\n{\"a\":",
		"chunks, label": "Content-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n",
	}
	for name, answer := range tests {
		for _, bare := range []bool{false, true} {
			if bare {
				name += ", context without a server"
			}
			t.Run(name, func(t *testing.T) {
				upstream := newPHP(t, saysAndCloses("HTTP/1.1 200 OK\r\n"+answer))
				o := options(upstream.url)
				registry := prometheus.NewRegistry()
				o.Registerer = registry
				p := newProxy(t, o)
				aborted := make(chan any, 1)
				f := newFront(t, func(w http.ResponseWriter, r *http.Request) error {
					defer func() {
						cause := recover()
						aborted <- cause
						panic(cause)
					}()
					if bare {
						r = r.WithContext(context.Background())
					}
					return p.Forward(w, r, proxy.Passage{Kind: proxy.API})
				})
				got := f.ask(t, http.MethodGet, "/api/v1/x", "")
				res, err := http.ReadResponse(bufio.NewReader(strings.NewReader(got)), nil)
				if err == nil {
					_, err = io.ReadAll(res.Body)
				}
				if err == nil {
					t.Errorf("the client took %q for a whole answer", got)
				}
				if cause := <-aborted; cause != any(http.ErrAbortHandler) {
					t.Errorf("panic %v, want http.ErrAbortHandler", cause)
				}
				counted(t, registry, upstream.url, "broken")
			})
		}
	}
}

// TestPostIsNotRepeated: the kept connection is closed on the second request.
// A GET is sent again, a POST is not, whatever the client asks for.
func TestPostIsNotRepeated(t *testing.T) {
	tests := []struct {
		name, method, lines string
		kind                proxy.Kind
		again               bool
	}{
		{"GET", "GET", "", proxy.API, true},
		{"POST without a body", "POST", "Content-Length: 0\r\n", proxy.Web, false},
		{"POST with Idempotency-Key", "POST", "Content-Length: 0\r\nIdempotency-Key: a\r\nX-Idempotency-Key: a\r\n", proxy.Web, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			upstream := newPHP(t, func(conn net.Conn, reader *bufio.Reader, _ *http.Request) bool {
				_, _ = io.WriteString(conn, okAnswer)
				if _, err := http.ReadRequest(reader); err == nil {
					_ = conn.(*net.TCPConn).SetLinger(0)
				}
				return false // Closed after the second request came in whole.
			})
			f := fronting(t, newProxy(t, options(upstream.url)), tt.kind)
			f.get(t, "/first", "")
			upstream.got(t)
			answer := f.ask(t, tt.method, "/second", tt.lines)
			if again := strings.HasPrefix(answer, "HTTP/1.1 200 "); again != tt.again {
				t.Errorf("sent again %t, want %t: %q", again, tt.again, answer)
			}
			if !tt.again {
				upstream.nothing(t)
			}
		})
	}
}

// TestStatusLabelsAreClosed: a status that nobody registered is "other".
func TestStatusLabelsAreClosed(t *testing.T) {
	for wire, code := range map[string]string{"299 Odd": "other", "999 Odd": "other", "404 Not Found": "404"} {
		upstream := newPHP(t, says("HTTP/1.1 "+wire+"\r\nContent-Length: 0\r\n\r\n"))
		o := options(upstream.url)
		registry := prometheus.NewRegistry()
		o.Registerer = registry
		f := fronting(t, newProxy(t, o), proxy.API)
		if got := f.get(t, "/api/v1/x", ""); !strings.HasPrefix(got, "HTTP/1.1 "+wire[:3]) {
			t.Errorf("answer %q", got)
		}
		if err := f.result(t); err != nil {
			t.Errorf("error %v", err)
		}
		counted(t, registry, upstream.url, code)
		if n := testutil.CollectAndCount(registry, "faveo_gateway_upstream_duration_seconds"); n != 1 {
			t.Errorf("%d durations, want 1", n)
		}
	}
}
