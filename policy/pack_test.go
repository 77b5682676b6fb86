package policy_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"faveo-gateway/policy"
)

const contract = "../testdata/faveo-contract"

// route is one row of ROUTES.md.
type route struct {
	methods []string
	path    string
	class   policy.Class
}

// classOf reads the last column of ROUTES.md. "own only" is class customer:
// the role may call it, for objects of its own.
func classOf(t *testing.T, path, column string) policy.Class {
	t.Helper()
	column = strings.ReplaceAll(column, "*", "")
	switch {
	case path == "/api":
		return policy.ClassWeb
	case path == "/api/v1/authenticate":
		return policy.ClassPublic
	case strings.HasPrefix(column, "yes"):
		return policy.ClassAuthenticated
	case column == "no (administrator)":
		return policy.ClassAdmin
	case strings.HasPrefix(column, "no, block"):
		return policy.ClassBlocked
	case column == "harmless":
		return policy.ClassPublic
	case column == "no (staff)", strings.HasPrefix(column, "staff"):
		return policy.ClassStaff
	case column == "acceptable", strings.HasPrefix(column, "own only"), strings.HasPrefix(column, "only "):
		return policy.ClassCustomer
	case column == "dead route":
		return policy.ClassDead
	}
	t.Fatalf("ROUTES.md: %s: last column %q is unknown to this test", path, column)
	return ""
}

// routes reads the table of ROUTES.md and adds the routes of older versions
// (README section 6).
func routes(t *testing.T) []route {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(contract, "ROUTES.md"))
	if err != nil {
		t.Fatal(err)
	}
	all := []route{
		{[]string{"POST"}, "/api/v1/register", policy.ClassAdmin},
		{[]string{"POST"}, "/api/v1/fcmtoken", policy.ClassStaff},
	}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 6 {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if !strings.HasPrefix(cells[1], "api") || strings.HasPrefix(cells[1], "api/...") {
			continue
		}
		path := "/" + cells[1]
		all = append(all, route{strings.Split(cells[0], ", "), path, classOf(t, path, cells[5])})
	}
	if len(all) < 44 {
		t.Fatalf("ROUTES.md and the older versions gave %d routes, want 44", len(all))
	}
	return all
}

// expected is the whole product: what each class means for each caller.
func expected(c policy.Class, s policy.Subject) (policy.Effect, policy.Reason) {
	passes := map[policy.Class][]policy.Subject{
		policy.ClassAuthenticated: {customer, agent, admin},
		policy.ClassCustomer:      {customer, agent, admin},
		policy.ClassStaff:         {agent, admin},
		policy.ClassAdmin:         {admin},
	}
	switch {
	case c == policy.ClassPublic:
		return policy.Allow, policy.ReasonPublic
	case c == policy.ClassWeb:
		return policy.Allow, policy.ReasonWeb
	case c == policy.ClassBlocked:
		return policy.Deny, policy.ReasonBlocked
	case !s.Authenticated:
		return policy.Deny, policy.ReasonUnauthenticated
	case c == policy.ClassDead:
		return policy.Deny, policy.ReasonDeadRoute
	}
	for _, one := range passes[c] {
		if one == s {
			return policy.Allow, policy.ReasonAllowed
		}
	}
	return policy.Deny, policy.ReasonForbiddenRole
}

func TestEveryRouteOfFaveoForEveryCaller(t *testing.T) {
	e := load(t, policy.DefaultConfig(), "")
	for _, r := range routes(t) {
		for _, method := range r.methods {
			for _, s := range []policy.Subject{stranger, customer, agent, admin, weird} {
				d := e.Decide(s, policy.Request{Method: method, Path: r.path, Params: params{"user_id": "7"}})
				effect, reason := expected(r.class, s)
				if d.Effect != effect || d.Reason != reason || d.Class != r.class || !d.Enforced {
					t.Errorf("%s %s by %q: got %s, %s, class %s, enforced %t; want %s, %s, class %s, enforced",
						method, r.path, s.Role, d.Effect, d.Reason, d.Class, d.Enforced, effect, reason, r.class)
				}
				if d.Rule == policy.NoRule {
					t.Errorf("%s %s by %q: no rule", method, r.path, s.Role)
				}
			}
		}
	}
}

