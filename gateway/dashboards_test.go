package gateway_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"faveo-gateway/gateway/cli"
	"faveo-gateway/gateway/storetest/service"
)

// dashboard is what the tests need of deploy/grafana/dashboard.json.
type dashboard struct {
	Panels []struct {
		ID                       int
		Type, Title, Description string
		GridPos                  struct{ X, Y, W, H int }
		Targets                  []struct{ Expr, LegendFormat string }
	}
	Annotations struct {
		List []struct{ Name, Expr, TitleFormat string }
	}
	Templating struct {
		List []struct{ Name, Type, Definition string }
	}
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	text, err := os.ReadFile("../deploy/grafana/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Panels) < 30 {
		t.Fatalf("%d panels, want the whole dashboard", len(d.Panels))
	}
	return d
}

// question is a query of the dashboard.
type question struct{ place, expr, legend string }

// questions are all of them, with the variables filled in.
func (d dashboard) questions() (all []question) {
	filled := strings.NewReplacer("$__rate_interval", "5m", "$job", "faveo-gateway", "$instance", ".+")
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			all = append(all, question{p.Title, filled.Replace(target.Expr), target.LegendFormat})
		}
	}
	for _, a := range d.Annotations.List {
		all = append(all, question{"annotation " + a.Name, filled.Replace(a.Expr), a.TitleFormat})
	}
	for _, v := range d.Templating.List {
		if series, label, ok := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(v.Definition, "label_values("), ")"), ", "); ok {
			all = append(all, question{"variable " + v.Name, filled.Replace(series), "{{" + label + "}}"})
		}
	}
	return all
}

// What finds the labels that a legend and an annotation show.
var (
	inLegend     = regexp.MustCompile(`\{\{ *([^} ]*) *\}\}`)
	inAnnotation = regexp.MustCompile(`\$labels\.(\w+)`)
)

// TestQueries asks of each query of the dashboard and of the rules that a gateway has its
// metrics, their labels and the values of those.
func TestQueries(t *testing.T) {
	inOrder(t)
	d, all := readDashboard(t), readRules(t)
	stores, _ := onMariaDB(t)
	e := start(t, stores).exposition()
	e.addRecorded(all)
	for _, q := range d.questions() {
		e.want(t, q.place, q.expr, inLegend, q.legend)
		if strings.Contains(q.expr, "$") {
			t.Errorf("%s: a variable that nobody has defined: %s", q.place, q.expr)
		}
	}
	for _, r := range all {
		e.want(t, r.Alert+r.Record, r.Expr, inAnnotation, r.Annotations["summary"]+r.Annotations["description"])
	}
}

// want checks a query, and the labels that shown finds in the text beside it.
func (e exposition) want(t *testing.T, place, query string, shown *regexp.Regexp, text string) {
	t.Helper()
	faults, labels := e.faults(query)
	for _, fault := range faults {
		t.Errorf("%s: %s: %s", place, query, fault)
	}
	for _, label := range shown.FindAllStringSubmatch(text, -1) {
		if !labels[label[1]] {
			t.Errorf("%s shows the label %s, which no metric of %s has", place, label[1], query)
		}
	}
}

