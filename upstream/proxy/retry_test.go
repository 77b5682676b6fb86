package proxy_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"faveo-gateway/upstream/proxy"
)

// stream is a body without a length that can be read once.
type stream struct{ io.Reader }

// TestUnsentRequestsGoElsewhere: the connection was never made, so that any
// request may, its body whole, whatever its method and form.
func TestUnsentRequestsGoElsewhere(t *testing.T) {
	payload := strings.Repeat("a body ", 10<<10)
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
		for name, body := range map[string]func() io.Reader{
			"no body":  func() io.Reader { return nil },
			"length":   func() io.Reader { return strings.NewReader(payload) },
			"streamed": func() io.Reader { return stream{strings.NewReader(payload)} },
		} {
			t.Run(method+" "+name, func(t *testing.T) {
				got := make(chan string, 16)
				live := newMachine(t, func(w http.ResponseWriter, r *http.Request) {
					received, _ := io.ReadAll(r.Body)
					got <- string(received)
					ok(w, r)
				})
				o, registry := observed([]*url.URL{refused(t), refused(t), live.url}, func(c *proxy.Config) {
					c.Balance, c.Breaker.Failures = proxy.RoundRobin, 0
				})
				p := newProxy(t, o)
				for range 3 {
					want := ""
					if name != "no body" {
						want = payload
					}
					if code, err := once(t.Context(), p, method, "/api/v1/x", body()); code != http.StatusOK {
						t.Fatalf("%d %v", code, err)
					}
					if received := <-got; received != want {
						t.Errorf("PHP received %d bytes, want %d", len(received), len(want))
					}
				}
				if len(got) > 0 {
					t.Errorf("%d requests came twice", len(got))
				}
				if retries(t, registry, "answered") == 0 {
					t.Error("every request found the live one at once: this tests nothing")
				}
			})
		}
	}
}

// TestSentRequests fails the first request that comes to any server in a way,
// and counts how often it comes.
func TestSentRequests(t *testing.T) {
	reset := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, _ := http.NewResponseController(w).Hijack()
		_ = conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	}
	says := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			conn, _, _ := http.NewResponseController(w).Hijack()
			_, _ = io.WriteString(conn, text)
			conn.Close()
		}
	}
	silent := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	tests := []struct {
		name, method string
		body         io.Reader
		fail         http.HandlerFunc
		status       int // 0: the answer breaks off
		times        int64
	}{
		{"GET, reset", "GET", nil, reset, 200, 2},
		{"HEAD, reset", "HEAD", nil, reset, 200, 2},
		{"GET, closed", "GET", nil, says(""), 200, 2},
		{"GET, half a head", "GET", nil, says("HTTP/1.1 200 OK\r\nContent-"), 200, 2},
		{"GET, no HTTP", "GET", nil, says("220 mail\r\n"), 200, 2},
		{"GET with a body, reset", "GET", strings.NewReader("x"), reset, 502, 1},
		{"OPTIONS, reset", "OPTIONS", nil, reset, 502, 1},
		{"DELETE, reset", "DELETE", nil, reset, 502, 1},
		{"POST, reset", "POST", strings.NewReader("x"), reset, 502, 1},
		{"POST without a body, reset", "POST", nil, reset, 502, 1},
		{"POST streamed, reset", "POST", stream{strings.NewReader("x")}, reset, 502, 1},
		{"GET, timeout", "GET", nil, silent, 504, 1},
		{"POST, timeout", "POST", strings.NewReader("x"), silent, 504, 1},
		{"GET, 502", "GET", nil, ends(502), 502, 1},
		{"GET, 503", "GET", nil, ends(503), 503, 1},
		{"GET, half an answer", "GET", nil, says("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), 0, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var times atomic.Int64
			handler := func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				if times.Add(1) == 1 {
					tt.fail(w, r)
					return
				}
				ok(w, r)
			}
			o, _ := observed(urls(newMachine(t, handler), newMachine(t, handler), newMachine(t, handler)), func(c *proxy.Config) {
				if tt.status == http.StatusGatewayTimeout {
					c.Timeouts.ResponseHeader = 100 * time.Millisecond
				}
			})
			p := newProxy(t, o)
			func() {
				defer func() {
					if cause := recover(); (cause == any(http.ErrAbortHandler)) != (tt.status == 0) {
						t.Errorf("panic %v", cause)
					}
				}()
				if code, err := once(t.Context(), p, tt.method, "/api/v1/x", tt.body); code != tt.status {
					t.Errorf("status %d, want %d: %v", code, tt.status, err)
				}
			}()
			if n := times.Load(); n != tt.times {
				t.Errorf("it came %d times, want %d", n, tt.times)
			}
		})
	}
}

