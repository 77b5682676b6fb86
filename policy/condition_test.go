package policy_test

import (
	"testing"
	"time"

	"faveo-gateway/policy"
)

const conditions = `
rules:
  - name: item
    methods: [GET]
    path: /api/v1/item/{ticket:int}
    class: customer
    object: {kind: ticket, capture: ticket}
    when: object.department == 1 && object.kind == "ticket" && object.id > 40 && object.team == 0
  - name: merge
    methods: [POST]
    path: /api/v1/merge
    roles: [agent]
    effect: allow
    object:
      - {kind: ticket, parameter: [from, to], list: comma}
      - {kind: user, parameter: by}
    when: >-
      object.kind == "user" ? object.id == subject.id && object.owner == object.id :
      object.department in subject.departments && !(subject.id in object.collaborators) && object.assignee != 3
  - name: not-for-sales
    effect: deny
    path: /api/v1/support/**
    when: 2 in subject.departments || 2 in subject.teams
    reason: sales stay out
  - name: support
    methods: [GET]
    path: /api/v1/support/ticket
    class: customer
    object: {kind: ticket, parameter: id}
  - name: office-hours
    methods: [GET]
    path: /api/v1/office
    class: customer
    when: >-
      request.time.getHours("Europe/Berlin") >= 8 && request.time.getHours("Europe/Berlin") < 18 &&
      request.time.getDayOfWeek("Europe/Berlin") in [1, 2, 3, 4, 5]
  - name: fixed-offset
    methods: [GET]
    path: /api/v1/offset
    class: customer
    when: request.time.getHours("-05:30") == 6 && request.time.getMinutes("-05:30") == 30 && request.time.getHours() == 12
  - name: known-address
    methods: [GET]
    path: /api/v1/address
    class: customer
    when: subject.email.endsWith("@example.test")
  - name: unheld
    methods: [GET]
    path: /api/v1/unheld
    class: customer
    when: "!subject.held"
`

// TestConditions evaluates what a condition can mention.
func TestConditions(t *testing.T) {
	noon := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC) // a Wednesday
	tests := []struct {
		name    string
		subject policy.Subject
		request string
		at      time.Time
		want    string
	}{
		{"an object of the path", customer, "GET /api/v1/item/41", noon, "allowed"},
		{"an object of the path that is not the caller's", other, "GET /api/v1/item/41", noon, "not_found"},
		{"a condition about an object of the caller's", other, "GET /api/v1/item/42", noon, "condition_failed"},
		{"a condition about an object of others tells nothing", customer, "GET /api/v1/item/42", noon, "not_found"},
		{"a condition about an object that is missing tells nothing", customer, "GET /api/v1/item/99", noon, "not_found"},
		{"an administrator, whom only the condition holds", admin, "GET /api/v1/item/41", noon, "allowed"},
		{"an administrator, condition false", admin, "GET /api/v1/item/42", noon, "condition_failed"},
		{"an administrator, object missing", admin, "GET /api/v1/item/99", noon, "not_found"},

		{"two kinds of object", agent, "POST /api/v1/merge?from=41&to=41&by=2", noon, "allowed"},
		{"somebody else's name", agent, "POST /api/v1/merge?from=41&to=41&by=3", noon, "condition_failed"},
		{"one of two tickets reached, but not by department", agent, "POST /api/v1/merge?from=41&to=43&by=2", noon, "condition_failed"},
		{"one of two tickets not reached", agent, "POST /api/v1/merge?from=41&to=42&by=2", noon, "not_found"},
		{"one of two kinds missing", agent, "POST /api/v1/merge?from=41", noon, "not_found"},
		{"a role that the rule does not name", admin, "POST /api/v1/merge?from=41&by=1", noon, "forbidden_role"},

		{"a denial by department", otherAgent, "GET /api/v1/support/ticket?id=42", noon, "denied"},
		{"beside a denial by department the object is asked for", agent, "GET /api/v1/support/ticket?id=41", noon, "allowed"},
		{"beside it, an object of others", agent, "GET /api/v1/support/ticket?id=42", noon, "not_found"},
		{"beside it, a customer", customer, "GET /api/v1/support/ticket?id=41", noon, "allowed"},

		{"in the hours", customer, "GET /api/v1/office", noon, "allowed"},
		{"first minute", customer, "GET /api/v1/office", time.Date(2026, 7, 1, 6, 0, 0, 0, time.UTC), "allowed"},
		{"the minute before", customer, "GET /api/v1/office", time.Date(2026, 7, 1, 5, 59, 59, 0, time.UTC), "condition_failed"},
		{"in winter the same hour is another", customer, "GET /api/v1/office", time.Date(2026, 1, 7, 6, 0, 0, 0, time.UTC), "condition_failed"},
		{"last second", customer, "GET /api/v1/office", time.Date(2026, 7, 1, 15, 59, 59, 0, time.UTC), "allowed"},
		{"after the hours", customer, "GET /api/v1/office", time.Date(2026, 7, 1, 16, 0, 0, 0, time.UTC), "condition_failed"},
		{"at the weekend", customer, "GET /api/v1/office", time.Date(2026, 7, 4, 12, 0, 0, 0, time.UTC), "condition_failed"},
		{"the zone of the time does not matter", customer, "GET /api/v1/office", noon.In(time.FixedZone("", -7*3600)), "allowed"},
		{"at no time", customer, "GET /api/v1/office", time.Time{}, "condition_error"},
		{"a fixed offset", customer, "GET /api/v1/offset", noon, "allowed"},
		{"no zone is UTC", customer, "GET /api/v1/offset", noon.Add(time.Hour), "condition_failed"},

		{"an address", customer, "GET /api/v1/address", noon, "allowed"},
		{"no address", other, "GET /api/v1/address", noon, "condition_failed"},
		{"held", agent, "GET /api/v1/unheld", noon, "condition_failed"},
		{"not held", admin, "GET /api/v1/unheld", noon, "allowed"},
	}
	e := load(t, policy.DefaultConfig(), conditions)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			q := requestOf(t, test.request)
			q.Time = test.at
			if got := outcome(t, e, test.subject, q); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// TestZonesAreLoadedWithThePolicy decides in a zone when no zone file is left.
