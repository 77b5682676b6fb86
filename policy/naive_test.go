package policy_test

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"faveo-gateway/policy"
)

// naive is the policy as the package comment tells it: no index, regular
// expressions for patterns, one rule after the other.
type naive struct {
	config   policy.Config
	when     map[string]string // the condition of each rule, as generated
	rules    []policy.RuleInfo
	patterns map[string]*regexp.Regexp
}

func newNaive(c policy.Config, file string, rules []policy.RuleInfo) naive {
	n := naive{config: c, when: map[string]string{}, patterns: map[string]*regexp.Regexp{}}
	for line := range strings.Lines(file) {
		if name := regexp.MustCompile(`name: (r[0-9]+),`).FindStringSubmatch(line); name != nil {
			for _, when := range []string{fuzzParameter, fuzzDepartment, fuzzObject, fuzzKey} {
				if strings.Contains(line, when) {
					n.when[name[1]] = when
				}
			}
		}
	}
	for _, r := range rules {
		if r.Source == "fuzz" { // the packs have nothing below /api/f
			n.rules = append(n.rules, r)
			n.patterns[r.Path] = naivePattern(r.Path)
		}
	}
	return n
}

func (n naive) decide(s policy.Subject, q policy.Request) policy.Decision {
	for part := range strings.SplitSeq(q.Path[1:], "/") {
		if part == "" || part == ".." {
			return policy.Decision{Effect: policy.Deny, Rule: policy.NoRule, Reason: orUnauthenticated(s, policy.ReasonUnknownRoute), Enforced: true}
		}
	}
	outside := s.Key != nil && !n.inScope(*s.Key, q)
	decided := n.walk(s, q, outside)
	if !outside || !decided.Permitted() {
		return decided
	}
	if open := n.walk(policy.Subject{}, q, false); open.Permitted() {
		open.Anonymous = true
		return open
	}
	return policy.Decision{Effect: policy.Deny, Rule: decided.Rule, Reason: policy.ReasonKeyScope, Enforced: true}
}

func (n naive) walk(s policy.Subject, q policy.Request, outside bool) policy.Decision {
	decided := n.judge(s, q, outside, false)
	if would := n.judge(s, q, outside, true); decided.Effect == policy.Allow && would.Effect == policy.Deny {
		would.Enforced, would.Filters = false, decided.Filters
		return would
	}
	return decided
}

func orUnauthenticated(s policy.Subject, r policy.Reason) policy.Reason {
	if !s.Authenticated {
		return policy.ReasonUnauthenticated
	}
	return r
}

func (n naive) judge(s policy.Subject, q policy.Request, outside, observed bool) policy.Decision {
	decide := func(r policy.RuleInfo, e policy.Effect, reason policy.Reason) policy.Decision {
		enforced := r.Mode == policy.ModeEnforce || r.Mode == "" && n.config.Mode == policy.ModeEnforce ||
			r.Class == policy.ClassBlocked || e == policy.Deny && !s.Authenticated
		d := policy.Decision{Effect: e, Rule: r.Name, Reason: reason, Enforced: enforced}
		if d.Permitted() && s.Role != "agent" && s.Role != "admin" {
			d.Filters = r.Filters
		}
		return d
	}
	if !s.Authenticated {
		for _, r := range n.matching(q.Path, q.Method, observed) {
			open := r.Class == policy.ClassPublic || r.Class == policy.ClassWeb
			final := r.Effect == policy.Allow || r.Roles == nil && r.Condition == ""
			if final && r.Class == policy.ClassBlocked {
				return decide(r, policy.Deny, policy.ReasonBlocked)
			}
			if final && !open {
				return decide(r, policy.Deny, policy.ReasonUnauthenticated)
			}
			if final {
				break
			}
		}
		if !slices.ContainsFunc(n.matching(q.Path, q.Method, observed), func(r policy.RuleInfo) bool {
			return r.Effect == policy.Allow
		}) {
			return n.nothing(s, q, observed, decide)
		}
	}
	for _, r := range n.matching(q.Path, q.Method, observed) {
		named := r.Roles == nil || slices.Contains(r.Roles, s.Role)
		object, holds, known := n.objects(r, s, q), true, true
		if r.Condition != "" && named && object == "" {
			holds, known = n.condition(r, s, q)
		}
		switch {
		case r.Effect == policy.Allow && !named:
			return decide(r, policy.Deny, policy.ReasonForbiddenRole)
		case !named:
		case r.Effect == policy.Allow && outside && r.Class != policy.ClassPublic && r.Class != policy.ClassWeb:
			return decide(r, policy.Deny, policy.ReasonKeyScope)
		case object != "":
			return decide(r, policy.Deny, policy.ReasonNotFound)
		case !known:
			return decide(r, policy.Deny, policy.ReasonConditionError)
		case !holds && r.Effect == policy.Allow:
			return decide(r, policy.Deny, policy.ReasonConditionFailed)
		case !holds:
		case r.Class == policy.ClassPublic:
			return decide(r, policy.Allow, policy.ReasonPublic)
		case r.Class == policy.ClassWeb:
			return decide(r, policy.Allow, policy.ReasonWeb)
		case r.Effect == policy.Allow:
			return decide(r, policy.Allow, policy.ReasonAllowed)
		case r.Class == policy.ClassBlocked:
			return decide(r, policy.Deny, policy.ReasonBlocked)
		case r.Class == policy.ClassDead:
			return decide(r, policy.Deny, policy.ReasonDeadRoute)
		case r.Roles != nil && r.Condition == "":
			return decide(r, policy.Deny, policy.ReasonForbiddenRole)
		default:
			return decide(r, policy.Deny, policy.ReasonDenied)
		}
	}
	return n.nothing(s, q, observed, decide)
}

