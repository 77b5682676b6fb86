package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"faveo-gateway/upstream/proxy"
)

// TestOneOfThreeDies under load, twice. No GET fails, those under way included; a
// POST may only when it had reached the one that died, and none comes to two.
func TestOneOfThreeDies(t *testing.T) {
	var book ledger
	machines := []*machine{newMachine(t, book.handler), newMachine(t, book.handler), newMachine(t, book.handler)}
	o, registry := observed(urls(machines...), func(c *proxy.Config) {
		c.Breaker = proxy.Breaker{Failures: 3, OpenFor: 20 * time.Millisecond, MaxOpenFor: 20 * time.Millisecond}
		c.Retries.BudgetPercent = 100
	})
	p := newProxy(t, o)
	const workers = 8
	traffic := newLoad(t.Context(), p, workers)
	for range 2 {
		traffic.more(100)
		machines[1].kill()
		traffic.more(200)
		machines[1].start()
	}
	for end := time.Now().Add(patience); out(t, registry, urls(machines...)) > 0; {
		if time.Now().After(end) {
			t.Fatal("it is not back")
		}
		traffic.more(10)
	}
	traffic.end()
	lost := 0
	for number, method := range traffic.sent {
		err, times := traffic.failed[number], book.times(number)
		switch {
		case method == http.MethodGet && err != nil:
			t.Error(err)
		case method == http.MethodPost && times > 1:
			t.Errorf("POST %s came %d times", number, times)
		case err != nil:
			lost++
			if !errors.Is(err, proxy.ErrUnavailable) {
				t.Error(err)
			}
		}
	}
	if lost > 2*workers {
		t.Errorf("%d POSTs failed, more than were under way", lost)
	}
	t.Logf("%d requests, %d POSTs lost with the one that died", len(traffic.sent), lost)
}

// TestAllDown: 502, at once, and the first that comes back serves the next request.
func TestAllDown(t *testing.T) {
	machines := []*machine{newMachine(t, ok), newMachine(t, ok), newMachine(t, ok)}
	o, registry := observed(urls(machines...), func(c *proxy.Config) {
		c.Breaker.OpenFor, c.Breaker.MaxOpenFor = time.Hour, time.Hour
	})
	p := newProxy(t, o)
	for _, m := range machines {
		m.kill()
	}
	begin := time.Now()
	for range 30 {
		get(t, p, http.StatusBadGateway)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("30 refusals took %v", took)
	}
	if n := out(t, registry, o.Upstreams); n != 3 {
		t.Errorf("%d of 3 are out", n)
	}
	machines[2].start()
	get(t, p, http.StatusOK)
	if n := out(t, registry, o.Upstreams); n != 2 {
		t.Errorf("%d are out, one is back", n)
	}
	if n, err := once(t.Context(), p, http.MethodPost, "/api/v1/x", strings.NewReader("x")); n != http.StatusOK {
		t.Errorf("POST after one is back: %d %v", n, err)
	}
}

// TestSingleUpstream is always tried: as good as without any mark on it.
func TestSingleUpstream(t *testing.T) {
	only := newMachine(t, ok)
	o, registry := observed(urls(only), func(c *proxy.Config) { c.Breaker.OpenFor, c.Breaker.MaxOpenFor = time.Hour, time.Hour })
	p := newProxy(t, o)
	only.kill()
	for range 20 {
		get(t, p, http.StatusBadGateway)
	}
	p.CheckHealth(t.Context())
	if n := out(t, registry, o.Upstreams); n != 1 {
		t.Error("upstream_up does not tell that it is down")
	}
	only.start()
	get(t, p, http.StatusOK)
	p.CheckHealth(t.Context())
	p.CheckHealth(t.Context())
	if n := out(t, registry, o.Upstreams); n != 0 {
		t.Error("upstream_up does not tell that it is back")
	}
	if n := retries(t, registry, "no_upstream") + retries(t, registry, "no_budget"); n != 0 {
		t.Errorf("%v retries considered where there is nowhere to go", n)
	}
}

