package stage

import (
	"fmt"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/policy"
)

// scopes remembers how the policy reads the scopes of API keys, so that they are
// parsed once for each time that a key is read. It is safe for concurrent use.
type scopes struct {
	mu   sync.Mutex
	read *simplelru.LRU[*identity.Key, *policy.Key]
}

// rememberedKeys bounds scopes.
const rememberedKeys = 1024

func newScopes() *scopes {
	read, err := simplelru.NewLRU[*identity.Key, *policy.Key](rememberedKeys, nil)
	if err != nil {
		panic("the size of an LRU is positive: " + err.Error())
	}
	return &scopes{read: read}
}

// of returns the key as the policy sees it, nil for nil. A scope that cannot be read
// any more is a fault: a key must not be judged without it.
func (s *scopes) of(key *identity.Key) (*policy.Key, error) {
	if key == nil {
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if seen, ok := s.read.Get(key); ok {
		return seen, nil
	}
	seen := &policy.Key{ID: key.ID, Name: key.Name, Scopes: make([]policy.Scope, len(key.Scopes))}
	for i, text := range key.Scopes {
		scope, err := policy.ParseScope(text)
		if err != nil {
			return nil, fmt.Errorf("API key %s: scope %q: %w", key.ID, text, err)
		}
		seen.Scopes[i] = scope
	}
	s.read.Add(key, seen)
	return seen, nil
}
