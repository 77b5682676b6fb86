// Package storetest holds the contracts of the gateway's stores to account: a
// suite of tests for each, and an implementation in memory that passes it.
//
// A fake that is only a fake drifts from what it stands for. Here every
// implementation, the one in memory and those over Redis, runs through the same
// suite, so a test that uses the one in memory meets the behaviour of the
// others. The implementations in memory can be told to fail (Fail), because what
// a room does when its store fails is half of what there is to test.
//
// The package is for tests: it imports testing, and no program imports it.
package storetest

import (
	"sync"
	"time"
)

// Clock is a clock that moves only when told. It is safe for concurrent use.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that shows a fixed time, always the same one.
func NewClock() *Clock {
	return &Clock{now: time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)}
}

// Now returns the time shown.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Set makes the clock show at.
func (c *Clock) Set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = at
}

// Advance moves the clock by d.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
