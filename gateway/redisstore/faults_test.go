package redisstore_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"faveo-gateway/gateway/keyring"
	"faveo-gateway/gateway/redisstore"
	"faveo-gateway/gateway/session"
	"faveo-gateway/gateway/storetest/service"
)

// operations calls every method of a Store that talks to Redis.
func operations(ctx context.Context, store *redisstore.Store, s session.Session) map[string]error {
	_, create := store.Create(ctx, s, 1)
	_, find := store.Find(ctx, s.UserID, s.ID)
	adopted := adoptable(s.CreatedAt, s.UserID)
	_, adopt := store.Adopt(ctx, adopted, s.CreatedAt, 1)
	_, list := store.List(ctx, s.UserID)
	_, deleteAll := store.DeleteAll(ctx, s.UserID)
	_, deleteWhere := store.DeleteWhere(ctx, func(session.Session) bool { return true })
	_, deleteEverything := store.DeleteEverything(ctx)
	_, count := store.Count(ctx)
	registry := store.Registry()
	_, register := registry.Register(ctx, keyring.Replica{ID: session.NewID()}, time.Second)
	_, replicas := registry.Replicas(ctx)
	keys := store.APIKeys()
	_, _, get := keys.Get(ctx, "a")
	return map[string]error{
		"Get": get, "Put": keys.Put(ctx, "a", 1, nil, time.Second), "Announce": keys.Announce(ctx, "Abcdefghij01"),
		"Create": create, "Adopt": adopt, "Find": find, "List": list, "Replace": store.Replace(ctx, s, s),
		"Delete": store.Delete(ctx, s.UserID, s.ID), "Bar": store.Bar(ctx, s.UserID, adopted.ID, adopted.ExpiresAt),
		"DeleteAll": deleteAll, "DeleteWhere": deleteWhere, "DeleteEverything": deleteEverything,
		"BeginAdoption": store.BeginAdoption(ctx),
		"Each":          store.Each(ctx, func(session.Session) bool { return true }), "Count": count,
		"Register": register, "Replicas": replicas, "Leave": registry.Leave(ctx, session.NewID()),
		"AnnounceKeys": registry.AnnounceKeys(ctx, ""), "Ping": store.Ping(ctx),
	}
}

func wantFaults(t *testing.T, errs map[string]error) {
	t.Helper()
	for name, err := range errs {
		if err == nil || errors.Is(err, session.ErrNotFound) || errors.Is(err, session.ErrConflict) || errors.Is(err, session.ErrMalformed) {
			t.Errorf("%s: %v, want a fault", name, err)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error tells the password: %v", name, err)
		}
	}
}

func TestRedisDownAndBack(t *testing.T) {
	server := miniredis.RunT(t)
	server.RequireAuth("hunter2")
	// After as many faults as it has connections go-redis tries again only once a second.
	store := open(t, redisstore.Options{URL: "redis://:hunter2@" + server.Addr(), PoolSize: 100})
	s := create(t, store, newSession(time.Now(), 7))
	server.Close()
	wantFaults(t, operations(t.Context(), store, s))
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	// Whoever needs the truth has it at once, and the others when it was looked for.
	if err := store.Ping(t.Context()); err != nil {
		t.Errorf("Ping after Redis came back: %v", err)
	}
	wantBack(t, store, s)
}

func TestRedisAnswersErrors(t *testing.T) {
	for _, answer := range []string{
		"LOADING Redis is loading the dataset in memory", "OOM command not allowed", "READONLY You can't write against a read only replica.",
		"MISCONF Redis is configured to save RDB snapshots", "NOSCRIPT No matching script. Please use EVAL.", "CLUSTERDOWN The cluster is down",
	} {
		t.Run(answer, func(t *testing.T) {
			store, server, clock := openMini(t)
			s := create(t, store, newSession(clock.Now(), 7))
			server.SetError(answer)
			wantFaults(t, operations(t.Context(), store, s))
			_, err := store.Create(t.Context(), newSession(clock.Now(), 7), 10)
			if full := redisstore.IsFull(err); full != strings.HasPrefix(answer, "OOM ") {
				t.Errorf("IsFull says %v", full)
			}
			server.SetError("")
			if _, err := store.Find(t.Context(), 7, s.ID); err != nil {
				t.Errorf("Find afterwards: %v", err)
			}
		})
	}
}

