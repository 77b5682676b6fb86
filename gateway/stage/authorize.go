package stage

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"faveo-gateway/policy"
)

// Denied is the policy's refusal. gateway answers it by its Decision's Reason.
type Denied struct {
	Decision policy.Decision
}

// Error implements error.
func (e *Denied) Error() string {
	return fmt.Sprintf("policy denies: rule %q, reason %s", e.Decision.Rule, e.Decision.Reason)
}

// Decider is the policy. It is pure and safe for concurrent use.
type Decider interface {
	Decide(policy.Subject, policy.Request) policy.Decision
}

// Authorize asks the policy and lets only what it allows go on. In shadow mode
// a denial that is not enforced goes on too; the observe stage counts it.
func Authorize(decider Decider) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			x := From(c)
			x.Decision = decider.Decide(x.subject(), policy.Request{
				Method: x.Request.Method, Path: x.Request.Path, Params: params{x},
			})
			if !x.Decision.Permitted() {
				return refuse(c, x.Decision)
			}
			// The body of an unknown caller was too large to be searched for a
			// token; now that the route turns out to need none it is only large.
			if x.unread != nil {
				return x.unread
			}
			return next(c)
		}
	}
}

// refuse returns the denial. OPTIONS on a known route is answered as PHP does:
// empty, with the methods of the route, and without any CORS header.
func refuse(c echo.Context, d policy.Decision) error {
	if d.Reason == policy.ReasonMethodNotAllowed && c.Request().Method == http.MethodOptions {
		c.Response().Header().Set(echo.HeaderAllow, strings.Join(d.Allow, ", "))
		c.Response().Header().Set(echo.HeaderContentType, "text/html; charset=UTF-8")
		return c.NoContent(http.StatusOK)
	}
	return &Denied{Decision: d}
}

func (x *Exchange) subject() policy.Subject {
	if x.Principal == nil {
		return policy.Subject{}
	}
	return policy.Subject{Authenticated: true, UserID: x.Principal.UserID, Role: string(x.Principal.Role)}
}

// params reads the request's parameters only when a rule asks for them.
type params struct{ x *Exchange }

// Map implements policy.Params.
func (p params) Map() map[string]any { return p.x.Request.InputMap() }