// TestLeastRequests: requests that take long spread by themselves, and whoever is
// free gets all others.
func TestLeastRequests(t *testing.T) {
	type where struct {
		address string
		release chan struct{}
	}
	began, served := make(chan where), make(chan string, 100)
	handler := func(w http.ResponseWriter, r *http.Request) {
		here := where{fmt.Sprint(r.Context().Value(http.LocalAddrContextKey)), make(chan struct{})}
		if r.URL.RawQuery == "slow" {
			began <- here
			<-here.release
		} else {
			served <- here.address
		}
		ok(w, r)
	}
	machines := []*machine{newMachine(t, handler), newMachine(t, handler), newMachine(t, handler)}
	o, _ := observed(urls(machines...), nil)
	p := newProxy(t, o)
	ended := make(chan struct{})
	occupy := func() where {
		go func() {
			_, _ = once(t.Context(), p, http.MethodGet, "/api/v1/x?slow", nil)
			ended <- struct{}{}
		}()
		return <-began
	}
	busy := map[string]chan struct{}{}
	for range machines {
		at := occupy()
		busy[at.address] = at.release
	}
	if len(busy) != len(machines) {
		t.Errorf("three long requests went to %d servers", len(busy))
	}
	for address, release := range busy {
		close(release)
		<-ended
		for range 10 {
			get(t, p, http.StatusOK)
			if got := <-served; got != address {
				t.Errorf("%s got a request, %s is free", got, address)
			}
		}
		again := occupy()
		if again.address != address {
			t.Errorf("the next long one went to %s, %s is free", again.address, address)
		}
		busy[address] = again.release
	}
	for _, release := range busy {
		close(release)
		<-ended
	}
}

// TestLotsAreFair: among three that are all free, each gets its share; the neighbour
// of one that is out gets no more than the others.
func TestLotsAreFair(t *testing.T) {
	var mu sync.Mutex
	served := map[string]int{}
	handler := func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		served[fmt.Sprint(r.Context().Value(http.LocalAddrContextKey))]++
		mu.Unlock()
		ok(w, r)
	}
	one, two, three := newMachine(t, handler), newMachine(t, handler), newMachine(t, handler)
	o, _ := observed([]*url.URL{refused(t), one.url, two.url, three.url}, func(c *proxy.Config) {
		c.Breaker = proxy.Breaker{Failures: 1, OpenFor: time.Hour, MaxOpenFor: time.Hour}
	})
	p := newProxy(t, o)
	for range 600 {
		get(t, p, http.StatusOK)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, m := range []*machine{one, two, three} {
		if n := served[m.url.Host]; n < 140 || n > 260 { // 200, and five standard deviations.
			t.Errorf("served %v of 600, want about 200 each", served)
		}
	}
}

// TestWhatEjects sends many failures of a kind to four upstreams.
func TestWhatEjects(t *testing.T) {
	tests := []struct {
		name    string
		handler http.HandlerFunc
		out     int
	}{
		{"PHP's own errors", ends(http.StatusInternalServerError), 0},
		{"refusals", ends(http.StatusForbidden), 0},
		{"PHP behind the web server is gone", ends(http.StatusBadGateway), 2},
		{"maintenance", ends(http.StatusServiceUnavailable), 2},
		{"no answer", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 2},
		{"half an answer", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			_, _ = io.WriteString(w, "abc")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			machines := []*machine{newMachine(t, tt.handler), newMachine(t, tt.handler), newMachine(t, tt.handler), newMachine(t, tt.handler)}
			o, registry := observed(urls(machines...), func(c *proxy.Config) {
				c.Breaker = proxy.Breaker{Failures: 3, OpenFor: time.Hour, MaxOpenFor: time.Hour}
			})
			p := newProxy(t, o)
			ask := func() {
				defer func() { _ = recover() }() // What broke off is a panic.
				_, _ = once(t.Context(), p, http.MethodGet, "/api/v1/x", nil)
			}
			for range 100 {
				ask()
			}
			if n := out(t, registry, o.Upstreams); n != tt.out {
				t.Errorf("%d of 4 are out, want %d", n, tt.out)
			}
		})
	}
}

