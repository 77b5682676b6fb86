package redisstore_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"faveo-gateway/gateway/redisstore"
	"faveo-gateway/gateway/session"
	"faveo-gateway/gateway/storetest/service"
	"faveo-gateway/upstream/breaker"
)

// breaking are the operations that are left out while Redis does not answer, by their
// names in operations. Replace is made after a Find, and Adopt begins with one that breaks.
var breaking = []string{"Get", "Put", "Create", "Adopt", "Find", "List", "Replace"}

// wantBack wants Find to work again within about a second.
func wantBack(t *testing.T, store *redisstore.Store, s session.Session) {
	t.Helper()
	began := time.Now()
	for {
		_, err := store.Find(t.Context(), s.UserID, s.ID)
		if err == nil {
			return
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Fatalf("Find after %v: %v", took, err)
		}
	}
}

// await calls Find until the breaker has opened.
func awaitOpen(t *testing.T, store *redisstore.Store, s session.Session) {
	t.Helper()
	for began := time.Now(); ; {
		_, err := store.Find(t.Context(), s.UserID, s.ID)
		if errors.Is(err, breaker.ErrOpen) {
			return
		}
		if time.Since(began) > 10*time.Second {
			t.Fatalf("the breaker does not open: %v", err)
		}
	}
}

// TestBreakerHangingRedis: what requests wait for fails at once, and what has to know the
// truth tries. Afterwards all work again.
func TestBreakerHangingRedis(t *testing.T) {
	server := miniredis.RunT(t)
	hung := newHangable(t, server.Addr())
	store := open(t, redisstore.Options{URL: "redis://" + hung.Addr().String(), Timeout: 100 * time.Millisecond})
	s := create(t, store, newSession(time.Now(), 7))
	hung.hang()
	awaitOpen(t, store, s)
	for name, err := range operations(t.Context(), store, s) {
		if got, want := errors.Is(err, breaker.ErrOpen), slices.Contains(breaking, name); got != want || err == nil {
			t.Errorf("%s: %v, left out: %v, want %v", name, err, got, want)
		}
	}
	began := time.Now()
	var callers sync.WaitGroup
	for range 1000 {
		callers.Go(func() {
			if _, err := store.Find(t.Context(), 7, s.ID); !errors.Is(err, breaker.ErrOpen) {
				t.Errorf("Find: %v, want ErrOpen", err)
			}
		})
	}
	callers.Wait()
	if took := time.Since(began); took > 100*time.Millisecond && !testing.Short() {
		t.Errorf("1000 calls took %v", took)
	}
	hung.goOn()
	wantBack(t, store, s)
}

// TestBreakerOneNodeOfACluster: a node that hangs shuts out nobody whose sessions are on
// another one.
func TestBreakerOneNodeOfACluster(t *testing.T) {
	nodes := service.RedisCluster(t)
	store := open(t, redisstore.Options{
		URL: "redis-cluster://" + strings.Join(nodes, ","), Timeout: 100 * time.Millisecond, KeyPrefix: newPrefix(),
	})
	var all []session.Session
	for user := range uint64(30) {
		all = append(all, create(t, store, newSession(time.Now(), user+1)))
	}
	hung := redis.NewClient(&redis.Options{Addr: nodes[0], MaxRetries: -1})
	t.Cleanup(func() { _ = hung.Close() })
	if err := hung.Do(t.Context(), "CLIENT", "PAUSE", "3000", "ALL").Err(); err != nil {
		t.Fatal(err)
	}
	found, faults := 0, 0
	for began := time.Now(); time.Since(began) < 2*time.Second; {
		for _, s := range all {
			switch _, err := store.Find(t.Context(), s.UserID, s.ID); {
			case errors.Is(err, breaker.ErrOpen):
				t.Fatalf("Find for user %d: %v", s.UserID, err)
			case err == nil:
				found++
			default:
				faults++
			}
		}
	}
	if found == 0 || faults == 0 {
		t.Errorf("%d found and %d faults, want both", found, faults)
	}
}

// TestBreakerStaysClosed for everything that is not Redis's silence.
func TestBreakerStaysClosed(t *testing.T) {
	server := miniredis.RunT(t)
	store := open(t, redisstore.Options{URL: "redis://" + server.Addr()})
	s := create(t, store, newSession(time.Now(), 7))
	left, cancel := context.WithCancel(t.Context())
	cancel()
	late, stop := context.WithTimeout(t.Context(), 0)
	defer stop()
	for name, fail := range map[string]func(){
		"callers who leave":     func() { operations(left, store, s) },
		"callers without time":  func() { operations(late, store, s) },
		"sessions not found":    func() { _, _ = store.Find(t.Context(), 7, session.NewID()) },
		"malformed identifiers": func() { _, _ = store.Find(t.Context(), 7, "no id") },
		"answers that are errors": func() {
			server.SetError("OOM command not allowed")
			operations(t.Context(), store, s)
			server.SetError("")
		},
	} {
		for range 20 {
			fail()
		}
		if _, err := store.Find(t.Context(), 7, session.NewID()); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("after %s: %v, want an answer", name, err)
		}
	}
}

// hangable forwards connections to a server, or accepts them and never answers.
type hangable struct {
	net.Listener
	target string
	work   sync.WaitGroup

	mu    sync.Mutex
	hangs bool
	conns []net.Conn
}

func newHangable(t *testing.T, target string) *hangable {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &hangable{Listener: listener, target: target}
	h.work.Go(h.serve)
	t.Cleanup(func() {
		_ = listener.Close()
		h.goOn()
		h.work.Wait()
	})
	return h
}

// hang lets nothing through any more, and keeps every connection open.
func (h *hangable) hang() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hangs = true
}

// goOn cuts the connections that hung, and serves new ones.
func (h *hangable) goOn() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hangs = false
	for _, c := range h.conns {
		_ = c.Close()
	}
	h.conns = nil
}

func (h *hangable) serve() {
	for {
		near, err := h.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", h.target)
		if err != nil {
			_ = near.Close()
			continue
		}
		h.mu.Lock()
		h.conns = append(h.conns, near, far)
		h.mu.Unlock()
		h.work.Go(func() { h.forward(far, near) })
		h.work.Go(func() { h.forward(near, far) })
	}
}

// forward copies until a side closes, and swallows what comes while it hangs.
func (h *hangable) forward(to, from net.Conn) {
	defer func() { _, _ = to.Close(), from.Close() }()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		h.mu.Lock()
		hangs := h.hangs
		h.mu.Unlock()
		if hangs {
			continue
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}
