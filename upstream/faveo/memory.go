package faveo

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// memorySize is how many ids one memory knows at the most.
const memorySize = 8192

// errAborted is what the others are told when the reader panicked.
var errAborted = errors.New("the read was aborted")

// memory remembers what was read about ids for a while, and lets callers who want the same id at the same time share
// one read. The key of both is the id itself, so no two subjects can be confused. Failures are not remembered, nor is
// ErrNotFound. There is no goroutine: the first caller reads for all. Safe for concurrent use.
type memory[V any] struct {
	ttl  time.Duration
	now  func() time.Time
	load func(ctx context.Context, id uint64) (V, error)
	// small says that a value is not too large to be remembered.
	small func(V) bool

	mu       sync.Mutex
	known    *simplelru.LRU[uint64, knowledge[V]]
	underWay map[uint64]*sharedRead[V]
}

type knowledge[V any] struct {
	value V
	// readAt is when the read began, so that the age counts from the oldest moment of which the value may tell.
	readAt time.Time
}

// sharedRead is a read under way. value and err may be read once done is closed.
type sharedRead[V any] struct {
	done  chan struct{}
	value V
	err   error
}

func newMemory[V any](ttl time.Duration, now func() time.Time, load func(context.Context, uint64) (V, error), small func(V) bool) *memory[V] {
	// The only error is a size below 1.
	known, _ := simplelru.NewLRU[uint64, knowledge[V]](memorySize, nil)
	return &memory[V]{ttl: ttl, now: now, load: load, small: small, known: known, underWay: make(map[uint64]*sharedRead[V])}
}

// recall returns what is remembered and younger than the ttl.
func (m *memory[V]) recall(id uint64) (V, bool) {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.known.Get(id)
	if !ok || now.Sub(k.readAt) >= m.ttl {
		var none V
		return none, false
	}
	return k.value, true
}

// remember keeps a small value unless a younger one is known.
func (m *memory[V]) remember(id uint64, value V, readAt time.Time) {
	if !m.small(value) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if k, ok := m.known.Peek(id); !ok || !readAt.Before(k.readAt) {
		m.known.Add(id, knowledge[V]{value, readAt})
	}
}

// join reads id together with all who want it now. joined says that somebody else's read answered, which may have begun
// before this call. A caller who goes away gets its context's error and disturbs nobody.
func (m *memory[V]) join(ctx context.Context, id uint64) (value V, joined bool, err error) {
	if err := ctx.Err(); err != nil {
		return value, false, err
	}
	r, mine := m.enter(id)
	if mine {
		value, err = m.lead(ctx, id, r)
		return value, false, err
	}
	select {
	case <-r.done:
		return r.value, true, r.err
	case <-ctx.Done():
		return value, true, ctx.Err()
	}
}

// afresh is join with a read that begins after this call: one that was under way already is waited for, and the next
// one shared.
func (m *memory[V]) afresh(ctx context.Context, id uint64) (V, error) {
	value, joined, err := m.join(ctx, id)
	if !joined || (err != nil && !errors.Is(err, ErrNotFound)) {
		return value, err
	}
	value, _, err = m.join(ctx, id)
	return value, err
}

// enter returns the read of id, and whether the caller has to lead it.
func (m *memory[V]) enter(id uint64) (r *sharedRead[V], mine bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r, ok := m.underWay[id]; ok {
		return r, false
	}
	r = &sharedRead[V]{done: make(chan struct{}), err: errAborted}
	m.underWay[id] = r
	return r, true
}

// lead does the read and wakes those who wait. It does not end with ctx, whose client is not the only one to want the
// answer: load bounds it.
func (m *memory[V]) lead(ctx context.Context, id uint64, r *sharedRead[V]) (V, error) {
	defer func() {
		m.mu.Lock()
		delete(m.underWay, id)
		m.mu.Unlock()
		close(r.done)
	}()
	readAt := m.now()
	value, err := m.load(context.WithoutCancel(ctx), id)
	if err == nil {
		m.remember(id, value, readAt)
	}
	r.value, r.err = value, err
	return value, err
}