// condition evaluates the condition of a rule: for all objects, if it is about
// them.
func (n naive) condition(r policy.RuleInfo, s policy.Subject, q policy.Request) (holds, known bool) {
	switch n.when[r.Name] {
	case fuzzParameter:
		if q.Params == nil {
			return false, false
		}
		a, known := q.Params.Map()["a"].(string)
		return a == "1", known
	case fuzzKey:
		return s.Key != nil && (s.Key.Name == "shop" || slices.ContainsFunc(s.Key.Scopes, func(s policy.Scope) bool {
			return s.String() == "staff"
		})), true
	case fuzzDepartment:
		return s.Affiliation != nil && slices.Contains(s.Affiliation.Departments, 1), s.Affiliation != nil
	}
	holds = true
	for _, clause := range r.Objects {
		ids, _ := idsOf(clause, q)
		for _, id := range ids {
			owner := id
			if clause.Kind == policy.ObjectTicket {
				owner = tickets[id].Owner
			}
			holds = holds && id != 43 && owner != 9
		}
	}
	return holds, true
}

// objects says why the objects of a request are not the caller's.
func (n naive) objects(r policy.RuleInfo, s policy.Subject, q policy.Request) (why string) {
	about := n.when[r.Name] == fuzzObject
	for _, clause := range r.Objects {
		if _, readable := idsOf(clause, q); !readable {
			return "unreadable"
		}
	}
	for _, clause := range r.Objects {
		ids, _ := idsOf(clause, q)
		held := s.Role == "user" || s.Role == "agent" && clause.Kind == policy.ObjectTicket && !n.config.AgentsSeeAll
		if len(ids) == 0 && (held || about) {
			return "missing"
		}
		for _, id := range ids {
			o, found := tickets[id]
			mine := s.Role == "agent" && (o.Assignee == 2 && s.UserID == 2 || o.Assignee == 3 && s.UserID == 3 ||
				o.Department == 1 && s.UserID == 2 || o.Department == 2 && s.UserID == 3 || o.Team == 1 && s.UserID == 2) ||
				s.Role == "user" && (o.Owner == s.UserID || slices.Contains(o.Collaborators, s.UserID))
			if clause.Kind == policy.ObjectUser {
				mine, found = id == s.UserID, true
			}
			if (held || about) && !found || held && !mine {
				return "not reached"
			}
		}
	}
	return ""
}

// idsOf reads the parameters of the generated requests.
func idsOf(c policy.ObjectClause, q policy.Request) (ids []uint64, readable bool) {
	if q.Params == nil {
		return nil, true
	}
	for _, name := range c.Parameters {
		var texts []string
		switch v := q.Params.Map()[name].(type) {
		case nil:
		case int64:
			texts = []string{strconv.FormatInt(v, 10)}
		case []any:
			if !c.List {
				return nil, false
			}
			for _, element := range v {
				texts = append(texts, element.(string))
			}
		case string:
			texts = []string{v}
			if c.List {
				texts = strings.Split(v, ",")
			}
			if v == "" {
				texts = nil
			}
		}
		for _, text := range texts {
			if !regexp.MustCompile(`\A[1-9][0-9]*\z`).MatchString(text) {
				return nil, false
			}
			id, err := strconv.ParseUint(text, 10, 64)
			if err != nil {
				return nil, false
			}
			ids = append(ids, id)
		}
	}
	return ids, true
}

// refuses says whether Needs must not read the request: the first allow rule
// that lets the role in has an id in it with two readings, and no deny rule
// before it denies for sure.
func (n naive) refuses(s policy.Subject, q policy.Request) bool {
	for part := range strings.SplitSeq(q.Path[1:], "/") {
		if part == "" || part == ".." {
			return false
		}
	}
	if !s.Authenticated {
		return false
	}
	for _, r := range n.matching(q.Path, q.Method, false) {
		named := r.Roles == nil || slices.Contains(r.Roles, s.Role)
		if r.Effect == policy.Allow {
			enforced := r.Mode == policy.ModeEnforce || r.Mode == "" && n.config.Mode == policy.ModeEnforce
			outside := s.Key != nil && !n.inScope(*s.Key, q)
			return named && enforced && !outside && n.objects(r, s, q) == "unreadable"
		}
		if !named || n.when[r.Name] == fuzzDepartment {
			continue // It may deny, once the affiliation is known.
		}
		if holds, known := n.condition(r, s, q); r.Condition == "" || !known || holds {
			return false
		}
	}
	return false
}

