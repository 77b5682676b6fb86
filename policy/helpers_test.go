package policy_test

import (
	"net/url"
	"strings"
	"testing"

	"faveo-gateway/policy"
)

// params is the input of a request.
type params map[string]any

func (p params) Map() map[string]any { return p }

// The callers of all tables.
var (
	stranger     = policy.Subject{}
	customer     = policy.Subject{Authenticated: true, UserID: 7, Role: "user"}
	collaborator = policy.Subject{Authenticated: true, UserID: 8, Role: "user"}
	other        = policy.Subject{Authenticated: true, UserID: 9, Role: "user"}
	agent        = policy.Subject{Authenticated: true, UserID: 2, Role: "agent"}
	otherAgent   = policy.Subject{Authenticated: true, UserID: 3, Role: "agent"}
	admin        = policy.Subject{Authenticated: true, UserID: 1, Role: "admin"}
	weird        = policy.Subject{Authenticated: true, UserID: 9, Role: "Admin"}
)

// tickets is Faveo's database, as far as the policy asks it.
var tickets = map[uint64]policy.Object{
	41: {Owner: 7, Collaborators: []uint64{8}, Department: 1},
	42: {Owner: 9, Department: 2, Assignee: 3, Team: 2},
	43: {Owner: 9, Department: 2, Assignee: 2},
	44: {Owner: 9, Department: 2, Team: 1},
	45: {Owner: 9, Department: 2, Assignee: 7}, // a customer, as Faveo allows
	46: {},
}

// affiliations is what the database says of the callers.
var affiliations = map[uint64]policy.Affiliation{
	1: {Email: "root@example.test"},
	2: {Email: "sam@example.test", Departments: []uint64{1}, Teams: []uint64{1}},
	3: {Email: "sue@example.test", Departments: []uint64{2}},
	7: {Email: "alice@example.test"},
	8: {Email: "bob@example.test"},
	9: {},
}

// lookUp answers refs.
func lookUp(refs []policy.ObjectRef) []policy.Object {
	objects := make([]policy.Object, len(refs))
	for i, ref := range refs {
		o, found := tickets[ref.ID]
		o.Kind, o.ID, o.Found = ref.Kind, ref.ID, found
		objects[i] = o
	}
	return objects
}

// judge asks what is needed, looks it up, and decides.
func judge(e *policy.Engine, s policy.Subject, q policy.Request) (policy.Decision, error) {
	needs, err := e.Needs(s, q)
	if err != nil {
		return policy.Decision{}, err
	}
	if needs.Affiliation {
		known := affiliations[s.UserID]
		s.Affiliation = &known
	}
	q.Objects = lookUp(needs.Objects)
	return e.Decide(s, q), nil
}

// requestOf reads "GET /path?a=1&b=2".
func requestOf(t testing.TB, text string) policy.Request {
	t.Helper()
	method, target, _ := strings.Cut(text, " ")
	path, query, _ := strings.Cut(target, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	input := params{}
	for name := range values {
		input[name] = values.Get(name)
	}
	return policy.Request{Method: method, Path: path, Params: input}
}

// load loads a policy with one file of the site, or none for "".
func load(t testing.TB, c policy.Config, site string) *policy.Engine {
	t.Helper()
	var sources []policy.Source
	if site != "" {
		sources = append(sources, policy.Source{Name: "site.yaml", Data: []byte(site)})
	}
	e, err := policy.Load(c, sources...)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return e
}

// verdict is what most tables compare.
type verdict struct {
	effect policy.Effect
	reason policy.Reason
	rule   string
}

func verdictOf(d policy.Decision) verdict { return verdict{d.Effect, d.Reason, d.Rule} }
