// Package proxy carries a request that the gateway has already judged to PHP,
// and PHP's answer back.
//
// The idea: nothing is decided here. The request arrives rebuilt by
// upstream/laravel, and this room sees to it that what was judged is what is
// sent, and that nothing else of the client's rides along:
//
//   - The line and the body are those of the request handed in. What
//     httputil.ReverseProxy would tidy on its own (a query with ";") is put
//     back, and what a client could make vanish by naming it in Connection
//     (Content-Type, which says how PHP reads the body) is restored.
//   - Headers pass a filter (headers.go): an allow-list on API routes, a
//     deny-list on the web UI. Identity and forwarding headers come from
//     Options.Identify only, which runs after every client header has been
//     looked at (httputil.ReverseProxy.Rewrite, never Director).
//   - The answer loses what speaks of the machine behind, API answers that
//     Faveo mislabels as HTML are labelled as what they are (label.go), and its
//     error messages lose the place in the source that raised them (conceal.go).
//   - An answer that the caller may see only in part goes through the Edit of
//     its Passage, or not at all (edit.go).
//
// Several upstreams share the requests (balance.go). What is known of each is its
// standing, in two halves: what probes say (health.go), and what requests say,
// which is a circuit breaker (breaker.go). The breaker's open state is the
// ejection of an upstream; there is no other. Both halves are advice and no
// verdict on the site:
//
//   - A single upstream is always tried, like nginx's.
//   - When none is in good standing, those that merely fail their probes get the
//     requests. When connections to all are refused, requests fail at once with
//     ErrUnavailable, but for one at a time and upstream that tries again: a
//     dead fleet is back with the first request that it answers.
//   - Only what a client cannot bring about ejects (verdict.go): not PHP's 500,
//     not a slow report while the server answers anybody else, not a client
//     that leaves. What it might bring about after all ejects at most half of the
//     fleet, and never the last one in service.
//
// A failed request goes to another upstream when nothing of it can have reached
// the first, or when it is a GET or HEAD without a body that got no answer, as
// long as the budget for that lasts (retry.go). Replace changes all of this under
// load (fleet.go).
//
// Each request takes one pooled call, which owns a ReverseProxy of its own, so
// that the outcome of a request has a place without contexts and without
// allocation. A failure before the answer began is returned, so that one table
// of the gateway renders it. A failure after that cannot be told to the client
// in words: Forward panics with http.ErrAbortHandler, as net/http wants it, and
// the connection breaks visibly instead of ending as if the answer were whole.
//
// Refused on purpose: CONNECT and TRACE (an upstream that echoes TRACE would
// show the bridge token), a Host that is none, any protocol switch but
// websocket on the web UI (h2c would open a tunnel past the policy), HTTP
// proxies from the environment, HTTP/2 toward PHP (it knows no Upgrade), and
// retries of anything else than above. To the same upstream net/http alone
// repeats a request, and only one without a body whose kept connection turns out
// to be closed, when the method is safe (GET, HEAD, OPTIONS) or no byte had been
// written. PHP thus never sees a POST twice; Idempotency-Key, which would change
// that, is not passed on.
//
// Interim answers (1xx) of the upstream are not forwarded, against RFC 9110
// section 15.2: Faveo sends none, and a writer that takes 103 for the status of
// the answer (Echo's does) would turn every later 404 into a 200.
package proxy

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Kind is the part of Faveo that a request is for. It decides which headers
// pass, in both directions, and whether a protocol may be switched.
type Kind uint8

const (
	// API is a route below /api/: known headers only, no cookies, no upgrade.
	API Kind = iota
	// Web is the web UI: everything but identity and forwarding headers.
	Web
)

// Passage is how one request goes through.
type Passage struct {
	Kind Kind
	// Identified says that the request carries a token of the gateway's own, whose
	// owner is proved. PHP's 401 is then a fault between the gateway and PHP, and is
	// ErrUnavailable.
	Identified bool
	// Edit changes the body of the answer on its way; nil leaves it alone. It is
	// called once, with the body, when there is one, whatever the status: an error
	// can hold a row, too. The reader that it returns must fail where it cannot
	// edit, and is read to its end by one goroutine before Forward returns.
	//
	// Nothing unedited passes. The upstream is asked for the whole, uncompressed
	// and unconditional answer; one that comes otherwise (Content-Encoding, 206,
	// 304, another protocol) is ErrUnavailable, as is a failure of Edit within the
	// first 32 KiB of what it returns. A later one breaks the connection off.
	// What described the unedited body (ETag, Digest, Content-Length, trailers and
	// the like) is dropped.
	Edit func(io.Reader) io.Reader
}

