package stage

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/policy"
	"faveo-gateway/upstream/laravel"
)

// durationBuckets reach from a refused request to a slow report of PHP's.
var durationBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

// metrics are what the stages export.
type metrics struct {
	// requests counts answered requests by route, method and status.
	requests *prometheus.CounterVec
	// duration is the time from the first stage to the end of the answer.
	duration *prometheus.HistogramVec
	// inFlight is how many requests are being served.
	inFlight prometheus.Gauge
	// sources counts where tokens were read from.
	sources *prometheus.CounterVec
	// ambiguous counts requests that two readers would read differently.
	ambiguous *prometheus.CounterVec
	// decisions counts what the policy decided.
	decisions *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "faveo_gateway_http_requests_total",
			Help: "Requests by route, method and code; code 499 means that the client left first.",
		}, []string{"route", "method", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "faveo_gateway_http_request_duration_seconds",
			Help:    "Time to answer a request, by route and method.",
			Buckets: durationBuckets,
			// Native buckets grow by a tenth: fine enough for a p99 that moves.
			NativeHistogramBucketFactor:    1.1,
			NativeHistogramMaxBucketNumber: 100,
		}, []string{"route", "method"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "faveo_gateway_http_in_flight_requests",
			Help: "Requests being served.",
		}),
		sources: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "faveo_gateway_token_sources_total",
			Help: "Requests with a token, by the place it was read from: header, query, body.",
		}, []string{"source"}),
		ambiguous: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "faveo_gateway_ambiguous_requests_total",
			Help: "Requests refused because they can be read in two ways, by reason.",
		}, []string{"reason"}),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "faveo_gateway_policy_decisions_total",
			Help: "Decisions of the policy by rule, effect (allow, deny) and mode (enforce, shadow).",
		}, []string{"rule", "effect", "mode"}),
	}
	for _, source := range identity.Sources() {
		m.sources.WithLabelValues(string(source))
	}
	for _, reason := range append(append(laravel.Reasons(), ambiguousCredentials...), ReasonObjectID) {
		m.ambiguous.WithLabelValues(string(reason))
	}
	r.MustRegister(m.requests, m.duration, m.inFlight, m.sources, m.ambiguous, m.decisions)
	return m
}

func (m *metrics) observeRequest(on Route, method string, status int, took time.Duration) {
	route := string(on)
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Inc()
	m.duration.WithLabelValues(route, method).Observe(took.Seconds())
}

func (m *metrics) observeExchange(x *Exchange) {
	if x.Source != "" {
		m.sources.WithLabelValues(string(x.Source)).Inc()
	}
	if x.Decision.Reason != "" {
		mode := policy.ModeEnforce
		if !x.Decision.Enforced {
			mode = policy.ModeShadow
		}
		m.decisions.WithLabelValues(x.Decision.Rule, string(x.Decision.Effect), string(mode)).Inc()
	}
}

// methodLabel folds what clients invent into one label.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut,
		http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	default:
		return "OTHER"
	}
}
