package policy_test

import (
	"strings"
	"sync"
	"testing"

	"faveo-gateway/policy"
)

const site = `
rules:
  - name: no-office
    effect: deny
    roles: [user]
    path: /api/v1/plugin/**
    reason: plugins are for the staff
  - name: plugin-item
    methods: [GET, DELETE]
    path: /api/v1/plugin/{id:int}
    roles: [user, agent]
    effect: allow
    when: captures.id != 13
  - name: plugin-word
    methods: [GET]
    path: /api/v1/plugin/{name:word}
    class: admin
    when: captures.name.startsWith("x-") && request.method == "GET" && request.path.endsWith(captures.name)
  - name: no-secret-status
    effect: deny
    methods: [GET]
    path: /api/v1/status
    when: params.q == "secret"
    reason: the secret is not for the world
  - name: status
    methods: [GET]
    path: /api/v1/status
    class: public
  - name: no-delete-of-first
    effect: deny
    methods: [POST]
    path: /api/v1/helpdesk/delete
    when: has(params.ticket_id) && string(params.ticket_id) == "1"
    reason: the first ticket stays
  - name: edit-is-for-administrators
    methods: [POST]
    path: /api/v1/helpdesk/edit
    class: admin
  - name: trash-now-and-then
    methods: [GET]
    path: /api/v1/helpdesk/trash
    class: staff
    when: "false"
  - name: closed-plugin
    path: /api/v1/closed/**
    class: blocked
    reason: broken
  - name: nobody
    path: /api/v1/nobody
    effect: deny
    reason: not for anybody
`