// Options are what a Proxy is made of. All fields are required.
type Options struct {
	// Upstreams are PHP's web servers, as ParseUpstreams returns them.
	Upstreams []*url.URL
	// Config must be valid, see Config.Validate.
	Config Config
	// Identify adds what only the gateway may say to the headers that PHP will
	// get: Authorization, X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host,
	// X-Request-Id. out holds none of them. in is the request given to Forward and
	// must not be changed. Called from many goroutines at once.
	Identify func(in *http.Request, out http.Header)
	// ProbePath is the path, base path included, that Probe asks for:
	// "/api/v1/helpdesk/check-url" changes nothing and needs no token.
	ProbePath string
	// Registerer receives the metrics upstream_duration_seconds,
	// upstream_requests_total, upstream_retries_total and upstream_up.
	Registerer prometheus.Registerer
	// Log hears of upstreams that go out of service and come back.
	Log *slog.Logger
}

// validate reports every fault at once.
func (o Options) validate() error {
	faults := []error{validate(o.Upstreams, o.Config)}
	if o.Identify == nil {
		faults = append(faults, errors.New("no Identify"))
	}
	if !strings.HasPrefix(o.ProbePath, "/") {
		faults = append(faults, fmt.Errorf("probe path %q does not begin with a slash", o.ProbePath))
	}
	if o.Registerer == nil {
		faults = append(faults, errors.New("no Registerer"))
	}
	if o.Log == nil {
		faults = append(faults, errors.New("no Log"))
	}
	return errors.Join(faults...)
}

// validate judges what a reload can change. It reports every fault at once.
func validate(upstreams []*url.URL, c Config) error {
	var faults []error
	if len(upstreams) == 0 {
		faults = append(faults, errors.New("no upstream"))
	}
	if invalid := upstreamFaults(upstreams); len(invalid) > 0 {
		faults = append(faults, invalid)
	}
	c.Validate(func(path, message string) {
		faults = append(faults, fmt.Errorf("%s: %s", path, message))
	})
	return errors.Join(faults...)
}

// Proxy forwards requests to the upstreams. Safe for concurrent use.
type Proxy struct {
	fleet     atomic.Pointer[fleet]
	identify  func(in *http.Request, out http.Header)
	probePath string
	budget    budget
	buffers   bufferPool
	calls     sync.Pool
	metrics   *metrics
	log       *slog.Logger
	now       func() time.Time
	changed   chan struct{} // tells Run of another fleet; holds one message

	// mu is held by what changes the set of upstreams.
	mu sync.Mutex
	// standings holds those of all upstreams that have not been disposed of, by name.
	standings map[string]*standing
	// ejecting is held by whoever decides about an ejection.
	ejecting sync.Mutex
}

// New returns a Proxy. It opens no connection. The error names every fault of
// the options, a file of Config.TLS that cannot be used, or a metric that is
// registered already.
func New(o Options) (*Proxy, error) {
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("proxy options: %w", err)
	}
	m, err := newMetrics(o.Registerer)
	if err != nil {
		return nil, err
	}
	p := &Proxy{
		identify:  o.Identify,
		probePath: o.ProbePath,
		metrics:   m,
		log:       o.Log,
		now:       time.Now,
		changed:   make(chan struct{}, 1),
		standings: make(map[string]*standing, len(o.Upstreams)),
	}
	p.calls.New = func() any { return newCall(p) }
	p.budget.hundredths.Store(savings * 100)
	p.fleet.Store(&fleet{}) // What the first one replaces.
	if err := p.Replace(o.Upstreams, o.Config); err != nil {
		return nil, err
	}
	return p, nil
}

// Forward sends r to an upstream and its answer to w. It does not change r.
//
// The error is non-nil only when nothing was written to w, so that the caller
// renders it: ErrUnavailable, ErrTimeout, ErrTooLarge, ErrClientGone or
// ErrBadRequest (errors.Is), or none of these when the gateway itself failed to
// read a body that it had put aside. An error that breaks off an answer already
// begun is a panic with http.ErrAbortHandler: a caller that recovers must let
// that value through, or the client takes half an answer for a whole one.
//
// r.Context() bounds the whole exchange, the body of the answer included.
func (p *Proxy) Forward(w http.ResponseWriter, r *http.Request, passage Passage) error {
	if err := fit(r); err != nil {
		return err
	}
	c := p.calls.Get().(*call)
	c.begin(w, r, passage, p.fleet.Load())
	defer c.end()
	return c.run()
}

// Close drops the idle connections. Requests under way are left alone. Run must
// have returned before.
func (p *Proxy) Close() {
	for _, u := range p.fleet.Load().upstreams {
		u.transport.CloseIdleConnections()
	}
}
