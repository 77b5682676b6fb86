package keyring

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// result is a value of faveo_gateway_signing_key_rotations_total{result}.
type result string

// The closed set of results; none is not counted.
const (
	none      result = ""
	started   result = "started"   // a pending key was made
	completed result = "completed" // a pending key began to sign
	revoked   result = "revoked"   // a key was revoked
	failed    result = "failed"    // the store failed in one of these
)

type metrics struct {
	rotations map[result]prometheus.Counter
}

// newMetrics registers with reg; nil registers nowhere.
func newMetrics(reg prometheus.Registerer) *metrics {
	rotations := promauto.With(reg).NewCounterVec(prometheus.CounterOpts{
		Name: "faveo_gateway_signing_key_rotations_total",
		Help: "Changes of the signing keys by this replica, by result: started (a pending key was made), " +
			"completed (it began to sign), revoked (a key was revoked), failed (the store failed to).",
	}, []string{"result"})
	m := &metrics{rotations: make(map[result]prometheus.Counter)}
	for _, r := range []result{started, completed, revoked, failed} {
		m.rotations[r] = rotations.WithLabelValues(string(r))
	}
	return m
}

// count counts one result.
func (m *metrics) count(r result) {
	if r != none {
		m.rotations[r].Inc()
	}
}