// TestLeavingEjectsNobody: an attacker asks and leaves, again and again.
func TestLeavingEjectsNobody(t *testing.T) {
	began := make(chan struct{})
	handler := func(_ http.ResponseWriter, r *http.Request) {
		began <- struct{}{}
		<-r.Context().Done()
	}
	machines := []*machine{newMachine(t, handler), newMachine(t, handler)}
	o, registry := observed(urls(machines...), func(c *proxy.Config) { c.Breaker.Failures = 1 })
	p := newProxy(t, o)
	for range 20 {
		ctx, leave := context.WithCancel(t.Context())
		go func() { <-began; leave() }()
		if _, err := once(ctx, p, http.MethodGet, "/api/v1/x", nil); !errors.Is(err, proxy.ErrClientGone) {
			t.Fatal(err)
		}
	}
	if n := out(t, registry, o.Upstreams); n != 0 {
		t.Errorf("%d are out", n)
	}
}

// TestSlowReportEjectsNobody while the server answers anything else, and half of
// the fleet at most when it does not.
func TestSlowReportEjectsNobody(t *testing.T) {
	for name, tt := range map[string]struct {
		answers bool
		timeout time.Duration
		out     int
	}{"it answers the probes": {true, 2 * time.Second, 0}, "it answers nothing": {false, 200 * time.Millisecond, 1}} {
		t.Run(name, func(t *testing.T) {
			const reports = 12
			began := make(chan struct{}, reports)
			handler := func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/api/v1/x" {
					ok(w, r)
					return
				}
				began <- struct{}{}
				<-r.Context().Done()
			}
			machines := []*machine{newMachine(t, handler), newMachine(t, handler)}
			o, registry := observed(urls(machines...), func(c *proxy.Config) {
				c.Breaker.Failures, c.Timeouts.ResponseHeader = 3, tt.timeout
			})
			p := newProxy(t, o)
			var waiting sync.WaitGroup
			for range reports {
				waiting.Go(func() {
					if _, err := once(t.Context(), p, http.MethodGet, "/api/v1/x", nil); !errors.Is(err, proxy.ErrTimeout) {
						t.Error(err)
					}
				})
			}
			for range reports {
				<-began
			}
			if tt.answers {
				p.CheckHealth(t.Context())
			}
			waiting.Wait()
			if n := out(t, registry, o.Upstreams); n != tt.out {
				t.Errorf("%d are out, want %d", n, tt.out)
			}
			if n := retries(t, registry, "answered") + retries(t, registry, "failed"); n != 0 {
				t.Errorf("%v reports were asked for twice", n)
			}
		})
	}
}

// TestFailingProbes take an upstream out, but not the last one: the probe may be
// what is wrong.
func TestFailingProbes(t *testing.T) {
	var mu sync.Mutex
	served := map[string]int{}
	sick := map[string]bool{}
	handler := func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.URL.Path != "/api/v1/x" && sick[r.Host] {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if r.URL.Path == "/api/v1/x" {
			served[r.Context().Value(http.LocalAddrContextKey).(interface{ String() string }).String()]++
		}
		ok(w, r)
	}
	machines := []*machine{newMachine(t, handler), newMachine(t, handler)}
	o, registry := observed(urls(machines...), nil)
	p := newProxy(t, o)
	sick[machines[0].url.Host] = true
	p.CheckHealth(t.Context())
	for range 20 {
		get(t, p, http.StatusOK)
	}
	mu.Lock()
	if n := served[machines[0].url.Host]; n != 0 || out(t, registry, o.Upstreams) != 1 {
		t.Errorf("the sick one served %d", n)
	}
	sick[machines[1].url.Host] = true
	mu.Unlock()
	for range o.Config.Health.UnhealthyAfter {
		p.CheckHealth(t.Context())
	}
	for range 20 {
		get(t, p, http.StatusOK)
	}
	mu.Lock()
	defer mu.Unlock()
	if n := out(t, registry, o.Upstreams); n != 2 || served[machines[0].url.Host] == 0 || served[machines[1].url.Host] == 20 {
		t.Errorf("with all %d sick they served %v", n, served)
	}
}

// heard is a log that tells its messages as they come.
type heard struct {
	slog.Handler
	messages chan string
}

func (h heard) Enabled(context.Context, slog.Level) bool { return true }

func (h heard) Handle(_ context.Context, r slog.Record) error {
	h.messages <- r.Message
	return nil
}

