package stage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"faveo-gateway/policy"
	"faveo-gateway/upstream/laravel"
)

// ReasonObjectID is an id that PHP and the database would coerce into a number
// that a reader does not see.
const ReasonObjectID laravel.Reason = "object_id"

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
	// Needs says what Decide has to be told of the database; its error is
	// *policy.UnreadableID.
	Needs(policy.Subject, policy.Request) (policy.Needs, error)
	Decide(policy.Subject, policy.Request) policy.Decision
}

// Facts reads what the database says of callers and objects. Calls end within
// their own deadline; every error is a fault of the infrastructure.
type Facts interface {
	// Objects answers each ref, in their order. Unless fresh is asked for, the
	// answers may be some seconds old; remembered says whether they are.
	Objects(ctx context.Context, refs []policy.ObjectRef, fresh bool) (found []policy.Object, remembered bool, err error)
	// Affiliation may be some seconds old unless fresh is asked for. An account
	// that is gone is the zero Affiliation, not an error.
	Affiliation(ctx context.Context, userID uint64, fresh bool) (policy.Affiliation, error)
}

// Authorizer asks the policy. It is made by NewAuthorizer.
type Authorizer struct {
	policy Decider
	facts  Facts
	now    func() time.Time
	scopes *scopes
}

// NewAuthorizer returns an Authorizer. now is the clock of rules about the hour.
func NewAuthorizer(p Decider, f Facts, now func() time.Time) *Authorizer {
	return &Authorizer{policy: p, facts: f, now: now, scopes: newScopes()}
}

// Authorize lets only what the policy allows go on. In shadow mode a denial that
// is not enforced goes on too; the observe stage counts it.
func (a *Authorizer) Authorize() echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			x := From(c)
			if err := a.decide(c.Request().Context(), x); err != nil {
				return err
			}
			if !x.Decision.Permitted() {
				return answerDenial(c, x.Decision)
			}
			if x.Decision.Anonymous {
				x.Principal = nil // Nothing behind, PHP least of all, acts in his name.
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

// decide leaves the policy's decision in the Exchange.
func (a *Authorizer) decide(ctx context.Context, x *Exchange) error {
	subject, err := a.subject(x)
	if err != nil {
		return err
	}
	request := policy.Request{Method: x.Request.Method, Path: x.Request.Path, Params: params{x}, Time: a.now()}
	needs, err := a.policy.Needs(subject, request)
	if unreadable := (*policy.UnreadableID)(nil); errors.As(err, &unreadable) {
		return fmt.Errorf("%w: %w", &laravel.Ambiguous{Reason: ReasonObjectID}, err)
	}
	if err != nil {
		return err
	}
	if needs.Affiliation || len(needs.Objects) > 0 {
		return a.decideOnFacts(ctx, x, subject, request, needs)
	}
	x.Decision = a.policy.Decide(subject, request)
	return nil
}

// decideOnFacts decides with what the database says. A denial is never decided on
// what is only remembered: the object or the caller may have moved, and the time
// of the answer must not tell somebody else's object, which is remembered, from
// one that does not exist and never is.
func (a *Authorizer) decideOnFacts(ctx context.Context, x *Exchange, s policy.Subject, r policy.Request, needs policy.Needs) error {
	stale := false
	for fresh := false; ; fresh = true {
		remembered := false
		if needs.Affiliation {
			affiliation, err := a.facts.Affiliation(ctx, s.UserID, fresh)
			if err != nil {
				return err
			}
			s.Affiliation, remembered = &affiliation, !fresh
		}
		// What the first round has read from the database itself is not read again,
		// so that a missing object costs one read as well.
		if len(needs.Objects) > 0 && (!fresh || stale) {
			var err error
			if r.Objects, stale, err = a.facts.Objects(ctx, needs.Objects, fresh); err != nil {
				return err
			}
			remembered = remembered || stale
		}
		x.Decision = a.policy.Decide(s, r)
		if fresh || !remembered || x.Decision.Effect == policy.Allow {
			return nil
		}
	}
}

// answerDenial returns the denial. OPTIONS on a known route is answered as PHP does:
// empty, with the methods of the route, and without any CORS header.
func answerDenial(c echo.Context, d policy.Decision) error {
	if d.Reason == policy.ReasonMethodNotAllowed && c.Request().Method == http.MethodOptions {
		c.Response().Header().Set(echo.HeaderAllow, strings.Join(d.Allow, ", "))
		c.Response().Header().Set(echo.HeaderContentType, "text/html; charset=UTF-8")
		return c.NoContent(http.StatusOK)
	}
	return &Denied{Decision: d}
}

// Overrule turns the policy's permission into a denial, for a route of the gateway
// that finds out more than a rule can: log and metrics then tell of the denial.
func Overrule(c echo.Context, reason policy.Reason) error {
	x := From(c)
	x.Decision.Effect, x.Decision.Reason, x.Decision.Enforced = policy.Deny, reason, true
	return &Denied{Decision: x.Decision}
}

// subject is the caller as the policy sees it.
func (a *Authorizer) subject(x *Exchange) (policy.Subject, error) {
	key, err := a.scopes.of(x.Key)
	if err != nil || x.Principal == nil {
		return policy.Subject{Key: key}, err
	}
	return policy.Subject{
		Authenticated: true, UserID: x.Principal.UserID, Role: string(x.Principal.Role), Key: key,
	}, nil
}

// params reads the request's parameters only when a rule asks for them.
type params struct{ x *Exchange }

// Map implements policy.Params.
func (p params) Map() map[string]any { return p.x.Request.InputMap() }
