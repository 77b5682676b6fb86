package stage_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/gateway/stage"
	"faveo-gateway/policy"
	"faveo-gateway/upstream/laravel"
)

// decided decides everything in one way.
type decided policy.Decision

// Needs implements stage.Decider.
func (d decided) Needs(policy.Subject, policy.Request) (policy.Needs, error) {
	return policy.Needs{}, nil
}

// Decide implements stage.Decider.
func (d decided) Decide(policy.Subject, policy.Request) policy.Decision { return policy.Decision(d) }

// TestAnonymous lets nothing behind the policy know who calls an open route with a key
// that is not good for it.
func TestAnonymous(t *testing.T) {
	for _, try := range []struct {
		name     string
		decision policy.Decision
		want     string
	}{
		{"in scope", policy.Decision{Effect: policy.Allow, Reason: policy.ReasonPublic}, "the caller"},
		{"out of scope", policy.Decision{Effect: policy.Allow, Reason: policy.ReasonPublic, Anonymous: true}, "nobody"},
	} {
		known := func(next echo.HandlerFunc) echo.HandlerFunc {
			return func(c echo.Context) error {
				stage.From(c).Principal = &identity.Principal{UserID: 7, Role: identity.RoleUser}
				return next(c)
			}
		}
		authorizer := stage.NewAuthorizer(decided(try.decision), nil, time.Now)
		d := newDoor(nil, func(c echo.Context) error {
			if stage.From(c).Principal == nil {
				return c.String(http.StatusOK, "nobody")
			}
			return c.String(http.StatusOK, "the caller")
		}, stage.Canonicalize(laravel.NewReader("", laravel.Limits{})), known, authorizer.Authorize())
		if w := d.get("/api/v1/helpdesk/check-url", "192.0.2.1:9"); w.Code != http.StatusOK || w.Body.String() != try.want {
			t.Errorf("%s: got %d %s, want %s", try.name, w.Code, w.Body, try.want)
		}
	}
}