// TestRedisHangs talks to a server that accepts and never answers: each call
// ends with its timeout, or with the caller's deadline when that is sooner.
func TestRedisHangs(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns []net.Conn
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			conns = append(conns, c)
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
		for _, c := range conns {
			_ = c.Close()
		}
	})
	store := open(t, redisstore.Options{URL: "redis://:hunter2@" + listener.Addr().String(), Timeout: 50 * time.Millisecond})
	start := time.Now()
	wantFaults(t, operations(t.Context(), store, newSession(time.Now(), 7)))
	if took := time.Since(start); took > 4*time.Second {
		t.Errorf("twenty-one calls with a timeout of 50 ms took %v", took)
	}
	patient := open(t, redisstore.Options{URL: "redis://" + listener.Addr().String(), Timeout: 300 * time.Millisecond})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	start = time.Now()
	if err := patient.Ping(ctx); err == nil || time.Since(start) > 250*time.Millisecond {
		t.Errorf("Ping with a deadline of 20 ms: %v after %v", err, time.Since(start))
	}
}

func TestOpenRefuses(t *testing.T) {
	server := miniredis.RunT(t)
	server.RequireAuth("right")
	cases := map[string]redisstore.Options{
		"malformed URL":      {URL: "redis://:hunter2@"},
		"wrong password":     {URL: "redis://:hunter2@" + server.Addr()},
		"wrong user":         {URL: "redis://hunter2:right@" + server.Addr()},
		"no password":        {URL: "redis://" + server.Addr()},
		"prefix with braces": {URL: "redis://:right@" + server.Addr(), KeyPrefix: "{fgw}:"},
		"prefix with a star": {URL: "redis://:right@" + server.Addr(), KeyPrefix: "fgw*"},
		"prefix too long":    {URL: "redis://:right@" + server.Addr(), KeyPrefix: strings.Repeat("x", 65)},
	}
	for name, o := range cases {
		t.Run(name, func(t *testing.T) {
			store, err := redisstore.Open(t.Context(), options(o))
			if err == nil {
				_ = store.Close()
				t.Fatal("Open succeeded")
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
}

func TestOpenRefusesMissingDatabase(t *testing.T) {
	realRedis(t)
	store, err := redisstore.Open(t.Context(), options(redisstore.Options{URL: "redis://" + service.RedisAddress + "/9999"}))
	if err == nil {
		_ = store.Close()
		t.Error("Open of database 9999 succeeded")
	}
}

// TestOpenWithoutRedis starts before Redis does.
func TestOpenWithoutRedis(t *testing.T) {
	server := miniredis.RunT(t)
	address := server.Addr()
	server.Close()
	store := open(t, redisstore.Options{URL: "redis://" + address})
	if err := store.Ping(t.Context()); err == nil {
		t.Error("Ping without Redis succeeded")
	}
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	if err := store.Ping(t.Context()); err != nil {
		t.Errorf("Ping once Redis is there: %v", err)
	}
}

func TestObserve(t *testing.T) {
	server := miniredis.RunT(t)
	var mu sync.Mutex
	var seen []string
	store := open(t, redisstore.Options{
		URL: "redis://" + server.Addr(),
		Observe: func(_ context.Context, operation string, d time.Duration, err error) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, fmt.Sprint(operation, " ", err != nil))
			if d < 0 {
				t.Errorf("observed %q for %v", operation, d)
			}
		},
	})
	s := newSession(time.Now(), 7)
	if _, err := store.Find(t.Context(), 7, s.ID); !errors.Is(err, session.ErrNotFound) {
		t.Fatalf("Find: %v", err)
	}
	create(t, store, s)
	begin(t, store)
	operations(t.Context(), store, s)
	server.SetError("LOADING")
	operations(t.Context(), store, s)
	want := []string{
		"ping false", "session_find false", "session_create false", "session_adopting false",
		// Everything answers.
		"session_create false", "session_find false",
		"session_adoptable false", "session_adopt false", "announce false", "session_adoptable false",
		"session_list false", "session_delete_all false", "announce false",
		"session_delete_where false", "announce false",
		"session_mark false", "session_delete_where false", "announce false",
		"census false", "census false", "census false", // The last count, the keys, the new count.
		"register false", "replicas false", "apikey_get false", "apikey_put false", "announce false",
		"session_replace false", "session_delete false", "announce false", "session_bar false", "announce false",
		"session_adopting false", "session_each false", "leave false", "announce false", "ping false",
		// Nothing does.
		"session_create true", "session_find true", "session_adoptable true", "session_list true", "session_delete_all true",
		"session_delete_where true", "session_mark true", "census true", "register true", "replicas true",
		"apikey_get true", "apikey_put true", "announce true",
		"session_replace true", "session_delete true", "session_bar true", "session_adopting true", "session_each true", "leave true", "announce true", "ping true",
	}
	if !slices.Equal(seen, want) {
		t.Errorf("observed %q\nwant %q", seen, want)
	}
}

// TestCallerGone: a client that hangs up tells nothing about Redis.
func TestCallerGone(t *testing.T) {
	server := miniredis.RunT(t)
	ctx, cancel := context.WithCancel(t.Context())
	store := open(t, redisstore.Options{
		URL: "redis://" + server.Addr(),
		Observe: func(_ context.Context, operation string, _ time.Duration, err error) {
			if ctx.Err() != nil {
				t.Errorf("%s was observed: %v", operation, err)
			}
		},
	})
	s := newSession(time.Now(), 7)
	cancel()
	for name, err := range operations(ctx, store, s) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled", name, err)
		}
	}
}