// TestRun probes by itself, at once after a reload, and stops with its context.
func TestRun(t *testing.T) {
	one, two := newMachine(t, ok), newMachine(t, ok)
	log := heard{slog.DiscardHandler, make(chan string, 16)}
	hears := func(want string) {
		t.Helper()
		select {
		case got := <-log.messages:
			if got != want {
				t.Fatalf("log says %q, want %q", got, want)
			}
		case <-time.After(patience):
			t.Fatalf("log says nothing, want %q", want)
		}
	}
	o, _ := observed(urls(one, two), func(c *proxy.Config) { c.Health.Interval = time.Millisecond })
	o.Log = slog.New(log)
	p := newProxy(t, o)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- p.Run(ctx) }()
	two.kill()
	hears("upstream is out")
	two.start()
	hears("upstream is back")

	// Each new one is probed at once, though the next round is an hour away.
	o.Config.Health.Interval = time.Hour
	for range 2 {
		if err := p.Replace([]*url.URL{one.url, refused(t)}, o.Config); err != nil {
			t.Fatal(err)
		}
		hears("upstream is out")
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestReplaceUnderLoad a hundred times: upstreams come and go, and so do settings
// of their connections. No request is lost, none is sent twice.
func TestReplaceUnderLoad(t *testing.T) {
	var book ledger
	machines := []*machine{newMachine(t, book.handler), newMachine(t, book.handler), newMachine(t, book.handler)}
	o, registry := observed(urls(machines[:2]...), nil)
	p := newProxy(t, o)
	traffic := newLoad(t.Context(), p, 4)
	sets := [][]*machine{{machines[0]}, {machines[1], machines[2]}, {machines[2], machines[0]}, {machines[1]}}
	for n := range 100 {
		c := o.Config
		c.MaxIdleConnections += n % 3
		c.Timeouts.Idle += time.Duration(n%5) * time.Second
		c.Balance = []proxy.Balance{proxy.LeastRequests, proxy.RoundRobin}[n%2]
		if err := p.Replace(urls(sets[n%len(sets)]...), c); err != nil {
			t.Fatal(err)
		}
		traffic.more(5)
	}
	traffic.end()
	for number := range traffic.sent {
		if err := traffic.failed[number]; err != nil {
			t.Error(err)
		}
		if times := book.times(number); times != 1 {
			t.Errorf("%s came %d times", number, times)
		}
	}
	if named := series(t, registry); len(named) != 1 || !named[machines[1].url.Host] {
		t.Errorf("the metrics name %v, want only the one in use", named)
	}
}

// TestReplaceWaitsForTheLastRequest before it drops what belongs to an upstream.
func TestReplaceWaitsForTheLastRequest(t *testing.T) {
	began, release := make(chan struct{}), make(chan struct{})
	old := newMachine(t, func(w http.ResponseWriter, r *http.Request) {
		close(began)
		<-release
		ok(w, r)
	})
	next := newMachine(t, ok)
	o, registry := observed(urls(old), nil)
	p := newProxy(t, o)
	ended := make(chan int)
	go func() {
		code, _ := once(t.Context(), p, http.MethodGet, "/api/v1/x", nil)
		ended <- code
	}()
	<-began
	if err := p.Replace(urls(next), o.Config); err != nil {
		t.Fatal(err)
	}
	get(t, p, http.StatusOK)
	if !series(t, registry)[old.url.Host] {
		t.Error("its metrics went before its last request")
	}
	close(release)
	if code := <-ended; code != http.StatusOK {
		t.Errorf("the request under way: %d", code)
	}
	if series(t, registry)[old.url.Host] {
		t.Error("its metrics are still there")
	}
}

// TestReplaceKeepsWhatIsKnown of an upstream that stays, and refuses as a whole.
func TestReplaceKeepsWhatIsKnown(t *testing.T) {
	dead, live := refused(t), newMachine(t, ok)
	o, registry := observed([]*url.URL{dead, live.url}, func(c *proxy.Config) {
		c.Breaker = proxy.Breaker{Failures: 1, OpenFor: time.Hour, MaxOpenFor: time.Hour}
	})
	p := newProxy(t, o)
	for range 100 { // It is drawn by then.
		get(t, p, http.StatusOK)
	}
	if n := out(t, registry, o.Upstreams); n != 1 {
		t.Fatalf("%d are out", n)
	}
	before := retries(t, registry, "answered")
	for _, change := range []func(*proxy.Config){
		func(c *proxy.Config) { c.Balance = proxy.RoundRobin },
		func(c *proxy.Config) { c.Timeouts.Idle += time.Second }, // Another transport.
		func(c *proxy.Config) { c.Breaker.Failures = 7 },
	} {
		change(&o.Config)
		if err := p.Replace(o.Upstreams, o.Config); err != nil {
			t.Fatal(err)
		}
		if got := states(t, registry, o.Upstreams); !slices.Equal(got, []float64{0, 1}) {
			t.Errorf("upstream_up %v", got)
		}
		get(t, p, http.StatusOK)
	}
	bad := o.Config
	bad.Retries.BudgetPercent = 0
	for _, upstreams := range [][]*url.URL{nil, {live.url, {Scheme: "ftp", Host: "x"}}, {live.url}} {
		err := p.Replace(upstreams, bad)
		if err == nil || !strings.Contains(err.Error(), "retries.budget_percent") {
			t.Errorf("%v: %v", upstreams, err)
		}
		get(t, p, http.StatusOK)
	}
	if after := retries(t, registry, "answered"); after != before {
		t.Errorf("%v requests went to the dead upstream again", after-before)
	}
	o.Config.Breaker.Failures = 0 // Nobody is ejected any more.
	if err := p.Replace(o.Upstreams, o.Config); err != nil {
		t.Fatal(err)
	}
	if n := out(t, registry, o.Upstreams); n != 0 {
		t.Errorf("%d are out", n)
	}
}

// TestTrialEndsWithTheHead: a long answer is proof enough when it begins; the
// others do not wait for its end.
func TestTrialEndsWithTheHead(t *testing.T) {
	began, release := make(chan struct{}), make(chan struct{})
	sick := newMachine(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "long" {
			ok(w, r)
			return
		}
		_ = http.NewResponseController(w).Flush()
		close(began)
		<-release
	})
	o, registry := observed([]*url.URL{sick.url, refused(t)}, func(c *proxy.Config) {
		c.Breaker = proxy.Breaker{Failures: 1, OpenFor: time.Hour, MaxOpenFor: time.Hour}
	})
	p := newProxy(t, o)
	sick.kill()
	get(t, p, http.StatusBadGateway)
	sick.start()
	var long sync.WaitGroup
	long.Go(func() {
		if code, err := once(t.Context(), p, http.MethodGet, "/api/v1/x?long", nil); code != http.StatusOK {
			t.Errorf("the long answer: %d %v", code, err)
		}
	})
	<-began
	for end := time.Now().Add(patience); out(t, registry, o.Upstreams) != 1; {
		if time.Now().After(end) {
			t.Fatal("still out, though its answer has begun")
		}
		runtime.Gosched()
	}
	close(release)
	long.Wait()
}

