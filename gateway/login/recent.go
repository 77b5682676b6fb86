package login

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// recent remembers values for a while, and of too many those that were used last. It
// is safe for concurrent use.
type recent[K comparable, V any] struct {
	mu    sync.Mutex
	known *simplelru.LRU[K, remembered[V]]
}

type remembered[V any] struct {
	value V
	until time.Time
}

// newRecent remembers size values, at least one.
func newRecent[K comparable, V any](size int) *recent[K, V] {
	known, _ := simplelru.NewLRU[K, remembered[V]](size, nil) // Its only error is a size below 1.
	return &recent[K, V]{known: known}
}

func (r *recent[K, V]) get(key K, now time.Time) (value V, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, ok := r.known.Get(key)
	if !ok || !now.Before(found.until) {
		return value, false
	}
	return found.value, true
}

func (r *recent[K, V]) put(key K, value V, now time.Time, life time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known.Add(key, remembered[V]{value, now.Add(life)})
}

// first reports whether the key was not known, and makes it known for that long.
func (r *recent[K, V]) first(key K, now time.Time, life time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if found, ok := r.known.Get(key); ok && now.Before(found.until) {
		return false
	}
	var none V
	r.known.Add(key, remembered[V]{none, now.Add(life)})
	return true
}
