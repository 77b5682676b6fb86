package policy_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"faveo-gateway/policy"
)

// TestPoliciesOfTheManual runs the tables beside the policies that the manual
// shows.
func TestPoliciesOfTheManual(t *testing.T) {
	files, err := filepath.Glob("../deploy/policies/*.test.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no tables: %v", err)
	}
	policies, err := filepath.Glob("../deploy/policies/*.yaml")
	if err != nil || len(policies) != 2*len(files) {
		t.Errorf("%d files are not policies with a table each: %v", len(policies), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			table, err := policy.ReadTable(file)
			if err != nil {
				t.Fatal(err)
			}
			c := table.Config(policy.Config{}) // not valid: the table has its own
			want := strings.TrimSuffix(file, ".test.yaml") + ".yaml"
			if len(c.Files) != 1 || filepath.Clean(c.Files[0]) != filepath.Clean(want) {
				t.Errorf("the table tests %q, want %s", c.Files, want)
			}
			e, err := policy.Load(c)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range table.Cases {
				if _, failures := table.Run(e, c); failures != nil {
					t.Errorf("%s:%d: %s: %s", file, c.Line, c.Name, strings.Join(failures, "; "))
				}
			}
		})
	}
}

// writeTable writes a table into a folder of its own.
func writeTable(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "table.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestTableFailures checks that a table can fail, and says how.
func TestTableFailures(t *testing.T) {
	table, err := policy.ReadTable(writeTable(t, `
callers:
  customer: {role: user, user: 7, email: alice@example.test}
  keyed: {role: user, user: 7, key: {id: k1, name: shop, scopes: [GET /api/v1/helpdesk/ticket-thread]}}
  app: {key: {scopes: [public]}}
tickets:
  41: {owner: 7}
tests:
  - {caller: customer, request: GET /api/v1/helpdesk/ticket-thread?id=41, want: not_found}
  - {caller: customer, request: GET /api/v1/helpdesk/ticket-thread?id=041, want: allowed}
  - {caller: customer, request: GET /api/v1/helpdesk/ticket-thread?id=41, want: allowed, rule: other, filters: [internal_note]}
  - {caller: customer, request: GET /api/v1/helpdesk/ticket-thread?id=41, want: allowed, filters: []}
  - {caller: none, request: GET /api/v1/helpdesk/ticket-thread?id=41, want: allowed}
  - {caller: customer, request: GET /api/v1/helpdesk/ticket, params: {ticket_id: 41}, want: allowed}
  - {caller: customer, request: GET /api/v1/helpdesk/ticket, params: {ticket_id: 41.0}, want: object_id}
  - {caller: customer, request: GET /api/v1/helpdesk/ticket, params: {ticket_id: ["41"]}, want: object_id}
  - {caller: customer, request: GET /api/v1/helpdesk/ticket, params: {ticket_id: {a: true}}, want: object_id}
  - {caller: keyed, request: GET /api/v1/helpdesk/ticket-thread?id=41, want: allowed}
  - {caller: keyed, request: GET /api/v1/helpdesk/priority, want: key_scope, rule: priority}
  - {caller: keyed, request: GET /api/v1/helpdesk/check-url, want: public}
  - {caller: app, request: GET /api/v1/helpdesk/priority, want: unauthenticated}
  - {caller: app, request: GET /api/v1/helpdesk/check-url, want: public}
  - {caller: customer, request: "GET /api/v1/helpdesk/ticket?x[]=1&x[]=2", params: {ticket_id: null, y: [1, null]}, want: not_found}
`))
	if err != nil {
		t.Fatal(err)
	}
	e := load(t, table.Config(policy.DefaultConfig()), "")
	want := []string{
		`got allowed by rule "ticket-thread", want not_found`,
		`got object_id, want allowed`,
		`decided by rule "ticket-thread", want "other"; filters [internal_threads], want [internal_note]`,
		`filters [internal_threads], want []`,
		`got unauthenticated by rule "ticket-thread", want allowed`,
		"", "", "", "", "", "", "", "", "", "",
	}
	if len(table.Cases) != len(want) {
		t.Fatalf("%d cases, want %d", len(table.Cases), len(want))
	}
	for i, c := range table.Cases {
		_, failures := table.Run(e, c)
		if got := strings.Join(failures, "; "); got != want[i] {
			t.Errorf("line %d: got %q, want %q", c.Line, got, want[i])
		}
		if c.Line != i+9 {
			t.Errorf("case %d is on line %d, want %d", i, c.Line, i+9)
		}
	}
}

// TestTableFaults reads tables that are wrong, all faults at once.
func TestTableFaults(t *testing.T) {
	tests := []struct {
		name string
		text string
		want []string
	}{
		{"empty", "", []string{": not YAML: "}},
		{"not YAML", "a: [", []string{"not YAML"}},
		{"no tests", "callers: {}", []string{":1: the key tests is missing"}},
		{"tests empty", "tests: []", []string{":1: tests is empty"}},
		{"tests no list", "tests: 7", []string{":1: tests: want a list"}},
		{"a list", "- 7", []string{":1: want a mapping with the keys policy, callers, tickets, tests"}},
		{"many", `
policy: {mode: loud, files: [7], unknown_routes: maybe, editions: [gold], agents_see_all: 1, passthrough: true}
callers:
  none: {role: user, user: 7}
  a: {role: boss, user: 0, email: 7, teams: x}
  b: {}
  c: {key: {id: 7, name: "", scopes: [staff, boss, 7], secret: x}}
  d: {key: {name: shop}}
  e: {user: 7, key: shop}
tickets:
  041: {owner: x}
  7: {owner: 1, owner: 2, color: red}
  8: x
tests:
  - {caller: f, request: GET, want: perhaps, at: noon, rule: "", filters: [x]}
  - {request: "GET /a?%zz=1", params: 7}
  - {caller: none, request: GET /a?a=1&a=2, want: denied, params: {a: 1}, extra: 1}
  - {caller: none, request: GET /a?a=1, want: denied, params: {a: 1}}
  - 7
  - {caller: none, request: GET /a, want: denied, params: {a: !!int abc, b: !!binary aaaa, c: [&x 1, *x]}}
`, []string{
			`:2: unknown key "passthrough"`,
			`:2: unknown mode "loud"`,
			`:2: unknown unknown_routes "maybe"`,
			`:2: file: want text, not "7" (!!int)`,
			`:2: unknown edition "gold", want apps`,
			`:2: agents_see_all: want true or false`,
			`:4: caller none is given twice, or stands for no token`,
			`:5: unknown role "boss", want admin, agent, user`,
			`:5: user: want an id, not "0"`,
			`:5: email: want text`,
			`:5: teams: want a list`,
			`:6: caller b: role is missing`,
			`:6: caller b: user is missing`,
			`:7: unknown key "secret", want id, name, scopes`,
			`:7: id: want text`,
			`:7: name is empty`,
			`:7: scope "boss": want a class`,
			`:7: scope: want text`,
			`:8: scopes is missing: a key says what it is good for`,
			`:9: want a mapping with the keys id, name, scopes`,
			`:9: caller e: role is missing`,
			`:11: ticket: want an id, not "041"`,
			`:11: owner: want an id, not "x"`,
			`:12: key owner is given twice`,
			`:12: unknown key "color"`,
			`:13: want a mapping with the keys owner`,
			`:15: caller "f" is not among the callers, nor none`,
			`:15: unknown outcome "perhaps", want allowed, `,
			`:15: rule is empty`,
			`:15: unknown filter "x"`,
			`:15: request "GET": want a method and a path`,
			`:15: at: want a time such as`,
			`:16: caller is missing`,
			`:16: want is missing`,
			`:16: request "GET /a?%zz=1": invalid URL escape`,
			`:16: want a mapping, not "7"`,
			`:17: unknown key "extra"`,
			`:17: request "GET /a?a=1&a=2": parameter "a" is given twice`,
			`:18: parameter a is given twice`,
			`:19: want a mapping with the keys name, caller`,
			`:20: want a value, not "abc" (!!int)`,
			`:20: want text, a number, true, false or null, not "aaaa" (!!binary)`,
			`:20: want a value, not an alias`,
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			file := writeTable(t, test.text)
			table, err := policy.ReadTable(file)
			var faults policy.Faults
			if !errors.As(err, &faults) || table != nil {
				t.Fatalf("got %v, %v", table, err)
			}
			for i, f := range faults {
				got := strings.TrimPrefix(f.String(), file)
				if i >= len(test.want) || !strings.Contains(got, test.want[i]) {
					t.Errorf("fault %d: got %s, want %s", i, got, test.want[min(i, len(test.want)-1)])
				}
			}
			if len(faults) != len(test.want) {
				t.Errorf("%d faults, want %d", len(faults), len(test.want))
			}
		})
	}
	if _, err := policy.ReadTable(filepath.Join(t.TempDir(), "none.yaml")); err == nil || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("a missing file: %v", err)
	}
}
