package keyring_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"faveo-gateway/gateway/keyring"
	"faveo-gateway/gateway/storetest"
	"faveo-gateway/gateway/token"
)

// The times of a site.
const (
	maxTTL = 10 * time.Minute
	// soon is more than a replica needs to hear of a change whose announcement was
	// lost.
	soon = 4 * time.Second
	// lease is how long a replica that hangs is waited for.
	lease = 15 * time.Second
)

var errDown = errors.New("connection refused")

// site is what replicas share: a store, a registry, and the clock of a bubble of
// testing/synctest.
type site struct {
	testing.TB
	keys     *storetest.Keys
	registry *storetest.Registry
}

// inSite runs a test in a bubble, in which time passes when everybody sleeps.
func inSite(t *testing.T, test func(s *site)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(&site{TB: t, keys: storetest.NewKeys(), registry: storetest.NewRegistry(time.Now)})
	})
}

// node is a replica with its own ways to the store and the registry.
type node struct {
	*keyring.Ring
	site *site
	host string
	// store and registry cut a way, and mend it with nil.
	store, registry *way
	contact         *contact
	deaf            atomic.Bool // hears no announcement
	log             *lockedBuffer
	stop            func() // as at a shutdown; can be repeated
}

// contact is what is known of how a node is in touch with the site.
type contact struct {
	mu sync.Mutex
	// registered is when it last registered.
	registered time.Time
	// lapsed means that its registration had expired by then, and that it has not
	// loaded the keys since.
	lapsed bool
}

// hasLapsed reports whether the node may have missed something.
func (c *contact) hasLapsed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lapsed
}

func (c *contact) registers() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lapsed = c.lapsed || (!c.registered.IsZero() && time.Since(c.registered) >= lease)
	c.registered = time.Now()
}

func (c *contact) loads() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lapsed = false
}

// way is the way to a service.
type way struct {
	mu    sync.Mutex
	fault error
	hang  bool
	slow  func() // runs before and after every call
}

func (w *way) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = err
}

// slowDown runs slow before and after every call.
func (w *way) slowDown(slow func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.slow = slow
}

// freeze makes calls last as long as their context.
func (w *way) freeze(hang bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hang = hang
}

// enter returns the fault of the way, after the time that it takes.
func (w *way) enter(ctx context.Context) error {
	w.mu.Lock()
	slow := w.slow
	w.mu.Unlock()
	if slow != nil {
		slow()
	}
	w.mu.Lock()
	fault, hang := w.fault, w.hang
	w.mu.Unlock()
	if hang {
		<-ctx.Done()
	}
	return errors.Join(fault, ctx.Err())
}

// through makes a call by a way. The way there or the way back may fail: a call
// whose answer is lost has happened.
func through[T any](ctx context.Context, w *way, call func() (T, error)) (T, error) {
	var zero T
	if err := w.enter(ctx); err != nil {
		return zero, err
	}
	answer, err := call()
	if lost := w.enter(ctx); lost != nil {
		return zero, lost
	}
	return answer, err
}

func does(err error) (struct{}, error) { return struct{}{}, err }

// start starts a replica by that host name.
func (s *site) start(host string, change func(*keyring.Options)) *node {
	s.Helper()
	n, err := s.tryStart(host, change)
	if err != nil {
		s.Fatalf("Open of %s: %v", host, err)
	}
	return n
}

func (s *site) tryStart(host string, change func(*keyring.Options)) (*node, error) {
	n := &node{site: s, host: host, store: &way{}, registry: &way{}, contact: &contact{}, log: &lockedBuffer{}}
	o := keyring.Options{
		Store: &nodeStore{s.keys, n.store, n.contact}, Registry: &nodeRegistry{s.registry, n.registry, n.contact},
		EncryptionKeys: []string{keyA}, Algorithm: token.ES256, MaxTTL: maxTTL,
		Self: keyring.Self{Host: host, Version: "v1"}, Log: slog.New(slog.NewTextHandler(n.log, nil)),
	}
	if change != nil {
		change(&o)
	}
	ring, err := keyring.Open(s.Context(), o)
	if err != nil {
		return nil, err
	}
	n.Ring = ring
	unwatch := s.registry.Watch(func(kid string) {
		if !n.deaf.Load() {
			ring.Changed(kid)
		}
	})
	ctx, cancel := context.WithCancel(s.Context())
	done := make(chan error, 1)
	go func() { done <- ring.Run(ctx) }()
	n.stop = sync.OnceFunc(func() {
		unwatch()
		cancel()
		if err := <-done; err != nil {
			s.Errorf("Run of %s: %v", host, err)
		}
	})
	s.Cleanup(n.stop)
	return n, nil
}

