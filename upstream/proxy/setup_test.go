package proxy_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"faveo-gateway/upstream/proxy"
)

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

// okAnswer is what an upstream says when the request is what matters.
const okAnswer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

// php is an upstream made of a bare TCP listener. It hands out the exact bytes
// of every request that it received and answers with the bytes it was given.
type php struct {
	url      *url.URL
	received chan string
}

// newPHP serves with talk, which gets a connection, its reader and a request
// read whole, and reports whether the connection can be used for another.
func newPHP(t *testing.T, talk func(net.Conn, *bufio.Reader, *http.Request) bool) *php {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &php{url: &url.URL{Scheme: "http", Host: listener.Addr().String()}, received: make(chan string, 64)}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				stop := time.AfterFunc(patience, func() { conn.Close() })
				defer stop.Stop()
				p.serve(conn, talk)
			})
		}
	})
	t.Cleanup(func() { listener.Close(); serving.Wait() })
	return p
}

func (p *php) serve(conn net.Conn, talk func(net.Conn, *bufio.Reader, *http.Request) bool) {
	var raw bytes.Buffer
	reader := bufio.NewReader(io.TeeReader(conn, &raw))
	for {
		r, err := http.ReadRequest(reader)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			p.received <- "incomplete: " + raw.String()
			return
		}
		p.received <- raw.String()
		raw.Reset()
		if !talk(conn, reader, r) {
			return
		}
	}
}

// says answers every request with the same bytes and keeps the connection.
func says(answer string) func(net.Conn, *bufio.Reader, *http.Request) bool {
	return func(conn net.Conn, _ *bufio.Reader, _ *http.Request) bool {
		_, err := io.WriteString(conn, answer)
		return err == nil
	}
}

// saysAndCloses is says for one request a connection.
func saysAndCloses(answer string) func(net.Conn, *bufio.Reader, *http.Request) bool {
	return func(conn net.Conn, _ *bufio.Reader, _ *http.Request) bool {
		_, _ = io.WriteString(conn, answer)
		return false
	}
}

// got returns the next request that the upstream received.
func (p *php) got(t *testing.T) string {
	t.Helper()
	select {
	case raw := <-p.received:
		return raw
	case <-time.After(patience):
		t.Fatal("the upstream received nothing")
		return ""
	}
}

// nothing fails the test when the upstream received a request.
func (p *php) nothing(t *testing.T) {
	t.Helper()
	select {
	case raw := <-p.received:
		t.Errorf("the upstream received %q", raw)
	default:
	}
}

// identify says what the gateway would.
func identify(_ *http.Request, out http.Header) {
	out.Set("Authorization", "Bearer bridge")
	out.Set("X-Forwarded-For", "203.0.113.7")
	out.Set("X-Forwarded-Proto", "https")
	out.Set("X-Forwarded-Host", "helpdesk.example.test")
	out.Set("X-Request-Id", "request-1")
}

// identity is what identify looks like on the wire, sorted as net/http does.
const identity = "Authorization: Bearer bridge\r\nX-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Host: helpdesk.example.test\r\n" +
	"X-Forwarded-Proto: https\r\nX-Request-Id: request-1\r\n"

func options(upstreams ...*url.URL) proxy.Options {
	return proxy.Options{
		Upstreams:  upstreams,
		Config:     proxy.DefaultConfig(),
		Identify:   identify,
		ProbePath:  "/api/v1/helpdesk/check-url",
		Registerer: prometheus.NewRegistry(),
		Log:        slog.New(slog.DiscardHandler),
	}
}

func newProxy(t testing.TB, o proxy.Options) *proxy.Proxy {
	t.Helper()
	p, err := proxy.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// front is the gateway before the proxy: an HTTP server whose only handler
// forwards, and which keeps what Forward returned.
type front struct {
	address string
	errs    chan error
}

func newFront(t *testing.T, forward func(http.ResponseWriter, *http.Request) error) *front {
	t.Helper()
	f := &front{errs: make(chan error, 64)}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := forward(w, r)
		if err != nil {
			w.WriteHeader(status(err))
		}
		select {
		case f.errs <- err:
		default: // A test that reads no results sends many requests.
		}
	}))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	server.Config.SetKeepAlivesEnabled(false) // An answer ends with its connection.
	server.Start()
	t.Cleanup(server.Close)
	f.address = server.Listener.Addr().String()
	return f
}

