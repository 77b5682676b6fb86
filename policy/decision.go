package policy

// Effect is what is to be done with a request. The zero Effect lets nothing
// through.
type Effect string

const (
	// Allow lets the request through.
	Allow Effect = "allow"
	// Deny refuses it, unless the Decision is not enforced.
	Deny Effect = "deny"
)

// NoRule is Decision.Rule when no rule decided. No rule may have this name.
const NoRule = "none"

// Reason is why a decision came out as it did: a closed set, fit for a metric
// label, see Reasons.
type Reason string

const (
	// ReasonAllowed is a caller whose role, and condition if any, is right.
	ReasonAllowed Reason = "allowed"
	// ReasonPublic is a route that needs no token.
	ReasonPublic Reason = "public"
	// ReasonWeb is a page of the web UI below /api, which PHP's own session
	// protects; no identity is to be added to it.
	ReasonWeb Reason = "web"
	// ReasonGateway is a route that the gateway answers itself. It never goes to
	// PHP, see ClassGateway.
	ReasonGateway Reason = "gateway"
	// ReasonUnauthenticated is a caller without a token where one is needed,
	// and on every unknown route.
	ReasonUnauthenticated Reason = "unauthenticated"
	// ReasonForbiddenRole is a caller whose role the rule does not name, or,
	// in a deny rule, does name.
	ReasonForbiddenRole Reason = "forbidden_role"
	// ReasonNotFound is an object that does not exist, or that the caller does
	// not reach; which of the two, nobody outside may learn. It is also a
	// request that names no object where it has to name one.
	ReasonNotFound Reason = "not_found"
	// ReasonBlocked is a route that is closed to everybody, whoever asks.
	ReasonBlocked Reason = "blocked"
	// ReasonDeadRoute is a route that leads nowhere in PHP either.
	ReasonDeadRoute Reason = "dead_route"
	// ReasonDenied is a deny rule that names everybody or a condition.
	ReasonDenied Reason = "denied"
	// ReasonUnknownRoute is a path that no rule allows with any method.
	ReasonUnknownRoute Reason = "unknown_route"
	// ReasonMethodNotAllowed is a path that is allowed with other methods
	// only; Decision.Allow lists them.
	ReasonMethodNotAllowed Reason = "method_not_allowed"
	// ReasonConditionFailed is an allow rule whose condition is false.
	ReasonConditionFailed Reason = "condition_failed"
	// ReasonConditionError is a condition that could not be evaluated.
	ReasonConditionError Reason = "condition_error"
	// ReasonKeyScope is a request that the rules let through and no scope of its API
	// key covers. Whose objects it names is not asked then. It is enforced in every
	// mode: it is the restriction of the key's owner, not a rule on trial.
	ReasonKeyScope Reason = "key_scope"
)

// Reasons lists every Reason, for the registration of metrics.
func Reasons() []Reason {
	return []Reason{
		ReasonAllowed, ReasonPublic, ReasonWeb, ReasonGateway, ReasonUnauthenticated, ReasonForbiddenRole,
		ReasonNotFound, ReasonBlocked, ReasonDeadRoute, ReasonDenied, ReasonUnknownRoute, ReasonMethodNotAllowed,
		ReasonConditionFailed, ReasonConditionError, ReasonKeyScope,
	}
}

// effect is what a reason is a reason for.
func (r Reason) effect() Effect {
	switch r {
	case ReasonAllowed, ReasonPublic, ReasonWeb, ReasonGateway:
		return Allow
	default:
		return Deny
	}
}

// Decision is the answer of Decide. The zero Decision permits nothing.
type Decision struct {
	// Effect is what the policy says, whatever the mode.
	Effect Effect
	// Rule is the name of the rule that decided, or NoRule. For
	// method_not_allowed it is the first rule that allows the path, for key_scope
	// the one that would have let the request through.
	Rule string
	// Class is the class of that rule, ClassRoles for a rule with explicit
	// roles, and empty for NoRule (ClassStaff where unknown_routes allows). It is
	// ClassGateway whenever a request is permitted on a route that the gateway
	// answers itself, whichever rule decided: such a request is never forwarded.
	Class Class
	// Reason is why.
	Reason Reason
	// Explanation is the rule's own text for operators. It is for logs, never
	// for the caller; it may be empty.
	Explanation string
	// Allow lists the methods of the route for method_not_allowed, in the
	// form of the Allow header (RFC 9110 section 10.2.1); otherwise nil.
	Allow []string
	// Filters are what is to be removed from the answer before this caller gets
	// it; nil for the staff. They are shared and not to be changed.
	Filters []Filter
	// Anonymous is whether a request that is permitted goes on as that of a caller
	// without a token: nothing behind may be told who he is. It is set where a route is
	// open to everybody and the caller's API key is not good for it.
	Anonymous bool
	// Enforced is false when the decision was taken in shadow mode: a denial
	// is to be counted and let through. Ask Permitted instead of this field
	// whether a request may pass.
	Enforced bool
}

// Permitted reports whether the request may pass: it is allowed, or denied in
// shadow mode only.
func (d Decision) Permitted() bool {
	return d.Effect == Allow || (d.Effect == Deny && !d.Enforced)
}

// outOfScope is what becomes of a decision that permits what the key does not cover.
func (d Decision) outOfScope() Decision {
	d.Effect, d.Reason, d.Enforced = Deny, ReasonKeyScope, true
	d.Allow, d.Filters = nil, nil
	return d
}
