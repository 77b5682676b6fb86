package gateway_test

import (
	"net/http"
	"testing"
)

// BenchmarkRefusedTrail measures the CPU of a request without a token while that is
// written into the audit trail, and the ratio to a gateway that keeps none.
func BenchmarkRefusedTrail(b *testing.B) {
	m := newBench(b)
	without := play(b, "gateway", append(m.environ, "FAVEO_GATEWAY_OBSERVABILITY_AUDIT_TO=off")...)
	round := func(p process) float64 {
		return m.round(b, p, "/api/v1/helpdesk/tickets", "", http.StatusUnauthorized, 4000, 8)
	}
	round(without)
	round(m.gateway)
	var on, off, ratios []float64
	b.ResetTimer()
	for range 9 {
		x, y := round(without), round(m.gateway)
		off, on, ratios = append(off, x), append(on, y), append(ratios, y/x)
	}
	b.ReportMetric(median(off), "off-µs/req")
	b.ReportMetric(median(on), "on-µs/req")
	b.ReportMetric(median(ratios), "ratio")
}
