package login

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The results of a login, the closed set of the label of logins_total.
const (
	resultSuccess = "success"
	resultInvalid = "invalid_credentials"
	resultLocked  = "locked_out"
	resultBusy    = "busy"
	resultError   = "error"
)

// metrics are what the login exports.
type metrics struct {
	// logins counts answered logins by result.
	logins *prometheus.CounterVec
	// lockouts counts failed logins that were the last of an account, an address or a
	// pair of both.
	lockouts prometheus.Counter
	// hashSeconds is the time in a hash slot.
	hashSeconds prometheus.Histogram
	// hashQueue is how many logins wait for a slot now.
	hashQueue prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "faveo_gateway_logins_total",
			Help: "Logins by result: success, invalid_credentials, locked_out, busy (no hash slot in time), error (a store or the hash failed).",
		}, []string{"result"}),
		lockouts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "faveo_gateway_lockouts_total",
			Help: "Lockouts that began: an account, an address or a pair of both used up its failed logins.",
		}),
		hashSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "faveo_gateway_login_hash_seconds",
			Help: "Time to hash one password, without the wait for a slot.",
			// From the cheapest cost of bcrypt to the dearest that is computed.
			Buckets:                         []float64{.001, .0025, .005, .01, .025, .05, .075, .1, .15, .25, .5, 1, 2.5, 5, 10},
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  100,
			NativeHistogramMinResetDuration: time.Hour,
		}),
		hashQueue: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "faveo_gateway_login_hash_queue",
			Help: "Logins that wait for a hash slot.",
		}),
	}
	for _, result := range []string{resultSuccess, resultInvalid, resultLocked, resultBusy, resultError} {
		m.logins.WithLabelValues(result)
	}
	r.MustRegister(m.logins, m.lockouts, m.hashSeconds, m.hashQueue)
	return m
}

func (m *metrics) observe(err error) {
	m.logins.WithLabelValues(resultOf(err)).Inc()
}

func resultOf(err error) string {
	switch {
	case err == nil:
		return resultSuccess
	case errors.Is(err, ErrInvalidCredentials):
		return resultInvalid
	case refusal(err):
		return resultLocked
	case errors.Is(err, ErrBusy):
		return resultBusy
	default:
		return resultError
	}
}
