package proxy_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"faveo-gateway/upstream/faveo"
	"faveo-gateway/upstream/proxy"
)

// BenchmarkForward compares Forward with a bare httputil.ReverseProxy on an
// equally tuned transport, over loopback, with an answer of 1 KiB. cpu-µs/op is
// the CPU time of the whole process: client, proxy and upstream, of which the
// client and the upstream are the same in both.
func BenchmarkForward(b *testing.B) {
	payload := []byte(`["` + strings.Repeat("x", 1<<10-4) + `"]`)
	backend := newBackend(b, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header()["Content-Type"] = []string{"application/json"}
		w.Header()["Cache-Control"] = []string{"no-cache, private"}
		w.Header()["X-Ratelimit-Limit"] = []string{"60"}
		w.Header()["X-Ratelimit-Remaining"] = []string{"59"}
		_, _ = w.Write(payload)
	})
	forward := newProxy(b, options(backend))
	handlers := []struct {
		name string
		http.Handler
	}{
		{"bare", bare(b, backend)},
		{"api", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = forward.Forward(w, r, proxy.Passage{Kind: proxy.API})
		})},
		{"edited", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = forward.Forward(w, r, editing(faveo.HideInternalNote))
		})},
		{"web", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = forward.Forward(w, r, proxy.Passage{Kind: proxy.Web})
		})},
	}
	for _, h := range handlers {
		b.Run("sequential/"+h.name, func(b *testing.B) { measure(b, h.Handler, false) })
	}
	for _, h := range handlers {
		b.Run("parallel/"+h.name, func(b *testing.B) { measure(b, h.Handler, true) })
	}
}

// bare sets the same headers as the gateway does and nothing else.
func bare(b *testing.B, backend *url.URL) http.Handler {
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 256}
	b.Cleanup(transport.CloseIdleConnections)
	return &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(pr *httputil.ProxyRequest) {
			pr.SetURL(backend)
			pr.Out.Host = pr.In.Host
			identify(pr.In, pr.Out.Header)
		},
		BufferPool: &pool{sync.Pool{New: func() any { return new([32 << 10]byte) }}},
	}
}

type pool struct{ sync.Pool }

func (p *pool) Get() []byte  { return p.Pool.Get().(*[32 << 10]byte)[:] }
func (p *pool) Put(b []byte) { p.Pool.Put((*[32 << 10]byte)(b)) }

func measure(b *testing.B, h http.Handler, parallel bool) {
	server := httptest.NewServer(h)
	defer server.Close()
	client := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 256}
	defer client.CloseIdleConnections()
	ask := func() {
		r, err := http.NewRequest(http.MethodGet, server.URL+"/api/v1/helpdesk/ticket?ticket_id=1", nil)
		if err != nil {
			b.Error(err)
			return
		}
		r.Header["Accept"] = []string{"application/json"}
		r.Header["Accept-Encoding"] = []string{"gzip"}
		r.Header["User-Agent"] = []string{"Dalvik/2.1.0 (Linux; U; Android 14)"}
		res, err := client.RoundTrip(r)
		if err != nil {
			b.Error(err)
			return
		}
		if n, err := io.Copy(io.Discard, res.Body); err != nil || n != 1<<10 {
			b.Errorf("%d bytes, %v", n, err)
		}
		res.Body.Close()
	}
	ask()
	b.ReportAllocs()
	before := cpu(b)
	b.ResetTimer()
	if parallel {
		b.SetParallelism(16)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				ask()
			}
		})
	} else {
		for range b.N {
			ask()
		}
	}
	b.StopTimer()
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
}

// cpu is the CPU time of the process so far.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
