package gateway

import "faveo-gateway/policy"

// verdict says in words why a decision came out as it did, and how the gateway
// answers a denial: its status and the code of its body. With status 0 the
// request goes on: to Faveo, or to what the gateway answers itself.
type verdict struct {
	because string
	status  int
	code    string
}

// denied is a denial with the answer that the gateway gives.
func denied(r policy.Reason, because string) verdict {
	p := denialOf(r)
	return verdict{because, p.status, p.code}
}

// verdictOf finds the verdict that a reason is of.
func verdictOf(r policy.Reason) verdict {
	switch r {
	case policy.ReasonAllowed:
		return verdict{because: "the caller may"}
	case policy.ReasonPublic:
		return verdict{because: "the route needs no token"}
	case policy.ReasonWeb:
		return verdict{because: "the route is a page of the web UI, with a login of its own"}
	case policy.ReasonGateway:
		return verdict{because: "the gateway answers the route itself, it never goes to Faveo"}
	case policy.ReasonUnauthenticated:
		return denied(r, "the route needs a token")
	case policy.ReasonForbiddenRole:
		return denied(r, "the route is not for this role")
	case policy.ReasonNotFound:
		return denied(r, "the object is not the caller's, does not exist, or is not named")
	case policy.ReasonBlocked:
		return denied(r, "the route is closed to everybody")
	case policy.ReasonDeadRoute:
		return denied(r, "the route leads nowhere in Faveo either")
	case policy.ReasonDenied:
		return denied(r, "a rule denies it")
	case policy.ReasonUnknownRoute:
		return denied(r, "no rule names the route")
	case policy.ReasonMethodNotAllowed:
		return denied(r, "the route is known with other methods only")
	case policy.ReasonConditionFailed:
		return denied(r, "the condition of the rule is false")
	case policy.ReasonConditionError:
		return denied(r, "the condition of the rule has no value for this request")
	case policy.ReasonKeyScope:
		return denied(r, "no scope of the API key covers it")
	default:
		return denied(r, string(r))
	}
}
