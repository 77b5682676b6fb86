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
	reader        *laravel.Reader
	authenticator *stage.Authenticator
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
		stage.Recover(),              // Inside observe, so that a panic is reported as well.
		d.serveKeys,                  // The gateway's own document, which no reading of PHP concerns.
		stage.Canonicalize(d.reader), // Before the router: what is routed is what is judged and sent.
	)
	authenticate := d.authenticator.Authenticate()
	authorize := d.authorizer.Authorize()
	forward := func(kind proxy.Kind) echo.HandlerFunc { return stage.Forward(d.send(kind), d.bridge) }

	api := d.basePath + "/api/"
	e.POST(api+"v1/authenticate", chain(d.login.Authenticate, stage.On(stage.RouteAuthenticate)))
	e.Match([]string{http.MethodGet, http.MethodHead}, api+"v1/authenticate/user",
		chain(d.ofCaller(d.login.User), stage.On(stage.RouteUser), authenticate, authorize))
	e.POST(api+"v1/authenticate/refresh",
		chain(d.refresh, stage.On(stage.RouteRefresh), d.authenticator.RequireToken()))
	e.POST(api+"v1/authenticate/logout",
		chain(d.logout, stage.On(stage.RouteLogout), d.authenticator.RequireToken()))
	e.Match([]string{http.MethodGet, http.MethodHead}, api+"v1/authenticate/sessions",
		chain(d.ofCaller(d.login.Sessions), stage.On(stage.RouteSessions), authenticate, authorize))
	e.DELETE(api+"v1/authenticate/sessions/:session",
		chain(d.ofCaller(d.endSession), stage.On(stage.RouteSessions), authenticate, authorize))
	e.Match([]string{http.MethodGet, http.MethodHead}, api+"v1/helpdesk/url",
		chain(d.checkURL, stage.On(stage.RouteURL), authorize))

	e.Any(api+"*", chain(forward(proxy.API), stage.On(stage.RouteAPI), authenticate, authorize))
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
