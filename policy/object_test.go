package policy_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"faveo-gateway/policy"
)

// TestTheOneReadingOfAnID tries the spellings that PHP or the database take for
// a number that the gateway did not look up.
func TestTheOneReadingOfAnID(t *testing.T) {
	tests := []struct {
		name string
		id   any
		want string // for the owner, and for whoever is not held
	}{
		{"text", "41", "allowed allowed"},
		{"integer", int64(41), "allowed allowed"},
		{"JSON number", json.Number("41"), "allowed allowed"},
		{"missing", nil, "not_found allowed"},
		{"empty", "", "not_found allowed"},
		{"largest id", "4294967295", "not_found allowed"},

		{"leading zero", "041", "unreadable"},
		{"plus sign", "+41", "unreadable"},
		{"minus sign", "-41", "unreadable"},
		{"blank before", " 41", "unreadable"},
		{"blank behind", "41 ", "unreadable"},
		{"line break behind", "41\n", "unreadable"},
		{"NUL behind", "41\x00", "unreadable"},
		{"letters behind, which the database cuts", "41abc", "unreadable"},
		{"exponent", "41e0", "unreadable"},
		{"fraction", "41.0", "unreadable"},
		{"hexadecimal", "0x29", "unreadable"},
		{"underscore", "4_1", "unreadable"},
		{"other digits", "٤١", "unreadable"},
		{"wide digits", "４１", "unreadable"},
		{"comma where no list belongs", "41,42", "unreadable"},
		{"an expression", "41 or 1=1", "unreadable"},
		{"zero", "0", "unreadable"},
		{"zero as integer", int64(0), "unreadable"},
		{"negative integer", int64(-41), "unreadable"},
		{"beyond the column", "4294967296", "unreadable"},
		{"integer beyond the column", int64(4294967296), "unreadable"},
		{"beyond 64 bits", "18446744073709551657", "unreadable"},
		{"float", 41.0, "unreadable"},
		{"float with a fraction", 41.5, "unreadable"},
		{"JSON number with a fraction", json.Number("41.0"), "unreadable"},
		{"JSON number with an exponent", json.Number("41e0"), "unreadable"},
		{"JSON number that is none", json.Number(""), "unreadable"},
		{"true, which is 1", true, "unreadable"},
		{"false, which is 0", false, "unreadable"},
		{"list", []any{"41"}, "unreadable"},
		{"list of two", []any{"41", "42"}, "unreadable"},
		{"empty list", []any{}, "unreadable"},
		{"object", map[string]any{"id": "41"}, "unreadable"},
		{"a Go type that no parameter has", 41, "unreadable"},
	}
	e := load(t, policy.DefaultConfig(), "")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			held, free, _ := strings.Cut(test.want, " ")
			if free == "" {
				free = held
			}
			for _, parameter := range []string{"ticket_id", "id"} {
				q := policy.Request{Method: "GET", Path: "/api/v1/helpdesk/ticket", Params: params{parameter: test.id}}
				if got := outcome(t, e, customer, q); got != held {
					t.Errorf("%s by the owner: got %s, want %s", parameter, got, held)
				}
				if got := outcome(t, e, admin, q); got != free {
					t.Errorf("%s by an administrator: got %s, want %s", parameter, got, free)
				}
				if d := e.Decide(customer, q); d.Permitted() {
					t.Errorf("%s: Decide without Needs permits", parameter)
				}
			}
		})
	}
}