// TestDeadlineIsAFailure: a caller that cannot wait longer has waited for Redis.
func TestDeadlineIsAFailure(t *testing.T) {
	server := miniredis.RunT(t)
	var failures int
	store := open(t, redisstore.Options{
		URL: "redis://" + server.Addr(),
		Observe: func(_ context.Context, _ string, _ time.Duration, err error) {
			if errors.Is(err, context.DeadlineExceeded) {
				failures++
			}
		},
	})
	ctx, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	if err := store.Ping(ctx); !errors.Is(err, context.DeadlineExceeded) || failures != 1 {
		t.Errorf("Ping: %v, %d failures observed, want 1", err, failures)
	}
}

// TestValidate: every fault at once, by the name of its option.
func TestValidate(t *testing.T) {
	for name, test := range map[string]struct {
		options redisstore.Options
		want    []string
	}{
		"good":    {options(redisstore.Options{URL: "redis://a", PoolSize: 10000}), nil},
		"nothing": {redisstore.Options{}, []string{"url", "key_prefix", "timeout"}},
		"bounds":  {redisstore.Options{URL: "redis://:hunter2@", KeyPrefix: "{a}", Timeout: -1, PoolSize: -1}, []string{"url", "key_prefix", "timeout", "pool_size"}},
		"pool":    {options(redisstore.Options{URL: "redis://a", PoolSize: 10001}), []string{"pool_size"}},
	} {
		var got []string
		test.options.Validate(func(option, message string) {
			if message == "" || strings.Contains(message, "hunter2") {
				t.Errorf("%s: %s %q", name, option, message)
			}
			got = append(got, option)
		})
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: faults of %v, want %v", name, got, test.want)
		}
	}
}

// TestOpenRefusesUntrustedCertificate has a server with a certificate that
// nobody has signed.
func TestOpenRefusesUntrustedCertificate(t *testing.T) {
	web := httptest.NewTLSServer(nil)
	config := web.TLS.Clone()
	web.Close()
	config.NextProtos = nil
	server, err := miniredis.RunTLS(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	store, err := redisstore.Open(t.Context(), options(redisstore.Options{URL: "rediss://:hunter2@" + server.Addr()}))
	if err == nil {
		_ = store.Close()
		t.Fatal("Open trusted a self-signed certificate")
	}
	var certificate *tls.CertificateVerificationError
	if !errors.As(err, &certificate) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("Open: %v, want a refused certificate", err)
	}
}

// TestFaultOfDeleteWhere: the others are told unless nothing that ends sessions was sent.
func TestFaultOfDeleteWhere(t *testing.T) {
	for name, c := range map[string]struct {
		failing int // the call that fails: the users, their sessions, the end of these
		told    bool
	}{"the walk": {1, false}, "the sessions": {2, false}, "the end": {3, true}} {
		t.Run(name, func(t *testing.T) {
			server, calls := miniredis.RunT(t), 0
			store := open(t, redisstore.Options{
				URL: "redis://" + server.Addr(),
				Observe: func(_ context.Context, operation string, _ time.Duration, _ error) {
					if operation != "session_delete_where" {
						return
					}
					calls++
					server.SetError("")
					if calls == c.failing-1 {
						server.SetError("LOADING")
					}
				},
			})
			create(t, store, newSession(time.Now(), 7))
			if c.failing == 1 {
				server.SetError("LOADING")
			}
			n, err := store.DeleteWhere(t.Context(), func(session.Session) bool { return true })
			if err == nil || n != 0 || calls != c.failing {
				t.Errorf("DeleteWhere = %d, %v after %d calls, want a fault of call %d", n, err, calls, c.failing)
			}
			if told := server.Exists("fgw:{news}:epoch"); told != c.told {
				t.Errorf("the others were told: %v, want %v", told, c.told)
			}
		})
	}
}
