package proxy

import (
	"math/rand/v2"
	"slices"
)

// Balance is how requests are spread over the upstreams in good standing.
type Balance string

// The closed set of Balance.
const (
	// LeastRequests takes the upstream with the fewest requests under way, by lot
	// among equals. A slow server gets less without anybody having to notice.
	LeastRequests Balance = "least_requests"
	// RoundRobin takes them in turn.
	RoundRobin Balance = "round_robin"
)

// choice is the upstream for one attempt. report is nil unless it is a trial of
// an ejected one, whose outcome it must then be told, once.
type choice struct {
	*upstream
	report func(verdict, error)
}

// pick chooses among the upstreams that were not tried yet; false when there is
// none to turn to. In this order:
//
//   - an ejected one whose time is over, with a request that has not failed yet and
//     can go elsewhere;
//   - one in good standing, by Config.Balance;
//   - one that fails its probes but takes requests: the probe may be what is
//     wrong, and PHP's own page of maintenance is better than ours;
//   - an ejected one before its time, as long as no other request is trying it.
//
// A single upstream is always tried: no mark on it is better than its own word.
func (f *fleet) pick(tried []*upstream, repeatable bool) (choice, bool) {
	if len(f.upstreams) == 1 {
		return f.only(tried)
	}
	if repeatable && len(tried) == 0 { // Once is enough of a risk for one request.
		if c, ok := f.try(tried, false); ok {
			return c, true
		}
	}
	if u := f.balance(tried, (*upstream).isReady); u != nil {
		return choice{upstream: u}, true
	}
	if u := f.balance(tried, (*upstream).takesRequests); u != nil {
		return choice{upstream: u}, true
	}
	return f.try(tried, true)
}

func (f *fleet) only(tried []*upstream) (choice, bool) {
	if len(tried) > 0 {
		return choice{}, false
	}
	c := choice{upstream: f.upstreams[0]}
	if c.ejected.Load() {
		c.report, _ = c.trial(true) // One request at a time tells whether it is back.
	}
	return c, true
}

// try looks for an ejected upstream that a request may try, from any of them on: the
// first must not get every trial.
func (f *fleet) try(tried []*upstream, force bool) (choice, bool) {
	n := len(f.upstreams)
	for i, from := 0, rand.IntN(n); i < n; i++ {
		u := f.upstreams[(from+i)%n]
		if !u.ejected.Load() || slices.Contains(tried, u) {
			continue
		}
		if report, ok := u.trial(force); ok {
			return choice{u, report}, true
		}
	}
	return choice{}, false
}

func (u *upstream) isReady() bool       { return u.ready.Load() }
func (u *upstream) takesRequests() bool { return !u.ejected.Load() }

// balance returns nil when none fits.
func (f *fleet) balance(tried []*upstream, fits func(*upstream) bool) *upstream {
	if f.config.Balance == RoundRobin {
		return f.inTurn(tried, fits)
	}
	return f.leastRequests(tried, fits)
}

// leastRequests draws lots among equals in passing: the second takes the place of
// the first with a chance of one half, the third with one third, and so on. A
// start that goes round would give the neighbour of a dead server two shares.
func (f *fleet) leastRequests(tried []*upstream, fits func(*upstream) bool) (best *upstream) {
	var fewest, equals int64
	for _, u := range f.upstreams {
		if !fits(u) || slices.Contains(tried, u) {
			continue
		}
		switch n := u.inflight.Load(); {
		case best == nil || n < fewest:
			best, fewest, equals = u, n, 1
		case n == fewest:
			if equals++; rand.Int64N(equals) == 0 {
				best = u
			}
		}
	}
	return best
}

func (f *fleet) inTurn(tried []*upstream, fits func(*upstream) bool) (chosen *upstream) {
	turn := f.turn.Add(1)
	var fitting uint64
	for _, u := range f.upstreams {
		if fits(u) && !slices.Contains(tried, u) {
			fitting++
		}
	}
	for _, u := range f.upstreams {
		if !fits(u) || slices.Contains(tried, u) {
			continue
		}
		chosen = u
		if fitting == 0 || turn%fitting == 0 {
			break
		}
		turn--
	}
	return chosen
}