func TestEveryRuleOfThePackIsARouteOfTheContract(t *testing.T) {
	known := map[string]bool{"/api/v1/authenticate/logout": true} // the gateway's own
	for _, r := range routes(t) {
		known[r.path] = true
	}
	for _, r := range load(t, policy.DefaultConfig(), "").Rules() {
		if !known[r.Path] {
			t.Errorf("rule %s: %s is not in ROUTES.md", r.Name, r.Path)
		}
	}
}

func TestHeadFollowsGet(t *testing.T) {
	e := load(t, policy.DefaultConfig(), "")
	for _, r := range routes(t) {
		if r.methods[0] != "GET" || r.path == "/api/v1/helpdesk/api_key" {
			continue
		}
		for _, s := range []policy.Subject{stranger, customer, agent, admin, weird} {
			get := e.Decide(s, policy.Request{Method: "GET", Path: r.path})
			head := e.Decide(s, policy.Request{Method: "HEAD", Path: r.path})
			if verdictOf(get) != verdictOf(head) {
				t.Errorf("%s by %q: GET %v, HEAD %v", r.path, s.Role, get, head)
			}
		}
	}
}

func TestOtherMethodsAreNotAllowedBeforeTheTokenIsLookedAt(t *testing.T) {
	e := load(t, policy.DefaultConfig(), "")
	for _, r := range routes(t) {
		if r.class == policy.ClassBlocked || r.class == policy.ClassDead {
			continue
		}
		allow := strings.Join(r.methods, ",")
		allow = strings.Replace(allow, "GET", "GET,HEAD", 1)
		if r.path == "/api/v1/helpdesk/api_key" {
			allow = "GET" // HEAD is blocked
		}
		for _, method := range []string{"PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", ""} {
			for _, s := range []policy.Subject{stranger, customer, admin, weird} {
				d := e.Decide(s, policy.Request{Method: method, Path: r.path})
				if d.Reason != policy.ReasonMethodNotAllowed || strings.Join(d.Allow, ",") != allow || d.Permitted() {
					t.Errorf("%q %s by %q: got %s, Allow %v; want method_not_allowed, Allow %s",
						method, r.path, s.Role, d.Reason, d.Allow, allow)
				}
			}
		}
	}
}

func TestHeadOfAPIKeyWouldReplaceItAndIsBlocked(t *testing.T) {
	for _, mode := range []policy.Mode{policy.ModeEnforce, policy.ModeShadow} {
		c := policy.DefaultConfig()
		c.Mode = mode
		d := load(t, c, "").Decide(admin, policy.Request{Method: "HEAD", Path: "/api/v1/helpdesk/api_key"})
		if d.Reason != policy.ReasonBlocked || d.Permitted() {
			t.Errorf("mode %s: got %s, permitted %t; want blocked", mode, d.Reason, d.Permitted())
		}
	}
}

