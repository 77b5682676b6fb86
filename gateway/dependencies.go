package gateway

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"faveo-gateway/gateway/redisstore"
	"faveo-gateway/gateway/trace"
)

// dependency is the closed set of the label `dependency`.
type dependency string

const (
	dependencyDatabase dependency = "database" // Faveo's.
	dependencyState    dependency = "state"    // The gateway's own tables.
	dependencyRedis    dependency = "redis"
	dependencyUpstream dependency = "upstream" // PHP; in /readyz only.
)

// failure is the closed set of the label `reason`.
type failure string

const (
	failureTimeout failure = "timeout" // There was no answer within the deadline.
	failureFull    failure = "full"    // Redis has no memory left, and stores nothing.
	failureOther   failure = "other"
)

// dependencyMetrics are what the gateway exports of the stores it stands on.
type dependencyMetrics struct {
	// up is 1 after a call that the store answered and 0 after one it did not.
	up *prometheus.GaugeVec
	// duration is the time of each call.
	duration *prometheus.HistogramVec
	// failures counts the calls that were not answered.
	failures *prometheus.CounterVec
}

func newDependencyMetrics(r prometheus.Registerer) *dependencyMetrics {
	m := &dependencyMetrics{
		up: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "faveo_gateway_dependency_up",
			Help: "Whether the last call was answered, by dependency: database, state, redis.",
		}, []string{"dependency"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "faveo_gateway_dependency_duration_seconds",
			Help:    "Time of a call by dependency (database, state, redis) and operation (what is asked for, such as session_create or ping).",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 30},
			// Native buckets grow by a tenth: fine enough for a p99 that moves.
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  100,
			NativeHistogramMinResetDuration: time.Hour,
		}, []string{"dependency", "operation"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "faveo_gateway_dependency_failures_total",
			Help: "Calls that failed, by dependency (database, state, redis) and reason: timeout, full (Redis has no memory left and stores nothing), other.",
		}, []string{"dependency", "reason"}),
	}
	r.MustRegister(m.up, m.duration, m.failures)
	return m
}

// observer is the function that a store calls after each of its calls. The stores name
// their operations from closed sets.
type observer = func(ctx context.Context, operation string, took time.Duration, err error)

// observer returns that of a dependency. traces is nil where nothing is traced.
func (m *dependencyMetrics) observer(d dependency, traces *trace.Tracer) observer {
	up := m.up.WithLabelValues(string(d))
	reasons := []failure{failureTimeout, failureOther}
	if d == dependencyRedis {
		reasons = append(reasons, failureFull)
	}
	for _, reason := range reasons {
		m.failures.WithLabelValues(string(d), string(reason)) // From zero, so that the first one is an increase.
	}
	return func(ctx context.Context, operation string, took time.Duration, err error) {
		up.Set(1)
		if err != nil {
			up.Set(0)
			m.failures.WithLabelValues(string(d), string(failureOf(err))).Inc()
		}
		m.duration.WithLabelValues(string(d), operation).Observe(took.Seconds())
		traces.Called(ctx, string(d), operation, took, err)
	}
}

func failureOf(err error) failure {
	switch timeout := net.Error(nil); {
	case redisstore.IsFull(err):
		return failureFull
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return failureTimeout
	}
	return failureOther
}
