package policy_test

import (
	"testing"

	"faveo-gateway/policy"
)

// params is the input of a request.
type params map[string]any

func (p params) Map() map[string]any { return p }

// The callers of all tables.
var (
	stranger = policy.Subject{}
	customer = policy.Subject{Authenticated: true, UserID: 7, Role: "user"}
	agent    = policy.Subject{Authenticated: true, UserID: 2, Role: "agent"}
	admin    = policy.Subject{Authenticated: true, UserID: 1, Role: "admin"}
	weird    = policy.Subject{Authenticated: true, UserID: 9, Role: "Admin"}
)

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
