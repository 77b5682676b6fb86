package policy_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"faveo-gateway/policy"
)

// TestFaults loads every file of testdata/faults. Its first lines say what is
// wrong with it: "# want: LINE: MESSAGE", the message a prefix, FILE the file.
func TestFaults(t *testing.T) {
	files, err := filepath.Glob("testdata/faults/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			c := policy.DefaultConfig()
			c.Files = []string{file}
			checkFaults(t, c, wantedFaults(t, file))
		})
	}
}

// wantedFaults reads the prefixes of the faults that a file announces.
func wantedFaults(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for line := range strings.Lines(string(text)) {
		if fault, found := strings.CutPrefix(line, "# want: "); found {
			number, message, _ := strings.Cut(strings.TrimSpace(fault), ": ")
			at := file
			if number != "0" {
				at += ":" + number
			}
			want = append(want, at+": "+strings.ReplaceAll(message, "FILE", file))
		}
	}
	if len(want) == 0 {
		t.Fatal("the file does not say what is wrong with it")
	}
	return want
}

// checkFaults compares what Load reports with the beginnings of what is wanted.
func checkFaults(t *testing.T, c policy.Config, want []string, sources ...policy.Source) {
	t.Helper()
	e, err := policy.Load(c, sources...)
	var faults policy.Faults
	if !errors.As(err, &faults) || e != nil {
		t.Fatalf("Load: %v, engine %v; want faults %q and no engine", err, e, want)
	}
	got := make([]string, len(faults))
	for i, fault := range faults {
		got[i] = fault.String()
	}
	if len(got) != len(want) {
		t.Fatalf("got %d faults\n%s\nwant %d\n%s", len(got), strings.Join(got, "\n"), len(want), strings.Join(want, "\n"))
	}
	for i := range got {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("fault %d: got\n%s\nwant\n%s", i, got[i], want[i])
		}
	}
}

func TestFaultsOfTheConfigurationAndOfAllFilesAtOnce(t *testing.T) {
	c := policy.Config{
		Mode:          "observe",
		UnknownRoutes: "",
		Files:         []string{"testdata/none.yaml", "testdata/faults/rules-missing.yaml", " ", "testdata/none.yaml"},
		Editions:      []policy.Edition{"apps", "apps", "satellite"},
	}
	checkFaults(t, c, []string{
		`policy: mode: "observe" is not one of enforce, shadow`,
		`policy: unknown_routes: "" is not one of deny, staff`,
		`policy: files[2]: is empty`,
		`policy: files[3]: "testdata/none.yaml" is given twice`,
		`policy: editions[1]: "apps" is given twice`,
		`policy: editions[2]: "satellite" is not one of apps`,
		`testdata/none.yaml: open policy file: `,
		`testdata/faults/rules-missing.yaml:2: the key rules is missing`,
		` : open policy file: `,
		`testdata/none.yaml: open policy file: `,
		`site.yaml:1: the key rules is missing`,
	}, policy.Source{Name: "site.yaml", Data: []byte("{}")})
}

func TestFileTooLarge(t *testing.T) {
	file := filepath.Join(t.TempDir(), "large.yaml")
	if err := os.WriteFile(file, []byte("rules: []\n#"+strings.Repeat("x", 1<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	c := policy.DefaultConfig()
	c.Files = []string{file}
	checkFaults(t, c, []string{file + ": the file is larger than 1 MiB"})
}

func TestDefaultConfigIsValid(t *testing.T) {
	policy.DefaultConfig().Validate(func(path, message string) { t.Errorf("%s: %s", path, message) })
}

func TestZeroConfigIsRefused(t *testing.T) {
	checkFaults(t, policy.Config{}, []string{`policy: mode: ""`, `policy: unknown_routes: ""`})
}

func TestEmptyListOfRules(t *testing.T) {
	got := load(t, policy.DefaultConfig(), "rules: []\n").Rules()
	if want := load(t, policy.DefaultConfig(), "").Rules(); !reflect.DeepEqual(got, want) {
		t.Errorf("an empty file changes the rules: %v", got)
	}
}

// TestOrder checks which rules stand before which.
func TestOrder(t *testing.T) {
	c := policy.DefaultConfig()
	c.Editions = []policy.Edition{policy.EditionApps}
	e := load(t, c, `
rules:
  - name: site
    methods: [POST, GET]
    path: /api/v1/helpdesk/delete
    roles: [admin, user]
    effect: allow
    mode: enforce
    when: subject.id > 0
    reason: a test
`)
	var order []string
	for _, r := range e.Rules() {
		place := r.Source
		if r.Class == policy.ClassBlocked {
			place += " blocked"
		}
		if len(order) == 0 || order[len(order)-1] != place {
			order = append(order, place)
		}
	}
	want := []string{"builtin:faveo.yaml blocked", "site.yaml", "builtin:faveo.yaml", "builtin:apps.yaml"}
	if !reflect.DeepEqual(order, want) {
		t.Errorf("got %q, want %q", order, want)
	}
	for _, r := range e.Rules() {
		if r.Source != "site.yaml" {
			continue
		}
		want := policy.RuleInfo{
			Name: "site", Class: policy.ClassRoles, Effect: policy.Allow, Methods: []string{"GET", "HEAD", "POST"},
			Path: "/api/v1/helpdesk/delete", Roles: []string{"admin", "user"}, Condition: "subject.id > 0",
			Mode: policy.ModeEnforce, Explanation: "a test", Source: "site.yaml", Line: 3,
		}
		if !reflect.DeepEqual(r, want) {
			t.Errorf("got %+v, want %+v", r, want)
		}
	}
}

// TestFilesComeInTheirOrder checks that of two files the first one decides.
func TestFilesComeInTheirOrder(t *testing.T) {
	file := func(name, class string) policy.Source {
		return policy.Source{Name: name, Data: []byte(fmt.Sprintf(
			"rules: [{name: %s, methods: [GET], path: '/api/v1/{x:word}', class: %s}]", name, class))}
	}
	narrow := policy.Source{Name: "n", Data: []byte("rules: [{name: n, methods: [GET], path: /api/v1/a, class: customer}]")}
	e, err := policy.Load(policy.DefaultConfig(), narrow, file("wide", "admin"))
	if err != nil {
		t.Fatal(err)
	}
	if d := e.Decide(customer, policy.Request{Method: "GET", Path: "/api/v1/a"}); d.Rule != "n" {
		t.Errorf("got rule %s, want n", d.Rule)
	}
	checkFaults(t, policy.DefaultConfig(), []string{`n:1: rule "n": can never match: rule "wide" at wide:1`}, file("wide", "admin"), narrow)
}

// TestNamesAreLabels checks what the metrics rely on.
func TestNamesAreLabels(t *testing.T) {
	c := policy.DefaultConfig()
	c.Editions = []policy.Edition{policy.EditionApps}
	seen := map[string]bool{policy.NoRule: true}
	for _, r := range load(t, c, "").Rules() {
		if seen[r.Name] || len(r.Name) > 64 || strings.Trim(r.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			t.Errorf("rule name %q", r.Name)
		}
		seen[r.Name] = true
	}
	reasons := map[policy.Reason]bool{}
	for _, r := range policy.Reasons() {
		if reasons[r] || r == "" {
			t.Errorf("reason %q is listed twice or empty", r)
		}
		reasons[r] = true
	}
}
