package stage

import "github.com/labstack/echo/v4"

// Route is a kind of request by where it goes, the closed set of the label
// `route` and of the log's key.
type Route string

// The routes.
const (
	RouteRefused      Route = "refused"      // Refused before the router.
	RouteKeys         Route = "jwks"         // The public keys.
	RouteAuthenticate Route = "authenticate" // The login.
	RouteUser         Route = "user"         // Who the caller is.
	RouteRefresh      Route = "refresh"      // A new token for a valid one.
	RouteLogout       Route = "logout"       // The end of a session.
	RouteSessions     Route = "sessions"     // The caller's own sessions.
	RouteURL          Route = "url"          // The check of a site's address.
	RouteAPI          Route = "api"          // Every other API route, judged by the policy.
	RouteWeb          Route = "web"          // The web UI, passed through.
)

// Routes returns the closed set.
func Routes() []Route {
	return []Route{
		RouteRefused, RouteKeys, RouteAuthenticate, RouteUser, RouteRefresh,
		RouteLogout, RouteSessions, RouteURL, RouteAPI, RouteWeb,
	}
}

// On names the route of what follows for metrics and logs.
func On(route Route) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			From(c).Route = route
			return next(c)
		}
	}
}
