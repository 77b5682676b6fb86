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

// news is what a Handler is told, one text for each call.
type news chan string

// handler returns a Handler that writes to n.
func (n news) handler() redisstore.Handler {
	return redisstore.Handler{
		Session: func(userID uint64, id string) { n <- fmt.Sprintf("session %d %q", userID, id) },
		Key:     func(kid string) { n <- fmt.Sprintf("key %q", kid) },
		APIKey:  func(id string) { n <- fmt.Sprintf("apikey %q", id) },
	}
}

// What is told when anything may have ended or changed, in this order.
const (
	anySession = `session 0 ""`
	anyKey     = `key ""`
	anyAPIKey  = `apikey ""`
)

func ended(userID uint64, id string) string { return fmt.Sprintf("session %d %q", userID, id) }

// want waits for one text after the other, and nothing between them.
func (n news) want(t *testing.T, want ...string) {
	t.Helper()
	for _, w := range want {
		if got := n.next(t, w); got != w {
			t.Fatalf("told %s, want %s", got, w)
		}
	}
}

// await passes over everything until that text.
func (n news) await(t *testing.T, want string) {
	t.Helper()
	for n.next(t, want) != want {
	}
}

func (n news) next(t *testing.T, want string) string {
	t.Helper()
	select {
	case got := <-n:
		return got
	case <-time.After(20 * time.Second):
		t.Fatalf("never told %s", want)
		return ""
	}
}

// start runs Watch until the test ends.
func start(t *testing.T, store *redisstore.Store, h redisstore.Handler) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- store.Watch(ctx, h) }()
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
}

// watch runs Watch until the test ends, and returns what is told after it has begun
// to work.
func watch(t *testing.T, store *redisstore.Store) news {
	t.Helper()
	n := make(news, 1000)
	start(t, store, n.handler())
	n.await(t, anyAPIKey)
	settle(t, store, n)
	return n
}

// settle passes over everything that all of them were told until now.
func settle(t *testing.T, store *redisstore.Store, all ...news) {
	t.Helper()
	mark := session.NewID()
	if err := store.Registry().AnnounceKeys(t.Context(), mark); err != nil {
		t.Fatal(err)
	}
	for _, n := range all {
		n.await(t, fmt.Sprintf("key %q", mark))
	}
}

