package check_test

import (
	"os"
	"testing"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// TestChartBringsAlertsAndDashboard: what is installed is the very file that is
// tested, templates of Prometheus included.
func TestChartBringsAlertsAndDashboard(t *testing.T) {
	all := objects(t, "../chart/ci/full.yaml", "")
	var got struct{ Spec any }
	for _, o := range all {
		u, ok := o.(*runtime.Unknown)
		if !ok || u.Kind != "PrometheusRule" {
			continue
		}
		if err := yaml.Unmarshal(u.Raw, &got); err != nil {
			t.Fatal(err)
		}
	}
	rules, err := os.ReadFile("../prometheus/rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	var want any
	if err := yaml.Unmarshal(rules, &want); err != nil {
		t.Fatal(err)
	}
	if g, w := text(t, got.Spec), text(t, want); g != w || len(w) < 100 {
		t.Errorf("the chart brings the rules\n%s\nthe file has\n%s", g, w)
	}

	dashboard, err := os.ReadFile("../grafana/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, o := range all {
		m, ok := o.(*core.ConfigMap)
		if !ok || m.Labels["grafana_dashboard"] == "" {
			continue
		}
		found = true
		var g, w any
		if err := yaml.Unmarshal([]byte(m.Data["faveo-gateway.json"]), &g); err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(dashboard, &w); err != nil {
			t.Fatal(err)
		}
		if text(t, g) != text(t, w) {
			t.Error("the chart brings another dashboard than the file")
		}
	}
	if !found {
		t.Error("no ConfigMap for the sidecar of Grafana")
	}
}

// text is a value in one form, to be compared.
func text(t *testing.T, value any) string {
	t.Helper()
	out, err := yaml.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
