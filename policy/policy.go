// Package policy decides which API requests reach PHP. Faveo itself has no
// role check on any API route and does not ask whose a ticket is
// (faveo-contract ROUTES.md), so what this package does not allow is not
// protected by anything behind it.
//
// # Idea
//
// A decision is a pure function of a Subject and a Request. The documents are
// read once, by Load; Decide touches no file, clock, network or HTTP type and
// an Engine never changes, so it is shared freely and replaced whole. What only
// the database knows, Needs asks for and the caller looks up; the hour is data
// of the Request. Both share one walk over the rules.
//
// A policy is a list of rules. The order is
//
//  1. the rules of class blocked in the built-in packs: no file opens the
//     installer, on purpose or by a pattern too wide;
//  2. the site's own files, in the order given;
//  3. the other built-in rules: faveo.yaml, then the packs of the editions.
//
// The first rule that matches method and path and has something to say decides:
//
//   - An allow rule owns its route. Whoever it does not let through is denied,
//     be it for the role or because its condition is false; nothing further
//     down is asked. So a site that puts a stricter rule in front of a built-in
//     one has really closed the route, and can do so with any condition.
//   - A deny rule only takes away. Whoever it does not name, by role or by
//     condition, goes on to the next rule.
//   - A condition that cannot be evaluated (a missing parameter, a wrong type,
//     the cost limit) denies, in an allow and in a deny rule alike.
//   - What no rule allows is denied. There is no default to configure but
//     unknown_routes.
//
// # Objects
//
// An allow rule with an object clause says by which parameters, or capture, a
// request names tickets or users, and lets the caller through for those that he
// reaches:
//
//   - an administrator reaches everything;
//   - an agent reaches every user, and the tickets of his departments, of his
//     assignments and of his teams; with agents_see_all every ticket;
//   - a customer reaches himself, and the tickets that he owns or collaborates on.
//
// All that are named must be reached, each element of a list, each parameter
// that one version of Faveo or another reads. What is not reached is not_found,
// like what does not exist and like nothing named at all. A condition that
// mentions object must hold for each of them in addition.
//
// Ids have one spelling, a JSON integer or its decimal text; PHP and the
// database take "4abc", " 4", "04", 4.0 and true for numbers too, and what is
// judged must be what they read. So Needs refuses all others, whoever asks.
//
// # The gateway's own routes
//
// Rules of class gateway are routes that the gateway answers itself, among them
// the one that would have PHP fetch any URL, file:// included. A site may close
// them and cannot have them forwarded: whatever rule permits a request there, its
// Decision has the class gateway.
//
// # Methods
//
// GET includes HEAD in every rule, as it does in Laravel's router, so that a
// denial of GET cannot be walked around; a rule that lists HEAD alone, placed
// before, treats HEAD differently. A path that is known with other methods
// only is method_not_allowed before the token is looked at, as in PHP; OPTIONS
// and every method that no rule can name are treated so too. The routes known
// in this way are public knowledge, as they are in Faveo's source.
//
// # Callers without a token
//
// They are unauthenticated on every route that is neither public nor blocked,
// known or not, and no condition is evaluated for them there: without a token
// nothing is learned about the rules, nor any work caused.
//
// # API keys
//
// A key opens nothing, it only takes away. What the rules let through must lie in one
// of its scopes (Scope), or it is refused as key_scope, in every mode. A denial of the
// rules stands before it, but nothing is asked of the objects of a request that the key
// is not good for, nor looked up: nobody learns about them by a key that is not for
// them.
//
// Outside of its scopes a key counts for nothing, and so does the caller whom it came
// with. What is open to everybody therefore stays open: he could leave the key away.
// But it goes on as the request of a stranger (Decision.Anonymous), and is refused where
// a stranger would be.
//
// A key that is bound to no user makes nobody of a caller without a token; with it he
// reaches the routes that need no token, as before, and conditions may name it.
//
// # Shadow mode
//
// A denial in shadow mode is reported with Enforced false and is to be counted
// and let through. Never let through are callers without a token (there would
// be no identity to act under, only routes open to the world) and blocked
// routes (one request suffices to lose the server, so there is nothing to
// observe first). A single rule in shadow mode is as good as absent: it can
// neither open nor close anything, and only reports what it would have denied
// of what the other rules let through.
//
// # Refusals
//
// The package does not parse URLs: Path is the canonical path that will be
// sent (package upstream/laravel), and a path with an empty, "." or ".."
// segment, a backslash or a control character matches no pattern at all. It
// judges only /api and what is below it; other paths are the web UI.
package policy

import (
	"crypto/sha256"
	"time"
)

// Subject is the caller. The zero Subject is a caller without a token.
type Subject struct {
	// Authenticated is whether a credential was verified.
	Authenticated bool
	// UserID is users.id. It is 0 for a caller without a token.
	UserID uint64
	// Role is "admin", "agent" or "user", exactly; any other text is a role
	// that no rule names, and opens nothing but public routes.
	Role string
	// Affiliation is what Needs.Affiliation asked for. Nil means that it was not
	// looked up: what depends on it denies.
	Affiliation *Affiliation
	// Key is the managed API key of the request, whether it stands for the user or
	// came beside a token. Nil means that there is none.
	Key *Key
}

// Key is a managed API key. It only takes away: whatever a rule allows must lie in one
// of its scopes too. It is not changed, and may be shared.
type Key struct {
	// ID and Name are the key's own, for conditions.
	ID, Name string
	// Scopes are what it is good for. Without any it is good for nothing.
	Scopes []Scope
}