func TestDecide(t *testing.T) {
	const plugin = "/api/v1/plugin/"
	tests := []struct {
		name    string
		subject policy.Subject
		method  string
		path    string
		params  policy.Params
		want    verdict
	}{
		{"a deny rule takes its role away", customer, "GET", plugin + "7", nil, verdict{policy.Deny, policy.ReasonForbiddenRole, "no-office"}},
		{"a deny rule leaves the other roles to the next rule", agent, "GET", plugin + "7", nil, verdict{policy.Allow, policy.ReasonAllowed, "plugin-item"}},
		{"the role of an allow rule decides, no later rule is asked", admin, "GET", plugin + "7", nil, verdict{policy.Deny, policy.ReasonForbiddenRole, "plugin-item"}},
		{"the condition of an allow rule decides", agent, "GET", plugin + "13", nil, verdict{policy.Deny, policy.ReasonConditionFailed, "plugin-item"}},
		{"HEAD follows GET", agent, "HEAD", plugin + "7", nil, verdict{policy.Allow, policy.ReasonAllowed, "plugin-item"}},
		{"a second method", agent, "DELETE", plugin + "7", nil, verdict{policy.Allow, policy.ReasonAllowed, "plugin-item"}},
		{"a number has one spelling", agent, "GET", plugin + "07", nil, verdict{policy.Deny, policy.ReasonForbiddenRole, "plugin-word"}},
		{"a number that fits no integer is a word", admin, "GET", plugin + "9223372036854775808", nil, verdict{policy.Deny, policy.ReasonConditionFailed, "plugin-word"}},
		{"the greatest integer", agent, "GET", plugin + "9223372036854775807", nil, verdict{policy.Allow, policy.ReasonAllowed, "plugin-item"}},
		{"a capture of text", admin, "GET", plugin + "x-1", nil, verdict{policy.Allow, policy.ReasonAllowed, "plugin-word"}},
		{"a word that is too long", admin, "GET", plugin + strings.Repeat("x", 129), nil, verdict{policy.Deny, policy.ReasonUnknownRoute, policy.NoRule}},
		{"a segment more", admin, "GET", plugin + "7/8", nil, verdict{policy.Deny, policy.ReasonUnknownRoute, policy.NoRule}},
		{"a deny rule alone makes no route known", admin, "PUT", plugin + "7/8", nil, verdict{policy.Deny, policy.ReasonUnknownRoute, policy.NoRule}},
		{"** stands for no segment too", customer, "GET", "/api/v1/plugin", nil, verdict{policy.Deny, policy.ReasonForbiddenRole, "no-office"}},
		{"another method of a captured path", agent, "POST", plugin + "7", nil, verdict{policy.Deny, policy.ReasonMethodNotAllowed, "plugin-item"}},
		{"a deny rule comes before the method", customer, "POST", plugin + "7", nil, verdict{policy.Deny, policy.ReasonForbiddenRole, "no-office"}},

		{"a public route", stranger, "GET", "/api/v1/status", params{"q": "x"}, verdict{policy.Allow, policy.ReasonPublic, "status"}},
		{"a deny rule before a public route", stranger, "GET", "/api/v1/status", params{"q": "secret"}, verdict{policy.Deny, policy.ReasonDenied, "no-secret-status"}},
		{"a condition without its parameter denies, in a deny rule too", admin, "GET", "/api/v1/status", nil, verdict{policy.Deny, policy.ReasonConditionError, "no-secret-status"}},

		{"a site's exception", agent, "POST", "/api/v1/helpdesk/delete", params{"ticket_id": "1"}, verdict{policy.Deny, policy.ReasonDenied, "no-delete-of-first"}},
		{"beside a site's exception the built-in rule decides", admin, "POST", "/api/v1/helpdesk/delete", params{"ticket_id": "2"}, verdict{policy.Allow, policy.ReasonAllowed, "ticket-delete"}},
		{"a site's exception opens nothing", customer, "POST", "/api/v1/helpdesk/delete", params{"ticket_id": "2"}, verdict{policy.Deny, policy.ReasonForbiddenRole, "ticket-delete"}},
		{"a site's stricter rule is not undone by the built-in one", agent, "POST", "/api/v1/helpdesk/edit", nil, verdict{policy.Deny, policy.ReasonForbiddenRole, "edit-is-for-administrators"}},
		{"nor is its condition", admin, "GET", "/api/v1/helpdesk/trash", nil, verdict{policy.Deny, policy.ReasonConditionFailed, "trash-now-and-then"}},

		{"blocked for a caller without a token", stranger, "GET", "/api/v1/closed/x", nil, verdict{policy.Deny, policy.ReasonBlocked, "closed-plugin"}},
		{"blocked for an administrator", admin, "OPTIONS", "/api/v1/closed", nil, verdict{policy.Deny, policy.ReasonBlocked, "closed-plugin"}},
		{"denied to everybody", admin, "GET", "/api/v1/nobody", nil, verdict{policy.Deny, policy.ReasonDenied, "nobody"}},
		{"denied to everybody, but first the token", stranger, "GET", "/api/v1/nobody", nil, verdict{policy.Deny, policy.ReasonUnauthenticated, "nobody"}},

		{"without a token a known route", stranger, "GET", plugin + "7", nil, verdict{policy.Deny, policy.ReasonUnauthenticated, "plugin-item"}},
		{"without a token an unknown route", stranger, "GET", "/api/v1/plugins", nil, verdict{policy.Deny, policy.ReasonUnauthenticated, policy.NoRule}},
		{"without a token a role is worth nothing", policy.Subject{Role: "admin", UserID: 1}, "GET", "/api/v1/helpdesk/inbox", nil, verdict{policy.Deny, policy.ReasonUnauthenticated, "tickets-inbox"}},
		{"a role in another spelling", weird, "GET", "/api/v1/helpdesk/priority", nil, verdict{policy.Deny, policy.ReasonForbiddenRole, "priority"}},
	}
	e := load(t, policy.DefaultConfig(), site)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := e.Decide(test.subject, policy.Request{Method: test.method, Path: test.path, Params: test.params})
			if got := verdictOf(d); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
			if d.Permitted() != (test.want.effect == policy.Allow) || !d.Enforced {
				t.Errorf("permitted %t, enforced %t", d.Permitted(), d.Enforced)
			}
		})
	}
}

// TestOtherSpellingsOfAPathAreUnknown tries what PHP, proxies and file systems
// take for a known path.
func TestOtherSpellingsOfAPathAreUnknown(t *testing.T) {
	wide := `
rules:
  - name: everything
    methods: [GET, POST]
    path: /api/**
    class: customer
`
	c := policy.DefaultConfig()
	c.UnknownRoutes = policy.UnknownStaff
	c.Mode = policy.ModeShadow
	e := load(t, c, wide)
	for _, path := range []string{
		"", "api/v1/helpdesk/inbox", "//api/v1/helpdesk/inbox", "/api//v1/helpdesk/inbox", "/api/v1/helpdesk/inbox/",
		"/api/v1/helpdesk/./inbox", "/api/v1/x/../helpdesk/url", "/api/..", "/api/v1/helpdesk\\inbox",
		"/api/v1/helpdesk/inbox\x00", "/api/v1/helpdesk/inbox\n", "/api/v1/\x7f", "/api/", "/",
	} {
		for _, s := range []policy.Subject{customer, agent, admin, weird} {
			d := e.Decide(s, policy.Request{Method: "GET", Path: path})
			if d.Permitted() || d.Reason != policy.ReasonUnknownRoute || !d.Enforced {
				t.Errorf("%q by %q: got %s, permitted %t; want unknown_route, enforced in every mode", path, s.Role, d.Reason, d.Permitted())
			}
		}
		if d := e.Decide(stranger, policy.Request{Method: "GET", Path: path}); d.Permitted() || d.Reason != policy.ReasonUnauthenticated {
			t.Errorf("%q without a token: got %s, want unauthenticated", path, d.Reason)
		}
	}
	for _, path := range []string{"/API/v1/helpdesk/inbox", "/api/v1/Helpdesk/inbox", "/api/v1/helpdesk/inbox%20", "/api/v1/helpdesk/inbox;x"} {
		d := load(t, policy.DefaultConfig(), "").Decide(admin, policy.Request{Method: "GET", Path: path})
		if d.Permitted() {
			t.Errorf("%q: permitted", path)
		}
	}
}

