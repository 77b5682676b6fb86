package redisstore_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"faveo-gateway/gateway/keyring"
	"faveo-gateway/gateway/redisstore"
	"faveo-gateway/gateway/session"
	"faveo-gateway/gateway/storetest"
	"faveo-gateway/gateway/storetest/service"
)

func TestSessionStoreMiniredis(t *testing.T) {
	storetest.TestSessionStore(t, func(t *testing.T) (session.Store, func() time.Time, func(time.Duration)) {
		store, server, clock := openMini(t)
		begin(t, store)
		return store, clock.Now, func(d time.Duration) { pass(server, clock, d) }
	})
}

func TestSessionStoreRedis(t *testing.T) {
	testSessionStore(t, "redis://"+service.RedisAddress)
}

// testSessionStore runs the suite on real servers. Each test has a prefix of its own.
func testSessionStore(t *testing.T, url string) {
	storetest.TestSessionStore(t, func(t *testing.T) (session.Store, func() time.Time, func(time.Duration)) {
		store := open(t, redisstore.Options{URL: url, KeyPrefix: prefixOf(t, url)})
		begin(t, store)
		return store, time.Now, nil
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

	// What has ended is forgotten, unless it could be adopted again.
	begin(t, store)
	forgotten, gone, unseen := create(t, store, newSession(time.Now(), 7)), adopt(t, store, adoptable(time.Now(), 7)), session.NewID()
	for _, over := range []session.Session{forgotten, gone} {
		if err := store.Delete(t.Context(), 7, over.ID); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Bar(t.Context(), 9, unseen, time.Now().Add(30*time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := store.DeleteAll(t.Context(), 8); err != nil {
		t.Fatal(err)
	}
	if n, err := store.Count(t.Context()); n != 2 || err != nil {
		t.Errorf("Count = %d, %v, want 2", n, err)
	}
	replica := session.NewID()
	if _, err := store.Registry().Register(t.Context(), keyring.Replica{ID: replica}, 15*time.Second); err != nil {
		t.Fatal(err)
	}

	want := map[string]time.Duration{
		prefix + "{u:7}:s:" + long.ID:      time.Hour,
		prefix + "{u:7}:s:" + short.ID:     time.Minute,
		prefix + "{u:7}:e:" + gone.ID:      2 * time.Hour,
		prefix + "{u:9}:e:" + unseen:       90 * time.Minute,
		prefix + "{all}:adopting":          31 * 24 * time.Hour,
		prefix + "{u:7}:index":             time.Hour + time.Second,
		prefix + "{u:8}:since":             31 * 24 * time.Hour,
		prefix + "{news}:epoch":            24 * time.Hour,
		prefix + "{census}":                time.Minute,
		prefix + "{replicas}:r:" + replica: 16 * time.Second,
		prefix + "{replicas}:leases":       16 * time.Second,
	}
	keys, err := client.Keys(t.Context(), prefix+"*").Result()
	if err != nil || len(keys) != len(want) {
		t.Errorf("keys = %q, %v, want %d", keys, err, len(want))
	}
	for _, key := range keys {
		ttl, err := client.PTTL(t.Context(), key).Result()
		if life, known := want[key]; !known || err != nil || ttl > life || ttl < life-10*time.Second {
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
	want := []string{prefix + "{news}:epoch", prefix + "{u:7}:since"}
	keys, err := client.Keys(t.Context(), prefix+"*").Result()
	slices.Sort(keys)
	if err != nil || !slices.Equal(keys, want) {
		t.Errorf("keys %q, %v, want %q", keys, err, want)
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

// TestEndedSessionsLeaveTheirKeys counts the keys: what is over by the index alone would
// stay until it expires. An adopted session has its tombstone from the beginning.
func TestEndedSessionsLeaveTheirKeys(t *testing.T) {
	store, server, clock := openMini(t)
	wantKeys := func(when string, live, adopted []session.Session, more ...string) {
		t.Helper()
		var index []string
		want := more
		for _, s := range live {
			want, index = append(want, "fgw:{u:7}:s:"+s.ID), append(index, s.ID)
		}
		for _, s := range adopted {
			want = append(want, "fgw:{u:7}:e:"+s.ID)
		}
		slices.Sort(want)
		if keys := server.Keys(); !slices.Equal(keys, want) {
			t.Errorf("%s: keys %q, want %q", when, keys, want)
		}
		if members, _ := server.ZMembers("fgw:{u:7}:index"); !slices.Equal(members, index) {
			t.Errorf("%s: index %q, want %q", when, members, index)
		}
	}
	const index, epoch, since, marker = "fgw:{u:7}:index", "fgw:{news}:epoch", "fgw:{u:7}:since", "fgw:{all}:adopting"
	type sessions = []session.Session
	begin(t, store)
	a, b, c := adopt(t, store, adoptable(clock.Now(), 7)), newSession(clock.Now(), 7), adoptable(clock.Now(), 7)
	if _, err := store.Create(t.Context(), b, 2); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Adopt(t.Context(), c, clock.Now(), 2); err != nil {
		t.Fatal(err)
	}
	wantKeys("beyond the limit", sessions{b, c}, sessions{a, c}, index, epoch, marker)
	if err := store.Delete(t.Context(), 7, b.ID); err != nil {
		t.Fatal(err)
	}
	wantKeys("after Delete", sessions{c}, sessions{a, c}, index, epoch, marker)
	// A refresh does not make it another kind.
	changed := c
	changed.Token.KeyID = "key"
	if err := store.Replace(t.Context(), c, changed); err != nil {
		t.Fatal(err)
	}
	if _, err := store.DeleteAll(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	wantKeys("after DeleteAll", nil, sessions{a, c}, epoch, since, marker)
	pass(server, clock, 2*time.Hour-time.Second)
	wantKeys("within the hour after all would have expired", nil, sessions{a, c}, epoch, since, marker)
	pass(server, clock, time.Second)
	wantKeys("an hour after all would have expired", nil, nil, epoch, since, marker)
}

// TestLoginLoopLeavesNothing behind beyond the limit: whoever logs in for ever, and never
// out, takes no more of Redis than others.
func TestLoginLoopLeavesNothing(t *testing.T) {
	client, prefix := realRedis(t)
	store := open(t, redisstore.Options{URL: "redis://" + service.RedisAddress, KeyPrefix: prefix})
	const most = 20
	for range 10 * most {
		if _, err := store.Create(t.Context(), newSession(time.Now(), 7), most); err != nil {
			t.Fatal(err)
		}
	}
	keys, err := client.Keys(t.Context(), prefix+"*").Result()
	if err != nil || len(keys) != most+2 {
		t.Errorf("%d keys, %v, want %d sessions, their index and the epoch", len(keys), err, most)
	}
}

// TestEndOfUnreadableRecords: what does not say whether it was adopted may have been.
func TestEndOfUnreadableRecords(t *testing.T) {
	for name, spoil := range map[string]func(client *redis.Client, key string) error{
		"no JSON":   func(c *redis.Client, key string) error { return c.Set(t.Context(), key, "text", time.Hour).Err() },
		"no object": func(c *redis.Client, key string) error { return c.Set(t.Context(), key, "7", time.Hour).Err() },
		"null":      func(c *redis.Client, key string) error { return c.Set(t.Context(), key, "null", time.Hour).Err() },
		"another's key": func(c *redis.Client, key string) error {
			return errors.Join(c.Del(t.Context(), key).Err(), c.LPush(t.Context(), key, "x").Err(), c.Expire(t.Context(), key, time.Hour).Err())
		},
	} {
		t.Run(name, func(t *testing.T) {
			client, prefix := realRedis(t)
			store := open(t, redisstore.Options{URL: "redis://" + service.RedisAddress, KeyPrefix: prefix})
			begin(t, store)
			s, kept := adopt(t, store, adoptable(time.Now(), 7)), adopt(t, store, adoptable(time.Now(), 7))
			if err := spoil(client, prefix+"{u:7}:s:"+s.ID); err != nil {
				t.Fatal(err)
			}
			if err := store.Delete(t.Context(), 7, s.ID); err != nil {
				t.Errorf("Delete: %v", err)
			}
			wantNotAdopted(t, "after its end", store, s, s.CreatedAt)
			if got, err := store.Find(t.Context(), 7, kept.ID); err != nil || got != kept {
				t.Errorf("the other session: %+v, %v", got, err)
			}
		})
	}
}

// TestListPrunesTheIndex: what has expired beside a session that lives long.
func TestListPrunesTheIndex(t *testing.T) {
	store, server, clock := openMini(t)
	long := create(t, store, newSession(clock.Now(), 7))
	for range 5 {
		short := newSession(clock.Now(), 7)
		short.ExpiresAt = short.CreatedAt.Add(time.Minute)
		create(t, store, short)
	}
	pass(server, clock, 2*time.Minute)
	if list, err := store.List(t.Context(), 7); err != nil || !slices.Equal(list, []session.Session{long}) {
		t.Errorf("List = %+v, %v, want the long one", list, err)
	}
	if members, err := server.ZMembers("fgw:{u:7}:index"); err != nil || len(members) != 1 {
		t.Errorf("index = %q, %v, want one", members, err)
	}
}

// TestMarkNeverMovesBack: after a failover the clock of Redis may be slower.
func TestMarkNeverMovesBack(t *testing.T) {
	store, server, clock := openMini(t)
	if _, err := store.DeleteAll(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	server.SetTime(clock.Now().Add(-time.Minute))
	if _, err := store.DeleteAll(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	begin(t, store)
	wantNotAdopted(t, "of a token from before the first DeleteAll", store, adoptable(clock.Now(), 7), clock.Now())
	for _, at := range []time.Time{clock.Now(), clock.Now().Add(-time.Minute)} {
		server.SetTime(at)
		if _, err := store.DeleteEverything(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	wantNotAdopted(t, "of a token from before the first DeleteEverything", store, adoptable(clock.Now(), 8), clock.Now())
}

// TestReplaceOfOddText has a user agent that is no UTF-8: what comes back from Redis
// must still be what is there.
func TestReplaceOfOddText(t *testing.T) {
	store, _, clock := openMini(t)
	odd := newSession(clock.Now(), 7)
	odd.Agent = "caf\xe9 <\u2028>\x00"
	create(t, store, odd)
	found, err := store.Find(t.Context(), 7, odd.ID)
	if err != nil {
		t.Fatal(err)
	}
	changed := found
	changed.SeenAt = found.SeenAt.Add(time.Minute)
	if err := store.Replace(t.Context(), found, changed); err != nil {
		t.Errorf("Replace of what was found: %v", err)
	}
}

// TestWalkPassesOverTheUnreadable: one broken record keeps nobody logged in.
func TestWalkPassesOverTheUnreadable(t *testing.T) {
	store, server, clock := openMini(t)
	broken := create(t, store, newSession(clock.Now(), 7))
	good := []session.Session{create(t, store, newSession(clock.Now(), 7)), create(t, store, newSession(clock.Now(), 8))}
	key := "fgw:{u:7}:s:" + broken.ID
	if err := server.Set(key, "{}"); err != nil {
		t.Fatal(err)
	}
	seen := 0
	err := store.Each(t.Context(), func(session.Session) bool { seen++; return true })
	if err == nil || !strings.Contains(err.Error(), key) || seen != 2 {
		t.Errorf("Each saw %d sessions, %v; want 2 and an error that names %s", seen, err, key)
	}
	n, err := store.DeleteWhere(t.Context(), func(session.Session) bool { return true })
	if err == nil || !strings.Contains(err.Error(), key) || n != 2 {
		t.Errorf("DeleteWhere = %d, %v, want 2 and an error that names %s", n, err, key)
	}
	for _, s := range good {
		if _, err := store.Find(t.Context(), s.UserID, s.ID); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("Find: %v, want ErrNotFound", err)
		}
	}
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
		"no token":              change(s.Token.ID, ""),
		"unknown in previous":   change(`"v":1`, `"v":1,"previous":[{"x":1}]`),
		"too many in previous":  change(`"v":1`, `"v":1,"previous":[{},{},{},{}]`),
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
			_, listed := store.List(t.Context(), 7)
			for _, err := range []error{err, listed} {
				if err == nil || !strings.Contains(err.Error(), key) {
					t.Errorf("error %v does not name the key %s", err, key)
				}
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
