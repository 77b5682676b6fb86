package stage

import (
	"net/http"
	"strconv"
	"strings"
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
	// codes are the texts of the known statuses, "other" for the rest: PHP may answer
	// with any number.
	codes [600]string
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "faveo_gateway_http_requests_total",
			Help: "Requests by route, method (a known one, or OTHER) and code: the status of the answer (a registered one, or other), " +
				"499 when the client left first. Routes: " + list(Routes()) + ".",
		}, []string{"route", "method", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "faveo_gateway_http_request_duration_seconds",
			Help:    "Time to answer a request, by route and method as in http_requests_total.",
			Buckets: durationBuckets,
			// Native buckets grow by a tenth: fine enough for a p99 that moves. Beyond the
			// most they grow coarser, and finer again after a while.
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  100,
			NativeHistogramMinResetDuration: time.Hour,
		}, []string{"route", "method"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "faveo_gateway_http_in_flight_requests",
			Help: "Requests being served.",
		}),
		sources: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "faveo_gateway_token_sources_total",
			Help: "Requests with a token, by source, the place it was read from: header, query, body.",
		}, []string{"source"}),
		ambiguous: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "faveo_gateway_ambiguous_requests_total",
			Help: "Requests refused because they can be read in two ways, by reason: " + list(ambiguities()) + ".",
		}, []string{"reason"}),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "faveo_gateway_policy_decisions_total",
			Help: "Decisions of the policy by rule (its name in the policy files), effect (allow, deny) and mode (enforce, shadow: not carried out).",
		}, []string{"rule", "effect", "mode"}),
	}
	for _, source := range identity.Sources() {
		m.sources.WithLabelValues(string(source))
	}
	for _, reason := range ambiguities() {
		m.ambiguous.WithLabelValues(string(reason))
	}
	for status := range m.codes {
		m.codes[status] = "other"
		if http.StatusText(status) != "" || status == statusClientGone {
			m.codes[status] = strconv.Itoa(status)
		}
	}
	r.MustRegister(m.requests, m.duration, m.inFlight, m.sources, m.ambiguous, m.decisions)
	return m
}

// ambiguities are the values of ambiguous_requests_total{reason}.
func ambiguities() []laravel.Reason {
	return append(append(laravel.Reasons(), ambiguousCredentials...), ReasonObjectID)
}

// list writes the values of a label for a Help.
func list[T ~string](values []T) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return strings.Join(texts, ", ")
}

// observeRequest counts a request. The id of a sampled trace, if there is one, stands
// beside the duration, so that a slow one can be looked up.
func (m *metrics) observeRequest(x *Exchange, method string, status int, took time.Duration) {
	route := string(x.Route)
	m.requests.WithLabelValues(route, method, m.code(status)).Inc()
	duration := m.duration.WithLabelValues(route, method)
	if with, ok := duration.(prometheus.ExemplarObserver); ok && x.traceID != "" {
		with.ObserveWithExemplar(took.Seconds(), prometheus.Labels{"trace_id": x.traceID})
		return
	}
	duration.Observe(took.Seconds())
}

func (m *metrics) code(status int) string {
	if status < 0 || status >= len(m.codes) {
		return "other"
	}
	return m.codes[status]
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
