package apikey

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// The names in the Cache. No id has a dash, so that no key can have the second.
const (
	recordName       = "key-" // and the id
	installationName = "faveo-installation"
)

// sharedLife is how long the Cache keeps a value: longer than anybody believes it, so
// that while one is there no read from before it can put an older one in its place and
// be believed.
const sharedLife = 2 * Staleness

// shared is the Cache with a seal around it.
type shared struct {
	cache  Cache
	pepper Pepper
	now    func() time.Time
}

// envelope is what is sealed: a document, and when it was read from where it comes
// from, in Unix microseconds. It is the read's beginning, so that nothing is believed
// for longer because a store was slow.
type envelope[T any] struct {
	Read     int64 `json:"read"`
	Document T     `json:"document"`
}

// get returns the document of that name and when it was read. found is false for one
// that is not there, that was read so long ago, or in the future, that it is not
// believed, or not after since. The error is a fault of the Cache, or an errSeal.
func get[T any](ctx context.Context, s shared, name string, since time.Time) (document T, readAt time.Time, found bool, err error) {
	sealed, found, err := s.cache.Get(ctx, name)
	if err != nil || !found {
		return document, time.Time{}, false, err
	}
	content, err := s.pepper.open(name, sealed)
	if err != nil {
		return document, time.Time{}, false, err
	}
	var e envelope[T]
	if err := decodeStrict(content, &e); err != nil {
		return document, time.Time{}, false, fmt.Errorf("%w: %w", errSeal, err)
	}
	readAt = time.UnixMicro(e.Read)
	if !fresh(readAt, s.now(), Staleness) || !readAt.After(since) {
		return document, time.Time{}, false, nil
	}
	return e.Document, readAt, true, nil
}

// put offers a document to all replicas.
func put[T any](ctx context.Context, s shared, name string, version int64, document T, readAt time.Time) error {
	content, err := json.Marshal(envelope[T]{Read: readAt.UnixMicro(), Document: document})
	if err != nil {
		return fmt.Errorf("encode for the cache: %w", err)
	}
	return s.cache.Put(ctx, name, version, s.pepper.seal(name, content), sharedLife)
}

// putRecord offers a record, as the Store had it at readAt or later.
func (s shared) putRecord(ctx context.Context, r Record, readAt time.Time) error {
	return put(ctx, s, recordName+r.ID, r.Version, documentOf(r), readAt)
}

// fresh reports whether what was read at readAt is believed at now, for an age. What was
// read in the future was read by a clock that was wrong, or is: how old it is, nobody
// knows.
func fresh(readAt, now time.Time, age time.Duration) bool {
	past := now.Sub(readAt)
	return past >= 0 && past < age
}