// TestReplaceClosesConnections of what is no longer used, and keeps those of what is.
func TestReplaceClosesConnections(t *testing.T) {
	closed, opened := make(chan string, 16), make(chan string, 16)
	start := func() *url.URL {
		server := httptest.NewUnstartedServer(http.HandlerFunc(ok))
		server.Config.ConnState = func(c net.Conn, s http.ConnState) {
			switch s {
			case http.StateNew:
				opened <- c.LocalAddr().String()
			case http.StateClosed:
				closed <- c.LocalAddr().String()
			}
		}
		server.Start()
		t.Cleanup(server.Close)
		return &url.URL{Scheme: "http", Host: server.Listener.Addr().String()}
	}
	stays, goes := start(), start()
	o, _ := observed([]*url.URL{stays, goes}, func(c *proxy.Config) { c.Balance = proxy.RoundRobin })
	p := newProxy(t, o)
	for range 4 {
		get(t, p, http.StatusOK)
	}
	o.Config.Retries.Max = 0
	if err := p.Replace([]*url.URL{stays}, o.Config); err != nil {
		t.Fatal(err)
	}
	if address := <-closed; address != goes.Host {
		t.Errorf("closed a connection to %s, want %s", address, goes.Host)
	}
	get(t, p, http.StatusOK)
	if n := len(opened); n != 2 || len(closed) > 0 {
		t.Errorf("%d connections opened, want one to each; %d more closed", n, len(closed))
	}
	o.Config.MaxIdleConnections++
	if err := p.Replace([]*url.URL{stays}, o.Config); err != nil {
		t.Fatal(err)
	}
	if address := <-closed; address != stays.Host {
		t.Errorf("closed a connection to %s, want %s", address, stays.Host)
	}
	get(t, p, http.StatusOK)
}
