package storetest

import (
	"context"
	"errors"
	"sync"
)

// door is what every call of an implementation in memory goes through. It guards
// everything behind it.
type door struct {
	mu    sync.Mutex
	fault error
	calls int
}

// Fail makes every call fail with err and change nothing, until Fail(nil).
func (d *door) Fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = err
}

// Calls returns how many calls there were, failed ones included.
func (d *door) Calls() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.calls
}

// enter counts the call and returns holding the lock, unless the call fails.
func (d *door) enter(ctx context.Context) error {
	d.mu.Lock()
	d.calls++
	err := errors.Join(d.fault, ctx.Err())
	if err != nil {
		d.mu.Unlock()
	}
	return err
}