// TestListsOfIDs checks every element, and that admins do not get around the
// reading.
func TestListsOfIDs(t *testing.T) {
	many := strings.TrimSuffix(strings.Repeat("41,", 1000), ",")
	hundred := "1"
	for i := 2; i <= 100; i++ {
		hundred += "," + strconv.Itoa(i)
	}
	tests := []struct {
		name         string
		id           any
		agent, admin string
	}{
		{"own", "41", "allowed", "allowed"},
		{"own and assigned", "41,43", "allowed", "allowed"},
		{"own and of others", "41,42", "not_found", "allowed"},
		{"of others first", "42,41", "not_found", "allowed"},
		{"own and missing", "41,99999", "not_found", "allowed"},
		{"the same again and again", many, "allowed", "allowed"},
		{"a list", []any{"41", int64(43)}, "allowed", "allowed"},
		{"a list with one of others", []any{"41", "42"}, "not_found", "allowed"},
		{"empty list", []any{}, "not_found", "allowed"},
		{"one integer", int64(41), "allowed", "allowed"},
		{"blank behind the comma", "41, 43", "unreadable", "unreadable"},
		{"comma at the end", "41,", "unreadable", "unreadable"},
		{"comma first", ",41", "unreadable", "unreadable"},
		{"two commas", "41,,43", "unreadable", "unreadable"},
		{"only a comma", ",", "unreadable", "unreadable"},
		{"comma in a list", []any{"41,42"}, "unreadable", "unreadable"},
		{"list in a list", []any{[]any{"41"}}, "unreadable", "unreadable"},
		{"null in a list", []any{nil}, "unreadable", "unreadable"},
		{"empty text in a list", []any{""}, "unreadable", "unreadable"},
		{"as many as are looked up", hundred, "not_found", "allowed"},
		{"more than are looked up", hundred + ",101", "unreadable", "unreadable"},
	}
	e := load(t, policy.DefaultConfig(), "")
	for _, test := range tests {
		q := policy.Request{Method: "POST", Path: "/api/v1/helpdesk/delete", Params: params{"ticket_id": test.id}}
		if got := outcome(t, e, agent, q); got != test.agent {
			t.Errorf("%s by an agent: got %s, want %s", test.name, got, test.agent)
		}
		if got := outcome(t, e, admin, q); got != test.admin {
			t.Errorf("%s by an administrator: got %s, want %s", test.name, got, test.admin)
		}
	}
}

// TestWhoReachesWhichTicket is the access that is built in.
func TestWhoReachesWhichTicket(t *testing.T) {
	tests := []struct {
		ticket  string
		caller  policy.Subject
		reaches bool
	}{
		{"41", customer, true},      // owner
		{"41", collaborator, true},  // collaborator
		{"41", other, false},        //
		{"41", agent, true},         // department
		{"41", otherAgent, false},   //
		{"42", otherAgent, true},    // assignment and department
		{"42", agent, false},        //
		{"42", other, true},         // owner
		{"43", agent, true},         // assignment alone
		{"44", agent, true},         // team alone
		{"45", customer, false},     // a customer entered as assignee
		{"45", collaborator, false}, //
		{"46", customer, false},     // NULL is nobody
		{"46", agent, false},        // NULL is no department
		{"99", other, false},        // missing
	}
	for _, seeAll := range []bool{false, true} {
		c := policy.DefaultConfig()
		c.AgentsSeeAll = seeAll
		e := load(t, c, "")
		for _, test := range tests {
			want := "not_found"
			if test.reaches || seeAll && test.caller.Role == "agent" {
				want = "allowed"
			}
			q := policy.Request{Method: "GET", Path: "/api/v1/helpdesk/ticket", Params: params{"ticket_id": test.ticket}}
			if got := outcome(t, e, test.caller, q); got != want {
				t.Errorf("agents_see_all %t, ticket %s by user %d: got %s, want %s", seeAll, test.ticket, test.caller.UserID, got, want)
			}
		}
	}
}

// TestNoDepartmentIsNobodys keeps NULL from matching an agent without one.
func TestNoDepartmentIsNobodys(t *testing.T) {
	s := agent
	s.Affiliation = &policy.Affiliation{Departments: []uint64{0}, Teams: []uint64{0}}
	q := requestOf(t, "GET /api/v1/helpdesk/ticket?ticket_id=46")
	q.Objects = lookUp([]policy.ObjectRef{{Kind: policy.ObjectTicket, ID: 46}})
	if d := load(t, policy.DefaultConfig(), "").Decide(s, q); d.Reason != policy.ReasonNotFound {
		t.Errorf("got %s, want not_found", d.Reason)
	}
	q.Objects[0].Team = 1 // and no department
	if d := load(t, policy.DefaultConfig(), "").Decide(s, q); d.Reason != policy.ReasonNotFound {
		t.Errorf("team of others: got %s, want not_found", d.Reason)
	}
}

