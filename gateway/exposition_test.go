package gateway_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/VictoriaMetrics/metricsql"
	dto "github.com/prometheus/client_model/go"
)

// exposition is what queries can be made of: the metrics of a gateway, as Prometheus
// stores them.
type exposition map[string]*exposed

// exposed is one metric.
type exposed struct {
	// labels are those of its series, with the values that were seen. A nil set is that of
	// a label whose values the gateway does not decide.
	labels map[string]map[string]bool
	// help is its Help, which lists the values of labels that no series has yet.
	help string
}

// targetLabels are those that Prometheus puts to each series.
var targetLabels = []string{"job", "instance"}

// add makes a metric known.
func (e exposition) add(name, help string, labels ...string) *exposed {
	x := &exposed{labels: map[string]map[string]bool{}, help: help}
	for _, label := range append(slices.Clone(targetLabels), labels...) {
		x.labels[label] = nil
	}
	e[name] = x
	return x
}

// addFamily makes a metric known that was scraped.
func (e exposition) addFamily(f *dto.MetricFamily) {
	names := []string{f.GetName()}
	if f.GetType() == dto.MetricType_HISTOGRAM {
		names = []string{f.GetName() + "_bucket", f.GetName() + "_count", f.GetName() + "_sum"}
	}
	for _, name := range names {
		x := e.add(name, f.GetHelp())
		if strings.HasSuffix(name, "_bucket") {
			x.labels["le"] = nil
		}
		for _, m := range f.GetMetric() {
			for _, pair := range m.GetLabel() {
				if x.labels[pair.GetName()] == nil {
					x.labels[pair.GetName()] = map[string]bool{}
				}
				x.labels[pair.GetName()][pair.GetValue()] = true
			}
		}
	}
}

// has reports whether the metric can have that value of a label.
func (x *exposed) has(label, value string) bool {
	seen := x.labels[label]
	return seen == nil || seen[value] || regexp.MustCompile(`\b`+regexp.QuoteMeta(value)+`\b`).MatchString(x.help)
}

// exposition drives a gateway a little and reads what it exposes.
func (w *world) exposition() exposition {
	w.t.Helper()
	alice := w.login("alice", "AlicePass1!")
	w.send("POST", "/api/v1/authenticate?username=alice&password=wrong", "")
	w.send("GET", "/api/v1/helpdesk/priority", "", "Authorization: Bearer "+alice)
	w.send("GET", "/api/v1/helpdesk/priority", "")
	w.send("GET", "/page", "")
	w.admin("/readyz") // Which probes the upstreams.
	e := exposition{}
	for _, f := range w.families() {
		e.addFamily(f)
	}
	// Prometheus' own.
	e.add("up", "")
	e.add("ALERTS", "", "alertname", "alertstate", "severity")
	for name, labels := range conditional {
		if e[name] != nil {
			w.t.Errorf("%s is exposed always: take it off the list of those that are not", name)
		}
		e.add(name, "", labels...)
	}
	return e
}

// conditional are the metrics, with their labels, that a gateway has only where it is
// configured so: certificates where a listener speaks TLS.
var conditional = map[string][]string{
	"faveo_gateway_certificate_expiry_timestamp_seconds": {"listener"},
}

// faults says what of a query does not fit, and which labels its metrics have.
func (e exposition) faults(query string) (faults []string, labels map[string]bool) {
	parsed, err := metricsql.Parse(query)
	if err != nil {
		return []string{err.Error()}, nil
	}
	labels = map[string]bool{}
	metricsql.VisitAll(parsed, func(expr metricsql.Expr) {
		switch expr := expr.(type) {
		case *metricsql.MetricExpr:
			faults = append(faults, e.selectorFaults(expr)...)
		case *metricsql.AggrFuncExpr:
			faults = append(faults, e.groupFaults(expr, expr.Modifier.Args)...)
		case *metricsql.BinaryOpExpr:
			faults = append(faults, e.groupFaults(expr, expr.GroupModifier.Args)...)
			faults = append(faults, e.groupFaults(expr, expr.JoinModifier.Args)...)
		}
	})
	for _, x := range e.metricsOf(parsed) {
		for label := range x.labels {
			labels[label] = true
		}
	}
	return faults, labels
}

