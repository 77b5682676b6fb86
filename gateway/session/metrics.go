package session

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	// hit, miss and stale are the values of
	// faveo_gateway_session_cache_total{result}.
	hit, miss, stale prometheus.Counter
	// refreshes counts refreshes by the results below.
	refreshes *prometheus.CounterVec
}

// The closed set of the label of session_refreshes_total.
const (
	refreshNew      = "refreshed" // A successor was made.
	refreshRepeated = "repeated"  // Within the overlap: the same successor again.
	refreshReused   = "reused"    // Later: the session was ended.
	refreshRefused  = "refused"   // Session or account do not count, or cannot be prolonged.
	refreshError    = "error"     // Nobody could tell.
)

// newMetrics registers with r; nil registers nowhere.
func newMetrics(r prometheus.Registerer) *metrics {
	lookups := promauto.With(r).NewCounterVec(prometheus.CounterOpts{
		Name: "faveo_gateway_session_cache_total",
		Help: "Sessions looked up for a request, by result: hit (answered from memory), " +
			"miss (not in memory, the store was asked), stale (in memory, but too old, the store was asked).",
	}, []string{"result"})
	m := &metrics{
		hit:   lookups.WithLabelValues("hit"),
		miss:  lookups.WithLabelValues("miss"),
		stale: lookups.WithLabelValues("stale"),
		refreshes: promauto.With(r).NewCounterVec(prometheus.CounterOpts{
			Name: "faveo_gateway_session_refreshes_total",
			Help: "Refreshes of tokens by result: refreshed, repeated (within the overlap: the same successor again), " +
				"reused (after it: the session was ended), refused (session or account do not count, or refresh_ttl is over), error.",
		}, []string{"result"}),
	}
	for _, result := range []string{refreshNew, refreshRepeated, refreshReused, refreshRefused, refreshError} {
		m.refreshes.WithLabelValues(result)
	}
	return m
}

// refreshed counts the outcome of a refresh.
func (m *metrics) refreshed(repeated bool, err error) {
	result := refreshError
	switch {
	case err == nil && repeated:
		result = refreshRepeated
	case err == nil:
		result = refreshNew
	case errors.Is(err, ErrReused):
		result = refreshReused
	case errors.Is(err, ErrRevoked), errors.Is(err, ErrSpent):
		result = refreshRefused
	}
	m.refreshes.WithLabelValues(result).Inc()
}
