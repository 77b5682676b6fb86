package policy_test

import (
	"testing"
	"time"

	"faveo-gateway/policy"
)

func BenchmarkDecide(b *testing.B) {
	e, err := policy.Load(policy.DefaultConfig())
	if err != nil {
		b.Fatal(err)
	}
	noon := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name    string
		subject policy.Subject
		request string
	}{
		{"allowed", agent, "GET /api/v1/helpdesk/inbox"},
		{"unauthenticated", stranger, "GET /api/v1/helpdesk/inbox"},
		{"unknown route", agent, "GET /api/v1/helpdesk/nothing"},
		{"method not allowed", agent, "PUT /api/v1/helpdesk/inbox"},
		{"object of an administrator", admin, "GET /api/v1/helpdesk/ticket?ticket_id=41"},
		{"object of the owner", customer, "GET /api/v1/helpdesk/ticket?ticket_id=41"},
		{"object of an agent", agent, "GET /api/v1/helpdesk/ticket?ticket_id=41"},
		{"user of the caller", customer, "GET /api/v1/helpdesk/customer?user_id=7"},
		{"list of ten objects", admin, "POST /api/v1/helpdesk/delete?ticket_id=1,2,3,4,5,6,7,8,9,10"},
		{"create by an administrator", admin, "POST /api/v1/helpdesk/create?email=alice@example.test&subject=Hello"},
		{"create by a customer", customer, "POST /api/v1/helpdesk/create?email=alice@example.test&subject=Hello&user_id=7&assigned="},
	} {
		q := requestOf(b, c.request)
		q.Time = noon
		needs, err := e.Needs(c.subject, q)
		if err != nil {
			b.Fatal(err)
		}
		told := answered(c.subject, q, needs)
		b.Run("needs "+c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = e.Needs(c.subject, q)
			}
		})
		b.Run("decide "+c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				e.Decide(told.s, told.q)
			}
		})
	}
}

// BenchmarkDecideWithKey measures what the scopes of a key add to a decision.
func BenchmarkDecideWithKey(b *testing.B) {
	e := load(b, policy.DefaultConfig(), "")
	q := requestOf(b, "GET /api/v1/helpdesk/inbox")
	for _, c := range []struct {
		name    string
		subject policy.Subject
	}{
		{"none", agent},
		{"class", withKey(b, agent, "staff")},
		{"route", withKey(b, agent, "GET /api/v1/helpdesk/inbox")},
		{"pattern", withKey(b, agent, "GET /api/v1/helpdesk/**")},
		{"last of five", withKey(b, agent, "customer", "POST /api/v1/helpdesk/create", "GET /api/v1/plugin/{id:int}", "/api/v2/**", "GET /api/v1/helpdesk/inbox")},
		{"out of scope", withKey(b, agent, "customer")},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				e.Decide(c.subject, q)
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
	for _, request := range []string{
		"GET /api/v1/helpdesk/inbox", "GET /api/v1/helpdesk/nothing", "GET /api/v1/helpdesk/url",
		"GET /api/v1/helpdesk/ticket?ticket_id=41", "GET /api/v1/helpdesk/customer?user_id=7",
	} {
		for _, s := range []policy.Subject{
			stranger, customer, agent, admin,
			withKey(t, agent, "staff"), withKey(t, admin, "POST /api/v1/**", "GET /api/v1/{a:word}/{b:word}"), withKey(t, customer, "public"),
		} {
			q := requestOf(t, request)
			needs, err := e.Needs(s, q)
			if err != nil {
				t.Fatal(err)
			}
			told := answered(s, q, needs)
			if n := testing.AllocsPerRun(100, func() { e.Decide(told.s, told.q) }); n > 0 {
				t.Errorf("Decide(%q, %s) allocates %v times", s.Role, request, n)
			}
			// One for the list of what to look up, where there is something.
			most := float64(min(len(needs.Objects), 1))
			if n := testing.AllocsPerRun(100, func() { _, _ = e.Needs(s, q) }); n > most {
				t.Errorf("Needs(%q, %s) allocates %v times, want at most %v", s.Role, request, n, most)
			}
		}
	}
}
