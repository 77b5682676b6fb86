package token

import (
	"crypto/sha256"
	"fmt"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// defaultCacheSize is how many verified tokens a Verifier remembers.
const defaultCacheSize = 128 << 10

// shards divides the cache, so that parallel requests seldom wait for one
// another. A power of two.
const shards = 16

// digest identifies a token: the SHA-256 of all its bytes, so that a changed
// signature is another token.
type digest [sha256.Size]byte

// digestOf hashes raw. The gateway's own tokens fit into the buffer, so that
// the copy stays on the stack.
func digestOf(raw string) digest {
	var buffer [1 << 10]byte
	return sha256.Sum256(append(buffer[:0], raw...))
}

// cache remembers verified tokens, the most recently used ones, each under the
// generation of keys that verified it.
type cache struct{ shards [shards]shard }

// shard is one part of a cache. All its entries have its generation.
type shard struct {
	mu         sync.Mutex
	generation uint64
	entries    *simplelru.LRU[digest, Claims]
}

// newCache returns a cache for about size tokens; zero means defaultCacheSize.
func newCache(size int) *cache {
	if size == 0 {
		size = defaultCacheSize
	}
	c := &cache{}
	for i := range c.shards {
		entries, err := simplelru.NewLRU[digest, Claims]((size+shards-1)/shards, nil)
		if err != nil {
			// Only a size below one is an error, and it is at least one here.
			panic(fmt.Sprintf("token cache: %v", err))
		}
		c.shards[i].entries = entries
	}
	return c
}

// get returns the claims remembered for d under generation.
func (c *cache) get(d digest, generation uint64) (Claims, bool) {
	s := &c.shards[d[0]%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.at(generation) {
		return Claims{}, false
	}
	return s.entries.Get(d)
}

// add remembers claims for d, unless generation is over.
func (c *cache) add(d digest, generation uint64, claims Claims) {
	s := &c.shards[d[0]%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at(generation) {
		s.entries.Add(d, claims)
	}
}

// at reports whether the shard may be used under generation. A newer one
// empties the shard; an older one belongs to a caller that was overtaken.
func (s *shard) at(generation uint64) bool {
	if generation > s.generation {
		s.generation = generation
		s.entries.Purge()
	}
	return generation == s.generation
}