// TestPostComesOnce is the property: whatever servers do, a POST that is answered
// came to one of them, once, and one that is not came to one at most.
func TestPostComesOnce(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	note := func(r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen[r.URL.RawQuery]++
	}
	var n atomic.Int64
	moody := func(w http.ResponseWriter, r *http.Request) {
		note(r)
		_, _ = io.CopyN(io.Discard, r.Body, 1<<10)
		if n.Add(1)%3 != 0 {
			ok(w, r)
			return
		}
		panic(http.ErrAbortHandler)
	}
	o, registry := observed([]*url.URL{refused(t), newMachine(t, moody).url, newMachine(t, moody).url}, func(c *proxy.Config) {
		c.Breaker = proxy.Breaker{Failures: 2, OpenFor: time.Millisecond, MaxOpenFor: time.Millisecond}
		c.Retries.BudgetPercent = 100
	})
	p := newProxy(t, o)
	var workers sync.WaitGroup
	for worker := range 8 {
		workers.Go(func() {
			for i := range 50 {
				number := fmt.Sprintf("n=%d-%d", worker, i)
				code, err := once(t.Context(), p, http.MethodPost, "/api/v1/x?"+number, bytes.NewReader(make([]byte, i<<10)))
				mu.Lock()
				if times := seen[number]; times > 1 || code == http.StatusOK && times != 1 {
					t.Errorf("%s came %d times, status %d %v", number, times, code, err)
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	again := retries(t, registry, "answered") + retries(t, registry, "failed")
	if len(seen) < 300 || again == 0 {
		t.Errorf("%d of 400 came anywhere, %v of them at the second try: want most, and some", len(seen), again)
	}
}

// TestRetryBudget: a fleet that fails everything is not asked twice as much.
func TestRetryBudget(t *testing.T) {
	var asked atomic.Int64
	dying := func(http.ResponseWriter, *http.Request) {
		asked.Add(1)
		panic(http.ErrAbortHandler)
	}
	o, registry := observed(urls(newMachine(t, dying), newMachine(t, dying)), func(c *proxy.Config) { c.Breaker.Failures = 0 })
	p := newProxy(t, o)
	const requests = 200
	for range requests {
		get(t, p, http.StatusBadGateway)
	}
	again, refused := retries(t, registry, "failed"), retries(t, registry, "no_budget")
	if again < 40 || again > 50 || again+refused != requests || float64(asked.Load()) != requests+again {
		t.Errorf("%d requests for %d, %v retries, %v refused; want 200 requests and 40 to 50 retries", asked.Load(), requests, again, refused)
	}
}

// TestNoUpstreamLeft: one other has been tried, and there is no third.
func TestNoUpstreamLeft(t *testing.T) {
	o, registry := observed([]*url.URL{refused(t), refused(t)}, func(c *proxy.Config) { c.Breaker.Failures = 0 })
	p := newProxy(t, o)
	if _, err := once(t.Context(), p, http.MethodGet, "/api/v1/x", nil); !errors.Is(err, proxy.ErrUnavailable) {
		t.Error(err)
	}
	if failed, none := retries(t, registry, "failed"), retries(t, registry, "no_upstream"); failed != 1 || none != 1 {
		t.Errorf("failed %v, no_upstream %v", failed, none)
	}
	o.Config.Retries.Max = 0
	if err := p.Replace(o.Upstreams, o.Config); err != nil {
		t.Fatal(err)
	}
	_, _ = once(t.Context(), p, http.MethodGet, "/api/v1/x", nil)
	if failed := retries(t, registry, "failed"); failed != 1 {
		t.Error("sent again though retries.max is 0")
	}
}
