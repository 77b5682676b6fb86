package login

import (
	"context"
	"time"
)

// due is when an attempt that was refused is answered, so that the time tells nothing
// about the account.
//
// Without load that is one step after it arrived: at least MinFailureTime, and more
// than the costliest hash of the site takes. Accounts with a hash of another cost are
// not told from others by it.
//
// Under load it is a whole number of steps: the first at which a hash of twice the
// longest time would be over, counted from when this one's hash began. How long it
// really took does not count. Whoever waits in the queue waits for others, and so a
// costlier hash is not one step more the more often, as it would be if its end
// counted.
//
// No jitter is added: whoever tries often enough takes the mean, and it is gone.
//
// What remains: a hash that takes more than twice its usual time, because the machine
// is busy with other things, ends in a later step. A table of accounts so large that
// it takes longer than a step to search. And a burst of attempts at one account whose
// hash is costlier than usual fills the queue more than another burst does; lockouts
// bound it to a few.
func (s *Service) due(a *attempt) time.Time {
	if s.config.MinFailureTime == 0 {
		return a.arrived
	}
	hash := 2 * s.hashes.HashTime()
	step := max(s.config.MinFailureTime, hash+hash/4)
	ended := time.Now()
	if bound := a.hashing.Add(hash); !a.hashing.IsZero() && bound.After(ended) {
		ended = bound
	}
	return a.arrived.Add((ended.Sub(a.arrived)/step + 1) * step)
}

// waitUntil returns at the given time, or when the client has gone.
func waitUntil(ctx context.Context, at time.Time) {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
