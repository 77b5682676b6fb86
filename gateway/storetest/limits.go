package storetest

import (
	"context"
	"time"

	"faveo-gateway/gateway/limit"
)

var _ limit.Store = (*Limits)(nil)

// Limits is a limit.Store in memory that several may share, and that can be told to
// fail: a limit.Local behind a door. It is safe for concurrent use.
type Limits struct {
	door
	local *limit.Local
}

// NewLimits returns an empty store whose clock is now.
func NewLimits(now func() time.Time) *Limits {
	return &Limits{local: limit.NewLocal(limit.LocalOptions{Now: now})}
}

// Take implements limit.Source.
func (l *Limits) Take(ctx context.Context, group string, buckets ...limit.Bucket) (limit.Verdict, error) {
	if err := l.enter(ctx); err != nil {
		return limit.Verdict{}, err
	}
	defer l.mu.Unlock()
	return l.local.Take(ctx, group, buckets...)
}

// Return implements limit.Source.
func (l *Limits) Return(ctx context.Context, group string, buckets ...limit.Bucket) error {
	if err := l.enter(ctx); err != nil {
		return err
	}
	defer l.mu.Unlock()
	return l.local.Return(ctx, group, buckets...)
}

// Remember implements limit.Source.
func (l *Limits) Remember(ctx context.Context, group string, m limit.Member, life time.Duration) error {
	if err := l.enter(ctx); err != nil {
		return err
	}
	defer l.mu.Unlock()
	return l.local.Remember(ctx, group, m, life)
}

// Locked implements limit.Lockouts.
func (l *Limits) Locked(ctx context.Context, group string, most int) ([]limit.Lockout, bool, error) {
	if err := l.enter(ctx); err != nil {
		return nil, false, err
	}
	defer l.mu.Unlock()
	return l.local.Locked(ctx, group, most)
}

// Clear implements limit.Lockouts.
func (l *Limits) Clear(ctx context.Context, group string, match func(limit.Lockout) bool) (int, error) {
	if err := l.enter(ctx); err != nil {
		return 0, err
	}
	defer l.mu.Unlock()
	return l.local.Clear(ctx, group, match)
}
