package token

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// The labels result of accepted tokens.
const (
	resultValid = "valid" // the gateway's own
	resultFaveo = "faveo" // one that Faveo issued
)

// metrics counts what the Verifier says.
type metrics struct {
	// valid and faveo count the accepted tokens.
	valid, faveo prometheus.Counter
	// refused has one counter per Reason, and one for ErrUnavailable. It is filled once
	// and read only, so counting neither locks nor allocates.
	refused map[Reason]prometheus.Counter
}

// newMetrics registers the metrics with r; nil registers nowhere.
func newMetrics(r prometheus.Registerer) *metrics {
	vec := promauto.With(r).NewCounterVec(prometheus.CounterOpts{
		Name: "faveo_gateway_tokens_checked_total",
		Help: "Tokens checked, by result: valid, faveo (valid, issued by Faveo itself), unavailable (not all keys are known now), " +
			"or the reason of the refusal: " + reasonList() + ".",
	}, []string{"result"})
	m := &metrics{
		valid:   vec.WithLabelValues(resultValid),
		faveo:   vec.WithLabelValues(resultFaveo),
		refused: make(map[Reason]prometheus.Counter, len(Reasons())),
	}
	for _, reason := range append(Reasons(), reasonUnavailable) {
		m.refused[reason] = vec.WithLabelValues(string(reason))
	}
	return m
}

// reasonList writes the reasons for a Help.
func reasonList() string {
	var texts []string
	for _, reason := range Reasons() {
		texts = append(texts, string(reason))
	}
	return strings.Join(texts, ", ")
}

// count counts one verdict; without a reason it is acceptance.
func (m *metrics) count(c Claims, reason Reason) {
	switch {
	case reason != "":
		m.refused[reason].Inc()
	case c.Faveo:
		m.faveo.Inc()
	default:
		m.valid.Inc()
	}
}