// wait lets d pass, and everybody finish what is to be done by then.
func wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// signs is the id of the key that n signs with.
func (n *node) signs() string {
	n.site.Helper()
	return signing(n.site, n.Ring).ID()
}

func (n *node) verifies(kid string) bool {
	_, ok := n.VerificationKey(kid)
	return ok
}

func (n *node) status() keyring.Status {
	n.site.Helper()
	s, err := n.Status(n.site.Context())
	if err != nil {
		n.site.Fatalf("Status: %v", err)
	}
	return s
}

func (n *node) rotate() keyring.Key {
	n.site.Helper()
	key, err := n.Rotate(n.site.Context(), "")
	if err != nil {
		n.site.Fatalf("Rotate: %v", err)
	}
	return key
}

func (n *node) revoke(kid string) {
	n.site.Helper()
	if key, err := n.Revoke(n.site.Context(), kid); err != nil || key.ID != kid || key.State != keyring.StateRevoked || key.EndedAt.IsZero() {
		n.site.Fatalf("Revoke(%s) = %+v, %v", kid, key, err)
	}
}

// wantStates compares the states of all keys, the oldest first.
func (s *site) wantStates(want ...keyring.State) {
	s.Helper()
	var got []keyring.State
	for _, r := range s.keys.Records() {
		got = append(got, r.State)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		s.Errorf("the keys are %v, want %v", got, want)
	}
}

// nodeStore is the store as one node reaches it.
type nodeStore struct {
	store   keyring.Store
	way     *way
	contact *contact
}

func (s *nodeStore) Keys(ctx context.Context) ([]keyring.Record, error) {
	lapsed := s.contact.hasLapsed()
	records, err := through(ctx, s.way, func() ([]keyring.Record, error) { return s.store.Keys(ctx) })
	if lapsed && err == nil {
		s.contact.loads()
	}
	return records, err
}

func (s *nodeStore) do(ctx context.Context, call func() error) error {
	_, err := through(ctx, s.way, func() (struct{}, error) { return does(call()) })
	return err
}

func (s *nodeStore) AddActive(ctx context.Context, r keyring.Record) error {
	return s.do(ctx, func() error { return s.store.AddActive(ctx, r) })
}

func (s *nodeStore) AddPending(ctx context.Context, r keyring.Record, active string) error {
	return s.do(ctx, func() error { return s.store.AddPending(ctx, r, active) })
}

func (s *nodeStore) Activate(ctx context.Context, pending, active string, at, until time.Time) error {
	return s.do(ctx, func() error { return s.store.Activate(ctx, pending, active, at, until) })
}

func (s *nodeStore) Bury(ctx context.Context, kid string, at time.Time) error {
	return s.do(ctx, func() error { return s.store.Bury(ctx, kid, at) })
}

func (s *nodeStore) Revoke(ctx context.Context, kid string, at time.Time, heir keyring.Record) error {
	return s.do(ctx, func() error { return s.store.Revoke(ctx, kid, at, heir) })
}

func (s *nodeStore) Reseal(ctx context.Context, kid string, old, resealed []byte) error {
	return s.do(ctx, func() error { return s.store.Reseal(ctx, kid, old, resealed) })
}

// nodeRegistry is the registry as one node reaches it.
type nodeRegistry struct {
	registry keyring.Registry
	way      *way
	contact  *contact
}

func (g *nodeRegistry) Register(ctx context.Context, self keyring.Replica, lease time.Duration) (keyring.View, error) {
	return through(ctx, g.way, func() (keyring.View, error) {
		g.contact.registers()
		return g.registry.Register(ctx, self, lease)
	})
}

func (g *nodeRegistry) Replicas(ctx context.Context) (keyring.View, error) {
	return through(ctx, g.way, func() (keyring.View, error) { return g.registry.Replicas(ctx) })
}

func (g *nodeRegistry) Leave(ctx context.Context, id string) error {
	_, err := through(ctx, g.way, func() (struct{}, error) { return does(g.registry.Leave(ctx, id)) })
	return err
}

func (g *nodeRegistry) AnnounceKeys(ctx context.Context, revoked string) error {
	_, err := through(ctx, g.way, func() (struct{}, error) { return does(g.registry.AnnounceKeys(ctx, revoked)) })
	return err
}

// lockedBuffer is a log.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// count returns how many lines hold the text.
func (b *lockedBuffer) count(text string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for line := range strings.Lines(b.buf.String()) {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}