func TestUnknownRoutesForStaff(t *testing.T) {
	c := policy.DefaultConfig()
	c.UnknownRoutes = policy.UnknownStaff
	e := load(t, c, "")
	tests := []struct {
		subject policy.Subject
		method  string
		want    policy.Reason
	}{
		{stranger, "GET", policy.ReasonUnauthenticated},
		{customer, "GET", policy.ReasonUnknownRoute},
		{weird, "GET", policy.ReasonUnknownRoute},
		{agent, "GET", policy.ReasonAllowed},
		{admin, "DELETE", policy.ReasonAllowed},
		{admin, "OPTIONS", policy.ReasonUnknownRoute},
		{admin, "TRACE", policy.ReasonUnknownRoute},
	}
	for _, test := range tests {
		d := e.Decide(test.subject, policy.Request{Method: test.method, Path: "/api/v1/plugin/x"})
		if d.Reason != test.want || d.Permitted() != (test.want == policy.ReasonAllowed) || d.Rule != policy.NoRule {
			t.Errorf("%s by %q: got %s of rule %s, want %s of none", test.method, test.subject.Role, d.Reason, d.Rule, test.want)
		}
	}
	d := e.Decide(agent, policy.Request{Method: "GET", Path: "/api/v1/database-config"})
	if d.Reason != policy.ReasonBlocked {
		t.Errorf("database-config: got %s, want blocked", d.Reason)
	}
}

// TestNoFileForwardsWhatTheGatewayAnswers tries with a wide pattern and by name,
// in both modes: whoever decides, the class says that nothing goes to PHP.
func TestNoFileForwardsWhatTheGatewayAnswers(t *testing.T) {
	for _, mode := range []policy.Mode{policy.ModeEnforce, policy.ModeShadow} {
		c := policy.DefaultConfig()
		c.Mode = mode
		for _, site := range []string{
			"", "rules: [{name: all, methods: [GET, POST], path: /api/**, class: customer}]",
			"rules: [{name: url, methods: [GET, POST], path: /api/v1/helpdesk/url, class: public}]",
			"rules: [{name: try, methods: [GET], path: /api/v1/helpdesk/url, class: admin, mode: shadow}]",
		} {
			e := load(t, c, site)
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE"} {
				for _, path := range []string{
					"/api/v1/helpdesk/url", "/api/v1/authenticate", "/api/v1/authenticate/user", "/api/v1/authenticate/refresh",
					"/api/v1/authenticate/logout", "/api/v1/authenticate/sessions", "/api/v1/authenticate/sessions/AAAAAAAAAAAAAAAAAAAAAA",
				} {
					for _, s := range []policy.Subject{stranger, customer, admin} {
						d := e.Decide(s, policy.Request{Method: method, Path: path})
						if d.Permitted() && d.Class != policy.ClassGateway {
							t.Errorf("%s, %q: %s %s by %q: permitted by %s with class %s", mode, site, method, path, s.Role, d.Rule, d.Class)
						}
					}
				}
			}
		}
	}
	closed := load(t, policy.DefaultConfig(), "rules: [{name: no, effect: deny, path: /api/v1/helpdesk/url, reason: not here}]")
	if d := closed.Decide(admin, policy.Request{Method: "GET", Path: "/api/v1/helpdesk/url"}); d.Reason != policy.ReasonDenied {
		t.Errorf("a site closes it: got %s, want denied", d.Reason)
	}
}

