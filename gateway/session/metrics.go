package session

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"faveo-gateway/gateway/identity"
)

type metrics struct {
	// hit, miss and stale are the values of
	// faveo_gateway_session_cache_total{result}.
	hit, miss, stale prometheus.Counter
	// refreshes counts refreshes by the results below.
	refreshes *prometheus.CounterVec
	// graceSession and graceAccount are the values of
	// faveo_gateway_failure_grace_total{believed}.
	graceSession, graceAccount prometheus.Counter
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
	graces := promauto.With(r).NewCounterVec(prometheus.CounterOpts{
		Name: "faveo_gateway_failure_grace_total",
		Help: "Callers let in within failure.grace while a store failed, by what was believed beyond its time: " +
			"session (Redis fails), account (the database fails).",
	}, []string{"believed"})
	m := &metrics{
		graceSession: graces.WithLabelValues("session"),
		graceAccount: graces.WithLabelValues("account"),
		hit:          lookups.WithLabelValues("hit"),
		miss:         lookups.WithLabelValues("miss"),
		stale:        lookups.WithLabelValues("stale"),
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

// graced counts what was believed beyond its time.
func (m *metrics) graced(g identity.Grace) {
	if g&identity.GraceSession != 0 {
		m.graceSession.Inc()
	}
	if g&identity.GraceAccount != 0 {
		m.graceAccount.Inc()
	}
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
