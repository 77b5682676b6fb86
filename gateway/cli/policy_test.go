package cli_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// explained runs policy explain and returns its rows by name.
func explained(t *testing.T, args ...string) map[string]string {
	t.Helper()
	got := run(t, nil, append([]string{"policy", "explain"}, args...)...)
	if got.code != 0 || got.stderr != "" {
		t.Fatalf("%v: exit %d, %s", args, got.code, got.stderr)
	}
	rows := map[string]string{}
	for line := range strings.Lines(got.stdout) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), "  "); found {
			rows[name] = strings.TrimSpace(value)
		}
	}
	return rows
}

func TestPolicyExplain(t *testing.T) {
	const ticket = "/api/v1/helpdesk/ticket?ticket_id=41"
	customer := []string{"--role", "user", "--user", "7"}
	agent := []string{"--role", "agent", "--user", "2", "--departments", "1,4", "--teams", "5"}
	tests := []struct {
		name string
		args []string
		want map[string]string
	}{
		{"no token", []string{"GET", ticket}, map[string]string{
			"effect": "deny", "reason": "unauthenticated: the route needs a token", "answer": "401 token_not_provided", "rule": "ticket",
		}},
		{"the owner", append([]string{"GET", ticket, "--owner", "7"}, customer...), map[string]string{
			"effect": "allow", "reason": "allowed: the caller may", "answer": "goes to Faveo", "rule": "ticket", "class": "customer",
			"object": "ticket ticket_id|id", "looked up": "ticket 41: owner 7, collaborators [], department 0, assignee 0, team 0",
		}},
		{"a collaborator", append([]string{"GET", ticket, "--owner", "9", "--collaborator", "8,7"}, customer...), map[string]string{"effect": "allow"}},
		{"somebody else", append([]string{"GET", ticket, "--owner", "9"}, customer...), map[string]string{
			"effect": "deny", "answer": "404 not_found", "reason": "not_found: the object is not the caller's, does not exist, or is not named",
		}},
		{"a ticket that does not exist", append([]string{"GET", ticket}, customer...), map[string]string{
			"answer": "404 not_found", "looked up": "ticket 41: does not exist",
		}},
		{"an agent's department", append([]string{"GET", ticket, "--department", "4"}, agent...), map[string]string{"effect": "allow"}},
		{"an agent's assignment", append([]string{"GET", ticket, "--assignee", "2"}, agent...), map[string]string{"effect": "allow"}},
		{"an agent's team", append([]string{"GET", ticket, "--team", "5"}, agent...), map[string]string{"effect": "allow"}},
		{"an agent's nothing", append([]string{"GET", ticket, "--department", "2"}, agent...), map[string]string{"answer": "404 not_found"}},
		{"an id with two readings", []string{"GET", "/api/v1/helpdesk/ticket", "--param", "ticket_id=041", "--role", "admin"}, map[string]string{
			"effect": "deny", "answer": "400 ambiguous_request", "reason": `object_id: parameter "ticket_id" is not one id with one reading`,
		}},
		{
			"a list", append([]string{"POST", "/api/v1/helpdesk/delete", "--param", "ticket_id[]=41", "--param", "ticket_id[]=42", "--department", "1"}, agent...),
			map[string]string{"effect": "allow", "object": "ticket ticket_id,…"},
		},
		{
			"in one's own name", append([]string{"POST", "/api/v1/helpdesk/create?email=Alice@example.test", "--email", "alice@example.test"}, customer...),
			map[string]string{"effect": "allow", "rule": "ticket-create"},
		},
		{
			"in another name", append([]string{"POST", "/api/v1/helpdesk/create?email=bob@example.test", "--email", "alice@example.test"}, customer...),
			map[string]string{"effect": "deny", "reason": "condition_failed: the condition of the rule is false", "answer": "403 forbidden"},
		},
		{"what the gateway answers", []string{"GET", "/api/v1/helpdesk/url?url=file:///etc/passwd"}, map[string]string{
			"effect": "allow", "answer": "the gateway answers it itself", "class": "gateway",
			"rule's reason": "PHP would fetch any URL, file:// included, and so read any file of the server without a token",
		}},
		{"the installer", []string{"GET", "/api/v1/database-config", "--role", "admin", "--user", "1"}, map[string]string{
			"reason": "blocked: the route is closed to everybody", "answer": "403 forbidden", "rule": "installer-database",
		}},
		{"another method", []string{"PUT", ticket}, map[string]string{"answer": "405 method_not_allowed", "methods": "GET, HEAD"}},
		{"an unknown route", []string{"GET", "/api/v1/plugin", "--role", "agent"}, map[string]string{
			"reason": "unknown_route: no rule names the route", "rule": "none", "answer": "403 forbidden",
		}},
		{
			"what a customer does not see", append([]string{"GET", "/api/v1/helpdesk/ticket-thread?id=41", "--owner", "7"}, customer...),
			map[string]string{"filters": "internal_threads"},
		},
		{"a key's scope", []string{"GET", "/api/v1/helpdesk/inbox", "--role", "agent", "--user", "2", "--scope", "customer", "--scope", "GET,POST /api/v1/helpdesk/inbox, public", "--key-name", "shop"}, map[string]string{
			"effect": "allow", "answer": "goes to Faveo", "key scopes": "customer",
		}},
		{"out of a key's scope", append([]string{"GET", ticket, "--owner", "7", "--scope", "authenticated"}, customer...), map[string]string{
			"effect": "deny", "reason": "key_scope: no scope of the API key covers it", "answer": "403 forbidden", "rule": "ticket",
			"object": "", "looked up": "", "key scopes": "authenticated",
		}},
		{"an open route out of a key's scope", []string{"GET", "/api/v1/helpdesk/check-url", "--role", "user", "--scope", "POST /api/v1/helpdesk/create"}, map[string]string{
			"effect": "allow", "answer": "goes to Faveo, as of a caller without a token: the key is not good for it", "rule": "helpdesk-check-url",
		}},
		{"a key that is bound to nobody", []string{"GET", "/api/v1/helpdesk/inbox", "--scope", "staff", "--key-id", "abc"}, map[string]string{
			"answer": "401 token_not_provided",
		}},
		{"a file of the site", []string{
			"GET", "/api/v1/helpdesk/inbox", "--role", "agent", "--at", "2026-07-05T12:00:00+02:00",
			"-f", "../../deploy/policies/business-hours.yaml",
		}, map[string]string{
			"rule": "agents-in-business-hours", "written at": "../../deploy/policies/business-hours.yaml:7", "answer": "403 forbidden",
			"rule's reason": "agents work from Monday to Friday, 8 to 18 o'clock",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := explained(t, test.args...)
			for name, want := range test.want {
				if got[name] != want {
					t.Errorf("%s: got %q, want %q", name, got[name], want)
				}
			}
		})
	}
}

