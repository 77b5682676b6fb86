package gateway

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"faveo-gateway/gateway/login"
	"faveo-gateway/gateway/stage"
	"faveo-gateway/upstream/laravel"
	"faveo-gateway/upstream/proxy"
)

// frontDoor is what the public listener is made of.
type frontDoor struct {
	basePath      string
	passthrough   bool
	peers         stage.Peers
	observer      *stage.Observer
	trail         trail
	reader        *laravel.Reader
	authenticator *stage.Authenticator
	limiter       *stage.Limiter
	authorizer    *stage.Authorizer
	checker       urlChecker
	login         *login.Handler
	keys          *publicKeys
	proxy         *proxy.Proxy
	bridge        stage.Bridge
}

// routes puts the stages in their order and names the routes.
func routes(d frontDoor) *echo.Echo {
	e := echo.New()
	e.HTTPErrorHandler = renderError
	e.IPExtractor = d.peers.Extractor() // Without one Echo believes every X-Forwarded-For.

	e.Pre(
		d.observer.Observe(),         // First in, last out: it reports whatever the others do.
		d.trail.refusals,             // Of whatever the others refuse, as they refuse it.
		stage.Recover(),              // Inside observe, so that a panic is reported as well.
		d.serveKeys,                  // The gateway's own document, which no reading of PHP concerns.
		stage.Canonicalize(d.reader), // Before the router: what is routed is what is judged and sent.
	)
	byAddress, byCaller := d.limiter.ByAddress(), d.limiter.ByCaller()
	authenticate, authorize := d.authenticator.Authenticate(), d.authorizer.Authorize()
	forward := func(kind proxy.Kind) echo.HandlerFunc { return stage.Forward(d.send(kind), d.bridge) }

	// Each route of the API has a limit by address before anything is spent on it, and one
	// by caller once that is known: before the policy, which asks the database whose a
	// ticket is, also for who may not have it.
	api := func(on stage.Route, handler echo.HandlerFunc, prove echo.MiddlewareFunc, stages ...echo.MiddlewareFunc) echo.HandlerFunc {
		return chain(handler, append([]echo.MiddlewareFunc{stage.On(on), byAddress, prove, byCaller}, stages...)...)
	}
	base := d.basePath + "/api/v1/"
	read := []string{http.MethodGet, http.MethodHead}
	e.POST(base+"authenticate", chain(d.login.Authenticate,
		stage.On(stage.RouteAuthenticate), stage.RefuseForeignSites, byAddress, d.requireLoginKey, byCaller))
	e.Match(read, base+"authenticate/user", api(stage.RouteUser, d.ofCaller(d.login.User), authenticate, authorize))
	e.POST(base+"authenticate/refresh", api(stage.RouteRefresh, d.refresh, d.authenticator.RequireToken(), d.requireKey))
	e.POST(base+"authenticate/logout", api(stage.RouteLogout, d.logout, d.authenticator.RequireToken()))
	e.Match(read, base+"authenticate/sessions", api(stage.RouteSessions, d.ofSession(d.login.Sessions), authenticate, authorize))
	e.DELETE(base+"authenticate/sessions/:session", api(stage.RouteSessions, d.ofSession(d.endSession), authenticate, authorize))
	e.Match(read, base+"helpdesk/url", api(stage.RouteURL, d.checkURL, d.requireKey, authorize))
	e.Any(d.basePath+"/api/*", api(stage.RouteAPI, forward(proxy.API), authenticate, authorize))

	web := forward(proxy.Web)
	if !d.passthrough {
		web = func(echo.Context) error { return errNotFound }
	}
	e.Any("/*", chain(web, stage.On(stage.RouteWeb)))
	return e
}

// chain puts stages before a handler, once: Echo would build the chain anew for
// each request.
func chain(handler echo.HandlerFunc, stages ...echo.MiddlewareFunc) echo.HandlerFunc {
	for _, add := range slices.Backward(stages) {
		handler = add(handler)
	}
	return handler
}

// send binds the proxy to a kind of request.
func (d frontDoor) send(kind proxy.Kind) stage.Send {
	return func(w http.ResponseWriter, r *http.Request, x *stage.Exchange) error {
		return d.proxy.Forward(w, r, proxy.Passage{
			Kind: kind, Identified: x.Principal != nil, Edit: editOf(x.Decision.Filters),
		})
	}
}
