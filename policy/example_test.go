package policy_test

import (
	"fmt"

	"faveo-gateway/policy"
)

// A site lets its plugin's own routes through and closes one of Faveo's to
// agents.
func Example() {
	site := policy.Source{Name: "site.yaml", Data: []byte(`
rules:
  - name: stock-item
    methods: [GET]
    path: /api/v1/stock/{item:int}
    class: staff
    when: subject.role == "admin" || captures.item < 1000
  - name: delete-is-for-administrators
    methods: [POST]
    path: /api/v1/helpdesk/delete
    class: admin
`)}
	e, err := policy.Load(policy.DefaultConfig(), site)
	if err != nil {
		fmt.Println(err)
		return
	}
	agent := policy.Subject{Authenticated: true, UserID: 2, Role: "agent"}
	for _, q := range []policy.Request{
		{Method: "GET", Path: "/api/v1/stock/7"},
		{Method: "GET", Path: "/api/v1/stock/7000"},
		{Method: "POST", Path: "/api/v1/helpdesk/delete"},
		{Method: "POST", Path: "/api/v1/helpdesk/inbox"},
	} {
		d := e.Decide(agent, q)
		fmt.Println(q.Method, q.Path, d.Effect, d.Reason, d.Rule, d.Allow)
	}
	// Output:
	// GET /api/v1/stock/7 allow allowed stock-item []
	// GET /api/v1/stock/7000 deny condition_failed stock-item []
	// POST /api/v1/helpdesk/delete deny forbidden_role delete-is-for-administrators []
	// POST /api/v1/helpdesk/inbox deny method_not_allowed tickets-inbox [GET HEAD]
}