// TestUserZeroOwnsNothing keeps NULL from matching a caller without an id.
func TestUserZeroOwnsNothing(t *testing.T) {
	e := load(t, policy.DefaultConfig(), "")
	for _, role := range []string{"user", "agent"} {
		s := policy.Subject{Authenticated: true, Role: role, Affiliation: &policy.Affiliation{Departments: []uint64{0}, Teams: []uint64{0}}}
		q := policy.Request{
			Method: "GET", Path: "/api/v1/helpdesk/ticket", Params: params{"ticket_id": "46"},
			Objects: []policy.Object{{Kind: policy.ObjectTicket, ID: 46, Found: true, Collaborators: []uint64{0}}},
		}
		if d := e.Decide(s, q); d.Reason != policy.ReasonNotFound {
			t.Errorf("%s: got %s, want not_found", role, d.Reason)
		}
	}
}

// TestNeeds says what is looked up, for whom.
func TestNeeds(t *testing.T) {
	ticket := func(ids ...uint64) (refs []policy.ObjectRef) {
		for _, id := range ids {
			refs = append(refs, policy.ObjectRef{Kind: policy.ObjectTicket, ID: id})
		}
		return refs
	}
	tests := []struct {
		name    string
		subject policy.Subject
		request string
		want    policy.Needs
	}{
		{"a customer and his ticket", customer, "GET /api/v1/helpdesk/ticket?ticket_id=41", policy.Needs{Objects: ticket(41)}},
		{"an agent", agent, "GET /api/v1/helpdesk/ticket?ticket_id=41", policy.Needs{Objects: ticket(41), Affiliation: true}},
		{"an administrator", admin, "GET /api/v1/helpdesk/ticket?ticket_id=41", policy.Needs{}},
		{"without a token", stranger, "GET /api/v1/helpdesk/ticket?ticket_id=41", policy.Needs{}},
		{"both names of the parameter", customer, "GET /api/v1/helpdesk/ticket?ticket_id=41&id=42", policy.Needs{Objects: ticket(41, 42)}},
		{"both names of one ticket", customer, "GET /api/v1/helpdesk/ticket?ticket_id=41&id=41", policy.Needs{Objects: ticket(41)}},
		{"a list", agent, "POST /api/v1/helpdesk/delete?ticket_id=42,41,42", policy.Needs{Objects: ticket(42, 41), Affiliation: true}},
		{"nothing named", agent, "POST /api/v1/helpdesk/delete", policy.Needs{}},
		{"users are not looked up", agent, "POST /api/v1/helpdesk/internal-note?user_id=2&ticket_id=41", policy.Needs{Objects: ticket(41), Affiliation: true}},
		{"nor is the caller", customer, "GET /api/v1/helpdesk/customer?user_id=7", policy.Needs{}},
		{"a role that the rule refuses", customer, "POST /api/v1/helpdesk/edit?ticket_id=41", policy.Needs{}},
		{"a role that no rule names", weird, "GET /api/v1/helpdesk/ticket?ticket_id=41", policy.Needs{}},
		{"another method", customer, "PUT /api/v1/helpdesk/ticket?ticket_id=41", policy.Needs{}},
		{"another path", customer, "GET /api/v1/helpdesk/ticket/?ticket_id=41", policy.Needs{}},
		{"a rule without object", agent, "GET /api/v1/helpdesk/inbox?ticket_id=41", policy.Needs{}},
		{"a ticket of one's own", customer, "POST /api/v1/helpdesk/create?email=alice@example.test", policy.Needs{Affiliation: true}},
		{"without an address", customer, "POST /api/v1/helpdesk/create?subject=Hello", policy.Needs{Affiliation: true}},
		{"a ticket of anybody", agent, "POST /api/v1/helpdesk/create?email=alice@example.test", policy.Needs{}},
		{"an administrator creates", admin, "POST /api/v1/helpdesk/create?email=alice@example.test", policy.Needs{}},
	}
	e := load(t, policy.DefaultConfig(), "")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := e.Needs(test.subject, requestOf(t, test.request))
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, %v; want %+v", got, err, test.want)
			}
		})
	}
}