// testWatch ends things on one replica and listens on another.
func testWatch(t *testing.T, here, there *redisstore.Store, now func() time.Time) {
	told := watch(t, there)
	a, b, c := newSession(now(), 7), newSession(now(), 7), newSession(now(), 7)
	for _, s := range []session.Session{a, b, c} {
		if _, err := here.Create(t.Context(), s, 2); err != nil {
			t.Fatal(err)
		}
	}
	told.want(t, ended(7, a.ID)) // By the limit.
	begin(t, here)
	adopted := adoptable(now(), 7)
	if _, err := here.Adopt(t.Context(), adopted, now(), 1); err != nil {
		t.Fatal(err)
	}
	told.want(t, ended(7, b.ID), ended(7, c.ID))
	for range 2 { // Again: this replica cannot know who remembers it.
		if err := here.Delete(t.Context(), 7, b.ID); err != nil {
			t.Fatal(err)
		}
		told.want(t, ended(7, b.ID))
	}
	for range 2 { // There never was one.
		if err := here.Bar(t.Context(), 7, a.ID, a.ExpiresAt); err != nil {
			t.Fatal(err)
		}
		told.want(t, ended(7, a.ID))
	}
	for range 2 {
		if _, err := here.DeleteAll(t.Context(), 7); err != nil {
			t.Fatal(err)
		}
		told.want(t, ended(7, ""))
	}
	create(t, here, newSession(now(), 7))
	for _, want := range []int{1, 0} { // Who calls again after a fault must be heard too.
		if n, err := here.DeleteWhere(t.Context(), func(session.Session) bool { return true }); n != want || err != nil {
			t.Fatalf("DeleteWhere = %d, %v, want %d", n, err, want)
		}
		told.want(t, anySession, anyKey, anyAPIKey)
	}
	if _, err := here.DeleteEverything(t.Context()); err != nil {
		t.Fatal(err)
	}
	told.want(t, anySession, anyKey, anyAPIKey)
	if err := here.Registry().AnnounceKeys(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	told.want(t, anyKey)
	if err := here.Registry().AnnounceKeys(t.Context(), "a-kid"); err != nil {
		t.Fatal(err)
	}
	told.want(t, `key "a-kid"`)
	for range 2 {
		if err := here.APIKeys().Announce(t.Context(), "Abcdefghij01"); err != nil {
			t.Fatal(err)
		}
		told.want(t, `apikey "Abcdefghij01"`)
	}
	for _, id := range []string{"", "short", "Abcdefghij_1", "Abcdefghij012"} {
		if err := here.APIKeys().Announce(t.Context(), id); err == nil {
			t.Errorf("the API key %q was announced", id)
		}
	}
	for _, kid := range []string{"two words", "line\nbreak", "{brace}", "é"} {
		if err := here.Registry().AnnounceKeys(t.Context(), kid); err == nil {
			t.Errorf("the kid %q was announced", kid)
		}
	}
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
	store, server, _ := openMini(t)
	other := open(t, redisstore.Options{URL: "redis://" + server.Addr(), KeyPrefix: "other:"})
	told := watch(t, other)
	id := session.NewID()
	if err := store.Delete(t.Context(), 7, id); err != nil {
		t.Fatal(err)
	}
	if err := other.Delete(t.Context(), 8, id); err != nil {
		t.Fatal(err)
	}
	told.want(t, ended(8, id))
}

// TestAnnouncedThoughTheCallerHangsUp: once a session has ended in Redis the others
// have to hear of it. The caller is gone as soon as its first answer is there.
func TestAnnouncedThoughTheCallerHangsUp(t *testing.T) {
	server := miniredis.RunT(t)
	url := "redis://" + server.Addr()
	told := watch(t, open(t, redisstore.Options{URL: url}))
	ctx, cancel := context.WithCancel(t.Context())
	store := open(t, redisstore.Options{URL: url, Observe: func(_ context.Context, operation string, _ time.Duration, _ error) {
		if operation == "session_delete" {
			cancel()
		}
	}})
	id := session.NewID()
	if err := store.Delete(ctx, 7, id); err != nil {
		t.Errorf("Delete: %v", err)
	}
	told.want(t, ended(7, id))
}

func TestWatchMalformedMessagesDropEverything(t *testing.T) {
	store, server, _ := openMini(t)
	told := watch(t, store)
	id := session.NewID()
	// Numbers that would be the next ones, so that only the text is at fault.
	const next = "9000000000000000 9000000000000001 "
	for _, payload := range []string{
		"", " ", "7", "7 *", "1 2", "1 2 ", "x 2 all", "1 x all", "-1 2 all", "1 -2 all", "2 1 all", "2 2 all", "01 2 all", "+1 2 all",
		"1  2 all", "1 18446744073709551615 all", "1 99999999999999999999 all", next, next + "nothing", next + "ALL", next + "all ", next + "all 7",
		next + "keys kid", next + "key", next + "key ", next + "key a b", next + "key a\nb", next + "user", next + "user 0", next + "user -7",
		next + "user 07", next + "user 18446744073709551616", next + "user 7 " + id, next + "session 7", next + "session 7 ", next + "session 0 " + id,
		next + "apikey", next + "apikey ", next + "apikey short", next + "apikey Abcdefghij01 x", next + "apikey Abcdefghij_1",
		next + "session 7 " + id + " ", next + "session 7 " + id[1:], next + "session x " + id, next + "session\t7 " + id,
	} {
		server.Publish("fgw:{news}", payload)
		told.want(t, anySession, anyKey, anyAPIKey)
	}
	if err := store.Delete(t.Context(), 7, id); err != nil {
		t.Fatal(err)
	}
	told.want(t, ended(7, id))
}

func TestWatchAfterRestart(t *testing.T) {
	server := miniredis.RunT(t)
	store := open(t, redisstore.Options{URL: "redis://" + server.Addr()})
	told := watch(t, store)
	server.Close()
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	told.want(t, anySession, anyKey, anyAPIKey)
	settle(t, store, told)
	id := session.NewID()
	if err := store.Delete(t.Context(), 7, id); err != nil {
		t.Fatal(err)
	}
	told.want(t, ended(7, id))
}

// TestWatchLosesItsConnection cuts the connection to the real Redis, which has
// not noticed anything itself.
func TestWatchLosesItsConnection(t *testing.T) {
	_, prefix := realRedis(t)
	between := newRelay(t, service.RedisAddress)
	told := watch(t, open(t, redisstore.Options{URL: between.url(), KeyPrefix: prefix}))
	between.cut()
	told.want(t, anySession, anyKey, anyAPIKey)
}

// TestWatchNoticesSilence has the way to Redis swallow everything without
// closing a connection.
func TestWatchNoticesSilence(t *testing.T) {
	t.Parallel()
	_, prefix := realRedis(t)
	between := newRelay(t, service.RedisAddress)
	told := watch(t, open(t, redisstore.Options{URL: between.url(), KeyPrefix: prefix}))
	between.swallow()
	start := time.Now()
	told.want(t, anySession, anyKey, anyAPIKey)
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
	select {
	case got := <-told:
		t.Errorf("told %s though nothing happened", got)
	case <-time.After(5 * time.Second):
	}
	id := session.NewID()
	if err := store.Delete(t.Context(), 7, id); err != nil {
		t.Fatal(err)
	}
	told.want(t, ended(7, id))
}

func TestWatchStartsBeforeRedis(t *testing.T) {
	server := miniredis.RunT(t)
	address := server.Addr()
	server.Close()
	store := open(t, redisstore.Options{URL: "redis://" + address})
	told := make(news, 1000)
	start(t, store, told.handler())
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	told.want(t, anySession, anyKey, anyAPIKey)
}

func TestWatchEndsWithTheStore(t *testing.T) {
	server := miniredis.RunT(t)
	store, err := redisstore.Open(t.Context(), options(redisstore.Options{URL: "redis://" + server.Addr()}))
	if err != nil {
		t.Fatal(err)
	}
	told, done := make(news, 1000), make(chan error, 1)
	go func() { done <- store.Watch(t.Context(), told.handler()) }()
	told.want(t, anySession)
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
