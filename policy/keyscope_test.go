package policy_test

import (
	"slices"
	"testing"

	"faveo-gateway/policy"
)

// withKey is a caller with a key of these scopes.
func withKey(t testing.TB, s policy.Subject, scopes ...string) policy.Subject {
	t.Helper()
	s.Key = &policy.Key{ID: "k1", Name: "shop", Scopes: scopesOf(t, scopes...)}
	return s
}

// someScopes are keys that differ in what they are good for.
func someScopes() [][]string {
	return [][]string{
		{},
		{"public"},
		{"authenticated"},
		{"customer"},
		{"staff"},
		{"admin"},
		{"/api/**"},
		{"GET /api/**"},
		{"POST /api/v1/helpdesk/create"},
		{"HEAD,POST /api/v1/helpdesk/**", "GET /api/v1/authenticate/user"},
		{"GET /api/v1/helpdesk/{what:word}", "authenticated"},
		{"DELETE /api/v1/authenticate/sessions/{session:word}", "* /api/v2/**"},
		{"customer", "GET /api/v1/helpdesk/inbox"},
	}
}

// contractClasses are the classes of ROUTES.md, by method and path, as scopes know
// them.
func contractClasses(t *testing.T) map[string]policy.Class {
	t.Helper()
	classes := map[string]policy.Class{}
	for _, r := range routes(t) {
		for _, method := range r.methods {
			class := naiveClass(r.class, nil)
			if r.path == "/api/v1/authenticate/user" {
				class = policy.ClassAuthenticated
			}
			classes[method+" "+r.path] = class
			if method == "GET" {
				classes["HEAD "+r.path] = class
			}
		}
	}
	for _, own := range []string{
		"POST /api/v1/authenticate/refresh", "POST /api/v1/authenticate/logout", "GET /api/v1/authenticate/sessions",
		"DELETE /api/v1/authenticate/sessions/AAAAAAAAAAAAAAAAAAAAAA",
	} {
		classes[own] = policy.ClassAuthenticated
	}
	return classes
}

// standing are the denials of the rules that stand before the scopes of a key.
func standing(outcome string) bool {
	return slices.Contains([]policy.Reason{
		policy.ReasonUnauthenticated, policy.ReasonForbiddenRole, policy.ReasonBlocked, policy.ReasonDeadRoute,
		policy.ReasonUnknownRoute, policy.ReasonMethodNotAllowed,
	}, policy.Reason(outcome))
}

// TestEveryRouteForEveryScope walks testdata/routes.txt with keys. What a key is not
// good for is key_scope, whatever it would have been otherwise; everything else is as
// without a key.
func TestEveryRouteForEveryScope(t *testing.T) {
	e, classes := load(t, policy.DefaultConfig(), ""), contractClasses(t)
	refused := 0
	for _, c := range tableOfRoutes(t) {
		q := requestOf(t, c.request)
		class, known := classes[q.Method+" "+q.Path]
		if !known && !standing(c.want) {
			t.Fatalf("%s: the contract has no class for it", c.request)
		}
		for _, scopes := range someScopes() {
			covered := slices.ContainsFunc(scopes, func(scope string) bool { return naiveCovers(scope, class, q) })
			want := c.want
			if !covered && class != policy.ClassPublic && !standing(want) {
				want = string(policy.ReasonKeyScope)
				refused++
			}
			s := withKey(t, callers()[c.caller], scopes...)
			if got := outcome(t, e, s, q); got != want {
				t.Errorf("%s by %s with a key for %q: got %s, want %s", c.request, c.caller, scopes, got, want)
			}
		}
	}
	if refused < 1000 {
		t.Errorf("only %d requests were out of scope", refused)
	}
}

