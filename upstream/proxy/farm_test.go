package proxy_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"faveo-gateway/upstream/proxy"
)

// machine is an upstream that can be killed and started again on its port.
type machine struct {
	t       *testing.T
	url     *url.URL
	handler http.HandlerFunc

	mu     sync.Mutex
	server *http.Server
	done   chan struct{}
}

func newMachine(t *testing.T, h http.HandlerFunc) *machine {
	t.Helper()
	m := &machine{t: t, url: refused(t), handler: h}
	m.start()
	t.Cleanup(m.kill)
	return m
}

func (m *machine) start() {
	m.t.Helper()
	listener, err := net.Listen("tcp", m.url.Host)
	if err != nil {
		m.t.Fatal(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done = make(chan struct{})
	m.server = &http.Server{
		Handler: m.handler, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			_ = c.(*net.TCPConn).SetLinger(0) // Killed, it resets its connections.
			return ctx
		},
	}
	go func(server *http.Server, done chan struct{}) {
		defer close(done)
		_ = server.Serve(listener)
	}(m.server, m.done)
}

// kill ends it in the middle of whatever it does.
func (m *machine) kill() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.server.Close()
	<-m.done
}

func urls(machines ...*machine) (all []*url.URL) {
	for _, m := range machines {
		all = append(all, m.url)
	}
	return all
}

// ok answers {}.
func ok(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, "{}")
}

// ends answers every request with a status.
func ends(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

// observed is options with a registry that the test keeps, and without anything
// that the test does not ask for.
func observed(upstreams []*url.URL, change func(*proxy.Config)) (proxy.Options, *prometheus.Registry) {
	o, registry := options(upstreams...), prometheus.NewRegistry()
	o.Registerer = registry
	if change != nil {
		change(&o.Config)
	}
	return o, registry
}

// once sends one request through p, without a server before it, and returns its status.
func once(ctx context.Context, p *proxy.Proxy, method, target string, body io.Reader) (code int, err error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://a.test"+target, body)
	if err != nil {
		return 0, err
	}
	if _, unknown := body.(stream); unknown {
		r.ContentLength = -1
	}
	w := &writer{header: http.Header{}}
	err = p.Forward(w, r, proxy.Passage{Kind: proxy.API})
	if err != nil {
		return status(err), err
	}
	return w.status, nil
}

// writer keeps a status.
type writer struct {
	header http.Header
	status int
}

func (w *writer) Header() http.Header         { return w.header }
func (w *writer) WriteHeader(status int)      { w.status = status }
func (w *writer) Write(p []byte) (int, error) { return len(p), nil }

// get is once for a GET that has to end with the status.
func get(t *testing.T, p *proxy.Proxy, want int) {
	t.Helper()
	if got, err := once(t.Context(), p, http.MethodGet, "/api/v1/x", nil); got != want {
		t.Fatalf("status %d, want %d: %v", got, want, err)
	}
}

// out counts the upstreams whose metric upstream_up is 0.
func out(t *testing.T, g prometheus.Gatherer, upstreams []*url.URL) (n int) {
	t.Helper()
	for _, up := range states(t, g, upstreams) {
		if up == 0 {
			n++
		}
	}
	return n
}

// value is that of a metric with one label of this value.
func value(t *testing.T, g prometheus.Gatherer, name, label string) float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			if m.GetLabel()[0].GetValue() == label {
				return m.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("no %s of %s", name, label)
	return 0
}

func retries(t *testing.T, g prometheus.Gatherer, result string) float64 {
	t.Helper()
	return value(t, g, "faveo_gateway_upstream_retries_total", result)
}

// series are the upstreams that the metrics name.
func series(t *testing.T, g prometheus.Gatherer) map[string]bool {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			for _, label := range m.GetLabel() {
				if label.GetName() == "upstream" {
					named[label.GetValue()] = true
				}
			}
		}
	}
	return named
}

// ledger counts how often each request came to any server.
type ledger struct {
	mu   sync.Mutex
	seen map[string]int
}

func (l *ledger) handler(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	if l.seen == nil {
		l.seen = map[string]int{}
	}
	l.seen[r.URL.Query().Get("n")]++
	l.mu.Unlock()
	ok(w, r)
}

func (l *ledger) times(n string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seen[n]
}

// load is traffic: GETs and POSTs, each with a number of its own.
type load struct {
	p    *proxy.Proxy
	stop chan struct{}
	wait sync.WaitGroup

	mu     sync.Mutex
	ended  *sync.Cond        // another one, of mu
	sent   map[string]string // number to method
	failed map[string]error
}

// newLoad begins traffic of so many workers.
func newLoad(ctx context.Context, p *proxy.Proxy, workers int) *load {
	l := &load{p: p, stop: make(chan struct{}), sent: map[string]string{}, failed: map[string]error{}}
	l.ended = sync.NewCond(&l.mu)
	for worker := range workers {
		l.wait.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-l.stop:
					return
				default:
				}
				l.one(ctx, fmt.Sprintf("%d-%d", worker, n), []string{http.MethodGet, http.MethodPost}[n%2])
			}
		})
	}
	return l
}

func (l *load) one(ctx context.Context, number, method string) {
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader(strings.Repeat("x", 4<<10))
	}
	code, err := once(ctx, l.p, method, "/api/v1/x?n="+number, body)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent[number] = method
	l.ended.Broadcast()
	if code != http.StatusOK {
		l.failed[number] = fmt.Errorf("%s %s: %d %w", method, number, code, err)
	}
}

// more waits for the end of that many further requests.
func (l *load) more(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for want := len(l.sent) + n; len(l.sent) < want; {
		l.ended.Wait()
	}
}

func (l *load) end() {
	close(l.stop)
	l.wait.Wait()
}