// TestPolicyReadsTheConfiguration takes mode and agents_see_all from a file and
// from the environment; no secret is needed.
func TestPolicyReadsTheConfiguration(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	if err := os.WriteFile(file, []byte("policy:\n  mode: shadow\n  agents_see_all: true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := explained(t, "GET", "/api/v1/helpdesk/inbox", "--role", "user", "-c", file)
	if got["effect"] != "deny, not enforced" || !strings.HasPrefix(got["answer"], "goes to Faveo: the denial is only counted") {
		t.Errorf("shadow: %v", got)
	}
	got = explained(t, "GET", "/api/v1/helpdesk/ticket?ticket_id=41", "--role", "agent", "--user", "2", "-c", file)
	if got["effect"] != "allow" {
		t.Errorf("agents_see_all: %v", got)
	}
	environ := []string{"FAVEO_GATEWAY_POLICY_UNKNOWN_ROUTES=staff"}
	out := run(t, environ, "policy", "explain", "GET", "/api/v1/plugin", "--role", "agent", "-o", "json")
	var x struct{ Effect, Reason, Rule string }
	if err := json.Unmarshal([]byte(out.stdout), &x); err != nil || x.Effect != "allow" || x.Rule != "none" {
		t.Errorf("environment: %+v, %v, %s", x, err, out.stderr)
	}
}

func TestPolicyExplainJSON(t *testing.T) {
	out := run(t, nil, "policy", "explain", "POST", "/api/v1/helpdesk/edit", "--param", "ticket_id=41", "--role", "agent", "--user", "2",
		"--departments", "1", "--department", "2", "--scope", "staff, POST,GET /api/v1/**", "--key-name", "shop", "--output", "json")
	var x map[string]any
	if err := json.Unmarshal([]byte(out.stdout), &x); err != nil {
		t.Fatalf("%v: %s", err, out.stderr)
	}
	for name, want := range map[string]any{
		"request": "POST /api/v1/helpdesk/edit", "caller": `agent 2, API key "shop"`, "effect": "deny", "reason": "not_found", "enforced": true,
		"rule": "ticket-edit", "class": "staff", "status": 404.0, "answer": "404 not_found",
	} {
		if x[name] != want {
			t.Errorf("%s: got %v, want %v", name, x[name], want)
		}
	}
	if scopes := fmt.Sprint(x["key_scopes"]); scopes != "[staff GET,POST /api/v1/**]" {
		t.Errorf("key_scopes: got %s", scopes)
	}
	if at, _ := x["written_at"].(string); !strings.HasPrefix(at, "builtin:faveo.yaml:") {
		t.Errorf("written_at %q", at)
	}
}

func TestPolicyRoutes(t *testing.T) {
	out := run(t, nil, "policy", "routes", "-f", "../../deploy/policies/partner.yaml")
	if out.code != 0 {
		t.Fatal(out.stderr)
	}
	lines := strings.Split(strings.TrimSpace(out.stdout), "\n")
	for _, want := range []string{
		"METHODS PATH CLASS OBJECT WHEN RULE SOURCE",
		"all /api/v1/database-config blocked - - installer-database builtin:faveo.yaml:",
		"all /api/** deny everybody - if partner-only-creates ../../deploy/policies/partner.yaml:8",
		"GET,HEAD /api/v1/helpdesk/url gateway - - helpdesk-url builtin:faveo.yaml:",
		"POST /api/v1/helpdesk/delete staff ticket ticket_id,… - ticket-delete builtin:faveo.yaml:",
		"POST /api/v1/helpdesk/internal-note staff ticket ticket_id|ticketid, user user_id|userid if internal-note builtin:faveo.yaml:",
	} {
		found := false
		for _, line := range lines {
			found = found || strings.HasPrefix(strings.Join(strings.Fields(line), " "), want)
		}
		if !found {
			t.Errorf("no line %q in\n%s", want, out.stdout)
		}
	}
	out = run(t, nil, "policy", "routes", "-o", "json")
	var rows []struct {
		Path, Class, Rule, Source, When string
		Methods, Roles, Objects         []string
		Filters                         []string
		Line                            int
	}
	if err := json.Unmarshal([]byte(out.stdout), &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows)+2 != len(lines) { // a heading, and the partner's rule
		t.Errorf("%d rows in JSON, %d lines", len(rows), len(lines))
	}
	for _, r := range rows {
		if r.Rule == "" || r.Line == 0 || r.Source != "builtin:faveo.yaml" || !strings.HasPrefix(r.Path, "/api") {
			t.Errorf("%+v", r)
		}
	}
}

func TestPolicyTest(t *testing.T) {
	tables, err := filepath.Glob("../../deploy/policies/*.test.yaml")
	if err != nil || len(tables) == 0 {
		t.Fatalf("no tables: %v", err)
	}
	if out := run(t, nil, append([]string{"policy", "test"}, tables...)...); out.code != 0 || !strings.HasSuffix(out.stdout, " tests, 0 failed\n") {
		t.Errorf("exit %d, %s%s", out.code, out.stdout, out.stderr)
	}
	folder := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(folder, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	failing := write("failing.yaml", `callers:
  agent: {role: agent, user: 2}
tests:
  - {caller: agent, request: GET /api/v1/helpdesk/inbox, want: denied}
  - {caller: agent, request: GET /api/v1/helpdesk/trash, want: allowed}
  - {name: no rule, caller: agent, request: GET /api/v1/nothing, want: unknown_route, rule: inbox}
`)
	broken := write("broken.yaml", "tests:\n  - {caller: nobody, want: perhaps}\n")
	badPolicy := write("bad.yaml", "policy: {files: [failing.yaml]}\ntests:\n  - {caller: none, request: GET /api, want: web}\n")

	out := run(t, nil, "policy", "test", failing)
	want := "FAIL " + failing + ":4: GET /api/v1/helpdesk/inbox by agent: got allowed by rule \"tickets-inbox\", want denied\n" +
		"FAIL " + failing + ":6: no rule: decided by rule \"none\", want \"inbox\"\n3 tests, 2 failed\n"
	if out.code != 1 || out.stdout != want || !strings.Contains(out.stderr, "2 of 3 policy tests failed") {
		t.Errorf("exit %d\n%s%s\nwant\n%s", out.code, out.stdout, out.stderr, want)
	}
	out = run(t, nil, "policy", "test", "-o", "json", failing)
	var x struct {
		Tests, Failed int
		Cases         []struct {
			File, Name, Want string
			Line             int
			Failures         []string
		}
	}
	if err := json.Unmarshal([]byte(out.stdout), &x); err != nil || x.Tests != 3 || x.Failed != 2 || out.code != 1 {
		t.Errorf("JSON: exit %d, %+v, %v", out.code, x, err)
	}
	if len(x.Cases) != 3 || x.Cases[0].Line != 4 || len(x.Cases[0].Failures) != 1 || x.Cases[1].Failures == nil || len(x.Cases[1].Failures) != 0 {
		t.Errorf("JSON: %+v", x.Cases)
	}
	// What cannot be read is reported for all files at once, and nothing is run.
	out = run(t, nil, "policy", "test", broken, failing, badPolicy)
	for _, part := range []string{"broken.yaml:2: request is missing", `broken.yaml:2: unknown outcome "perhaps"`, "failing.yaml:1: unknown key"} {
		if out.code != 1 || !strings.Contains(out.stderr, part) || out.stdout != "" {
			t.Errorf("exit %d, %s%s; want %s", out.code, out.stdout, out.stderr, part)
		}
	}
}

// TestPolicyMisunderstood checks what the commands refuse.
func TestPolicyMisunderstood(t *testing.T) {
	for _, try := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"policy", "explain", "GET"}, 2, "accepts 2 arg"},
		{[]string{"policy", "explain", "GET", "/api", "--role", "root"}, 1, "--role"},
		{[]string{"policy", "explain", "GET", "/api", "--user", "7"}, 1, "--user"},
		{[]string{"policy", "explain", "GET", "/api", "--at", "noon"}, 1, "--at"},
		{[]string{"policy", "explain", "GET", "/api", "--param", "x"}, 1, "--param"},
		{[]string{"policy", "explain", "GET", "/api?x=1", "--param", "x=2"}, 1, "twice"},
		{[]string{"policy", "explain", "GET", "api"}, 1, "want a method and a path"},
		{[]string{"policy", "explain", "GET", "/api", "-o", "xml"}, 1, "--output"},
		{[]string{"policy", "explain", "GET", "/api", "-f", "absent.yaml"}, 1, "absent.yaml"},
		{[]string{"policy", "explain", "GET", "/api", "-c", "absent.yaml"}, 1, "absent.yaml"},
		{[]string{"policy", "explain", "GET", "/api", "--scope", "staff, boss"}, 1, `--scope: scope "boss": want a class (public, `},
		{[]string{"policy", "explain", "GET", "/api", "--scope", ""}, 1, `--scope: scope "": it is empty`},
		{[]string{"policy", "explain", "GET", "/api", "--key-name", "shop"}, 1, "--key-name without a scope"},
		{[]string{"policy", "routes", "-o", "xml"}, 1, "--output"},
		{[]string{"policy", "routes", "surplus"}, 2, "surplus"},
		{[]string{"policy", "test"}, 2, "requires at least 1 arg"},
		{[]string{"policy", "test", "absent.yaml"}, 1, "absent.yaml"},
		{[]string{"policy", "unknown"}, 2, "unknown"},
	} {
		if got := run(t, nil, try.args...); got.code != try.code || !strings.Contains(got.stderr, try.want) {
			t.Errorf("%v: exit %d, %q; want exit %d and %q", try.args, got.code, got.stderr, try.code, try.want)
		}
	}
	for _, command := range []string{"explain", "test", "routes"} {
		if got := run(t, nil, "policy", command, "--help"); got.code != 0 || !strings.Contains(got.stdout, "faveo-gateway policy "+command+" ") {
			t.Errorf("policy %s --help: exit %d, no example in %q", command, got.code, got.stdout)
		}
	}
}
