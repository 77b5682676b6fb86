package token

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// resultValid is the label result of an accepted token.
const resultValid = "valid"

// metrics counts what the Verifier says.
type metrics struct {
	// checked has one counter per Reason, and "" for valid. It is filled once
	// and read only, so counting neither locks nor allocates.
	checked map[Reason]prometheus.Counter
}

// newMetrics registers the metrics with r; nil registers nowhere.
func newMetrics(r prometheus.Registerer) *metrics {
	vec := promauto.With(r).NewCounterVec(prometheus.CounterOpts{
		Name: "faveo_gateway_tokens_checked_total",
		Help: "Tokens checked, by result: valid, or the reason of the refusal.",
	}, []string{"result"})
	m := &metrics{checked: map[Reason]prometheus.Counter{"": vec.WithLabelValues(resultValid)}}
	for _, reason := range Reasons() {
		m.checked[reason] = vec.WithLabelValues(string(reason))
	}
	return m
}

// count counts one verdict; "" is valid.
func (m *metrics) count(reason Reason) { m.checked[reason].Inc() }
