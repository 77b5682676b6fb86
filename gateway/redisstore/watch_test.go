package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"faveo-gateway/gateway/redisstore"
	"faveo-gateway/gateway/session"
	"faveo-gateway/gateway/storetest/service"
)

// watch runs Watch until the test ends and returns what its handler is told.
func watch(t *testing.T, store *redisstore.Store) <-chan string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	told, done := make(chan string, 100), make(chan error, 1)
	go func() {
		done <- store.Watch(ctx, func(userID uint64, id string) { told <- fmt.Sprintf("%d %q", userID, id) })
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("Watch returned %v, want context.Canceled", err)
			}
		case <-time.After(5 * time.Second):
			t.Error("Watch does not end with its context")
		}
	})
	return told
}

const everything = `0 ""`

func wantTold(t *testing.T, told <-chan string, want ...string) {
	t.Helper()
	for _, w := range want {
		select {
		case got := <-told:
			if got != w {
				t.Fatalf("told %s, want %s", got, w)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("never told %s", w)
		}
	}
}

func message(s session.Session) string { return fmt.Sprintf("%d %q", s.UserID, s.ID) }

// testWatch ends sessions on one replica and listens on another.
func testWatch(t *testing.T, here, there *redisstore.Store, now func() time.Time) {
	told := watch(t, there)
	wantTold(t, told, everything)
	a, b, c := newSession(now(), 7), newSession(now(), 7), newSession(now(), 7)
	for _, s := range []session.Session{a, b, c} {
		if _, err := here.Create(t.Context(), s, 2); err != nil {
			t.Fatal(err)
		}
	}
	wantTold(t, told, message(a)) // ended by the limit
	if err := here.Delete(t.Context(), 7, b.ID); err != nil {
		t.Fatal(err)
	}
	wantTold(t, told, message(b))
	if err := here.Delete(t.Context(), 7, b.ID); err != nil {
		t.Fatal(err)
	}
	wantTold(t, told, message(b)) // again: this replica cannot know who remembers it
	if _, err := here.DeleteAll(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	wantTold(t, told, `7 ""`)
}

func TestWatchMiniredis(t *testing.T) {
	store, server, clock := openMini(t)
	testWatch(t, store, open(t, redisstore.Options{URL: "redis://" + server.Addr()}), clock.Now)
}

func TestWatchRedis(t *testing.T) {
	_, prefix := realRedis(t)
	o := redisstore.Options{URL: "redis://" + service.RedisAddress, KeyPrefix: prefix}
	testWatch(t, open(t, o), open(t, o), time.Now)
}

func TestWatchOtherPrefixHearsNothing(t *testing.T) {
	store, server, clock := openMini(t)
	other := open(t, redisstore.Options{URL: "redis://" + server.Addr(), KeyPrefix: "other:"})
	told := watch(t, other)
	wantTold(t, told, everything)
	if err := store.Delete(t.Context(), 7, session.NewID()); err != nil {
		t.Fatal(err)
	}
	if err := other.Delete(t.Context(), 8, newSession(clock.Now(), 8).ID); err != nil {
		t.Fatal(err)
	}
	if got := <-told; got[0] != '8' {
		t.Errorf("told %s of another prefix", got)
	}
}

func TestWatchMalformedMessagesDropEverything(t *testing.T) {
	store, server, _ := openMini(t)
	told := watch(t, store)
	wantTold(t, told, everything)
	id := session.NewID()
	for _, payload := range []string{
		"", " ", "7", "7 ", "* *", "0 *", "0 " + id, "-7 *", "7 ** ", "7  *", "7 " + id + " ", "7 " + id[1:], "x " + id,
		"18446744073709551616 *", "7\t*", "7 *\n",
	} {
		server.Publish("fgw:sessions:ended", payload)
		wantTold(t, told, everything)
	}
	server.Publish("fgw:sessions:ended", "7 "+id)
	wantTold(t, told, fmt.Sprintf("7 %q", id))
}

func TestWatchAfterRestart(t *testing.T) {
	server := miniredis.RunT(t)
	store := open(t, redisstore.Options{URL: "redis://" + server.Addr()})
	told := watch(t, store)
	wantTold(t, told, everything)
	server.Close()
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	wantTold(t, told, everything)
	id := session.NewID()
	if err := store.Delete(t.Context(), 7, id); err != nil {
		t.Fatal(err)
	}
	// go-redis may have connected by itself before we did: that is told too.
	for want := fmt.Sprintf("7 %q", id); ; {
		if got := <-told; got == want {
			return
		} else if got != everything {
			t.Fatalf("told %s, want %s", got, want)
		}
	}
}

// TestWatchLosesItsConnection cuts the connection to the real Redis, which has
// not noticed anything itself.
func TestWatchLosesItsConnection(t *testing.T) {
	_, prefix := realRedis(t)
	between := newRelay(t, service.RedisAddress)
	told := watch(t, open(t, redisstore.Options{URL: between.url(), KeyPrefix: prefix}))
	wantTold(t, told, everything)
	between.cut()
	wantTold(t, told, everything)
}

// TestWatchNoticesSilence has the way to Redis swallow everything without
// closing a connection.
func TestWatchNoticesSilence(t *testing.T) {
	t.Parallel()
	_, prefix := realRedis(t)
	between := newRelay(t, service.RedisAddress)
	told := watch(t, open(t, redisstore.Options{URL: between.url(), KeyPrefix: prefix}))
	wantTold(t, told, everything)
	between.swallow()
	start := time.Now()
	wantTold(t, told, everything)
	if took := time.Since(start); took > 6*time.Second {
		t.Errorf("noticed after %v", took)
	}
}

// TestWatchStaysWhileNothingHappens is quiet for longer than Watch waits before
// it asks, which is no reason to forget anything.
func TestWatchStaysWhileNothingHappens(t *testing.T) {
	t.Parallel()
	_, prefix := realRedis(t)
	store := open(t, redisstore.Options{URL: "redis://" + service.RedisAddress, KeyPrefix: prefix})
	told := watch(t, store)
	wantTold(t, told, everything)
	select {
	case got := <-told:
		t.Errorf("told %s though nothing happened", got)
	case <-time.After(5 * time.Second):
	}
	id := session.NewID()
	if err := store.Delete(t.Context(), 7, id); err != nil {
		t.Fatal(err)
	}
	wantTold(t, told, fmt.Sprintf("7 %q", id))
}

func TestWatchStartsBeforeRedis(t *testing.T) {
	server := miniredis.RunT(t)
	address := server.Addr()
	server.Close()
	store := open(t, redisstore.Options{URL: "redis://" + address})
	told := watch(t, store)
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	wantTold(t, told, everything)
}

func TestWatchEndsWithTheStore(t *testing.T) {
	server := miniredis.RunT(t)
	store, err := redisstore.Open(t.Context(), options(redisstore.Options{URL: "redis://" + server.Addr()}))
	if err != nil {
		t.Fatal(err)
	}
	subscribed, done := make(chan struct{}, 100), make(chan error, 1)
	go func() { done <- store.Watch(t.Context(), func(uint64, string) { subscribed <- struct{}{} }) }()
	<-subscribed
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		if err == nil {
			t.Error("Watch returned nil")
		}
	case <-time.After(10 * time.Second):
		t.Error("Watch goes on without its Store")
	}
}