// TestShadowModeLetsNoKeyOutOfItsScopes walks the table with everything in shadow mode:
// a key takes away all the same, and never adds.
func TestShadowModeLetsNoKeyOutOfItsScopes(t *testing.T) {
	c := policy.DefaultConfig()
	c.Mode = policy.ModeShadow
	e, classes := load(t, c, ""), contractClasses(t)
	for _, c := range tableOfRoutes(t) {
		q := requestOf(t, c.request)
		class, known := classes[q.Method+" "+q.Path]
		if !known || class == policy.ClassDead {
			class = policy.ClassAdmin
		}
		without, err := judge(e, callers()[c.caller], q)
		if err != nil {
			t.Fatal(err)
		}
		for _, scopes := range someScopes() {
			d, err := judge(e, withKey(t, callers()[c.caller], scopes...), q)
			if err != nil {
				t.Fatal(err)
			}
			covered := slices.ContainsFunc(scopes, func(scope string) bool { return naiveCovers(scope, class, q) })
			if want := without.Permitted() && (covered || class == policy.ClassPublic); d.Permitted() != want {
				t.Errorf("%s by %s with a key for %q: %s, permitted %t; want %t", c.request, c.caller, scopes, d.Reason, d.Permitted(), want)
			}
			if d.Reason == policy.ReasonKeyScope && (d.Effect != policy.Deny || !d.Enforced || d.Rule != without.Rule || d.Filters != nil || d.Allow != nil) {
				t.Errorf("%s by %s with a key for %q: got %+v; without the key %+v", c.request, c.caller, scopes, d, without)
			}
		}
	}
}

const keySite = `
rules:
  - name: robot-by-key-alone
    effect: deny
    path: /api/v1/helpdesk/**
    when: subject.id == 9 && !subject.key.present
    reason: the robot's password opens nothing
  - name: not-on-loan
    effect: deny
    path: /api/v1/loan
    when: subject.key.name == "shop"
    reason: the shop stays out
  - {name: loan, methods: [GET], path: /api/v1/loan, class: public}
  - {name: status, methods: [GET], path: /api/v1/status, class: public, filters: [internal_note]}
  - name: status-of-the-staff
    methods: [GET]
    path: /api/v1/status/{of:word}
    class: public
    when: captures.of == "all" || subject.role == "admin"
  - {name: shop-window, methods: [GET], path: /api/v1/window, class: public, when: 'subject.key.name == "shop"'}
  - name: by-key
    methods: [GET]
    path: /api/v1/by-key
    class: authenticated
    when: subject.key.present && subject.key.id == "k1" && subject.key.scopes == ["GET,POST /api/v1/by-key", "staff"]
  - name: keyless
    methods: [GET]
    path: /api/v1/keyless
    class: customer
    when: subject.key.id + subject.key.name == "" && subject.key.scopes == []
  - {name: of-agents, methods: [GET], path: /api/v1/of-agents, effect: allow, roles: [agent]}
  - {name: of-admins, methods: [GET], path: /api/v1/of-admins, effect: allow, roles: [admin]}
  - {name: of-all, methods: [GET], path: /api/v1/of-all, effect: allow, roles: [admin, agent, user]}
  - name: addressed
    effect: deny
    path: /api/v1/addressed/**
    when: subject.email == "alice@example.test"
    reason: not for her
  - {name: addressed-ticket, methods: [GET], path: "/api/v1/addressed/{t:int}", class: customer, object: {kind: ticket, capture: t}}
`