// fronting is newFront for one kind of request.
func fronting(t *testing.T, p *proxy.Proxy, k proxy.Kind) *front {
	t.Helper()
	return newFront(t, func(w http.ResponseWriter, r *http.Request) error { return p.Forward(w, r, proxy.Passage{Kind: k}) })
}

func status(err error) int {
	for sentinel, code := range map[error]int{
		proxy.ErrUnavailable: 502, proxy.ErrTimeout: 504, proxy.ErrTooLarge: 413,
		proxy.ErrBadRequest: 400, proxy.ErrClientGone: 499,
	} {
		if errors.Is(err, sentinel) {
			return code
		}
	}
	return http.StatusInternalServerError
}

// result returns what the last Forward returned.
func (f *front) result(t *testing.T) error {
	t.Helper()
	select {
	case err := <-f.errs:
		return err
	case <-time.After(patience):
		t.Fatal("Forward did not return")
		return nil
	}
}

// dial opens a raw connection of a client.
func (f *front) dial(t *testing.T) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", f.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

// send writes raw bytes as a client and returns everything that comes back
// until the server closes.
func (f *front) send(t *testing.T, raw string) string {
	t.Helper()
	conn := f.dial(t)
	if _, err := io.WriteString(conn, raw); err != nil {
		t.Fatal(err)
	}
	// Not half-closed: net/http takes that for a client that has gone.
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

// get sends a GET with the given header lines, "\r\n" after each.
func (f *front) get(t *testing.T, target, lines string) string {
	t.Helper()
	return f.ask(t, http.MethodGet, target, lines)
}

func (f *front) ask(t *testing.T, method, target, lines string) string {
	t.Helper()
	conn := f.dial(t)
	if _, err := io.WriteString(conn, method+" "+target+" HTTP/1.1\r\nHost: helpdesk.example.test\r\nConnection: close\r\n"+lines+"\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

// hasLine reports whether a message has the header line, or begins with it.
func hasLine(message, line string) bool {
	head, _, _ := strings.Cut(message, "\r\n\r\n")
	for l := range strings.SplitSeq(head, "\r\n") {
		if l == line {
			return true
		}
	}
	return false
}

// hasHeader reports whether a message has a header of this name in any case.
func hasHeader(message, name string) bool {
	head, _, _ := strings.Cut(message, "\r\n\r\n")
	return strings.Contains(strings.ToLower(head), "\n"+strings.ToLower(name)+":")
}

// newBackend is an upstream that speaks HTTP well.
func newBackend(t testing.TB, h http.HandlerFunc) *url.URL {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	server.Start()
	t.Cleanup(server.Close)
	return &url.URL{Scheme: "http", Host: server.Listener.Addr().String()}
}

// mixed sends requests that succeed, break off and fail, and checks each.
func (f *front) mixed(worker, rounds int) error {
	transport := &http.Transport{DisableKeepAlives: true}
	for n := range rounds {
		do := []string{"ok", "die", "slam"}[n%3]
		mark := fmt.Sprintf("%d-%d", worker, n)
		r, err := http.NewRequest(http.MethodPost, "http://"+f.address+"/api/v1/x?do="+do+"&n="+mark, strings.NewReader(mark))
		if err != nil {
			return err
		}
		res, err := transport.RoundTrip(r)
		if err != nil && do == "die" {
			continue // Broken off before the head had left the server's buffer.
		}
		if err != nil {
			return err
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		whole := res.StatusCode == http.StatusOK && err == nil && string(body) == `["`+mark+`"]`
		broken := res.StatusCode == http.StatusOK && err != nil
		slammed := res.StatusCode == http.StatusBadGateway && err == nil
		if do == "ok" && !whole || do == "die" && !broken || do == "slam" && !slammed {
			return fmt.Errorf("%s %s: %d %q %w", do, mark, res.StatusCode, body, err)
		}
	}
	return nil
}
