package apikey

import (
	"strings"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// The bounds of a memory. Ids that nobody has can be made up by anybody: they have
// their own room, and drive no key out.
const (
	maxKnown   = 20_000
	maxUnknown = 4_096
	maxDrops   = 1_000
)

// memory is what this replica knows of keys. It decides nothing: whether an entry is
// fresh enough is the reader's question. Not safe for concurrent use.
type memory struct {
	known, unknown *simplelru.LRU[string, *entry]
	// drops is when a key was said to have changed, allDropped when any may have: what
	// was read before is not believed, wherever it is found. Older ones than Staleness
	// say nothing any more.
	drops      map[string]time.Time
	allDropped time.Time
}

func newMemory() *memory {
	m := &memory{drops: make(map[string]time.Time)}
	// The only error is a size below 1.
	m.known, _ = simplelru.NewLRU[string, *entry](maxKnown, nil)
	m.unknown, _ = simplelru.NewLRU[string, *entry](maxUnknown, nil)
	return m
}

// find returns what is remembered of an id, or nil.
func (m *memory) find(id string) *entry {
	if e, ok := m.known.Get(id); ok {
		return e
	}
	e, _ := m.unknown.Get(id)
	return e
}

// put remembers an entry instead of the one before, of which it takes over when the key
// was noted to be used.
func (m *memory) put(id string, e *entry) {
	id = strings.Clone(id) // It may be a part of a request.
	if e.key == nil {
		m.known.Remove(id)
		m.unknown.Add(id, e)
		return
	}
	m.unknown.Remove(id)
	if old, ok := m.known.Peek(id); ok {
		e.used = old.used
	}
	m.known.Add(id, e)
}

// drop forgets a key, and whatever was read of it before now.
func (m *memory) drop(id string, now time.Time) {
	m.known.Remove(id)
	m.unknown.Remove(id)
	if len(m.drops) >= maxDrops {
		m.sweep(now)
	}
	m.drops[id] = now
}

// sweep makes room for another drop.
func (m *memory) sweep(now time.Time) {
	for id, at := range m.drops {
		if !fresh(at, now, Staleness) {
			delete(m.drops, id)
		}
	}
	if len(m.drops) >= maxDrops {
		clear(m.drops)
		m.allDropped = now
	}
}

// dropAll forgets everything that was read before now.
func (m *memory) dropAll(now time.Time) {
	m.known.Purge()
	m.unknown.Purge()
	clear(m.drops)
	m.allDropped = now
}

// droppedAt is when the key was last said to have changed.
func (m *memory) droppedAt(id string) time.Time {
	if at, ok := m.drops[id]; ok && at.After(m.allDropped) {
		return at
	}
	return m.allDropped
}
