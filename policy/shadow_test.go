package policy_test

import (
	"testing"

	"faveo-gateway/policy"
)

// TestShadowMode checks what a whole policy in shadow mode lets through.
func TestShadowMode(t *testing.T) {
	tests := []struct {
		name      string
		subject   policy.Subject
		method    string
		path      string
		reason    policy.Reason
		permitted bool
	}{
		{"a wrong role is let through", customer, "GET", "/api/v1/helpdesk/inbox", policy.ReasonForbiddenRole, true},
		{"an unknown route is let through", customer, "GET", "/api/v1/plugin", policy.ReasonUnknownRoute, true},
		{"a wrong method is let through", agent, "PUT", "/api/v1/helpdesk/inbox", policy.ReasonMethodNotAllowed, true},
		{"a false condition is let through", customer, "POST", "/api/v1/helpdesk/create", policy.ReasonConditionFailed, true},
		{"an object of others is let through", customer, "GET", "/api/v1/helpdesk/ticket", policy.ReasonNotFound, true},
		{"an allowed request stays allowed", agent, "GET", "/api/v1/helpdesk/inbox", policy.ReasonAllowed, true},
		{"the installer stays closed to administrators", admin, "GET", "/api/v1/database-config", policy.ReasonBlocked, false},
		{"the installer stays closed", stranger, "GET", "/api/v1/system-config", policy.ReasonBlocked, false},
		{"no token", stranger, "GET", "/api/v1/helpdesk/inbox", policy.ReasonUnauthenticated, false},
		{"no token, unknown route", stranger, "GET", "/api/v1/plugin", policy.ReasonUnauthenticated, false},
		{"no token, wrong method", stranger, "PUT", "/api/v1/helpdesk/inbox", policy.ReasonMethodNotAllowed, false},
		{"a rule of its own mode", customer, "GET", "/api/v1/helpdesk/agents", policy.ReasonForbiddenRole, false},
	}
	c := policy.DefaultConfig()
	c.Mode = policy.ModeShadow
	e := load(t, c, `
rules:
  - name: agents-for-sure
    methods: [GET]
    path: /api/v1/helpdesk/agents
    class: staff
    mode: enforce
`)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := e.Decide(test.subject, policy.Request{Method: test.method, Path: test.path})
			if d.Reason != test.reason || d.Permitted() != test.permitted {
				t.Errorf("got %s, permitted %t; want %s, permitted %t", d.Reason, d.Permitted(), test.reason, test.permitted)
			}
			if d.Effect == policy.Deny && d.Enforced == test.permitted {
				t.Errorf("enforced %t", d.Enforced)
			}
		})
	}
}

// TestShadowDocument checks that the mode of a document is that of its rules but
// for those that have one, and never that of a blocked route.
func TestShadowDocument(t *testing.T) {
	e := load(t, policy.DefaultConfig(), `
mode: shadow
rules:
  - {name: inbox, methods: [GET], path: /api/v1/helpdesk/inbox, class: admin}
  - {name: trash, methods: [GET], path: /api/v1/helpdesk/trash, class: admin, mode: enforce}
  - {name: hole, path: /api/v1/plugin/hole, class: blocked, reason: it is one}
`)
	for path, want := range map[string]bool{
		"/api/v1/helpdesk/inbox": true, "/api/v1/helpdesk/trash": false, "/api/v1/plugin/hole": false,
	} {
		d := e.Decide(agent, policy.Request{Method: "GET", Path: path})
		if d.Effect != policy.Deny || d.Permitted() != want {
			t.Errorf("%s: %s, permitted %t; want it denied and permitted %t", path, d.Effect, d.Permitted(), want)
		}
	}
}

// TestShadowRule checks that a single rule in shadow mode neither opens nor
// closes anything, and keeps no rule behind it from matching.
func TestShadowRule(t *testing.T) {
	e := load(t, policy.DefaultConfig(), `
rules:
  - name: try-closing-trash
    methods: [GET]
    path: /api/v1/helpdesk/trash
    class: admin
    mode: shadow
  - name: try-opening-inbox
    methods: [GET]
    path: /api/v1/helpdesk/inbox
    class: public
    mode: shadow
  - name: try-denying-agents
    effect: deny
    roles: [agent]
    path: /api/v1/helpdesk/api_key
    mode: shadow
    reason: a trial
  - name: try-closing-check-url
    methods: [GET]
    path: /api/v1/helpdesk/check-url
    class: staff
    mode: shadow
  - name: trash-of-administrators-and-agents
    methods: [GET]
    path: /api/v1/helpdesk/trash
    roles: [admin, agent]
    effect: allow
  - name: try-a-new-route
    methods: [GET]
    path: /api/v1/plugin
    class: customer
    mode: shadow
`)
	tests := []struct {
		name      string
		subject   policy.Subject
		path      string
		want      verdict
		permitted bool
	}{
		{"would deny what is allowed", agent, "/api/v1/helpdesk/trash", verdict{policy.Deny, policy.ReasonForbiddenRole, "try-closing-trash"}, true},
		{"would allow what is allowed", admin, "/api/v1/helpdesk/trash", verdict{policy.Allow, policy.ReasonAllowed, "trash-of-administrators-and-agents"}, true},
		{"would deny what is denied", customer, "/api/v1/helpdesk/trash", verdict{policy.Deny, policy.ReasonForbiddenRole, "trash-of-administrators-and-agents"}, false},
		{"would allow what is denied", stranger, "/api/v1/helpdesk/inbox", verdict{policy.Deny, policy.ReasonUnauthenticated, "tickets-inbox"}, false},
		{"would deny a role that is denied behind it", agent, "/api/v1/helpdesk/api_key", verdict{policy.Deny, policy.ReasonForbiddenRole, "api-key"}, false},
		{"would close a public route", stranger, "/api/v1/helpdesk/check-url", verdict{policy.Deny, policy.ReasonUnauthenticated, "try-closing-check-url"}, true},
		{"would make a route known", customer, "/api/v1/plugin", verdict{policy.Deny, policy.ReasonUnknownRoute, policy.NoRule}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := e.Decide(test.subject, policy.Request{Method: "GET", Path: test.path})
			if got := verdictOf(d); got != test.want || d.Permitted() != test.permitted {
				t.Errorf("got %v, permitted %t; want %v, permitted %t", got, d.Permitted(), test.want, test.permitted)
			}
		})
	}
}
