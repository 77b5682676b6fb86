package policy_test

import (
	"testing"

	"faveo-gateway/policy"
)

func BenchmarkDecide(b *testing.B) {
	e, err := policy.Load(policy.DefaultConfig())
	if err != nil {
		b.Fatal(err)
	}
	own := params{"user_id": "7"}
	for _, c := range []struct {
		name    string
		subject policy.Subject
		request policy.Request
	}{
		{"allowed", agent, policy.Request{Method: "GET", Path: "/api/v1/helpdesk/inbox"}},
		{"unauthenticated", stranger, policy.Request{Method: "GET", Path: "/api/v1/helpdesk/inbox"}},
		{"unknown route", agent, policy.Request{Method: "GET", Path: "/api/v1/helpdesk/nothing"}},
		{"method not allowed", agent, policy.Request{Method: "PUT", Path: "/api/v1/helpdesk/inbox"}},
		{"condition of staff", agent, policy.Request{Method: "GET", Path: "/api/v1/helpdesk/customer", Params: own}},
		{"condition of the owner", customer, policy.Request{Method: "GET", Path: "/api/v1/helpdesk/customer", Params: own}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				e.Decide(c.subject, c.request)
			}
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := policy.Load(policy.DefaultConfig()); err != nil {
			b.Fatal(err)
		}
	}
}

// TestDecideAllocatesNothing keeps the common ways free of garbage.
func TestDecideAllocatesNothing(t *testing.T) {
	e := load(t, policy.DefaultConfig(), "")
	for _, path := range []string{"/api/v1/helpdesk/inbox", "/api/v1/helpdesk/nothing", "/api/v1/helpdesk/url"} {
		for _, s := range []policy.Subject{stranger, customer, agent} {
			if n := testing.AllocsPerRun(100, func() { e.Decide(s, policy.Request{Method: "GET", Path: path}) }); n > 0 {
				t.Errorf("Decide(%q, GET %s) allocates %v times", s.Role, path, n)
			}
		}
	}
}
