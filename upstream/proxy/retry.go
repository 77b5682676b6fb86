package proxy

import (
	"errors"
	"net/http"
	"sync/atomic"
)

// budget bounds the retries to a share of the requests, so that a sick fleet
// does not get its load again on top. Counted in hundredths of a retry: a request
// earns Retries.BudgetPercent, a retry costs a hundred.
type budget struct{ hundredths atomic.Int64 }

// savings is how many retries can be saved up, for the moment in which a server dies.
const savings = 10

func (b *budget) earn(percent int) {
	if b.hundredths.Load() < savings*100 { // Mostly full: a read, no write.
		b.hundredths.Add(int64(percent))
	}
}

func (b *budget) spend() bool {
	if b.hundredths.Add(-100) < 0 {
		b.hundredths.Add(100)
		return false
	}
	return true
}

// elsewhere moves the call to another upstream after a failed attempt. It
// reports false when the failure is the answer.
//
// A request may be sent again when no part of it can have reached a server, that
// is when no connection was made; its body, of whatever kind, has then not been
// read. Else only GET and HEAD without a body (RFC 9110 section 9.2.2 leaves
// that to a proxy which knows them to be safe), when the server broke off before
// the answer's headers were complete. Never after a timeout: whatever made one server
// think for so long would do so to all.
func (c *call) elsewhere(failure error) bool {
	limits := c.fleet.config.Retries
	if len(c.fleet.upstreams) == 1 || len(c.tried) >= limits.Max {
		return false
	}
	err := c.classify(failure)
	unsent := neverMade(err) && !c.upload.begun()
	if !errors.Is(err, ErrUnavailable) || !unsent && !c.repeatable() {
		return false
	}
	c.tried = append(c.tried, c.to.upstream)
	next, ok := c.fleet.pick(c.tried, c.repeatable())
	if !ok {
		c.proxy.metrics.retries.WithLabelValues(retryNoUpstream).Inc()
		return false
	}
	// Who was on trial pays nothing for it: of those there is one at a time.
	if c.to.report == nil && !c.proxy.budget.spend() {
		if next.report != nil {
			next.report(neutral, nil)
		}
		c.proxy.metrics.retries.WithLabelValues(retryNoBudget).Inc()
		return false
	}
	c.err = err
	c.leave()
	c.err = nil
	c.enter(next)
	return true
}

// repeatable reports whether the request can be sent twice without harm.
func (c *call) repeatable() bool {
	return (c.in.Method == http.MethodGet || c.in.Method == http.MethodHead) && c.in.ContentLength == 0 && c.tunnel == nil
}

// toward returns r for the upstream that was chosen last.
func (c *call) toward(r *http.Request) *http.Request {
	target := *r.URL
	target.Scheme, target.Host = c.to.url.Scheme, c.to.url.Host
	r = r.WithContext(r.Context())
	r.URL = &target
	return r
}
