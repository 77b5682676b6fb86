package policy

// rule is one compiled rule.
type rule struct {
	name        string
	methods     methods
	pattern     pattern
	class       Class
	roles       roles // of an allow rule: who passes; of a deny rule: who is denied, none meaning everybody
	effect      Effect
	rank        rank           // of an allow rule: the class of the scopes that cover it
	objects     []ObjectClause // of an allow rule
	when        *condition     // nil without a condition
	filters     []Filter       // of an allow rule
	explanation string
	mode        Mode // empty: the mode of the policy
	order       int  // place in the list of all rules
	source      string
	line        int
	layer       layer
}

// RuleInfo describes a rule, for the registration of metrics and for listings.
type RuleInfo struct {
	// Name is unique and fit for a metric label.
	Name string
	// Class is ClassRoles where the rule lists its roles or, denying, nobody in
	// particular.
	Class Class
	// Effect is what the rule does.
	Effect Effect
	// Methods are the methods as they are matched, HEAD beside GET; nil means
	// every method.
	Methods []string
	// Path is the pattern as written.
	Path string
	// Roles are whom the rule lets through or denies; nil means everybody,
	// callers without a token too.
	Roles []string
	// Objects are what a request must name of the caller's own to pass. They
	// are not to be changed.
	Objects []ObjectClause
	// Condition is the rule's condition in CEL, empty without one.
	Condition string
	// Filters are what is removed from the answers that customers get. They are
	// not to be changed.
	Filters []Filter
	// Mode is the rule's own mode, empty when it follows the policy's.
	Mode Mode
	// Explanation is the rule's text for operators, possibly empty.
	Explanation string
	// Source and Line say where the rule is written. Built-in packs are named
	// "builtin:faveo.yaml" and the like.
	Source string
	Line   int
}

func (r *rule) info() RuleInfo {
	info := RuleInfo{
		Name: r.name, Class: r.class, Effect: r.effect, Path: r.pattern.text, Roles: r.roles.names(),
		Objects: r.objects, Condition: r.when.String(), Filters: r.filters, Mode: r.mode, Explanation: r.explanation, Source: r.source, Line: r.line,
	}
	if r.methods != allMethods {
		info.Methods = r.methods.names()
	}
	return info
}

// open reports whether r lets callers without a token through.
func (r *rule) open() bool {
	return r.class == ClassPublic || r.class == ClassWeb || (r.class == ClassGateway && r.roles == 0)
}

// decisive reports whether r decides about everybody whose method and path it
// matches, so that no later rule is asked.
func (r *rule) decisive() bool {
	return r.effect == Allow || (r.roles == 0 && r.when == nil)
}

// allowReason says why r lets a request through.
func (r *rule) allowReason() Reason {
	switch r.class {
	case ClassPublic:
		return ReasonPublic
	case ClassWeb:
		return ReasonWeb
	case ClassGateway:
		return ReasonGateway
	default:
		return ReasonAllowed
	}
}

// denyReason says why a deny rule denies.
func (r *rule) denyReason() Reason {
	switch {
	case r.class == ClassBlocked:
		return ReasonBlocked
	case r.class == ClassDead:
		return ReasonDeadRoute
	case r.roles != 0 && r.when == nil:
		return ReasonForbiddenRole
	default:
		return ReasonDenied
	}
}