// TestNoFileOpensABlockedRoute tries with a wide pattern.
func TestNoFileOpensABlockedRoute(t *testing.T) {
	e := load(t, policy.DefaultConfig(), `
rules:
  - name: all-reading
    methods: [GET]
    path: /api/**
    class: staff
  - name: api-key-of-agents
    methods: [POST]
    path: /api/v1/helpdesk/api_key
    class: staff
`)
	for _, q := range []policy.Request{
		{Method: "GET", Path: "/api/v1/database-config"},
		{Method: "GET", Path: "/api/v1/system-config"},
		{Method: "HEAD", Path: "/api/v1/helpdesk/api_key"},
	} {
		for _, s := range []policy.Subject{stranger, customer, admin} {
			if d := e.Decide(s, q); d.Reason != policy.ReasonBlocked || d.Permitted() {
				t.Errorf("%s %s by %q: got %s, want blocked", q.Method, q.Path, s.Role, d.Reason)
			}
		}
	}
}

// nosy fails the test when somebody looks at the parameters.
type nosy struct{ t *testing.T }

func (n nosy) Map() map[string]any {
	n.t.Error("the parameters were read")
	return nil
}

func TestParametersAreReadOnlyForAConditionThatNeedsThem(t *testing.T) {
	e := load(t, policy.DefaultConfig(), site)
	for _, test := range []struct {
		subject policy.Subject
		method  string
		path    string
	}{
		{stranger, "POST", "/api/v1/helpdesk/delete"},
		{stranger, "GET", "/api/v1/helpdesk/customer"},
		{customer, "POST", "/api/v1/helpdesk/edit"},
		{admin, "POST", "/api/v1/helpdesk/create"},
		{agent, "GET", "/api/v1/helpdesk/inbox"},
		{agent, "GET", "/api/v1/plugin/7"},
		{weird, "GET", "/api/v1/helpdesk/customer"},
	} {
		q := policy.Request{Method: test.method, Path: test.path, Params: nosy{t}}
		if _, err := judge(e, test.subject, q); err != nil {
			t.Error(err)
		}
	}
}

func TestConditionTooDearIsAnErrorAndDenies(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	list := func(n int) (ids []any) {
		for range n {
			ids = append(ids, "1")
		}
		return ids
	}
	tests := []struct {
		name  string
		when  string
		small any
		large any
		want  policy.Reason // for the large input
	}{
		{"a walk over a list", `params.v.all(id, string(id) != "0")`, list(10), list(100_000), policy.ReasonConditionError},
		{"a pattern", `params.v.matches("^(x|y)*$")`, "xy", long, policy.ReasonConditionError},
		{"one look at a text", `params.v.contains("x")`, "x", long, policy.ReasonAllowed},
		{"one look at a list", `"1" in params.v`, list(1), list(100_000), policy.ReasonAllowed},
	}
	for _, test := range tests {
		e := load(t, policy.DefaultConfig(), "rules:\n  - name: dear\n    methods: [POST]\n    path: /api/v1/dear\n    class: customer\n    when: >-\n      "+test.when)
		q := policy.Request{Method: "POST", Path: "/api/v1/dear", Params: params{"v": test.small}}
		if d := e.Decide(admin, q); d.Reason != policy.ReasonAllowed {
			t.Errorf("%s, small: got %s, want allowed", test.name, d.Reason)
		}
		q.Params = params{"v": test.large}
		if d := e.Decide(admin, q); d.Reason != test.want || d.Permitted() != (test.want == policy.ReasonAllowed) {
			t.Errorf("%s, large: got %s, want %s", test.name, d.Reason, test.want)
		}
	}
}

func TestUserIDBeyondAnIntegerDenies(t *testing.T) {
	e := load(t, policy.DefaultConfig(), "rules: [{name: own, methods: [GET], path: /api/v1/own, class: customer, when: subject.id == int(params.id)}]")
	s := policy.Subject{Authenticated: true, UserID: 1 << 63, Role: "user"}
	q := policy.Request{Method: "GET", Path: "/api/v1/own", Params: params{"id": "-9223372036854775808"}}
	if d := e.Decide(s, q); d.Permitted() {
		t.Errorf("got %s, permitted", d.Reason)
	}
}

func TestZeroDecisionPermitsNothing(t *testing.T) {
	if (policy.Decision{}).Permitted() {
		t.Error("the zero Decision permits")
	}
}

// TestEngineIsShared means something under the race detector only.
func TestEngineIsShared(t *testing.T) {
	e := load(t, policy.DefaultConfig(), site)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 100 {
				q := policy.Request{Method: "GET", Path: "/api/v1/helpdesk/customer", Params: params{"user_id": "7"}}
				if d := e.Decide(customer, q); d.Reason != policy.ReasonAllowed {
					t.Errorf("got %s, want allowed", d.Reason)
				}
				q.Path = "/api/v1/plugin/7"
				if d := e.Decide(agent, q); d.Rule != "plugin-item" {
					t.Errorf("got rule %s, want plugin-item", d.Rule)
				}
			}
		})
	}
	group.Wait()
}