// selectorFaults looks at a metric with its matchers.
func (e exposition) selectorFaults(m *metricsql.MetricExpr) (faults []string) {
	if len(m.LabelFilterss) != 1 {
		return []string{"a selector with alternatives, which PromQL does not know"}
	}
	name, filters := m.LabelFilterss[0][0].Value, m.LabelFilterss[0][1:]
	x := e[name]
	if x == nil || m.LabelFilterss[0][0].Label != "__name__" {
		return []string{fmt.Sprintf("no metric is called %s", name)}
	}
	for _, f := range filters {
		if _, known := x.labels[f.Label]; !known {
			faults = append(faults, fmt.Sprintf("%s has no label %s", name, f.Label))
			continue
		}
		for _, value := range literals(f) {
			if !x.has(f.Label, value) {
				faults = append(faults, fmt.Sprintf("%s{%s} is never %q", name, f.Label, value))
			}
		}
	}
	return faults
}

// literals are the values that a matcher names, none where it is a pattern.
func literals(f metricsql.LabelFilter) []string {
	switch {
	case !f.IsRegexp:
		return []string{f.Value}
	case regexp.MustCompile(`^[A-Za-z0-9_|]+$`).MatchString(f.Value):
		return strings.Split(f.Value, "|")
	}
	return nil
}

// groupFaults looks at the labels by which an expression is grouped or joined: every metric
// in there has them.
func (e exposition) groupFaults(expr metricsql.Expr, by []string) (faults []string) {
	for name, x := range e.metricsOf(expr) {
		for _, label := range by {
			if _, known := x.labels[label]; !known {
				faults = append(faults, fmt.Sprintf("%s is grouped by %s, which it does not have", name, label))
			}
		}
	}
	return faults
}

// metricsOf are the known metrics in an expression.
func (e exposition) metricsOf(expr metricsql.Expr) exposition {
	found := exposition{}
	metricsql.VisitAll(expr, func(expr metricsql.Expr) {
		if m, ok := expr.(*metricsql.MetricExpr); ok {
			for _, alternative := range m.LabelFilterss {
				if name := alternative[0].Value; e[name] != nil {
					found[name] = e[name]
				}
			}
		}
	})
	return found
}

// TestExpositionFindsFaults: the checks of the dashboard and the rules can fail.
func TestExpositionFindsFaults(t *testing.T) {
	e := exposition{}
	x := e.add("faveo_gateway_logins_total", "Logins by result: success, error.")
	x.labels["result"] = map[string]bool{"success": true}
	for query, want := range map[string]string{
		`sum by (job, result) (rate(faveo_gateway_logins_total{result="success"}[5m]))`: "",
		`rate(faveo_gateway_logins_total{result=~"success|error"}[5m])`:                 "",
		`rate(faveo_gateway_logins_total{result=~"suc.*"}[5m])`:                         "",
		`rate(faveo_gateway_login_total[5m])`:                                           "no metric is called faveo_gateway_login_total",
		`faveo_gateway_logins_total{results="success"}`:                                 "faveo_gateway_logins_total has no label results",
		`faveo_gateway_logins_total{result=~"success|failure"}`:                         `faveo_gateway_logins_total{result} is never "failure"`,
		`1 - sum by (code) (rate(faveo_gateway_logins_total[5m]))`:                      "faveo_gateway_logins_total is grouped by code, which it does not have",
		`sum(rate(faveo_gateway_logins_total[5m])`:                                      "argList: unexpected token",
	} {
		faults, _ := e.faults(query)
		if got := strings.Join(faults, "; "); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
}
