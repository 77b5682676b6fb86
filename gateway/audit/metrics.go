package audit

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// series is a pair of labels of faveo_gateway_audit_events_total.
type series struct {
	kind    Kind
	outcome Outcome
}

type metrics struct {
	// events counts what was recorded, by kind and outcome.
	events map[series]prometheus.Counter
	// unwritten counts the events that went to the log instead.
	unwritten prometheus.Counter
}

// newMetrics registers with reg; nil registers nowhere.
func newMetrics(reg prometheus.Registerer, queued func() int) *metrics {
	with := promauto.With(reg)
	events := with.NewCounterVec(prometheus.CounterOpts{
		Name: "faveo_gateway_audit_events_total",
		Help: "Events for the audit trail, by kind (login, lockout, lockout_cleared, request, refresh, reuse, session_ended, " +
			"key_created, key_activated, key_revoked, keys_resealed, apikey_created, apikey_rotated, apikey_revoked, " +
			"configuration, admin, trail: what is stored is not what was written) and outcome (success, refused, failed).",
	}, []string{"kind", "outcome"})
	m := &metrics{
		events: make(map[series]prometheus.Counter),
		unwritten: with.NewCounter(prometheus.CounterOpts{
			Name: "faveo_gateway_audit_unwritten_events_total",
			Help: "Events that could not be stored in the audit trail and are in the log.",
		}),
	}
	for _, kind := range Kinds() {
		for _, outcome := range Outcomes() {
			m.events[series{kind, outcome}] = events.WithLabelValues(string(kind), string(outcome))
		}
	}
	with.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "faveo_gateway_audit_queue",
		Help: "Events that wait to be written to the audit trail.",
	}, func() float64 { return float64(queued()) })
	return m
}

// count counts an event. One of another kind or outcome than there are has no series.
func (m *metrics) count(e *Event) {
	if c, ok := m.events[series{e.Kind, e.Outcome}]; ok {
		c.Add(float64(e.Count))
	}
}