// TestCustomersNameOnlyThemselves tries the spellings of a number that PHP or
// the database take for another one.
func TestCustomersNameOnlyThemselves(t *testing.T) {
	tests := []struct {
		name   string
		userID any
		want   policy.Reason
	}{
		{"own text", "7", policy.ReasonAllowed},
		{"own integer", int64(7), policy.ReasonAllowed},
		{"own float", 7.0, policy.ReasonAllowed},
		{"own JSON number", json.Number("7"), policy.ReasonAllowed},
		{"somebody else", "8", policy.ReasonConditionFailed},
		{"JSON number of somebody else", json.Number("8"), policy.ReasonConditionFailed},
		{"text that the database cuts to a number", "7abc", policy.ReasonConditionFailed},
		{"leading zero", "07", policy.ReasonConditionFailed},
		{"blank", " 7", policy.ReasonConditionFailed},
		{"fraction", 7.5, policy.ReasonConditionFailed},
		{"true, which is 1 to the database", true, policy.ReasonConditionFailed},
		{"empty", "", policy.ReasonConditionFailed},
		{"null", nil, policy.ReasonConditionError},
		{"list", []any{"7"}, policy.ReasonConditionError},
		{"list of two", []any{"7", "8"}, policy.ReasonConditionError},
		{"object", map[string]any{"a": "7"}, policy.ReasonConditionError},
		{"JSON number that is none", json.Number("x"), policy.ReasonConditionError},
		{"a Go type that no parameter has", struct{}{}, policy.ReasonConditionError},
	}
	e := load(t, policy.DefaultConfig(), "")
	for _, path := range []string{"/api/v1/helpdesk/customer", "/api/v1/helpdesk/my-tickets-user"} {
		for _, test := range tests {
			q := policy.Request{Method: "GET", Path: path, Params: params{"user_id": test.userID}}
			if d := e.Decide(customer, q); d.Reason != test.want || d.Permitted() != (test.want == policy.ReasonAllowed) {
				t.Errorf("%s, %s: got %s, permitted %t; want %s", path, test.name, d.Reason, d.Permitted(), test.want)
			}
			if d := e.Decide(agent, q); d.Reason != policy.ReasonAllowed {
				t.Errorf("%s, %s by an agent: got %s, want allowed", path, test.name, d.Reason)
			}
		}
		for _, p := range []policy.Params{nil, params(nil), params{}} {
			if d := e.Decide(customer, policy.Request{Method: "GET", Path: path, Params: p}); d.Permitted() {
				t.Errorf("%s without user_id: permitted", path)
			}
		}
	}
}

func TestEditionApps(t *testing.T) {
	calls := []policy.Request{
		{Method: "GET", Path: "/api/v1/helpdesk/notifications"},
		{Method: "POST", Path: "/api/v1/helpdesk/notifications-seen"},
		{Method: "GET", Path: "/api/v1/helpdesk/get-tickets"},
		{Method: "GET", Path: "/api/v2/helpdesk/get-tickets"},
		{Method: "GET", Path: "/api/v1/helpdesk/my-tickets"},
		{Method: "POST", Path: "/api/v1/helpdesk/helpsection/mails"},
	}
	c := policy.DefaultConfig()
	without := load(t, c, "")
	c.Editions = []policy.Edition{policy.EditionApps}
	with := load(t, c, "")
	for _, q := range calls {
		for _, s := range []policy.Subject{customer, agent, admin} {
			if d := without.Decide(s, q); d.Reason != policy.ReasonUnknownRoute {
				t.Errorf("without the edition, %s by %q: got %s, want unknown_route", q.Path, s.Role, d.Reason)
			}
			_, want := expected(policy.ClassStaff, s)
			if d := with.Decide(s, q); d.Reason != want {
				t.Errorf("with the edition, %s by %q: got %s, want %s", q.Path, s.Role, d.Reason, want)
			}
		}
	}
}

// TestEveryRecordedRequestIsKnown replays what the contract recorded.
func TestEveryRecordedRequestIsKnown(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(contract, "routes", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	e := load(t, policy.DefaultConfig(), "")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var recording struct {
			Request struct{ Method, Path string }
		}
		if err := json.Unmarshal(data, &recording); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		name := filepath.Base(file)
		d := e.Decide(admin, policy.Request{Method: recording.Request.Method, Path: recording.Request.Path})
		if unknown := strings.HasPrefix(name, "unknown-route"); (d.Reason == policy.ReasonUnknownRoute) != unknown {
			t.Errorf("%s: %s %s: got %s", name, recording.Request.Method, recording.Request.Path, d.Reason)
		}
		if wrong := strings.HasPrefix(name, "wrong-method"); wrong && d.Reason != policy.ReasonMethodNotAllowed {
			t.Errorf("%s: got %s, want method_not_allowed", name, d.Reason)
		}
	}
}
