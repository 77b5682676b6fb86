package redisstore_test

import (
	"cmp"
	"context"
	"crypto/rand"
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
	return open(t, redisstore.Options{URL: "redis://" + server.Addr(), Now: clock.Now}), server, clock
}

// realRedis returns a client of the real Redis, and a key prefix whose keys are
// removed with the test.
func realRedis(t *testing.T) (*redis.Client, string) {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: service.RedisAddress})
	t.Cleanup(func() { _ = client.Close() })
	service.Require(t, "Redis at "+service.RedisAddress, client.Ping(t.Context()).Err())
	prefix := "fgwtest:" + rand.Text() + ":"
	t.Cleanup(func() {
		ctx := context.Background()
		keys := client.Scan(ctx, 0, prefix+"*", 1000).Iterator()
		for keys.Next(ctx) {
			client.Del(ctx, keys.Val())
		}
	})
	return client, prefix
}

func newSession(now time.Time, userID uint64) session.Session {
	now = now.UTC().Truncate(time.Millisecond)
	return session.Session{
		ID: session.NewID(), UserID: userID, Role: "user", CreatedAt: now, ExpiresAt: now.Add(time.Hour), PasswordFingerprint: "f",
	}
}

func create(t *testing.T, store *redisstore.Store, s session.Session) session.Session {
	t.Helper()
	if _, err := store.Create(t.Context(), s, 10); err != nil {
		t.Fatalf("Create: %v", err)
	}
	return s
}
