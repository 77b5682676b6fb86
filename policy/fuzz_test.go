package policy_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"regexp"
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

// TestDecideIsNaive is FuzzDecide on 1000 generated policies, because
// the fuzzer, which also watches the CEL library, gets to a few only.
func TestDecideIsNaive(t *testing.T) {
	loaded := 0
	for seed := range uint64(1000) {
		random := rand.New(rand.NewPCG(1, seed))
		data := make([]byte, 300)
		for i := range data {
			data[i] = byte(random.UintN(256))
		}
		if compareWithNaive(t, data) {
			loaded++
		}
	}
	if loaded < 300 {
		t.Errorf("only %d of 1000 generated policies were any good", loaded)
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
	c.AgentsSeeAll = pick(g, false, false, true)
	file := g.file()
	e, err := policy.Load(c, policy.Source{Name: "fuzz", Data: []byte(file)})
	if err != nil {
		onlyUnreachable(t, file, err)
		return false
	}
	n := newNaive(c, file, e.Rules())
	for range 30 {
		s := pick(g, stranger, customer, collaborator, other, agent, otherAgent, admin, weird)
		s.Key = pick(g, nil, nil, nil, g.key())
		q := policy.Request{
			Method: pick(g, "GET", "HEAD", "POST", "DELETE", "OPTIONS", "get"),
			Path:   g.requestPath(),
			Params: g.params(),
		}
		needs, err := e.Needs(s, q)
		if want := n.refuses(s, q); (err != nil) != want {
			t.Fatalf("%s\n%+v %+v: Needs: %v, want an error: %t", file, s, q, err, want)
		}
		if err != nil {
			continue
		}
		// What was not asked for makes no difference: Needs and Decide have come
		// to the same rules.
		all, asked := answered(s, q, everything()), answered(s, q, needs)
		got := e.Decide(asked.s, asked.q)
		if told := e.Decide(all.s, all.q); !reflect.DeepEqual(got, told) {
			t.Fatalf("%s\n%+v %+v needs %+v: %+v, and told everything %+v", file, s, q, needs, got, told)
		}
		s, q = all.s, all.q
		if again := e.Decide(s, q); !reflect.DeepEqual(got, again) {
			t.Fatalf("%s\n%+v %+v: %+v, and again %+v", file, s, q, got, again)
		}
		if want := n.decide(s, q); verdictOf(got) != verdictOf(want) || got.Enforced != want.Enforced ||
			got.Anonymous != want.Anonymous || !equal(got.Filters, want.Filters) {
			t.Fatalf("%s\nmode %s, unknown %s\n%+v %+v\ngot  %+v\nwant %+v", file, c.Mode, c.UnknownRoutes, s, q, got, want)
		}
		if got.Effect == policy.Allow && got.Rule == policy.NoRule &&
			(c.UnknownRoutes != policy.UnknownStaff || s.Role != "agent" && s.Role != "admin") {
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

// path writes a pattern without **.
func (g *generator) path() string {
	path := "/api/f"
	for i := range g.next(4) {
		path += "/" + pick(g, "a", "b", "7", fmt.Sprintf("{i%d:int}", i), fmt.Sprintf("{w%d:word}", i))
	}
	return path
}

func (g *generator) rule() string {
	who := pick(g,
		"class: staff", "class: customer", "class: admin", "class: public", "class: blocked", "class: dead", "class: web",
		"class: authenticated", "effect: allow, roles: [agent]", "effect: allow, roles: [user]", "effect: deny, roles: [user]", "effect: deny, roles: [agent, admin]", "effect: deny")
	path := g.path()
	if g.next(3) == 1 && who != "class: public" && who != "class: web" {
		path += "/**"
	}
	rule := fmt.Sprintf("path: %q, %s, methods: [%s]", path, who, pick(g, "GET", "HEAD", "POST", "GET, POST", "HEAD, POST, DELETE"))
	if who == "class: blocked" || who == "class: dead" {
		return rule
	}
	object := ""
	if !strings.HasPrefix(who, "effect: deny") {
		rule += pick(g, "", ", filters: [internal_note]")
		if who != "class: public" && who != "class: web" {
			object = pick(g, "", "", fuzzTicket, fuzzUser, fuzzBoth)
		}
	}
	when := pick(g, "", "", fuzzParameter, fuzzDepartment, fuzzKey)
	if object != "" {
		when = pick(g, when, fuzzObject)
	}
	return rule + object + when + pick(g, "", "", ", mode: shadow", ", mode: enforce")
}

// What rules are made of, apart from who and where.
const (
	fuzzTicket     = `, object: {kind: ticket, parameter: [t, u], list: comma}`
	fuzzUser       = `, object: {kind: user, parameter: u}`
	fuzzBoth       = `, object: [{kind: user, parameter: u}, {kind: ticket, parameter: t}]`
	fuzzParameter  = `, when: 'params.a == "1"'`
	fuzzDepartment = `, when: '1 in subject.departments'`
	fuzzObject     = `, when: 'object.id != 43 && object.owner != 9'`
	fuzzKey        = `, when: 'subject.key.name == "shop" || "staff" in subject.key.scopes'`
)

// key makes an API key of up to three scopes.
func (g *generator) key() *policy.Key {
	k := &policy.Key{Name: pick(g, "", "shop")}
	for range g.next(4) {
		text := pick(g, "public", "authenticated", "customer", "staff", "admin", "")
		if text == "" {
			text = pick(g, "", "* ", "GET ", "POST ", "HEAD,DELETE ") + g.path() + pick(g, "", "/**")
		}
		s, err := policy.ParseScope(text)
		if err != nil {
			panic(err) // The generator writes well-formed scopes only.
		}
		k.Scopes = append(k.Scopes, s)
	}
	return k
}

// params makes the input of a request.
func (g *generator) params() policy.Params {
	if g.next(8) == 7 {
		return nil
	}
	p := params{}
	if a := pick(g, "1", "2", ""); a != "" {
		p["a"] = a
	}
	if t := pick[any](g, "41", "42", "43", "44", "45", "46", "99", "41,43", []any{"41", "43"}, "041", "", nil, int64(41)); t != nil {
		p["t"] = t
	}
	if u := pick[any](g, "7", "2", "41", nil, nil, "07", int64(9)); u != nil {
		p["u"] = u
	}
	return p
}

// question is a request with what was looked up for it.
type question struct {
	s policy.Subject
	q policy.Request
}

func answered(s policy.Subject, q policy.Request, n policy.Needs) question {
	if known := affiliations[s.UserID]; n.Affiliation && s.Authenticated {
		s.Affiliation = &known
	}
	q.Objects = lookUp(n.Objects)
	return question{s, q}
}

// everything needs all that there is.
func everything() policy.Needs {
	n := policy.Needs{Affiliation: true}
	for id := uint64(40); id < 50; id++ {
		n.Objects = append(n.Objects, policy.ObjectRef{Kind: policy.ObjectTicket, ID: id})
	}
	return n
}
