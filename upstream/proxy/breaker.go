package proxy

import (
	"errors"
	"time"

	"github.com/sony/gobreaker/v2"
)

// breaker is the passive half of a standing: what requests say of a server.
// Guarded by the standing's lock.
//
// Its open state is the ejection; there is no second mechanism. gobreaker
// counts the failures in a row, keeps the time, and hands out the one seat of the
// half-open state. What it does not know is added around it: a server that
// fails its trial stays out for twice as long as before, up to MaxOpenFor. A trial
// that takes longer than the ejection keeps no other from trying, or one long report
// would hide that the server is back. And failures that a client may have caused do
// not open it when the fleet cannot spare the server.
type breaker struct {
	config  Breaker
	connect time.Duration // how long making a connection may take

	inner   *gobreaker.TwoStepCircuitBreaker[struct{}]
	openFor time.Duration // of inner
	// mayOpen is what ReadyToTrip is to know of the rest of the fleet.
	mayOpen bool
	// refused counts the connections in a row that were not made.
	refused int
	// unreachable: it was opened by those.
	unreachable bool
	// seat is until when a forced trial may still be connecting.
	seat time.Time
	// tried is when the last trial began that was not forced.
	tried time.Time
}

// What gobreaker hears of a request that did not end well.
var (
	errFailed    = errors.New("failed")
	errNoVerdict = errors.New("tells nothing of the upstream")
)

// arm makes a closed breaker, which opens for the given time. gobreaker has one
// such time for life.
func (b *breaker) arm(openFor time.Duration) {
	b.openFor, b.refused = openFor, 0
	b.inner = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:    openFor,
		IsExcluded: func(err error) bool { return errors.Is(err, errNoVerdict) },
		ReadyToTrip: func(n gobreaker.Counts) bool {
			return int(n.ConsecutiveFailures) >= b.config.Failures && (b.mayOpen || b.refused >= b.config.Failures)
		},
	})
}

// tell counts an outcome in a closed breaker.
func (b *breaker) tell(err error) {
	if done, refused := b.inner.Allow(); refused == nil {
		done(err)
	}
}

func (b *breaker) succeed() {
	b.refused = 0
	b.tell(nil)
}

// fail reports whether this failure opened the breaker.
func (b *breaker) fail(unreachable, mayOpen bool) (opened bool) {
	b.refused++
	if !unreachable {
		b.refused = 0
	}
	b.mayOpen = mayOpen
	b.tell(errFailed)
	if b.inner.State() == gobreaker.StateClosed {
		return false
	}
	b.unreachable = unreachable
	return true
}

// close ends an ejection for good: the next one begins with OpenFor again.
func (b *breaker) close() {
	b.seat, b.unreachable = time.Time{}, false
	b.arm(b.config.OpenFor)
}

// trial returns nil when no request may go through now, else what is to be told
// of its outcome, which reports whether the ejection is over.
func (b *breaker) trial(force bool) func(verdict) (over bool) {
	inner, now := b.inner, time.Now() // As gobreaker does.
	if done, refused := inner.Allow(); refused == nil {
		b.tried = now
		return func(v verdict) bool {
			if b.inner != inner {
				return false // Decided meanwhile, by a probe or a reload.
			}
			done(v.err())
			if inner.State() == gobreaker.StateOpen {
				b.relapse(v == unreachable)
			}
			return inner.State() == gobreaker.StateClosed
		}
	}
	overdue := inner.State() == gobreaker.StateHalfOpen && now.Sub(b.tried) > b.openFor
	if !force && !overdue || now.Before(b.seat) {
		return nil
	}
	if overdue {
		b.tried = now
	}
	b.seat = now.Add(b.connect)
	return func(v verdict) bool {
		if b.inner != inner {
			return false
		}
		b.seat = time.Time{}
		return v == alive
	}
}

// relapse opens the breaker again, for twice as long.
func (b *breaker) relapse(unreachable bool) {
	b.arm(min(2*b.openFor, b.config.MaxOpenFor))
	b.mayOpen, b.unreachable = true, unreachable
	for range b.config.Failures {
		b.tell(errFailed)
	}
}