func TestUnreadableIDNamesItsParameter(t *testing.T) {
	e := load(t, policy.DefaultConfig(), `
rules:
  - name: item
    methods: [GET]
    path: /api/v1/item/{ticket:int}
    class: customer
    object: {kind: ticket, capture: ticket}
`)
	for request, want := range map[string]string{
		"GET /api/v1/helpdesk/ticket?ticket_id=41&id=x":        "id",
		"POST /api/v1/helpdesk/reply?ticket_ID=x":              "ticket_ID",
		"POST /api/v1/helpdesk/internal-note?user_id=x":        "user_id",
		"POST /api/v1/helpdesk/collaborator/remove?ticketid=x": "ticketid",
		"GET /api/v1/item/4294967296":                          "{ticket}",
		"GET /api/v1/item/0":                                   "{ticket}",
	} {
		for _, s := range []policy.Subject{agent, admin} {
			_, err := e.Needs(s, requestOf(t, request))
			var unreadable *policy.UnreadableID
			if !errors.As(err, &unreadable) || unreadable.Parameter != want || !strings.Contains(err.Error(), want) {
				t.Errorf("%s by %s: got %v, want parameter %s", request, s.Role, err, want)
			}
		}
		if _, err := e.Needs(stranger, requestOf(t, request)); err != nil {
			t.Errorf("%s without a token: %v", request, err)
		}
	}
}

// TestBothNamesOfAParameterAreJudged is the bypass of a gateway that knows one
// version of Faveo only.
func TestBothNamesOfAParameterAreJudged(t *testing.T) {
	e := load(t, policy.DefaultConfig(), "")
	for _, request := range []string{
		"GET /api/v1/helpdesk/ticket?ticket_id=41&id=42",
		"GET /api/v1/helpdesk/ticket?ticket_id=42&id=41",
		"POST /api/v1/helpdesk/reply?ticket_id=41&ticket_ID=42",
		"POST /api/v1/helpdesk/reply?ticket_id=42&ticket_ID=41",
		"POST /api/v1/helpdesk/internal-note?ticket_id=41&ticketid=42&user_id=2",
	} {
		for _, s := range []policy.Subject{customer, agent} {
			if d, err := judge(e, s, requestOf(t, request)); err != nil || d.Permitted() {
				t.Errorf("%s by %s: got %s, %v", request, s.Role, d.Reason, err)
			}
		}
	}
}

// TestWhatWasNotLookedUpDenies decides with answers that are missing, those of
// other objects, or in another order.
func TestWhatWasNotLookedUpDenies(t *testing.T) {
	e := load(t, policy.DefaultConfig(), "")
	own := lookUp([]policy.ObjectRef{{Kind: policy.ObjectTicket, ID: 41}})[0]
	second := lookUp([]policy.ObjectRef{{Kind: policy.ObjectTicket, ID: 43}})[0]
	asUser, absent := own, own
	asUser.Kind, absent.Found = policy.ObjectUser, false
	tests := []struct {
		name    string
		request string
		objects []policy.Object
		without bool // the affiliation
		want    policy.Reason
	}{
		{"nothing", "POST /api/v1/helpdesk/delete?ticket_id=41", nil, false, policy.ReasonNotFound},
		{"another ticket", "POST /api/v1/helpdesk/delete?ticket_id=42", []policy.Object{own}, false, policy.ReasonNotFound},
		{"one of two", "POST /api/v1/helpdesk/delete?ticket_id=41,43", []policy.Object{own}, false, policy.ReasonNotFound},
		{"another kind", "POST /api/v1/helpdesk/delete?ticket_id=41", []policy.Object{asUser}, false, policy.ReasonNotFound},
		{"not found, but filled in", "POST /api/v1/helpdesk/delete?ticket_id=41", []policy.Object{absent}, false, policy.ReasonNotFound},
		{"another order", "POST /api/v1/helpdesk/delete?ticket_id=41,43", []policy.Object{second, own}, false, policy.ReasonAllowed},
		{"more than asked", "POST /api/v1/helpdesk/delete?ticket_id=43", []policy.Object{own, second}, false, policy.ReasonAllowed},
		{"no affiliation", "POST /api/v1/helpdesk/delete?ticket_id=41", []policy.Object{own}, true, policy.ReasonNotFound},
		{"no affiliation, but assigned", "POST /api/v1/helpdesk/delete?ticket_id=43", []policy.Object{second}, true, policy.ReasonAllowed},
	}
	for _, test := range tests {
		s, q := agent, requestOf(t, test.request)
		q.Objects = test.objects
		if known := affiliations[s.UserID]; !test.without {
			s.Affiliation = &known
		}
		if d := e.Decide(s, q); d.Reason != test.want {
			t.Errorf("%s: got %s, want %s", test.name, d.Reason, test.want)
		}
	}
	q := requestOf(t, "POST /api/v1/helpdesk/create?email=alice@example.test")
	if d := e.Decide(customer, q); d.Reason != policy.ReasonConditionError {
		t.Errorf("create without the affiliation: got %s, want condition_error", d.Reason)
	}
}

