package redisstore_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"faveo-gateway/gateway/redisstore"
	"faveo-gateway/gateway/session"
	"faveo-gateway/gateway/storetest"
	"faveo-gateway/gateway/storetest/service"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// options are o with the usual values for what is required.
func options(o redisstore.Options) redisstore.Options {
	o.KeyPrefix = cmp.Or(o.KeyPrefix, "fgw:")
	o.Timeout = cmp.Or(o.Timeout, time.Second)
	return o
}

// open opens a Store and closes it with the test.
func open(t *testing.T, o redisstore.Options) *redisstore.Store {
	t.Helper()
	store, err := redisstore.Open(t.Context(), options(o))
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return store
}

// openMini opens a Store on a miniredis of its own, and a clock for both.
func openMini(t *testing.T) (*redisstore.Store, *miniredis.Miniredis, *storetest.Clock) {
	t.Helper()
	server, clock := miniredis.RunT(t), storetest.NewClock()
	server.SetTime(clock.Now())
	return open(t, redisstore.Options{URL: "redis://" + server.Addr(), Now: clock.Now}), server, clock
}

// pass moves the clock of the gateway and that of a miniredis.
func pass(server *miniredis.Miniredis, clock *storetest.Clock, d time.Duration) {
	clock.Advance(d)
	server.SetTime(clock.Now())
	server.FastForward(d)
}

// realRedis returns a client of the Redis that all tests share, and a key prefix
// whose keys are removed with the test.
func realRedis(t *testing.T) (*redis.Client, string) {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: service.RedisAddress})
	t.Cleanup(func() { _ = client.Close() })
	service.Require(t, "Redis at "+service.RedisAddress, client.Ping(t.Context()).Err())
	prefix := newPrefix()
	t.Cleanup(func() {
		ctx := context.Background()
		keys := client.Scan(ctx, 0, prefix+"*", 1000).Iterator()
		for keys.Next(ctx) {
			client.Del(ctx, keys.Val())
		}
	})
	return client, prefix
}

// prefixOf returns a key prefix of the test's own on the Redis at url, which must be
// the shared one or the test's own.
func prefixOf(t *testing.T, url string) string {
	t.Helper()
	if url != "redis://"+service.RedisAddress {
		return newPrefix()
	}
	_, prefix := realRedis(t)
	return prefix
}

func newPrefix() string { return "fgwtest:" + rand.Text() + ":" }

// dial returns a client of a server of the test's own.
func dial(t *testing.T, address string) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: address})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func newSession(now time.Time, userID uint64) session.Session {
	now = now.UTC().Truncate(time.Millisecond)
	return session.Session{
		ID: session.NewID(), UserID: userID, Role: "user", PasswordFingerprint: "f",
		CreatedAt: now, ExpiresAt: now.Add(time.Hour), RefreshableUntil: now.Add(24 * time.Hour), SeenAt: now,
		Token: session.Token{ID: session.NewID(), KeyID: "key"},
	}
}

// adoptable is a session of a token that Faveo issued.
func adoptable(now time.Time, userID uint64) session.Session {
	s := newSession(now, userID)
	s.Adopted, s.Token.KeyID = true, ""
	return s
}

// begin is the first start of an installation, after which tokens of Faveo are adopted.
func begin(t *testing.T, store *redisstore.Store) {
	t.Helper()
	if err := store.BeginAdoption(t.Context()); err != nil {
		t.Fatalf("BeginAdoption: %v", err)
	}
}

// adopt adopts a session, of a token that was issued a minute before.
func adopt(t *testing.T, store *redisstore.Store, s session.Session) session.Session {
	t.Helper()
	if _, err := store.Adopt(t.Context(), s, s.CreatedAt.Add(-time.Minute), 10); err != nil {
		t.Fatalf("Adopt: %v", err)
	}
	return s
}

// wantNotAdopted wants a token to be refused, and nothing to be stored of it.
func wantNotAdopted(t *testing.T, when string, store *redisstore.Store, s session.Session, issuedAt time.Time) {
	t.Helper()
	if _, err := store.Adopt(t.Context(), s, issuedAt, 10); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("Adopt %s: %v, want ErrNotFound", when, err)
	}
	if _, err := store.Find(t.Context(), s.UserID, s.ID); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("Find %s: %v, want ErrNotFound", when, err)
	}
}

func create(t *testing.T, store *redisstore.Store, s session.Session) session.Session {
	t.Helper()
	if _, err := store.Create(t.Context(), s, 10); err != nil {
		t.Fatalf("Create: %v", err)
	}
	return s
}
