package keyring

import (
	"time"

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

// ages reports the ages of a Ring's keys when it is asked, so that they are always
// right.
type ages struct {
	ring *Ring
	age  *prometheus.Desc
}

// registerAges registers the ages with reg; nil registers nowhere.
func registerAges(reg prometheus.Registerer, ring *Ring) {
	if reg == nil {
		return
	}
	reg.MustRegister(&ages{ring: ring, age: prometheus.NewDesc(
		"faveo_gateway_signing_key_age_seconds",
		"Age of the oldest signing key in each state that has one: pending, active, retiring.",
		[]string{"state"}, nil,
	)})
}

// Describe names the metric.
func (a *ages) Describe(out chan<- *prometheus.Desc) { out <- a.age }

// Collect measures the ages, since the keys were made.
func (a *ages) Collect(out chan<- prometheus.Metric) {
	now, oldest := a.ring.now(), make(map[State]time.Time)
	for _, r := range a.ring.state.Load().records {
		if at, known := oldest[r.State]; !known || r.CreatedAt.Before(at) {
			oldest[r.State] = r.CreatedAt
		}
	}
	for _, s := range []State{StatePending, StateActive, StateRetiring} {
		if at, found := oldest[s]; found {
			out <- prometheus.MustNewConstMetric(a.age, prometheus.GaugeValue, now.Sub(at).Seconds(), string(s))
		}
	}
}
