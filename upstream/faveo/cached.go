package faveo

import (
	"context"
	"sync/atomic"
	"time"
)

// retryStale is how soon a value that could not be refreshed is tried again: often enough to notice a recovered
// database, seldom enough that a dead one costs few callers the deadline.
const retryStale = 5 * time.Second

// cached keeps one value read from the database. While it is fresh nobody asks again; when it is stale one caller
// refreshes it and the others go on with the old one; when the refresh fails the old one stays. Only a value that was
// never read can fail. There is no goroutine: the caller who finds it stale does the work. Safe for concurrent use.
type cached[T any] struct {
	life    time.Duration
	now     func() time.Time
	read    func(context.Context) (T, error)
	current atomic.Pointer[reading[T]]
	turn    chan struct{}
}

type reading[T any] struct {
	value   T
	expires time.Time
}

func newCached[T any](life time.Duration, now func() time.Time, read func(context.Context) (T, error)) *cached[T] {
	return &cached[T]{life: life, now: now, read: read, turn: make(chan struct{}, 1)}
}

// get returns the value, at most life old while the database answers. Its error is read's, or the context's when the
// first value was awaited too long.
func (c *cached[T]) get(ctx context.Context) (T, error) {
	old := c.current.Load()
	if old != nil && c.now().Before(old.expires) {
		return old.value, nil
	}
	if !c.takeTurn(ctx, old == nil) {
		if old != nil {
			return old.value, nil
		}
		var none T
		return none, ctx.Err()
	}
	defer func() { <-c.turn }()
	return c.refresh(ctx)
}

// takeTurn waits only when there is nothing to go on with.
func (c *cached[T]) takeTurn(ctx context.Context, wait bool) bool {
	if !wait {
		select {
		case c.turn <- struct{}{}:
			return true
		default:
			return false
		}
	}
	select {
	case c.turn <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (c *cached[T]) refresh(ctx context.Context) (T, error) {
	old := c.current.Load()
	if old != nil && c.now().Before(old.expires) {
		return old.value, nil
	}
	value, err := c.read(ctx)
	if err == nil {
		c.current.Store(&reading[T]{value: value, expires: c.now().Add(c.life)})
		return value, nil
	}
	if old == nil {
		return value, err
	}
	c.current.Store(&reading[T]{value: old.value, expires: c.now().Add(retryStale)})
	return old.value, nil
}
