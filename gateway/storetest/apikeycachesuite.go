package storetest

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"faveo-gateway/gateway/apikey"
)

// OpenAPIKeyCache opens an empty cache for one test, which also ends it. advance moves
// its clock; it is nil for a cache whose time cannot be moved, for which the tests wait.
type OpenAPIKeyCache func(t *testing.T) (cache apikey.Cache, advance func(time.Duration))

// TestAPIKeyCache tests the contract of apikey.Cache. Caches that open returns must not
// see each other's values.
func TestAPIKeyCache(t *testing.T, open OpenAPIKeyCache) {
	cases := []struct {
		name string
		test func(*testing.T, *apiKeyCacheSuite)
	}{
		{"nothing is there at first", cacheEmpty},
		{"bytes come back as they were", cacheBytes},
		{"names do not meet", cacheNames},
		{"a lower version never returns", cacheVersions},
		{"a value is over after its life", cacheLife},
		{"a lower version can come when the higher one is over", cacheVersionLife},
		{"an announcement needs nobody to hear it", cacheAnnounces},
		{"a caller that is gone gets no answer", cacheCallerGone},
		{"of parallel values the highest version stays", cacheParallel},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			cache, advance := open(t)
			c.test(t, &apiKeyCacheSuite{Cache: cache, advance: advance})
		})
	}
}

type apiKeyCacheSuite struct {
	apikey.Cache
	advance func(time.Duration)
}

func (s *apiKeyCacheSuite) put(t *testing.T, name string, version int64, value string, life time.Duration) {
	t.Helper()
	if err := s.Put(t.Context(), name, version, []byte(value), life); err != nil {
		t.Fatalf("Put: %v", err)
	}
}

func (s *apiKeyCacheSuite) want(t *testing.T, name, want string) {
	t.Helper()
	if got, found, err := s.Get(t.Context(), name); err != nil || !found || string(got) != want {
		t.Errorf("Get(%q) = %q, %v, %v, want %q", name, got, found, err, want)
	}
}

func (s *apiKeyCacheSuite) wantNothing(t *testing.T, name string) {
	t.Helper()
	if got, found, err := s.Get(t.Context(), name); err != nil || found || len(got) != 0 {
		t.Errorf("Get(%q) = %q, %v, %v, want nothing", name, got, found, err)
	}
}

// pass lets time go by; where it cannot be moved, the lives of the tests are short.
func (s *apiKeyCacheSuite) pass(d time.Duration) {
	if s.advance == nil {
		time.Sleep(d + 20*time.Millisecond)
		return
	}
	s.advance(d)
}

const cacheShort = 100 * time.Millisecond

func cacheEmpty(t *testing.T, s *apiKeyCacheSuite) {
	s.wantNothing(t, "key-a00000000000")
	s.wantNothing(t, strings.Repeat("n", 64))
}

func cacheBytes(t *testing.T, s *apiKeyCacheSuite) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for name, value := range map[string]string{
		"all": string(all), "empty": "", "large": string(bytes.Repeat(all, 100)), "digits": "12:34", "line": "\n7:x\r\n",
	} {
		s.put(t, name, 7, value, time.Minute)
		s.want(t, name, value)
	}
}

func cacheNames(t *testing.T, s *apiKeyCacheSuite) {
	s.put(t, "key-a", 1, "lower case", time.Minute)
	s.put(t, "key-A", 2, "upper case", time.Minute)
	s.want(t, "key-a", "lower case")
	s.want(t, "key-A", "upper case")
	s.wantNothing(t, "key-")
}

func cacheVersions(t *testing.T, s *apiKeyCacheSuite) {
	s.put(t, "a", 9, "nine", time.Minute)
	s.put(t, "a", 8, "eight", time.Minute)
	s.want(t, "a", "nine")
	s.put(t, "a", 9, "nine again", time.Minute)
	s.want(t, "a", "nine again")
	s.put(t, "a", 10, "ten", time.Minute)
	s.put(t, "a", 9, "nine", time.Minute)
	s.want(t, "a", "ten")
	const millis = int64(1_795_422_901_123)
	s.put(t, "a", millis, "now", time.Minute)
	s.put(t, "a", millis-1, "before", time.Minute)
	s.want(t, "a", "now")
}

func cacheLife(t *testing.T, s *apiKeyCacheSuite) {
	s.put(t, "short", 1, "x", cacheShort)
	s.put(t, "long", 1, "x", time.Hour)
	s.pass(cacheShort)
	s.wantNothing(t, "short")
	s.want(t, "long", "x")
}

func cacheVersionLife(t *testing.T, s *apiKeyCacheSuite) {
	s.put(t, "a", 2, "two", cacheShort)
	s.pass(cacheShort)
	s.put(t, "a", 1, "one", time.Minute)
	s.want(t, "a", "one")
}

func cacheAnnounces(t *testing.T, s *apiKeyCacheSuite) {
	if err := s.Announce(t.Context(), "a00000000000"); err != nil {
		t.Errorf("Announce: %v", err)
	}
}

func cacheCallerGone(t *testing.T, s *apiKeyCacheSuite) {
	s.put(t, "a", 1, "x", time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, found, get := s.Get(ctx, "a")
	for name, err := range map[string]error{
		"Get": get, "Put": s.Put(ctx, "a", 2, nil, time.Minute), "Announce": s.Announce(ctx, "a00000000000"),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled", name, err)
		}
	}
	if found {
		t.Error("found, with an error")
	}
	s.want(t, "a", "x")
}

func cacheParallel(t *testing.T, s *apiKeyCacheSuite) {
	var all sync.WaitGroup
	for version := range int64(20) {
		all.Go(func() {
			value := string(rune('a' + version))
			if err := s.Put(t.Context(), "a", version, []byte(value), time.Minute); err != nil {
				t.Errorf("Put: %v", err)
			}
		})
	}
	all.Wait()
	s.want(t, "a", "t")
}