func TestZonesAreLoadedWithThePolicy(t *testing.T) {
	e := load(t, policy.DefaultConfig(), conditions)
	q := requestOf(t, "GET /api/v1/office")
	q.Time = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	t.Setenv("ZONEINFO", "/nonexistent")
	if n := testing.AllocsPerRun(100, func() { e.Decide(customer, q) }); n > 20 {
		t.Errorf("a decision with three zones allocates %v times, as if it read a file", n)
	}
	if d := e.Decide(customer, q); d.Reason != policy.ReasonAllowed {
		t.Errorf("got %s, want allowed", d.Reason)
	}
}

// TestFilters says whose answers are filtered.
func TestFilters(t *testing.T) {
	site := `
rules:
  - name: notes
    methods: [GET]
    path: /api/v1/notes
    class: public
    filters: [internal_note, internal_threads]
  - name: try-less
    methods: [GET]
    path: /api/v1/helpdesk/ticket-thread
    class: admin
    mode: shadow
`
	both := []policy.Filter{policy.FilterInternalNote, policy.FilterInternalThreads}
	threads := both[1:]
	for _, mode := range []policy.Mode{policy.ModeEnforce, policy.ModeShadow} {
		c := policy.DefaultConfig()
		c.Mode = mode
		e := load(t, c, site)
		for _, test := range []struct {
			subject policy.Subject
			request string
			want    []policy.Filter
		}{
			{stranger, "GET /api/v1/notes", both},
			{customer, "GET /api/v1/notes", both},
			{weird, "GET /api/v1/notes", both},
			{agent, "GET /api/v1/notes", nil},
			{admin, "GET /api/v1/notes", nil},
			{policy.Subject{Role: "admin"}, "GET /api/v1/notes", both},
			{customer, "GET /api/v1/helpdesk/ticket-thread?id=41", threads},
			{collaborator, "HEAD /api/v1/helpdesk/ticket-thread?id=41", threads},
			{agent, "GET /api/v1/helpdesk/ticket-thread?id=41", nil},
			{customer, "GET /api/v1/helpdesk/ticket?ticket_id=41", nil},
		} {
			d, err := judge(e, test.subject, requestOf(t, test.request))
			if err != nil || !d.Permitted() || !equal(d.Filters, test.want) {
				t.Errorf("%s, %s by %q: got %v of a decision %s, %v; want %v", mode, test.request, test.subject.Role, d.Filters, d.Reason, err, test.want)
			}
		}
		// What is let through in shadow mode only is filtered all the same.
		d, err := judge(e, other, requestOf(t, "GET /api/v1/helpdesk/ticket-thread?id=41"))
		if err != nil || d.Permitted() != (mode == policy.ModeShadow) || d.Permitted() != equal(d.Filters, threads) {
			t.Errorf("%s, not the caller's: got %+v, %v", mode, d, err)
		}
	}
}

func equal(a, b []policy.Filter) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// TestShadowModeRefusesNoID checks that an id with two readings is only
// counted where the rule is not enforced.
func TestShadowModeRefusesNoID(t *testing.T) {
	c := policy.DefaultConfig()
	c.Mode = policy.ModeShadow
	q := requestOf(t, "GET /api/v1/helpdesk/ticket?ticket_id=041")
	d, err := judge(load(t, c, ""), customer, q)
	if err != nil || d.Reason != policy.ReasonNotFound || !d.Permitted() {
		t.Errorf("whole policy: got %+v, %v", d, err)
	}
	trial := `
rules:
  - name: try
    methods: [GET]
    path: /api/v1/helpdesk/inbox
    class: staff
    object: {kind: ticket, parameter: ticket_id}
    mode: shadow
`
	d, err = judge(load(t, policy.DefaultConfig(), trial), agent, requestOf(t, "GET /api/v1/helpdesk/inbox?ticket_id=041"))
	if err != nil || d.Reason != policy.ReasonNotFound || d.Rule != "try" || !d.Permitted() {
		t.Errorf("one rule: got %+v, %v", d, err)
	}
	d, err = judge(load(t, policy.DefaultConfig(), trial), agent, requestOf(t, "GET /api/v1/helpdesk/inbox?ticket_id=41"))
	if err != nil || d.Reason != policy.ReasonAllowed {
		t.Errorf("one rule that would allow: got %+v, %v", d, err)
	}
}

// TestTwoRulesOnOneObject asks once for what two rules want, one in shadow mode.
func TestTwoRulesOnOneObject(t *testing.T) {
	e := load(t, policy.DefaultConfig(), `
rules:
  - name: try
    methods: [GET]
    path: /api/v1/helpdesk/ticket
    class: customer
    object: {kind: ticket, parameter: [ticket_id, parent]}
    mode: shadow
`)
	n, err := e.Needs(customer, requestOf(t, "GET /api/v1/helpdesk/ticket?ticket_id=41&parent=42"))
	if err != nil || len(n.Objects) != 2 || n.Objects[0].ID != 41 || n.Objects[1].ID != 42 {
		t.Errorf("got %+v, %v; want tickets 41 and 42", n, err)
	}
}
