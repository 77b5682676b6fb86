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
// retries: net/http alone repeats a request, and only one without a body whose
// kept connection turns out to be closed, when the method is safe (GET, HEAD,
// OPTIONS) or no byte had been written. PHP thus never sees a POST twice;
// Idempotency-Key, which would change that, is not passed on.
//
// Interim answers (1xx) of the upstream are not forwarded, against RFC 9110
// section 15.2: Faveo sends none, and a writer that takes 103 for the status of
// the answer (Echo's does) would turn every later 404 into a 200.
package proxy

import (
	"errors"
	"fmt"
	"io"
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

// Options are what a Proxy is made of. All fields are required except
// Config.ForwardHeaders.
type Options struct {
	// Upstreams are PHP's web servers, as ParseUpstreams returns them. Several are
	// used in turn, whether they live or not.
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
	// upstream_requests_total and upstream_up.
	Registerer prometheus.Registerer
}

// validate reports every fault at once.
func (o Options) validate() error {
	var faults []error
	if len(o.Upstreams) == 0 {
		faults = append(faults, errors.New("no upstream"))
	}
	if invalid := upstreamFaults(o.Upstreams); len(invalid) > 0 {
		faults = append(faults, invalid)
	}
	o.Config.Validate(func(path, message string) {
		faults = append(faults, fmt.Errorf("%s: %s", path, message))
	})
	if o.Identify == nil {
		faults = append(faults, errors.New("no Identify"))
	}
	if !strings.HasPrefix(o.ProbePath, "/") {
		faults = append(faults, fmt.Errorf("probe path %q does not begin with a slash", o.ProbePath))
	}
	if o.Registerer == nil {
		faults = append(faults, errors.New("no Registerer"))
	}
	return errors.Join(faults...)
}

// Proxy forwards requests to the upstreams. Safe for concurrent use.
type Proxy struct {
	upstreams []*upstream
	next      atomic.Uint64
	filter    filter
	identify  func(in *http.Request, out http.Header)
	probePath string
	transport *http.Transport
	buffers   bufferPool
	calls     sync.Pool
	metrics   *metrics
	now       func() time.Time
}

// upstream is one of PHP's web servers.
type upstream struct {
	url     *url.URL
	name    string // the label of its metrics: host:port as configured
	metrics upstreamMetrics
}

// New returns a Proxy. It opens no connection. The error names every fault of
// the options, or a metric that is registered already.
func New(o Options) (*Proxy, error) {
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("proxy options: %w", err)
	}
	m, err := newMetrics(o.Registerer)
	if err != nil {
		return nil, err
	}
	p := &Proxy{
		filter:    newFilter(o.Config.ForwardHeaders),
		identify:  o.Identify,
		probePath: o.ProbePath,
		transport: newTransport(o.Config),
		metrics:   m,
		now:       time.Now,
	}
	p.calls.New = func() any { return newCall(p) }
	for _, u := range o.Upstreams {
		clone := *u
		p.upstreams = append(p.upstreams, &upstream{url: &clone, name: u.Host, metrics: m.of(u.Host)})
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
	c.begin(w, r, passage, p.pick())
	defer c.observe()
	return c.run()
}

// pick takes the upstreams in turn.
func (p *Proxy) pick() *upstream {
	if len(p.upstreams) == 1 {
		return p.upstreams[0]
	}
	return p.upstreams[(p.next.Add(1)-1)%uint64(len(p.upstreams))]
}

// Close drops the idle connections. Requests under way are left alone.
func (p *Proxy) Close() { p.transport.CloseIdleConnections() }