// TestDashboardLayout: each panel says what it shows, and none lies over another.
func TestDashboardLayout(t *testing.T) {
	d := readDashboard(t)
	ids, taken := map[int]string{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if other, twice := ids[p.ID]; twice {
			t.Errorf("%s has the id of %s", p.Title, other)
		}
		ids[p.ID] = p.Title
		if p.Type != "row" && (p.Title == "" || !strings.HasSuffix(p.Description, ".") || len(p.Targets) == 0) {
			t.Errorf("panel %d %q lacks its title, its description or its query", p.ID, p.Title)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%s lies over %q at %d, %d", p.Title, other, x, y)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}

// rules are what the tests need of deploy/prometheus/rules.yml.
type rules struct {
	Groups []struct {
		Name  string
		Rules []rule
	}
}

type rule struct {
	Record, Alert, Expr string
	Labels, Annotations map[string]string
}

func readRules(t *testing.T) (all []rule) {
	t.Helper()
	var r rules
	readYAML(t, "../deploy/prometheus/rules.yml", &r)
	for _, group := range r.Groups {
		all = append(all, group.Rules...)
	}
	if len(all) < 20 {
		t.Fatalf("%d rules, want all", len(all))
	}
	return all
}

func readYAML(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// addRecorded makes known what the rules record, all of it by job.
func (e exposition) addRecorded(all []rule) {
	for _, r := range all {
		if r.Record != "" {
			e.add(r.Record, "")
			delete(e[r.Record].labels, "instance")
		}
	}
}

// TestAlertsSayWhatTheyMean: each has a severity, the texts, and a section of the runbook
// that is found; and the runbook has no section more.
func TestAlertsSayWhatTheyMean(t *testing.T) {
	book, err := os.ReadFile("../deploy/docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, text := range strings.Split(string(book), "\n## ")[1:] {
		name, body, _ := strings.Cut(text, "\n")
		sections[name] = body
	}
	for _, r := range readRules(t) {
		if r.Alert == "" {
			continue
		}
		if !slices.Contains([]string{"critical", "warning", "info"}, r.Labels["severity"]) {
			t.Errorf("%s has the severity %q", r.Alert, r.Labels["severity"])
		}
		if r.Annotations["summary"] == "" || !strings.HasSuffix(r.Annotations["description"], ".") && !strings.HasSuffix(r.Annotations["description"], "{{ end }}") {
			t.Errorf("%s does not say what it means", r.Alert)
		}
		if want := "deploy/docs/runbook.md#" + strings.ToLower(r.Alert); r.Annotations["runbook_url"] != want {
			t.Errorf("%s leads to %s, want %s", r.Alert, r.Annotations["runbook_url"], want)
		}
		for _, part := range []string{"**Means**", "**Look**", "**Do**"} {
			if !strings.Contains(sections[r.Alert], part) {
				t.Errorf("the runbook has no section %s with its part %s", r.Alert, part)
			}
		}
		delete(sections, r.Alert)
	}
	for name := range sections {
		t.Errorf("the runbook has a section %q, and there is no such alert", name)
	}
}

// TestRunbookCommands: every command of the runbook exists, with its flags. None is run.
func TestRunbookCommands(t *testing.T) {
	book, err := os.ReadFile("../deploy/docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^faveo-gateway (.+)$`).FindAllStringSubmatch(string(book), -1)
	if len(lines) < 10 {
		t.Fatalf("%d commands, want all", len(lines))
	}
	for _, line := range lines {
		var out bytes.Buffer
		args := append(strings.Fields(line[1]), "--help")
		code := cli.Run(t.Context(), cli.Process{Args: args, Stdout: &out, Stderr: &out})
		words := regexp.MustCompile(`^[a-z]+( [a-z]+)?`).FindString(line[1])
		if code != 0 || !strings.Contains(out.String(), "Usage:\n  faveo-gateway "+words) {
			t.Errorf("%s: %d %s", line[0], code, out.String())
		}
	}
}

// TestAlertsAreTested: each alert has a case in which it fires and one in which it is quiet.
func TestAlertsAreTested(t *testing.T) {
	var cases struct {
		Tests []struct {
			PromQLExprTest []struct {
				Expr       string
				ExpSamples []any `yaml:"exp_samples"`
			} `yaml:"promql_expr_test"`
		}
	}
	readYAML(t, "../deploy/prometheus/rules.test.yml", &cases)
	fires, quiet := map[string]bool{}, map[string]bool{}
	named := regexp.MustCompile(`^ALERTS\{alertname="(\w+)",alertstate="firing"\}$`)
	for _, test := range cases.Tests {
		for _, c := range test.PromQLExprTest {
			alert := named.FindStringSubmatch(c.Expr)
			if alert == nil {
				t.Fatalf("%s asks for no alert", c.Expr)
			}
			fires[alert[1]] = fires[alert[1]] || len(c.ExpSamples) > 0
			quiet[alert[1]] = quiet[alert[1]] || len(c.ExpSamples) == 0
		}
	}
	for _, r := range readRules(t) {
		if r.Alert != "" && (!fires[r.Alert] || !quiet[r.Alert]) {
			t.Errorf("%s: tested where it fires %v, where it is quiet %v", r.Alert, fires[r.Alert], quiet[r.Alert])
		}
	}
}

// TestDashboardIsPromQL asks Prometheus' own parser, which is stricter than the one that
// the other tests use.
func TestDashboardIsPromQL(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	service.Require(t, "promtool", err)
	var file strings.Builder
	file.WriteString("groups:\n  - name: dashboard\n    rules:\n")
	for i, q := range readDashboard(t).questions() {
		fmt.Fprintf(&file, "      - {record: \"q:%d\", expr: %q}\n", i, q.expr)
	}
	name := filepath.Join(t.TempDir(), "dashboard.yml")
	if err := os.WriteFile(name, []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), promtool, "check", "rules", name).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
