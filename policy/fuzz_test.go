package policy_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"faveo-gateway/policy"
)

// FuzzDecide builds policies from bytes and compares every decision with that
// of naive, which reads the rules one after the other as the package comment
// tells them.
func FuzzDecide(f *testing.F) {
	f.Add([]byte{0, 1, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{3, 0x21, 1, 2, 9, 1, 3, 0, 0, 7, 3, 1, 4, 9, 2, 1, 1, 0, 63, 2, 1, 9, 4, 2, 0, 2, 1})
	f.Add([]byte("\x01a/{x:int}**and so on, any text does, only more of it"))
	f.Fuzz(func(t *testing.T, data []byte) { compareWithNaive(t, data) })
}

// TestDecideIsNaive is FuzzDecide on 500 generated policies, because
// the fuzzer, which also watches the CEL library, gets to a few only.
func TestDecideIsNaive(t *testing.T) {
	loaded := 0
	for seed := range uint64(500) {
		random := rand.New(rand.NewPCG(1, seed))
		data := make([]byte, 150)
		for i := range data {
			data[i] = byte(random.UintN(256))
		}
		if compareWithNaive(t, data) {
			loaded++
		}
	}
	if loaded < 150 {
		t.Errorf("only %d of 500 generated policies were any good", loaded)
	}
}

// compareWithNaive builds one policy and compares decisions. It reports
// whether the policy could be loaded.
func compareWithNaive(t *testing.T, data []byte) bool {
	t.Helper()
	g := &generator{data: data}
	c := policy.DefaultConfig()
	c.Mode = pick(g, policy.ModeEnforce, policy.ModeShadow)
	c.UnknownRoutes = pick(g, policy.UnknownDeny, policy.UnknownStaff)
	file := g.file()
	e, err := policy.Load(c, policy.Source{Name: "fuzz", Data: []byte(file)})
	if err != nil {
		onlyUnreachable(t, file, err)
		return false
	}
	n := newNaive(c, e.Rules())
	for range 30 {
		s := pick(g, stranger, customer, agent, admin, weird)
		q := policy.Request{
			Method: pick(g, "GET", "HEAD", "POST", "DELETE", "OPTIONS", "get"),
			Path:   g.requestPath(),
			Params: pick(g, params{"a": "1"}, params{"a": "2"}, params{}, nil),
		}
		got := e.Decide(s, q)
		if again := e.Decide(s, q); !reflect.DeepEqual(got, again) {
			t.Fatalf("%s\n%+v %+v: %+v, and again %+v", file, s, q, got, again)
		}
		if want := n.decide(s, q); verdictOf(got) != verdictOf(want) || got.Enforced != want.Enforced {
			t.Fatalf("%s\nmode %s, unknown %s\n%+v %+v\ngot  %+v\nwant %+v", file, c.Mode, c.UnknownRoutes, s, q, got, want)
		}
		if got.Effect == policy.Allow && got.Rule == policy.NoRule &&
			(c.UnknownRoutes != policy.UnknownStaff || s != agent && s != admin) {
			t.Fatalf("%s\n%+v %+v: allowed without a rule", file, s, q)
		}
	}
	return true
}

// FuzzLoad checks that no document makes Load panic or return half a policy.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(site))
	f.Add([]byte("rules: [{name: a, when: '[1].all(x, x > 0)'}]"))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := policy.Load(policy.DefaultConfig(), policy.Source{Name: "fuzz", Data: data})
		var faults policy.Faults
		if (e == nil) != (err != nil) || err != nil && (!errors.As(err, &faults) || len(faults) == 0) {
			t.Fatalf("engine %v, error %v", e, err)
		}
	})
}

// onlyUnreachable fails unless the rules are refused as unreachable, and fails
// too when one of them can match after all.
func onlyUnreachable(t *testing.T, file string, err error) {
	t.Helper()
	var faults policy.Faults
	if !errors.As(err, &faults) {
		t.Fatal(err)
	}
	for _, fault := range faults {
		if !strings.HasPrefix(fault.Message, "can never match: ") {
			t.Fatalf("%s\n%v", file, fault)
		}
		earlier := regexp.MustCompile(`rule "([^"]*)"`).FindStringSubmatch(fault.Message)[1]
		shadowed, shadowing := naivePattern(pathOf(file, fault.Rule)), naivePattern(pathOf(file, earlier))
		for _, path := range somePaths() {
			if shadowed.MatchString(path) && !shadowing.MatchString(path) {
				t.Fatalf("%s\n%v: but only the later one matches %s", file, fault, path)
			}
		}
	}
}

func pathOf(file, rule string) string {
	return regexp.MustCompile(`name: ` + rule + `, path: "([^"]*)"`).FindStringSubmatch(file)[1]
}

// fuzzSegments are the segments that the paths of requests are made of.
func fuzzSegments() []string { return []string{"a", "b", "7", "07", "z!", "..", ""} }

// somePaths are all paths below /api/f of up to three segments.
func somePaths() []string {
	all := []string{"/api/f"}
	for from := 0; len(all[from]) > 0 && strings.Count(all[from], "/") < 5; from++ {
		for _, s := range fuzzSegments() {
			if s != "" && s != ".." {
				all = append(all, all[from]+"/"+s)
			}
		}
	}
	return all
}