// TestCreateOnlyInOnesOwnName tries every parameter by which Faveo's create
// picks a person or a ticket.
func TestCreateOnlyInOnesOwnName(t *testing.T) {
	tests := []struct {
		name    string
		change  params
		subject policy.Subject
		want    string
	}{
		{"as the app sends it", nil, customer, "allowed"},
		{"address in other case", params{"email": "ALICE@Example.Test"}, customer, "allowed"},
		{"no user id", params{"user_id": nil}, customer, "allowed"},
		{"own user id as integer", params{"user_id": int64(7)}, customer, "allowed"},
		{"nobody in copy", params{"cc": ""}, customer, "allowed"},
		{"somebody else's address", params{"email": "bob@example.test"}, customer, "condition_failed"},
		{"address of nobody yet", params{"email": "new@example.test"}, customer, "condition_failed"},
		{"two addresses", params{"email": "alice@example.test,bob@example.test"}, customer, "condition_failed"},
		{"blank behind the address, which the database ignores", params{"email": "alice@example.test "}, customer, "condition_failed"},
		{"letter that the database folds", params{"email": "älice@example.test"}, customer, "condition_failed"},
		{"no address, but a telephone", params{"email": "", "mobile": "5550102"}, customer, "condition_failed"},
		{"address null", params{"email": nil}, customer, "condition_failed"},
		{"address a list", params{"email": []any{"alice@example.test"}}, customer, "condition_failed"},
		{"somebody else's id", params{"user_id": "8"}, customer, "condition_failed"},
		{"own id with a zero before", params{"user_id": "07"}, customer, "condition_failed"},
		{"own id in a list", params{"user_id": []any{"7"}}, customer, "condition_failed"},
		{"assigned to an agent", params{"assignto": "2"}, customer, "condition_failed"},
		{"assigned to an agent by number", params{"assignto": int64(2)}, customer, "condition_failed"},
		{"assigned to an agent in a list", params{"assignto": []any{"2"}}, customer, "condition_failed"},
		{"assigned to an agent by its other name", params{"assigned": "2"}, customer, "condition_failed"},
		{"somebody in copy", params{"cc": "bob@example.test"}, customer, "condition_failed"},
		{"into somebody's ticket by its number", params{"subject": "Re: [#AAAA-0000-0000042] x"}, customer, "condition_failed"},
		{"into a ticket, number open", params{"subject": "x[#AAAA-0000-0000042"}, customer, "condition_failed"},
		{"subject a list", params{"subject": []any{"[#AAAA-0000-0000042]"}}, customer, "condition_error"},
		{"a bracket alone", params{"subject": "[urgent] #1"}, customer, "allowed"},
		{"an account without an address", params{"email": "", "user_id": nil}, other, "condition_failed"},
		{"an agent for a customer", params{"email": "bob@example.test", "user_id": "8", "assignto": "2", "cc": "x@example.test"}, agent, "allowed"},
		{"an agent into a ticket of others", params{"subject": "[#AAAA-0000-0000042]"}, agent, "condition_failed"},
		{"an administrator into any ticket", params{"subject": "[#AAAA-0000-0000042]"}, admin, "allowed"},
	}
	e := load(t, policy.DefaultConfig(), "")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			input := params{
				"email": "alice@example.test", "user_id": "7", "subject": "New ticket", "body": "Hello", "first_name": "Alice",
				"helptopic": "1", "sla": "1", "priority": "2", "assigned": "", "code": "", "mobile": "", "phone": "",
			}
			for name, v := range test.change {
				input[name] = v
			}
			q := policy.Request{Method: "POST", Path: "/api/v1/helpdesk/create", Params: input}
			if got := outcome(t, e, test.subject, q); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
	c := policy.DefaultConfig()
	c.AgentsSeeAll = true
	q := requestOf(t, "POST /api/v1/helpdesk/create?email=a@example.test&subject=[%23AAAA-0000-0000042]")
	if got := outcome(t, load(t, c, ""), agent, q); got != "allowed" {
		t.Errorf("an agent who sees all, into a ticket: got %s, want allowed", got)
	}
}
