package proxy

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are those of all upstreams. The label upstream is the host:port of
// the configuration.
type metrics struct {
	// duration is the time from sending a request to the headers of its answer.
	duration *prometheus.HistogramVec
	// requests counts how requests to an upstream ended.
	requests *prometheus.CounterVec
	// up is 1 while an upstream is in good standing, else 0.
	up *prometheus.GaugeVec
	// retries counts what became of requests that could be sent to another upstream.
	retries *prometheus.CounterVec
	// codes are the texts of the known statuses, "other" for the rest.
	codes [600]string
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "faveo_gateway_upstream_duration_seconds",
			Help:    "Time from sending a request to PHP until the headers of its answer, by upstream (host:port as configured).",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
			// Native buckets grow by a tenth: fine enough for a p99 that moves.
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  100,
			NativeHistogramMinResetDuration: time.Hour,
		}, []string{"upstream"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "faveo_gateway_upstream_requests_total",
			Help: "Requests sent to PHP by upstream (host:port as configured) and code: the status of the answer (a registered one, or other), " +
				"broken (the answer broke off), unavailable, timeout, too_large, client_gone, internal (no answer).",
		}, []string{"upstream", "code"}),
		up: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "faveo_gateway_upstream_up",
			Help: "1 while an upstream (host:port as configured) is in good standing, 0 while its probes fail or it is ejected for failed requests.",
		}, []string{"upstream"}),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "faveo_gateway_upstream_retries_total",
			Help: "Requests that failed at one upstream and could go to another, by result: answered, failed (sent again), " +
				"no_budget, no_upstream (not sent again).",
		}, []string{"result"}),
	}
	for status := range m.codes {
		m.codes[status] = "other"
		if http.StatusText(status) != "" {
			m.codes[status] = strconv.Itoa(status)
		}
	}
	for _, result := range [...]string{retryAnswered, retryFailed, retryNoBudget, retryNoUpstream} {
		m.retries.WithLabelValues(result)
	}
	for _, c := range []prometheus.Collector{m.duration, m.requests, m.up, m.retries} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register upstream metrics: %w", err)
		}
	}
	return m, nil
}

// The closed set of the label result of retries.
const (
	retryAnswered   = "answered"
	retryFailed     = "failed"
	retryNoBudget   = "no_budget"
	retryNoUpstream = "no_upstream"
)

func (m *metrics) retried(err error) {
	result := retryAnswered
	if err != nil {
		result = retryFailed
	}
	m.retries.WithLabelValues(result).Inc()
}

// drop forgets an upstream.
func (m *metrics) drop(upstream string) {
	label := prometheus.Labels{"upstream": upstream}
	m.duration.DeletePartialMatch(label)
	m.requests.DeletePartialMatch(label)
	m.up.DeletePartialMatch(label)
}

// upstreamMetrics are those of one upstream, looked up once.
type upstreamMetrics struct {
	duration prometheus.Observer
	requests *prometheus.CounterVec
}

func (m *metrics) of(upstream string) upstreamMetrics {
	return upstreamMetrics{
		duration: m.duration.WithLabelValues(upstream),
		requests: m.requests.MustCurryWith(prometheus.Labels{"upstream": upstream}), // The label exists, see newMetrics.
	}
}

func (u upstreamMetrics) observe(d time.Duration) { u.duration.Observe(d.Seconds()) }

func (u upstreamMetrics) count(code string) { u.requests.WithLabelValues(code).Inc() }

// code is the label for the outcome of a call.
func (m *metrics) code(c *call) string {
	switch {
	case c.err != nil:
		return codeOf(c.err)
	case c.answer.err != nil && c.in.Context().Err() == nil:
		return "broken"
	case c.status < 0 || c.status >= len(m.codes):
		return "other"
	}
	return m.codes[c.status]
}

func codeOf(err error) string {
	switch {
	case errors.Is(err, ErrUnavailable):
		return "unavailable"
	case errors.Is(err, ErrTimeout):
		return "timeout"
	case errors.Is(err, ErrTooLarge):
		return "too_large"
	case errors.Is(err, ErrClientGone):
		return "client_gone"
	}
	return "internal"
}
