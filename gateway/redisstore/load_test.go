package redisstore_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"faveo-gateway/gateway/redisstore"
	"faveo-gateway/gateway/session"
	"faveo-gateway/gateway/storetest/service"
)

// TestHundredThousandSessions fills a Redis of its own with the sessions of a large
// site, each of another user, which is the most expensive way to have them.
func TestHundredThousandSessions(t *testing.T) {
	sessions := 100_000
	if testing.Short() {
		sessions = 5_000
	}
	address := service.Redis(t)
	client := dial(t, address)
	store := open(t, redisstore.Options{URL: "redis://" + address, Timeout: 5 * time.Second})
	usual := newSession(time.Now(), 1)
	usual.Role, usual.Address = "agent", "203.0.113.77"
	usual.Agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
	usual.PasswordFingerprint = strings.Repeat("f", 43)
	usual.Token.KeyID = strings.Repeat("k", 43)

	before := usedMemory(t, client)
	inParallel(sessions, func(i int) {
		s := usual
		s.ID, s.UserID, s.Token.ID = session.NewID(), uint64(i+1), session.NewID()
		if _, err := store.Create(t.Context(), s, 10); err != nil {
			t.Errorf("Create: %v", err)
		}
	})
	perSession := (usedMemory(t, client) - before) / sessions
	t.Logf("%d sessions of as many users: %d bytes of Redis each", sessions, perSession)
	if perSession > 1536 {
		t.Errorf("a session takes %d bytes of Redis", perSession)
	}
	began := time.Now()
	if n, err := store.Count(t.Context()); n != sessions || err != nil {
		t.Errorf("Count = %d, %v, want %d", n, err, sessions)
	}
	counted := time.Since(began)
	began = time.Now()
	seen := 0
	if err := store.Each(t.Context(), func(session.Session) bool { seen++; return true }); err != nil || seen != sessions {
		t.Errorf("Each has seen %d, %v, want %d", seen, err, sessions)
	}
	walked := time.Since(began)
	wantEveryKeyToExpire(t, client, 2*sessions)
	began = time.Now()
	n, err := store.DeleteWhere(t.Context(), func(s session.Session) bool { return s.UserID%2 == 0 })
	if n != sessions/2 || err != nil {
		t.Errorf("DeleteWhere = %d, %v, want %d", n, err, sessions/2)
	}
	t.Logf("counted in %v, walked in %v, half of them ended in %v", counted, walked, time.Since(began))
	wantEveryKeyToExpire(t, client, sessions)
}

// wantEveryKeyToExpire asks for the life of all keys, of which there are so many at
// least.
func wantEveryKeyToExpire(t *testing.T, client *redis.Client, atLeast int) {
	t.Helper()
	asked := 0
	for cursor, first := uint64(0), true; first || cursor != 0; first = false {
		var keys []string
		var err error
		if keys, cursor, err = client.Scan(t.Context(), cursor, "*", 5000).Result(); err != nil {
			t.Fatal(err)
		}
		p := client.Pipeline()
		lives := make([]*redis.DurationCmd, len(keys))
		for i, key := range keys {
			lives[i] = p.PTTL(t.Context(), key)
		}
		if _, err := p.Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i, life := range lives {
			if life.Val() <= 0 && life.Val() != -2 { // -2: it has expired meanwhile.
				t.Errorf("%s does not expire", keys[i])
			}
		}
		asked += len(keys)
	}
	if asked < atLeast {
		t.Errorf("only %d keys were asked for, want %d", asked, atLeast)
	}
}

// TestIndexIsPruned: sessions that expire leave the index of a user whose other
// session lives long.
func TestIndexIsPruned(t *testing.T) {
	client, prefix := realRedis(t)
	store := open(t, redisstore.Options{URL: "redis://" + service.RedisAddress, KeyPrefix: prefix})
	create(t, store, newSession(time.Now(), 7))
	var short session.Session
	for range 50 {
		short = newSession(time.Now(), 7)
		short.ExpiresAt = time.Now().Add(100 * time.Millisecond)
		if _, err := store.Create(t.Context(), short, 100); err != nil {
			t.Fatal(err)
		}
	}
	deadline := time.Now().Add(5 * time.Second)
	for client.Exists(t.Context(), fmt.Sprintf("%s{u:7}:s:%s", prefix, short.ID)).Val() != 0 {
		if time.Now().After(deadline) {
			t.Fatal("it does not expire")
		}
		time.Sleep(time.Millisecond)
	}
	create(t, store, newSession(time.Now(), 7))
	if n := client.ZCard(t.Context(), prefix+"{u:7}:index").Val(); n != 2 {
		t.Errorf("the index has %d sessions, want 2", n)
	}
}

// inParallel calls do with each number below n.
func inParallel(n int, do func(i int)) {
	const workers = 16
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for i := w; i < n; i += workers {
				do(i)
			}
		})
	}
	all.Wait()
}

func usedMemory(t *testing.T, client *redis.Client) int {
	t.Helper()
	info, err := client.Info(t.Context(), "memory").Result()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(info, "used_memory:")
	text, _, _ := strings.Cut(rest, "\r\n")
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("used_memory: %v", err)
	}
	return n
}
