// Package admin is the private listener: the metrics for the scraper, the two
// health probes for whoever starts and stops the gateway, and the admin API for
// whoever looks after its signing keys, sessions, API keys, lockouts and audit
// trail. Nothing of it exists on the public listener, and it is bound to loopback
// unless the operator says otherwise.
//
// # Health
//
// Liveness says that the process serves; it depends on nothing outside, because
// restarting the gateway mends no database. Readiness says that requests sent
// here will be served: it asks every dependency, each within one bound, and
// turns false first of all when the gateway drains.
//
// # The admin API
//
// Everything below /admin asks for a bearer token. Without one configured there
// is no API, and every request for it is told so. Otherwise a request is looked at
// in this order, and the first check that fails answers:
//
//  1. Host names this listener, so that a web page cannot reach it under a name
//     of its own (DNS rebinding).
//  2. No browser sent it on behalf of another site: Origin, Sec-Fetch-Site.
//  3. The one Authorization header holds the token.
//  4. The path is spelled exactly as a route is: not percent-encoded, without an
//     empty segment, without a slash at its end.
//  5. Every query parameter and every member of the body is known, given once, and
//     means something.
//
// So a stranger learns nothing about what exists, and a request that was spelled
// wrong never does more than was meant: nothing is guessed, and nothing that was
// not understood is ignored.
//
// # What it refuses to do
//
//   - It takes no token from a query, a body or a cookie, and sets no cookie.
//   - It never logs a token, an API key, a query or a path; the event names the
//     route, and the key, session, user or address that a request is about.
//   - It shows the secret of an API key in one answer, the one that makes it.
//   - It stops no change half way because its client hung up.
//   - It knows nothing of what it looks after: that is behind seven small interfaces,
//     Keys, Sessions, APIKeys, Lockouts, Audit, Policy and Configuration. What a name,
//     a scope or a rate may be, they say; here a request is read, and its answer written.
package admin

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Check asks one dependency whether it answers. Probe must be safe for
// concurrent use and end when its context does.
type Check struct {
	// Name is what /readyz calls the part, from the closed set of the label of
	// dependency_up.
	Name  string
	Probe func(context.Context) error
}

// Options are what a Handler works with.
type Options struct {
	Gatherer prometheus.Gatherer
	Checks   []Check
	// CheckTimeout bounds all checks of one readiness probe together.
	CheckTimeout time.Duration

	// Token is the secret that opens the admin API. Empty: there is none, and every
	// request for it is 404 not_found.
	Token string
	// ListenHost is the host of admin.listen, in lower case; it may be empty. It
	// counts as Host, besides "localhost" and every IP address.
	ListenHost string
	// Hosts are further names that count as Host, in lower case and without port.
	Hosts []string
	// Keys and the others are what the API works on. Needed with a Token; a request
	// for one that is nil is 500 internal.
	Keys     Keys
	Sessions Sessions
	APIKeys  APIKeys
	Lockouts Lockouts
	Audit    Audit
	Policy   Policy
	// Configuration is that of the gateway itself, which can be reloaded.
	Configuration Configuration
	// Log takes one event for each request that is none of the open routes. Nil
	// means none.
	Log *slog.Logger
	// Observe is told of every request below /admin, of the refused ones too, once it
	// is answered and before it is over. It must be safe for concurrent use and not
	// block. Nil means nobody is told.
	Observe func(Event)
}

// Handler serves the private listener. It is safe for concurrent use.
type Handler struct {
	echo     *echo.Echo
	checks   []Check
	timeout  time.Duration
	draining atomic.Bool

	enabled  bool
	token    [sha256.Size]byte
	hosts    map[string]bool
	keys     Keys
	sessions Sessions
	apiKeys  APIKeys
	lockouts Lockouts
	audit    Audit
	config   Configuration
	policy   Policy
	log      *slog.Logger
	tell     func(Event)
}

// New returns a Handler.
func New(o Options) *Handler {
	h := &Handler{
		echo: echo.New(), checks: o.Checks, timeout: o.CheckTimeout,
		enabled: o.Token != "", token: sha256.Sum256([]byte(o.Token)), hosts: hostNames(o),
		keys: o.Keys, sessions: o.Sessions, apiKeys: o.APIKeys, lockouts: o.Lockouts, audit: o.Audit,
		policy: o.Policy, config: o.Configuration,
		log: o.Log, tell: o.Observe,
	}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if h.tell == nil {
		h.tell = func(Event) {}
	}
	h.echo.IPExtractor = echo.ExtractIPDirect()
	h.echo.HTTPErrorHandler = renderError
	h.echo.Pre(
		h.observe,   // First in, last out: it reports whatever the others do.
		recoverHere, // Inside observe, so that a panic is reported as well.
		h.guard,     // Before the router: who may not ask does not learn what there is.
	)
	// OpenMetrics, for who asks for it, is the one text format with exemplars.
	h.echo.GET(pathMetrics, echo.WrapHandler(promhttp.HandlerFor(o.Gatherer, promhttp.HandlerOpts{EnableOpenMetrics: true})))
	h.echo.GET(pathLive, h.live)
	h.echo.GET(pathReady, h.ready)
	for _, r := range h.routes() {
		h.echo.Add(r.method, r.path, h.serve(r))
	}
	// A parameter at the end of a route would take in slashes as well. Behind an API
	// key there are routes, which this would hide from other methods; there IsID
	// refuses the slash.
	h.echo.RouteNotFound(pathSession+"/*", func(echo.Context) error { return notFound })
	return h
}

// The open routes: without token, and under every Host, because scrapers and
// probes call by whatever name the site gives this machine.
const (
	pathMetrics = "/metrics"
	pathLive    = "/livez"
	pathReady   = "/readyz"
)

// isOpen reports whether anybody may ask for that path.
func isOpen(path string) bool { return path == pathMetrics || path == pathLive || path == pathReady }

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.echo.ServeHTTP(w, r) }

// Drain turns readiness false for good, so that load balancers send new
// requests elsewhere while those in flight finish.
func (h *Handler) Drain() { h.draining.Store(true) }

func (h *Handler) live(c echo.Context) error {
	return c.String(http.StatusOK, "ok\n")
}
