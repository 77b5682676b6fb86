package session

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	// hit, miss and stale are the values of
	// faveo_gateway_session_cache_total{result}.
	hit, miss, stale prometheus.Counter
}

// newMetrics registers with r; nil registers nowhere.
func newMetrics(r prometheus.Registerer) *metrics {
	lookups := promauto.With(r).NewCounterVec(prometheus.CounterOpts{
		Name: "faveo_gateway_session_cache_total",
		Help: "Sessions looked up for a request, by result: hit (answered from memory), " +
			"miss (not in memory, the store was asked), stale (in memory for longer than cache_ttl, the store was asked).",
	}, []string{"result"})
	return &metrics{
		hit:   lookups.WithLabelValues("hit"),
		miss:  lookups.WithLabelValues("miss"),
		stale: lookups.WithLabelValues("stale"),
	}
}