// Request is what is judged.
type Request struct {
	// Method is the method as Laravel routes it, in upper case.
	Method string
	// Path is the canonical path without the base path, as it will be sent:
	// "/api/v1/helpdesk/ticket".
	Path string
	// Params is the input of the request. Nil means that there is none.
	Params Params
	// Objects is what Needs.Objects asked for, in that order. What is missing
	// counts as an object that does not exist.
	Objects []Object
	// Time is when the request came, for conditions about the hour. The zero
	// Time is unknown: such a condition denies.
	Time time.Time
}

// Params is the input of a request as PHP sees it. It is asked only when a rule
// finds an object in it or a condition mentions a parameter, at most once in each
// call of Needs and of Decide.
type Params interface {
	// Map returns the merged input: body over query, names as PHP folds them,
	// values string, float64, int64, json.Number, bool, nil, []any and
	// map[string]any. The body must have been read without error before:
	// a condition that sees the query only would judge another request than
	// PHP does. The map is not changed.
	Map() map[string]any
}

// Engine is a loaded policy. It is immutable and safe for concurrent use.
type Engine struct {
	mode         Mode
	unknown      UnknownRoutes
	agentsSeeAll bool
	rules        []*rule
	index        *index
	digest       [sha256.Size]byte
}

// Digest is equal for engines of equal documents in the same order, whatever their names.
func (e *Engine) Digest() [sha256.Size]byte { return e.digest }

// Rules describes all rules in the order in which they are tried. The names
// together with NoRule are every value that Decision.Rule can take.
func (e *Engine) Rules() []RuleInfo {
	infos := make([]RuleInfo, len(e.rules))
	for i, r := range e.rules {
		infos[i] = r.info()
	}
	return infos
}

// Decide judges one request, with the answers to what Needs asked for. Equal
// arguments give equal decisions.
func (e *Engine) Decide(s Subject, q Request) Decision {
	m, literal := e.index.find(q.Path)
	if !literal && !wellFormed(q.Path) {
		return refuseMalformed(s)
	}
	i := inquiry{engine: e, subject: s, request: q}
	i.outside = s.Key != nil && !i.inScope(m.rules)
	d := i.judge(m.rules, false)
	if m.shadow && d.Effect == Allow {
		if would := i.judge(m.rules, true); would.Effect == Deny {
			would.Enforced, would.Filters = false, d.Filters
			d = would
		}
	}
	if m.gateway && d.Permitted() {
		d.Class = ClassGateway
	}
	if i.outside && d.Permitted() {
		return i.withoutKey(d)
	}
	return d
}

// refuseMalformed answers for a path that has more than one reading. It is
// enforced in every mode, because what PHP would make of it is not known.
func refuseMalformed(s Subject) Decision {
	d := Decision{Effect: Deny, Rule: NoRule, Reason: ReasonUnknownRoute, Enforced: true}
	if !s.Authenticated {
		d.Reason = ReasonUnauthenticated
	}
	return d
}

// judge tries rules in order.
func (i *inquiry) judge(rules []*rule, observed bool) Decision {
	r, reason := i.reach(rules, observed)
	if r == nil {
		return i.engine.unmatched(rules, i.subject, methodBit(i.request.Method), observed)
	}
	switch {
	case reason != "":
	case i.outside && !r.open():
		reason = ReasonKeyScope
	default:
		reason = i.settle(r)
	}
	return i.engine.verdict(r, i.subject, reason)
}

// owner returns the first rule that decides whoever asks, or nil.
func owner(rules []*rule, bit methods, observed bool) *rule {
	for _, r := range rules {
		if r.methods&bit != 0 && r.decisive() && (observed || r.mode != ModeShadow) {
			return r
		}
	}
	return nil
}

// unmatched answers when no rule decided: the path is known with other
// methods only, or not at all.
func (e *Engine) unmatched(rules []*rule, s Subject, bit methods, observed bool) Decision {
	if known, allowed := knownMethods(rules, observed); known != nil {
		d := e.verdict(known, s, ReasonMethodNotAllowed)
		d.Allow = allowed.names()
		return d
	}
	d := Decision{Effect: Deny, Rule: NoRule, Reason: ReasonUnknownRoute, Enforced: e.mode == ModeEnforce}
	switch {
	case !s.Authenticated:
		d.Reason, d.Enforced = ReasonUnauthenticated, true
	case e.unknown == UnknownStaff && bit != otherMethods && s.isStaff():
		d.Effect, d.Reason, d.Class = Allow, ReasonAllowed, ClassStaff
	}
	return d
}

// knownMethods returns the first allow rule among rules and all methods with
// which an allow rule can be reached, or nil when rules allow nothing.
func knownMethods(rules []*rule, observed bool) (first *rule, allowed methods) {
	var taken methods
	for _, r := range rules {
		switch {
		case r.mode == ModeShadow && !observed:
		case r.effect == Allow:
			if first == nil {
				first = r
			}
			allowed |= r.methods &^ taken
		case r.decisive():
			taken |= r.methods
		}
	}
	if allowed == 0 {
		return nil, 0
	}
	return first, allowed
}

// verdict is the decision of rule r with the mode that applies to it.
func (e *Engine) verdict(r *rule, s Subject, reason Reason) Decision {
	d := Decision{
		Effect:      reason.effect(),
		Rule:        r.name,
		Class:       r.class,
		Reason:      reason,
		Explanation: r.explanation,
	}
	d.Enforced = e.enforces(r) || (d.Effect == Deny && !s.Authenticated)
	if d.Permitted() {
		d.Filters = r.filtersFor(s)
	}
	return d
}

// enforces reports whether the denials of r are carried out.
func (e *Engine) enforces(r *rule) bool {
	mode := r.mode
	if mode == "" {
		mode = e.mode
	}
	return mode == ModeEnforce || r.class == ClassBlocked
}
