package keyring

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics reports the ring when it is asked, so that ages are always right.
type metrics struct {
	ring *Ring
	now  func() time.Time
	// age is the age of the oldest key in each state.
	age *prometheus.Desc
}

// newMetrics registers the metrics of ring with r; nil registers nowhere.
func newMetrics(r prometheus.Registerer, ring *Ring, now func() time.Time) {
	m := &metrics{ring: ring, now: now, age: prometheus.NewDesc(
		"faveo_gateway_signing_key_age_seconds",
		"Age of the oldest signing key in each state: active.",
		[]string{"state"}, nil,
	)}
	if r != nil {
		r.MustRegister(m)
	}
}

// Describe names the metrics.
func (m *metrics) Describe(out chan<- *prometheus.Desc) { out <- m.age }

// Collect measures the ages.
func (m *metrics) Collect(out chan<- prometheus.Metric) {
	age := m.now().Sub(m.ring.state.Load().createdAt).Seconds()
	out <- prometheus.MustNewConstMetric(m.age, prometheus.GaugeValue, age, string(StateActive))
}
