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
	case strings.HasPrefix(column, "yes"), path == "/api/v1/helpdesk/url":
		return policy.ClassGateway // login, own user, and what the gateway answers instead of blocking it
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

// TestClassesAreThoseOfTheContract compares the pack with ROUTES.md.
func TestClassesAreThoseOfTheContract(t *testing.T) {
	e := load(t, policy.DefaultConfig(), "")
	for _, r := range routes(t) {
		for _, method := range r.methods {
			d := e.Decide(admin, policy.Request{Method: method, Path: r.path})
			if d.Class != r.class || d.Rule == policy.NoRule {
				t.Errorf("%s %s: class %s of rule %s, want class %s", method, r.path, d.Class, d.Rule, r.class)
			}
		}
	}
}

// TestUnknownRoleOpensNothing tries a role that Faveo's free text column may hold.
func TestUnknownRoleOpensNothing(t *testing.T) {
	e := load(t, policy.DefaultConfig(), "")
	for _, r := range routes(t) {
		for _, method := range r.methods {
			d, err := judge(e, weird, policy.Request{Method: method, Path: r.path, Params: params{"ticket_id": "41", "id": "41", "user_id": "9"}})
			open := d.Reason == policy.ReasonPublic || d.Reason == policy.ReasonWeb || d.Reason == policy.ReasonGateway
			if err != nil || d.Permitted() != open {
				t.Errorf("%s %s: got %s, permitted %t, %v", method, r.path, d.Reason, d.Permitted(), err)
			}
		}
	}
}

func TestEveryRuleOfThePackIsARouteOfTheContract(t *testing.T) {
	known := map[string]bool{ // the gateway's own
		"/api/v1/authenticate/refresh": true, "/api/v1/authenticate/logout": true,
		"/api/v1/authenticate/sessions": true, "/api/v1/authenticate/sessions/{session:word}": true,
	}
	for _, r := range routes(t) {
		known[r.path] = true
	}
	for _, r := range load(t, policy.DefaultConfig(), "").Rules() {
		if !known[r.Path] {
			t.Errorf("rule %s: %s is not in ROUTES.md", r.Name, r.Path)
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
			want := policy.ReasonAllowed
			if s == customer {
				want = policy.ReasonForbiddenRole
			}
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
