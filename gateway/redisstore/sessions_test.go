package redisstore_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"faveo-gateway/gateway/redisstore"
	"faveo-gateway/gateway/session"
	"faveo-gateway/gateway/storetest"
	"faveo-gateway/gateway/storetest/service"
)

func TestSessionStoreMiniredis(t *testing.T) {
	storetest.TestSessionStore(t, func(t *testing.T) (session.Store, func() time.Time, func(time.Duration)) {
		store, server, clock := openMini(t)
		return store, clock.Now, func(d time.Duration) {
			clock.Advance(d)
			server.FastForward(d)
		}
	})
}

func TestSessionStoreRedis(t *testing.T) {
	storetest.TestSessionStore(t, func(t *testing.T) (session.Store, func() time.Time, func(time.Duration)) {
		_, prefix := realRedis(t)
		return open(t, redisstore.Options{URL: "redis://" + service.RedisAddress, KeyPrefix: prefix}), time.Now, nil
	})
}

// TestKeys pins the names and the lives of all keys, on the real Redis.
func TestKeys(t *testing.T) {
	client, prefix := realRedis(t)
	store := open(t, redisstore.Options{URL: "redis://" + service.RedisAddress, KeyPrefix: prefix})
	long := newSession(time.Now(), 7)
	short := newSession(time.Now(), 7)
	short.ExpiresAt = short.CreatedAt.Add(time.Minute)
	create(t, store, long)
	create(t, store, short)

	want := map[string]time.Duration{
		prefix + "{u:7}:s:" + long.ID:  time.Hour,
		prefix + "{u:7}:s:" + short.ID: time.Minute,
		prefix + "{u:7}:index":         time.Hour + time.Second,
	}
	keys, err := client.Keys(t.Context(), prefix+"*").Result()
	if err != nil || len(keys) != len(want) {
		t.Errorf("keys = %q, %v, want %d", keys, err, len(want))
	}
	for _, key := range keys {
		ttl, err := client.PTTL(t.Context(), key).Result()
		if life, known := want[key]; !known || err != nil || ttl > life || ttl < life-30*time.Second {
			t.Errorf("%s expires in %v (%v), want just under %v", key, ttl, err, life)
		}
	}
}

// TestExpiryByRedis has the real Redis end a session by its own clock, whatever
// the gateway's clock shows.
func TestExpiryByRedis(t *testing.T) {
	client, prefix := realRedis(t)
	clock := storetest.NewClock()
	store := open(t, redisstore.Options{URL: "redis://" + service.RedisAddress, KeyPrefix: prefix, Now: clock.Now})
	s := newSession(clock.Now(), 7)
	s.ExpiresAt = s.CreatedAt.Add(40 * time.Millisecond)
	create(t, store, s)
	deadline := time.Now().Add(5 * time.Second)
	for {
		if _, err := store.Find(t.Context(), 7, s.ID); errors.Is(err, session.ErrNotFound) {
			break
		} else if err != nil || time.Now().After(deadline) {
			t.Fatalf("Find of an expired session: %v, want ErrNotFound", err)
		}
	}
	if n, err := store.DeleteAll(t.Context(), 7); n != 0 || err != nil {
		t.Errorf("DeleteAll = %d, %v, want 0", n, err)
	}
	if keys, err := client.Keys(t.Context(), prefix+"*").Result(); err != nil || len(keys) != 0 {
		t.Errorf("left over: %q, %v", keys, err)
	}
}

func TestExpiredAtCreation(t *testing.T) {
	store, server, clock := openMini(t)
	s := newSession(clock.Now(), 7)
	clock.Advance(2 * time.Hour)
	if _, err := store.Create(t.Context(), s, 1); err == nil {
		t.Error("a session that expired an hour ago was created")
	}
	if keys := server.Keys(); len(keys) != 0 {
		t.Errorf("keys = %q, want none", keys)
	}
}

func TestCreateEndedMeanwhileIsAnswered(t *testing.T) {
	store, server, clock := openMini(t)
	create(t, store, newSession(clock.Now(), 7))
	server.FlushAll()
	s := create(t, store, newSession(clock.Now(), 7))
	if got, err := store.Find(t.Context(), 7, s.ID); err != nil || got != s {
		t.Errorf("after Redis was emptied: %+v, %v, want %+v", got, err, s)
	}
}

// TestEvictedIndex loses the index alone: its sessions are over, because
// DeleteAll could not find them any more.
func TestEvictedIndex(t *testing.T) {
	store, server, clock := openMini(t)
	s := create(t, store, newSession(clock.Now(), 7))
	server.Del("fgw:{u:7}:index")
	if _, err := store.Find(t.Context(), 7, s.ID); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("Find without the index: %v, want ErrNotFound", err)
	}
	create(t, store, newSession(clock.Now(), 7))
	if _, err := store.Find(t.Context(), 7, s.ID); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("Find after the index came back: %v, want ErrNotFound", err)
	}
}