// nothing is the decision when no rule decided.
func (n naive) nothing(s policy.Subject, q policy.Request, observed bool,
	decide func(policy.RuleInfo, policy.Effect, policy.Reason) policy.Decision,
) policy.Decision {
	reachable := false
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
		for _, r := range n.matching(q.Path, method, observed) {
			reachable = reachable || r.Effect == policy.Allow
			if r.Effect == policy.Allow || r.Roles == nil && r.Condition == "" {
				break
			}
		}
	}
	for _, r := range n.matching(q.Path, "", observed) {
		if reachable && r.Effect == policy.Allow {
			return decide(r, policy.Deny, policy.ReasonMethodNotAllowed)
		}
	}
	routable := slices.Contains([]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}, q.Method)
	if (s.Role == "agent" || s.Role == "admin") && routable && n.config.UnknownRoutes == policy.UnknownStaff {
		return policy.Decision{Effect: policy.Allow, Rule: policy.NoRule, Reason: policy.ReasonAllowed, Enforced: n.config.Mode == policy.ModeEnforce}
	}
	return policy.Decision{
		Effect: policy.Deny, Rule: policy.NoRule, Reason: orUnauthenticated(s, policy.ReasonUnknownRoute),
		Enforced: n.config.Mode == policy.ModeEnforce || !s.Authenticated,
	}
}

// inScope says whether a key is good for a request: for the class of the first rule
// that allows its route, or for the route.
func (n naive) inScope(k policy.Key, q policy.Request) bool {
	class := policy.ClassAdmin
	if n.config.UnknownRoutes == policy.UnknownStaff {
		class = policy.ClassStaff
	}
	for _, r := range n.matching(q.Path, q.Method, false) {
		if r.Effect == policy.Allow {
			class = naiveClass(r.Class, r.Roles)
			break
		}
	}
	return slices.ContainsFunc(k.Scopes, func(s policy.Scope) bool { return naiveCovers(s.String(), class, q) })
}

// naiveClass is the class by which scopes know a rule.
func naiveClass(c policy.Class, roles []string) policy.Class {
	switch {
	case c == policy.ClassWeb || c == policy.ClassGateway && roles == nil:
		return policy.ClassPublic
	case c == policy.ClassGateway:
		return policy.ClassAuthenticated
	case c == policy.ClassRoles && slices.Contains(roles, "user"):
		return policy.ClassCustomer
	case c == policy.ClassRoles && slices.Contains(roles, "agent"):
		return policy.ClassStaff
	case c == policy.ClassRoles:
		return policy.ClassAdmin
	default:
		return c
	}
}

// naiveCovers says whether a scope covers a request to a route of a class.
func naiveCovers(scope string, class policy.Class, q policy.Request) bool {
	methods, path, isRoute := strings.Cut(scope, "/")
	if !isRoute {
		all := []policy.Class{"public", "authenticated", "customer", "staff", "admin"}
		return slices.Contains(all[:slices.Index(all, policy.Class(scope))+1], class)
	}
	methods = strings.TrimSpace(methods)
	listed := strings.Split(methods, ",")
	named := methods == "" || methods == "*" || slices.Contains(listed, q.Method) || q.Method == "HEAD" && slices.Contains(listed, "GET")
	return named && naivePattern("/"+path).MatchString(q.Path)
}

// matching lists the rules for a path and a method, "" being any.
func (n naive) matching(path, method string, observed bool) []policy.RuleInfo {
	var found []policy.RuleInfo
	for _, r := range n.rules {
		methodMatches := method == "" || r.Methods == nil || slices.Contains(r.Methods, method)
		if methodMatches && (observed || r.Mode != policy.ModeShadow) && n.patterns[r.Path].MatchString(path) {
			found = append(found, r)
		}
	}
	return found
}

// naivePattern turns a pattern into a regular expression.
func naivePattern(pattern string) *regexp.Regexp {
	expression := regexp.QuoteMeta(pattern)
	expression = regexp.MustCompile(`\\\{[a-z0-9]+:int\\\}`).ReplaceAllString(expression, `(0|[1-9][0-9]{0,17})`)
	expression = regexp.MustCompile(`\\\{[a-z0-9]+:word\\\}`).ReplaceAllString(expression, `[A-Za-z0-9_-]{1,128}`)
	expression = strings.Replace(expression, `/\*\*`, `(/.*)?`, 1)
	return regexp.MustCompile(`\A(?:` + expression + `)\z`)
}
