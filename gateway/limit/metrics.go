package limit

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	// limited are the values of faveo_gateway_rate_limited_total{limit}.
	limited map[Name]prometheus.Counter
	// fallbacks counts the takes that the memory of this replica has decided alone.
	fallbacks prometheus.Counter
}

// newMetrics registers with r; nil registers nowhere.
func newMetrics(r prometheus.Registerer) *metrics {
	limited := promauto.With(r).NewCounterVec(prometheus.CounterOpts{
		Name: "faveo_gateway_rate_limited_total",
		Help: "Refusals by the limit that refused: account, address and pair (failed logins), ip, user, api_key and route " +
			"(API requests), bad_key (wrong API keys of one address).",
	}, []string{"limit"})
	m := &metrics{
		limited: make(map[Name]prometheus.Counter),
		fallbacks: promauto.With(r).NewCounter(prometheus.CounterOpts{
			Name: "faveo_gateway_rate_limit_fallbacks_total",
			Help: "Decisions about a rate limit that this replica made by its own memory, because Redis failed.",
		}),
	}
	for _, name := range Names() {
		m.limited[name] = limited.WithLabelValues(string(name))
	}
	return m
}

// answered counts what was said to a take.
func (m *metrics) answered(v Verdict) {
	if !v.Allowed {
		m.limited[v.By].Inc()
	}
}
