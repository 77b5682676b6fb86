package apikey

import (
	"context"
	"errors"
	"sync"
	"time"
)

// readTimeout bounds a read, which belongs to no client in particular, and what is done
// for a client that may be gone.
const readTimeout = 3 * time.Second

// errAborted is what the others are told when the reader panicked.
var errAborted = errors.New("the read was aborted")

// reads lets concurrent readers of one key share one read, and can forget a read that is
// under way in the same moment as the memory forgets its value: one lock guards both.
type reads[K comparable, V any] struct {
	mu *sync.Mutex
	// underWay has the read that newcomers may join. A read that was forgotten is not
	// in it any more, and is not remembered when it ends.
	underWay map[K]*read[V]
}

// read is one read under way. Its value and err may be read once done is closed.
type read[V any] struct {
	done  chan struct{}
	value V
	err   error
}

func newReads[K comparable, V any](mu *sync.Mutex) *reads[K, V] {
	return &reads[K, V]{mu: mu, underWay: make(map[K]*read[V])}
}

// join returns the read of k. If mine, it is a new one and the caller must lead it, else
// it has begun already and the caller may wait for it. mu must be held.
func (g *reads[K, V]) join(k K) (r *read[V], mine bool) {
	if r, ok := g.underWay[k]; ok {
		return r, false
	}
	r = &read[V]{done: make(chan struct{})}
	g.underWay[k] = r
	return r, true
}

// lead does the read and wakes those who wait. It is not ended by ctx, whose client is
// not the only one to want the answer, but by readTimeout. When it succeeds, and was not
// forgotten meanwhile, keep is called with mu held.
func (g *reads[K, V]) lead(ctx context.Context, k K, r *read[V], do func(context.Context) (V, error), keep func(V)) (V, error) {
	ctx, cancel := detach(ctx)
	defer cancel()
	r.err = errAborted
	defer func() {
		g.mu.Lock()
		if g.underWay[k] == r {
			delete(g.underWay, k)
			if r.err == nil {
				keep(r.value)
			}
		}
		g.mu.Unlock()
		close(r.done)
	}()
	r.value, r.err = do(ctx)
	return r.value, r.err
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

// detach frees what has to be done from a client that may go away.
func detach(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
}
