package apikey

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// result is a value of faveo_gateway_apikey_checks_total{result}.
type result string

// The closed set of results; notNeeded is not counted.
const (
	notNeeded       result = ""
	managed         result = "managed"      // a managed key counts
	installationKey result = "installation" // the installation's key is right
	badPepper       result = "pepper"       // a managed key was made under another pepper
	invalid         result = "invalid"
	revoked         result = "revoked"
	expired         result = "expired"
	network         result = "network"
	wrongKey        result = "wrong_key"   // the installation's key is wrong or missing
	notEnabled      result = "not_enabled" // Faveo's settings demand a key and take none
	limited         result = "limited"     // not looked up, after too many wrong keys of the address
	failed          result = "error"       // nobody could tell
)

func results() []result {
	return []result{managed, installationKey, badPepper, invalid, revoked, expired, network, wrongKey, notEnabled, limited, failed}
}

// refusal returns the result of an error.
func refusal(err error) result {
	for _, r := range []struct {
		err    error
		result result
	}{
		{errPepper, badPepper}, // Which is an ErrInvalid, too.
		{ErrInvalid, invalid},
		{ErrRevoked, revoked},
		{ErrExpired, expired},
		{ErrNetwork, network},
		{ErrWrongKey, wrongKey},
		{ErrNotEnabled, notEnabled},
	} {
		if errors.Is(err, r.err) {
			return r.result
		}
	}
	if tooMany := (*TooMany)(nil); errors.As(err, &tooMany) {
		return limited
	}
	return failed
}

type metrics struct {
	// checks counts what Admit has looked at.
	checks map[result]prometheus.Counter
	// memory, shared, store and unusable are the values of
	// faveo_gateway_apikey_cache_total{result}.
	memory, shared, store, unusable prometheus.Counter
	// altered counts the readings of a stored record that is not as it was written.
	altered prometheus.Counter
}

// newMetrics registers with r; nil registers nowhere.
func newMetrics(r prometheus.Registerer) *metrics {
	checks := promauto.With(r).NewCounterVec(prometheus.CounterOpts{
		Name: "faveo_gateway_apikey_checks_total",
		Help: "API keys that were checked, or missing where one is required, by result: managed (a managed key counts), " +
			"installation (Faveo's own is right), invalid (a managed key that is malformed, unknown or has another secret), " +
			"pepper (one that was made under another api_keys.pepper), revoked, expired, network (not from that address), " +
			"wrong_key (Faveo's own is wrong or missing), not_enabled (Faveo's settings demand one and take none), " +
			"limited (not looked up, after too many wrong ones of the address), error (nobody could tell).",
	}, []string{"result"})
	lookups := promauto.With(r).NewCounterVec(prometheus.CounterOpts{
		Name: "faveo_gateway_apikey_cache_total",
		Help: "Managed API keys looked up for a check, by result: memory (this replica's), shared (Redis), store (the state database); " +
			"and unusable (Redis failed, or what it has is altered or sealed under another pepper), after which the store is asked.",
	}, []string{"result"})
	m := &metrics{
		checks: make(map[result]prometheus.Counter),
		memory: lookups.WithLabelValues("memory"), shared: lookups.WithLabelValues("shared"),
		store: lookups.WithLabelValues("store"), unusable: lookups.WithLabelValues("unusable"),
		altered: promauto.With(r).NewCounter(prometheus.CounterOpts{
			Name: "faveo_gateway_apikey_altered_records_total",
			Help: "Times that a managed API key was found in the state database not as it was written; the log names it.",
		}),
	}
	for _, result := range results() {
		m.checks[result] = checks.WithLabelValues(string(result))
	}
	return m
}

// checked counts the outcome of a check that would have been r.
func (m *metrics) checked(r result, err error) {
	if err != nil {
		r = refusal(err)
	}
	if r != notNeeded {
		m.checks[r].Inc()
	}
}