// TestEvictedRecord loses one record: it does not count for the limit.
func TestEvictedRecord(t *testing.T) {
	store, server, clock := openMini(t)
	lost := create(t, store, newSession(clock.Now(), 7))
	kept := create(t, store, newSession(clock.Now(), 7))
	server.Del("fgw:{u:7}:s:" + lost.ID)
	ended, err := store.Create(t.Context(), newSession(clock.Now(), 7), 2)
	if err != nil || len(ended) != 0 {
		t.Errorf("Create = %q, %v, want nothing ended", ended, err)
	}
	if _, err := store.Find(t.Context(), 7, kept.ID); err != nil {
		t.Errorf("Find: %v", err)
	}
	if members, err := server.ZMembers("fgw:{u:7}:index"); err != nil || len(members) != 2 {
		t.Errorf("index = %q, %v, want two", members, err)
	}
}

// TestEndedSessionsLeaveNothing counts the keys: what is over by the index alone
// would stay until it expires.
func TestEndedSessionsLeaveNothing(t *testing.T) {
	store, server, clock := openMini(t)
	wantKeys := func(when string, sessions ...session.Session) {
		t.Helper()
		var want, index []string
		for _, s := range sessions {
			want, index = append(want, "fgw:{u:7}:s:"+s.ID), append(index, s.ID)
		}
		if len(want) > 0 {
			want = append(want, "fgw:{u:7}:index")
		}
		slices.Sort(want)
		if keys := server.Keys(); !slices.Equal(keys, want) {
			t.Errorf("%s: keys %q, want %q", when, keys, want)
		}
		if members, _ := server.ZMembers("fgw:{u:7}:index"); !slices.Equal(members, index) {
			t.Errorf("%s: index %q, want %q", when, members, index)
		}
	}
	a, b, c := newSession(clock.Now(), 7), newSession(clock.Now(), 7), newSession(clock.Now(), 7)
	for _, s := range []session.Session{a, b, c} {
		if _, err := store.Create(t.Context(), s, 2); err != nil {
			t.Fatal(err)
		}
	}
	wantKeys("beyond the limit", b, c)
	if err := store.Delete(t.Context(), 7, b.ID); err != nil {
		t.Fatal(err)
	}
	wantKeys("after Delete", c)
	if _, err := store.DeleteAll(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	wantKeys("after DeleteAll")
}

func TestUnreadableRecords(t *testing.T) {
	store, server, clock := openMini(t)
	s := create(t, store, newSession(clock.Now(), 7))
	key := "fgw:{u:7}:s:" + s.ID
	good, err := server.Get(key)
	if err != nil {
		t.Fatal(err)
	}
	change := func(old, replacement string) string {
		t.Helper()
		if !strings.Contains(good, old) {
			t.Fatalf("the record %s has no %s", good, old)
		}
		return strings.Replace(good, old, replacement, 1)
	}
	cases := map[string]string{
		"empty":                 "",
		"no JSON":               "session",
		"null":                  "null",
		"list":                  "[" + good + "]",
		"cut":                   good[:len(good)-1],
		"text after the end":    good + "{}",
		"another version":       change(`"v":1`, `"v":2`),
		"no version":            change(`"v":1,`, ``),
		"unknown member":        change(`"v":1`, `"v":1,"admin":true`),
		"another user":          change(`"user":7`, `"user":8`),
		"another user as text":  change(`"user":7`, `"user":"7"`),
		"another session":       change(s.ID, session.NewID()),
		"no fingerprint":        change(`"fingerprint":"f"`, `"fingerprint":""`),
		"no life":               change(fmt.Sprint(s.ExpiresAt.UnixMilli()), fmt.Sprint(s.CreatedAt.UnixMilli())),
		"expiry beyond a clock": change(fmt.Sprint(s.ExpiresAt.UnixMilli()), "99999999999999999999"),
	}
	for name, content := range cases {
		t.Run(name, func(t *testing.T) {
			if err := server.Set(key, content); err != nil {
				t.Fatal(err)
			}
			got, err := store.Find(t.Context(), 7, s.ID)
			if err == nil || errors.Is(err, session.ErrNotFound) || errors.Is(err, session.ErrMalformed) {
				t.Fatalf("Find = %+v, %v, want a fault", got, err)
			}
			if got != (session.Session{}) {
				t.Errorf("Find returned %+v with its error", got)
			}
			if !strings.Contains(err.Error(), key) {
				t.Errorf("error %q does not name the key %s", err, key)
			}
		})
	}
	if err := server.Set(key, good); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Find(t.Context(), 7, s.ID); err != nil {
		t.Errorf("the good record: %v", err)
	}
}

// TestWrongType has another program's data under our keys.
func TestWrongType(t *testing.T) {
	store, server, clock := openMini(t)
	s := create(t, store, newSession(clock.Now(), 7))
	server.Del("fgw:{u:7}:index")
	if err := server.Set("fgw:{u:7}:index", "text"); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Find(t.Context(), 7, s.ID); err == nil || errors.Is(err, session.ErrNotFound) {
		t.Errorf("Find: %v, want a fault", err)
	}
	if n, err := store.DeleteAll(t.Context(), 7); err == nil {
		t.Errorf("DeleteAll = %d without an error", n)
	}
}