// TestKeys says what becomes of requests with a key. An outcome behind "as a stranger:"
// is that of a request that goes on without its caller.
func TestKeys(t *testing.T) {
	none := []string{}
	tests := []struct {
		name    string
		subject policy.Subject
		scopes  []string // nil: no key
		request string
		want    string
	}{
		{"in scope", agent, []string{"staff"}, "GET /api/v1/helpdesk/inbox", "allowed"},
		{"a class below", agent, []string{"staff"}, "GET /api/v1/helpdesk/priority", "allowed"},
		{"a class above", agent, []string{"customer"}, "GET /api/v1/helpdesk/inbox", "key_scope"},
		{"an administrator is held too", admin, []string{"customer"}, "GET /api/v1/helpdesk/inbox", "key_scope"},
		{"a scope opens nothing", customer, []string{"admin", "/api/**"}, "GET /api/v1/helpdesk/inbox", "forbidden_role"},
		{"nor somebody else's ticket", customer, []string{"admin", "/api/**"}, "GET /api/v1/helpdesk/ticket?ticket_id=42", "not_found"},
		{"nor a blocked route", admin, []string{"admin", "/api/**"}, "GET /api/v1/database-config", "blocked"},
		{"nor a route that is unknown", admin, []string{"admin", "/api/**"}, "GET /api/v1/nothing", "unknown_route"},
		{"no scopes", admin, none, "GET /api/v1/helpdesk/priority", "key_scope"},
		{"HEAD follows GET", agent, []string{"GET /api/v1/helpdesk/inbox"}, "HEAD /api/v1/helpdesk/inbox", "allowed"},
		{"another method of the route", customer, []string{"GET /api/v1/helpdesk/reply"}, "POST /api/v1/helpdesk/reply?ticket_id=41", "key_scope"},
		{"a key bound to nobody makes nobody", stranger, []string{"admin"}, "GET /api/v1/helpdesk/inbox", "unauthenticated"},

		{"rules with roles stand where the least of them does: agents", agent, []string{"staff"}, "GET /api/v1/of-agents", "allowed"},
		{"agents, and a scope below", agent, []string{"customer"}, "GET /api/v1/of-agents", "key_scope"},
		{"administrators", admin, []string{"admin"}, "GET /api/v1/of-admins", "allowed"},
		{"administrators, and a scope below", admin, []string{"staff"}, "GET /api/v1/of-admins", "key_scope"},
		{"all", agent, []string{"customer"}, "GET /api/v1/of-all", "allowed"},
		{"all, and a scope below", agent, []string{"authenticated"}, "GET /api/v1/of-all", "key_scope"},

		{"the objects are not asked: the caller's own", customer, []string{"authenticated"}, "GET /api/v1/helpdesk/ticket?ticket_id=41", "key_scope"},
		{"somebody else's", customer, []string{"authenticated"}, "GET /api/v1/helpdesk/ticket?ticket_id=42", "key_scope"},
		{"missing", customer, []string{"authenticated"}, "GET /api/v1/helpdesk/ticket?ticket_id=99", "key_scope"},
		{"unreadable", customer, []string{"authenticated"}, "GET /api/v1/helpdesk/ticket?ticket_id=041", "key_scope"},
		{"nor is the condition", customer, []string{"authenticated"}, "POST /api/v1/helpdesk/create?email=bob@example.test", "key_scope"},
		{"a denial before stands, also by what is looked up", customer, none, "GET /api/v1/addressed/41", "denied"},
		{"without it", collaborator, none, "GET /api/v1/addressed/41", "key_scope"},

		{"public, in scope", customer, []string{"public"}, "GET /api/v1/status", "public+internal_note"},
		{"public, in scope of a class above", agent, []string{"customer"}, "GET /api/v1/status", "public"},
		{"public, out of scope", customer, none, "GET /api/v1/status", "as a stranger: public+internal_note"},
		{"public, out of scope, by an agent", agent, []string{"GET /api/v1/helpdesk/inbox"}, "GET /api/v1/status", "as a stranger: public+internal_note"},
		{"public without a token, out of scope", stranger, none, "GET /api/v1/status", "as a stranger: public+internal_note"},
		{"the gateway's own, out of scope", agent, none, "POST /api/v1/authenticate", "as a stranger: gateway"},
		{"the gateway's own for its callers, out of scope", agent, none, "GET /api/v1/authenticate/user", "key_scope"},
		{"the gateway's own for its callers", agent, []string{"authenticated"}, "GET /api/v1/authenticate/user", "gateway"},
		{"a page of the web UI, out of scope", agent, none, "GET /api", "as a stranger: web"},
		{"public on a condition that a stranger meets", admin, none, "GET /api/v1/status/all", "as a stranger: public"},
		{"on one that he does not meet", admin, none, "GET /api/v1/status/queue", "key_scope"},
		{"on one that nobody meets", customer, none, "GET /api/v1/status/queue", "condition_failed"},
		{"a denial before a public route stands", customer, none, "GET /api/v1/loan", "denied"},
		{"public on the condition of a key", stranger, []string{"public"}, "GET /api/v1/window", "public"},
		{"public on the condition of a key that is not good for it", stranger, none, "GET /api/v1/window", "key_scope"},
		{"public on the condition of a key, without one", stranger, nil, "GET /api/v1/window", "condition_failed"},

		{"a condition about the key", customer, []string{"POST,GET /api/v1/by-key", "staff"}, "GET /api/v1/by-key", "allowed"},
		{"about other scopes", customer, []string{"staff"}, "GET /api/v1/by-key", "condition_failed"},
		{"about the key, without one", customer, nil, "GET /api/v1/by-key", "condition_failed"},
		{"about none", customer, nil, "GET /api/v1/keyless", "allowed"},
		{"about none, with one", customer, []string{"admin"}, "GET /api/v1/keyless", "condition_failed"},
		{"an account for its key alone", other, []string{"customer"}, "GET /api/v1/helpdesk/priority", "allowed"},
		{"an account for its key alone, without it", other, nil, "GET /api/v1/helpdesk/priority", "denied"},
	}
	e := load(t, policy.DefaultConfig(), keySite)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, q := test.subject, requestOf(t, test.request)
			if test.scopes != nil {
				s = withKey(t, s, test.scopes...)
			}
			got := outcome(t, e, s, q)
			if d, _ := judge(e, s, q); d.Anonymous {
				got = "as a stranger: " + got
			}
			if got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// TestKeysOnUnknownRoutes says which scope takes in what no rule names.
func TestKeysOnUnknownRoutes(t *testing.T) {
	c := policy.DefaultConfig()
	c.UnknownRoutes = policy.UnknownStaff
	e := load(t, c, "")
	q := policy.Request{Method: "GET", Path: "/api/v1/plugin/7"}
	for scope, want := range map[string]policy.Reason{
		"customer": policy.ReasonKeyScope, "staff": policy.ReasonAllowed, "admin": policy.ReasonAllowed,
		"GET /api/v1/plugin/{id:int}": policy.ReasonAllowed, "POST /api/v1/plugin/**": policy.ReasonKeyScope,
	} {
		d := e.Decide(withKey(t, agent, scope), q)
		if d.Reason != want || d.Rule != policy.NoRule || d.Permitted() != (want == policy.ReasonAllowed) {
			t.Errorf("%s: got %+v, want %s", scope, d, want)
		}
	}
}

// TestKeyOutOfScopeHasNothingLookedUp keeps the time of a refusal from telling what
// there is.
func TestKeyOutOfScopeHasNothingLookedUp(t *testing.T) {
	e := load(t, policy.DefaultConfig(), keySite)
	for _, c := range tableOfRoutes(t) {
		for _, s := range []policy.Subject{customer, agent, admin} {
			q := requestOf(t, c.request)
			n, err := e.Needs(withKey(t, s), q)
			if err != nil || len(n.Objects) > 0 || n.Affiliation {
				t.Errorf("%s by %s: needs %+v, %v; want nothing", c.request, s.Role, n, err)
			}
		}
	}
	// What a rule of the site asks of the caller himself is still asked.
	n, err := e.Needs(withKey(t, customer), requestOf(t, "GET /api/v1/addressed/41"))
	if err != nil || len(n.Objects) > 0 || !n.Affiliation {
		t.Errorf("got %+v, %v; want the affiliation alone", n, err)
	}
}
