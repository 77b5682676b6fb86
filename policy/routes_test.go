package policy_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"faveo-gateway/policy"
)

// callers are the columns of testdata/routes.txt.
func callers() map[string]policy.Subject {
	return map[string]policy.Subject{
		"admin": admin, "agent": agent, "stranger-agent": otherAgent,
		"owner": customer, "collaborator": collaborator, "other": other, "none": stranger,
	}
}

// cell is one cell of the table.
type cell struct{ request, caller, want string }

// tableOfRoutes reads testdata/routes.txt.
func tableOfRoutes(t *testing.T) []cell {
	t.Helper()
	text, err := os.ReadFile("testdata/routes.txt")
	if err != nil {
		t.Fatal(err)
	}
	var (
		columns []string
		cells   []cell
	)
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0 || fields[0] == "#":
		case columns == nil:
			columns = fields[1:]
		case len(fields) != len(columns)+2:
			t.Fatalf("%q has %d fields, want %d", line, len(fields), len(columns)+2)
		default:
			for i, caller := range columns {
				cells = append(cells, cell{fields[0] + " " + fields[1], caller, fields[i+2]})
			}
		}
	}
	if len(columns) != len(callers()) {
		t.Fatalf("columns %q", columns)
	}
	return cells
}

// outcome says how a request ended, as the table writes it.
func outcome(t *testing.T, e *policy.Engine, s policy.Subject, q policy.Request) string {
	t.Helper()
	d, err := judge(e, s, q)
	var unreadable *policy.UnreadableID
	switch {
	case errors.As(err, &unreadable):
		return "unreadable"
	case err != nil:
		t.Fatal(err)
	case d.Permitted() != (d.Effect == policy.Allow) || !d.Enforced:
		t.Errorf("permitted %t, enforced %t", d.Permitted(), d.Enforced)
	}
	said := string(d.Reason)
	for _, f := range d.Filters {
		said += "+" + string(f)
	}
	return said
}

func TestEveryRouteForEveryCaller(t *testing.T) {
	e := load(t, policy.DefaultConfig(), "")
	for _, c := range tableOfRoutes(t) {
		t.Run(c.request+" by "+c.caller, func(t *testing.T) {
			if got := outcome(t, e, callers()[c.caller], requestOf(t, c.request)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestEveryRouteHasRows fails when a route of ROUTES.md, a rule of the pack or
// a parameter of an object clause is missing from the table.
func TestEveryRouteHasRows(t *testing.T) {
	var rows []policy.Request
	for _, c := range tableOfRoutes(t) {
		rows = append(rows, requestOf(t, c.request))
	}
	has := func(path, method, parameter string) bool {
		return slices.ContainsFunc(rows, func(q policy.Request) bool {
			_, given := q.Params.Map()[parameter]
			return q.Path == path && (method == "" || q.Method == method) && (parameter == "" || given)
		})
	}
	for _, r := range routes(t) {
		for _, method := range r.methods {
			if !has(r.path, method, "") {
				t.Errorf("%s %s has no row", method, r.path)
			}
		}
	}
	captured := strings.NewReplacer("{session:word}", "AAAAAAAAAAAAAAAAAAAAAA")
	for _, r := range load(t, policy.DefaultConfig(), "").Rules() {
		if !has(captured.Replace(r.Path), "", "") {
			t.Errorf("rule %s: %s has no row", r.Name, r.Path)
		}
		for _, clause := range r.Objects {
			for _, name := range clause.Parameters {
				if !has(r.Path, "", name) {
					t.Errorf("rule %s: parameter %s has no row", r.Name, name)
				}
			}
		}
	}
}

// TestHeadIsJudgedLikeGet walks the table once more.
func TestHeadIsJudgedLikeGet(t *testing.T) {
	e := load(t, policy.DefaultConfig(), "")
	for _, c := range tableOfRoutes(t) {
		target, isGet := strings.CutPrefix(c.request, "GET ")
		if !isGet || strings.Contains(target, "api_key") {
			continue // HEAD of api_key is blocked
		}
		if got := outcome(t, e, callers()[c.caller], requestOf(t, "HEAD "+target)); got != c.want {
			t.Errorf("HEAD %s by %s: got %s, want %s", target, c.caller, got, c.want)
		}
	}
}