// generator turns bytes into choices; when they run out, into the first ones.
type generator struct{ data []byte }

func (g *generator) next(n int) int {
	if len(g.data) == 0 {
		return 0
	}
	b := int(g.data[0])
	g.data = g.data[1:]
	return b % n
}

func pick[T any](g *generator, of ...T) T { return of[g.next(len(of))] }

func (g *generator) requestPath() string {
	path := "/api/f"
	for range g.next(4) {
		path += "/" + pick(g, fuzzSegments()...)
	}
	return path
}

// file writes a policy file.
func (g *generator) file() string {
	var b strings.Builder
	b.WriteString("rules:\n")
	for i := range 1 + g.next(6) {
		fmt.Fprintf(&b, "  - {name: r%d, %s, reason: r}\n", i, g.rule())
	}
	return b.String()
}

func (g *generator) rule() string {
	who := pick(g,
		"class: staff", "class: customer", "class: admin", "class: public", "class: blocked", "class: dead", "class: web",
		"effect: allow, roles: [user]", "effect: deny, roles: [user]", "effect: deny, roles: [agent, admin]", "effect: deny")
	path := "/api/f"
	for i := range g.next(4) {
		path += "/" + pick(g, "a", "b", "7", fmt.Sprintf("{i%d:int}", i), fmt.Sprintf("{w%d:word}", i))
	}
	if g.next(3) == 1 && who != "class: public" && who != "class: web" {
		path += "/**"
	}
	rule := fmt.Sprintf("path: %q, %s, methods: [%s]", path, who, pick(g, "GET", "HEAD", "POST", "GET, POST", "HEAD, POST, DELETE"))
	if who == "class: blocked" || who == "class: dead" {
		return rule
	}
	return rule + pick(g, "", `, when: 'params.a == "1"'`) + pick(g, "", "", ", mode: shadow", ", mode: enforce")
}

// naive is the policy as the package comment tells it: no index, regular
// expressions for patterns, one rule after the other.
type naive struct {
	config   policy.Config
	rules    []policy.RuleInfo
	patterns map[string]*regexp.Regexp
}

func newNaive(c policy.Config, rules []policy.RuleInfo) naive {
	n := naive{config: c, patterns: map[string]*regexp.Regexp{}}
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
	decided := n.judge(s, q, false)
	if would := n.judge(s, q, true); decided.Effect == policy.Allow && would.Effect == policy.Deny {
		would.Enforced = false
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

func (n naive) judge(s policy.Subject, q policy.Request, observed bool) policy.Decision {
	decide := func(r policy.RuleInfo, e policy.Effect, reason policy.Reason) policy.Decision {
		enforced := r.Mode == policy.ModeEnforce || r.Mode == "" && n.config.Mode == policy.ModeEnforce ||
			r.Class == policy.ClassBlocked || e == policy.Deny && !s.Authenticated
		return policy.Decision{Effect: e, Rule: r.Name, Reason: reason, Enforced: enforced}
	}
	if !s.Authenticated {
		for _, r := range n.matching(q.Path, q.Method, observed) {
			open := r.Class == policy.ClassPublic || r.Class == policy.ClassWeb
			final := r.Effect == policy.Allow || r.Roles == nil && !r.Conditional
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
		a, known := "", true
		if r.Conditional {
			a, known = conditionInput(q)
		}
		switch {
		case r.Effect == policy.Allow && !named:
			return decide(r, policy.Deny, policy.ReasonForbiddenRole)
		case !named:
		case !known:
			return decide(r, policy.Deny, policy.ReasonConditionError)
		case r.Conditional && a != "1" && r.Effect == policy.Allow:
			return decide(r, policy.Deny, policy.ReasonConditionFailed)
		case r.Conditional && a != "1":
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
		case r.Roles != nil && !r.Conditional:
			return decide(r, policy.Deny, policy.ReasonForbiddenRole)
		default:
			return decide(r, policy.Deny, policy.ReasonDenied)
		}
	}
	return n.nothing(s, q, observed, decide)
}

// conditionInput is the parameter that the generated conditions look at.
func conditionInput(q policy.Request) (a string, known bool) {
	if q.Params == nil {
		return "", false
	}
	a, known = q.Params.Map()["a"].(string)
	return a, known
}

// nothing is the decision when no rule decided.
func (n naive) nothing(s policy.Subject, q policy.Request, observed bool,
	decide func(policy.RuleInfo, policy.Effect, policy.Reason) policy.Decision,
) policy.Decision {
	reachable := false
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
		for _, r := range n.matching(q.Path, method, observed) {
			reachable = reachable || r.Effect == policy.Allow
			if r.Effect == policy.Allow || r.Roles == nil && !r.Conditional {
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
	if (s == agent || s == admin) && routable && n.config.UnknownRoutes == policy.UnknownStaff {
		return policy.Decision{Effect: policy.Allow, Rule: policy.NoRule, Reason: policy.ReasonAllowed, Enforced: n.config.Mode == policy.ModeEnforce}
	}
	return policy.Decision{
		Effect: policy.Deny, Rule: policy.NoRule, Reason: orUnauthenticated(s, policy.ReasonUnknownRoute),
		Enforced: n.config.Mode == policy.ModeEnforce || !s.Authenticated,
	}
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
