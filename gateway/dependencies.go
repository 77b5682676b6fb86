package gateway

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// dependency is the closed set of the label `dependency`.
type dependency string

const (
	dependencyDatabase dependency = "database" // Faveo's.
	dependencyState    dependency = "state"    // The gateway's own tables.
	dependencyRedis    dependency = "redis"
	dependencyUpstream dependency = "upstream" // PHP; in /readyz only.
)

// dependencyMetrics are what the gateway exports of the stores it stands on.
type dependencyMetrics struct {
	// up is 1 after a call that the store answered and 0 after one it did not.
	up *prometheus.GaugeVec
	// duration is the time of each call.
	duration *prometheus.HistogramVec
}

func newDependencyMetrics(r prometheus.Registerer) *dependencyMetrics {
	m := &dependencyMetrics{
		up: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "faveo_gateway_dependency_up",
			Help: "Whether the last call was answered, by dependency: database, state, redis.",
		}, []string{"dependency"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "faveo_gateway_dependency_duration_seconds",
			Help:    "Time of a call by dependency and operation.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
		}, []string{"dependency", "operation"}),
	}
	r.MustRegister(m.up, m.duration)
	return m
}

// observer returns the function that a store calls after each of its calls. The
// stores name their operations from closed sets.
func (m *dependencyMetrics) observer(d dependency) func(operation string, took time.Duration, err error) {
	up := m.up.WithLabelValues(string(d))
	return func(operation string, took time.Duration, err error) {
		up.Set(1)
		if err != nil {
			up.Set(0)
		}
		m.duration.WithLabelValues(string(d), operation).Observe(took.Seconds())
	}
}
