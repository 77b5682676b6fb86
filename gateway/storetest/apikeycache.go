package storetest

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"time"

	"faveo-gateway/gateway/apikey"
)

var _ apikey.Cache = (*APIKeyCache)(nil)

// APIKeyCache is an apikey.Cache in memory. It is safe for concurrent use.
type APIKeyCache struct {
	door
	now     func() time.Time
	values  map[string]cachedValue
	hearers map[*func(string)]bool
}

// cachedValue is a value in an APIKeyCache.
type cachedValue struct {
	version int64
	content []byte
	until   time.Time
}

// NewAPIKeyCache returns an empty cache whose clock is now.
func NewAPIKeyCache(now func() time.Time) *APIKeyCache {
	return &APIKeyCache{now: now, values: make(map[string]cachedValue), hearers: make(map[*func(string)]bool)}
}

// Watch lets hear be called, within Announce, with the id of each announcement, until
// stop.
func (c *APIKeyCache) Watch(hear func(id string)) (stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hearers[&hear] = true
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.hearers, &hear)
	}
}

// Values returns what is stored, as somebody could read it who has stolen it.
func (c *APIKeyCache) Values() map[string][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	values := make(map[string][]byte)
	for name, v := range c.values {
		values[name] = bytes.Clone(v.content)
	}
	return values
}

// Tamper stores a value under any name, as somebody could who can write there.
func (c *APIKeyCache) Tamper(name string, content []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.values[name] = cachedValue{version: c.values[name].version, content: bytes.Clone(content), until: c.now().Add(time.Hour)}
}

// Forget drops all values, as a Redis that was emptied.
func (c *APIKeyCache) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.values)
}

// Get implements apikey.Cache.
func (c *APIKeyCache) Get(ctx context.Context, name string) ([]byte, bool, error) {
	if err := c.enter(ctx); err != nil {
		return nil, false, err
	}
	defer c.mu.Unlock()
	v, found := c.find(name)
	return bytes.Clone(v.content), found, nil
}

// Put implements apikey.Cache.
func (c *APIKeyCache) Put(ctx context.Context, name string, version int64, value []byte, life time.Duration) error {
	if err := c.enter(ctx); err != nil {
		return err
	}
	defer c.mu.Unlock()
	if v, found := c.find(name); !found || version >= v.version {
		c.values[name] = cachedValue{version: version, content: bytes.Clone(value), until: c.now().Add(life)}
	}
	return nil
}

// find returns a value that has not expired.
func (c *APIKeyCache) find(name string) (cachedValue, bool) {
	v, found := c.values[name]
	if found && !c.now().Before(v.until) {
		delete(c.values, name)
		return cachedValue{}, false
	}
	return v, found
}

// Announce implements apikey.Cache.
func (c *APIKeyCache) Announce(ctx context.Context, id string) error {
	if err := c.enter(ctx); err != nil {
		return err
	}
	hearers := slices.Collect(maps.Keys(c.hearers))
	c.mu.Unlock()
	for _, hear := range hearers {
		(*hear)(id)
	}
	return nil
}
