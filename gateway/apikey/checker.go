package apikey

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/gateway/limit"
)

// refusalLife is how long a wrong secret is refused, and an unknown id, without asking
// again. It may have been made on another replica, whose news is under way.
const refusalLife = time.Second

// checker checks managed keys. It is safe for concurrent use.
type checker struct {
	store   Store
	shared  shared
	pepper  Pepper
	ttl     time.Duration
	now     func() time.Time
	metrics *metrics
	uses    *uses
	guesses *guesses
	alarm   *alarm

	// mu guards memory and the table of reads. It is never held during I/O.
	mu     sync.Mutex
	memory *memory
	reads  *reads[lookup, *entry]
}

// lookup is what a read is for, which callers may share.
type lookup struct {
	id string
	// address is whose guess it is: that one address may guess no more is no answer to
	// another. It is empty for a key that is known.
	address string
}

func newChecker(o Options, s shared, m *metrics) *checker {
	c := &checker{
		store: o.Store, shared: s, pepper: o.Pepper, ttl: o.Config.CacheTTL, now: o.Now,
		metrics: m, uses: newUses(), guesses: newGuesses(o), alarm: newAlarm(o.Log), memory: newMemory(),
	}
	c.reads = newReads[lookup, *entry](&c.mu)
	return c
}

// check returns the key whose text that is, when it counts from the address. A key in
// memory costs one HMAC and no I/O.
func (c *checker) check(ctx context.Context, text, address string) (*identity.Key, error) {
	id, err := Parse(text)
	if err != nil {
		return nil, err
	}
	digest, now := c.pepper.digest(text), c.now()
	e, err := c.entry(ctx, id, &digest, address, now)
	if err != nil {
		if tooMany := (*TooMany)(nil); errors.As(err, &tooMany) {
			return nil, tooMany
		}
		return nil, fmt.Errorf("%w: find API key: %w", ErrUnavailable, err)
	}
	if err := e.judge(&digest, address, now); err != nil {
		return nil, err
	}
	c.uses.note(e, now)
	return e.key, nil
}

// entry returns what is known of an id: from memory when that is believed, or by a read
// that this call began or joined. Whatever is not in memory as a key is a guess.
func (c *checker) entry(ctx context.Context, id string, digest *[32]byte, address string, now time.Time) (*entry, error) {
	c.mu.Lock()
	e := c.memory.find(id)
	if e != nil && c.believes(e, digest, now) {
		c.mu.Unlock()
		c.metrics.memory.Inc()
		return e, nil
	}
	l := lookup{id: id}
	if e == nil || e.key == nil {
		l.address = limit.AddressOf(address)
	}
	r, mine := c.reads.join(l)
	since := c.memory.droppedAt(id)
	c.mu.Unlock()
	if !mine {
		return r.wait(ctx)
	}
	return c.lead(ctx, r, l, *digest, since)
}

// lead does a read that this call began.
func (c *checker) lead(ctx context.Context, r *read[*entry], l lookup, digest [32]byte, since time.Time) (*entry, error) {
	find := func(ctx context.Context) (*entry, error) { return c.read(ctx, l.id, since) }
	return c.reads.lead(ctx, l, r,
		func(ctx context.Context) (*entry, error) {
			if l.address == "" {
				return find(ctx)
			}
			return c.guesses.look(ctx, l.address, find, func(e *entry) bool { return e.has(&digest, c.now()) })
		},
		func(e *entry) { c.memory.put(l.id, e) })
}

// believes reports whether e is fresh enough for a key with that digest.
func (c *checker) believes(e *entry, digest *[32]byte, now time.Time) bool {
	life := refusalLife
	if e.has(digest, now) {
		life = c.ttl
	}
	return fresh(e.learntAt, now, life) && fresh(e.readAt, now, Staleness)
}

// read asks the Cache for what the Store had after since, and else the Store, and then
// offers its answer to the other replicas, when that is as it was written. That there is
// no such key is not offered: anybody could fill the Cache.
func (c *checker) read(ctx context.Context, id string, since time.Time) (*entry, error) {
	learntAt := c.now()
	r, readAt, found, fault := c.findShared(ctx, id, since)
	if found {
		c.metrics.shared.Inc()
		return newEntry(r, c.pepper.id, readAt, learntAt), nil
	}
	c.metrics.store.Inc()
	readAt = c.now()
	r, err := c.store.Find(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		return &entry{readAt: readAt, learntAt: learntAt}, nil
	case err != nil:
		return nil, err
	}
	if err := c.pepper.check(id, r); err != nil {
		if errors.Is(err, errAltered) {
			c.metrics.altered.Inc()
			c.alarm.altered(id, learntAt)
		}
		return nil, err
	}
	if fault == nil || errors.Is(fault, errSeal) { // Else the Cache is down; who waits should not wait twice.
		_ = c.shared.putRecord(ctx, r, readAt)
	}
	return newEntry(r, c.pepper.id, readAt, learntAt), nil
}

// findShared asks the Cache. No fault of it decides anything.
func (c *checker) findShared(ctx context.Context, id string, since time.Time) (r Record, readAt time.Time, found bool, fault error) {
	d, readAt, found, err := get[recordDocument](ctx, c.shared, recordName+id, since)
	if err == nil && found {
		r, err = d.record()
		if err == nil && r.ID != id {
			err = errMixedUp
		}
	}
	if err != nil {
		c.metrics.unusable.Inc()
		return Record{}, time.Time{}, false, err
	}
	return r, readAt, found, nil
}

// drop forgets a key, for the news that it has changed, and with "" all of them. A read
// that is under way is not remembered and joined by nobody: it may have been answered
// before the change.
func (c *checker) drop(id string) {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if id == "" {
		c.memory.dropAll(now)
		clear(c.reads.underWay)
		return
	}
	c.memory.drop(id, now)
	maps.DeleteFunc(c.reads.underWay, func(l lookup, _ *read[*entry]) bool { return l.id == id })
}
