package session

import (
	"context"
	"errors"
	"sync"
	"time"
)

// errAborted is what the others are told when the reader panicked.
var errAborted = errors.New("the read was aborted")

// reads lets concurrent readers of one key share one read.
//
// Unlike x/sync/singleflight it can forget a read that is under way in the same
// moment as the cache forgets its value, which is why both are guarded by one
// lock, and it says when a read began, so that a reader who needs a newer answer
// can tell.
type reads[K comparable, V any] struct {
	// mu guards the cache and underWay together.
	mu *sync.Mutex
	// underWay has the read that newcomers may join. A read that was forgotten
	// is not in it any more, and is not remembered when it ends.
	underWay map[K]*read[V]
	now      func() time.Time
}

// read is one read under way. Its value and err may be read once done is closed.
type read[V any] struct {
	startedAt time.Time
	done      chan struct{}
	value     V
	err       error
}

func newReads[K comparable, V any](mu *sync.Mutex, now func() time.Time) *reads[K, V] {
	return &reads[K, V]{mu: mu, underWay: make(map[K]*read[V]), now: now}
}

// join returns the read of k. If mine, it is a new one and the caller must lead
// it, else it has begun already and the caller waits for it. mu must be held.
func (g *reads[K, V]) join(k K) (r *read[V], mine bool) {
	if r, ok := g.underWay[k]; ok {
		return r, false
	}
	r = &read[V]{startedAt: g.now(), done: make(chan struct{})}
	g.underWay[k] = r
	return r, true
}

// lead does the read and wakes those who wait. It is not ended by ctx, whose
// client is not the only one to want the answer, but by the timeout. Unless the
// read was forgotten meanwhile, keep is called with mu held.
func (g *reads[K, V]) lead(ctx context.Context, k K, r *read[V], do func(context.Context) (V, error), keep func(V, error)) (V, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	r.err = errAborted
	defer func() {
		g.mu.Lock()
		if g.underWay[k] == r {
			delete(g.underWay, k)
			keep(r.value, r.err)
		}
		g.mu.Unlock()
		close(r.done)
	}()
	value, err := do(ctx)
	r.value, r.err = value, err
	return value, err
}

// wait returns the answer of somebody else's read, or ctx's error.
func (r *read[V]) wait(ctx context.Context) (V, error) {
	select {
	case <-r.done:
		return r.value, r.err
	case <-ctx.Done():
		var none V
		return none, ctx.Err()
	}
}

// forget takes the reads of all keys that match out of sight: nobody joins them
// any more, and their answers are not kept. mu must be held.
func (g *reads[K, V]) forget(match func(K) bool) {
	for k := range g.underWay {
		if match(k) {
			delete(g.underWay, k)
		}
	}
}
