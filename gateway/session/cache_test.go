package session_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/gateway/session"
)

// TestCacheIsBounded sees by the calls of the store what is remembered.
func TestCacheIsBounded(t *testing.T) {
	w := newWorld(t)
	c := session.DefaultConfig()
	c.CacheSize, c.MaxPerUser = 10, 3
	m := w.replica(c)
	// remembered is how many of the sessions are served without the store.
	remembered := func(sessions []session.Session) (n int) {
		w.store.Fail(errDown)
		defer w.store.Fail(nil)
		for _, s := range sessions {
			if _, err := m.Check(t.Context(), identity.UseCredential, s.UserID, s.ID, s.Token.ID); err == nil {
				n++
			}
		}
		return n
	}
	var sessions []session.Session
	for userID := range uint64(20) {
		w.accounts.Set(session.Account{UserID: userID + 1, MayLogin: true, PasswordFingerprint: "first"})
		sessions = append(sessions, w.login(t, userID+1), w.login(t, userID+1))
	}
	for _, s := range sessions {
		wantServed(t, m, s)
	}
	if n := remembered(sessions); n != 10 {
		t.Errorf("%d sessions are remembered, want 10", n)
	}
	if n := remembered(sessions[30:]); n != 10 {
		t.Errorf("%d of the 10 last seen are remembered", n)
	}
	// One user has no more than max_per_user: the one read longest ago goes.
	w.Manager = w.replica(session.DefaultConfig())
	var mine []session.Session
	for range 4 {
		mine = append(mine, w.login(t, 7))
		w.clock.Advance(time.Millisecond)
		wantServed(t, m, mine[len(mine)-1])
	}
	if n := remembered(mine); n != 3 {
		t.Errorf("%d sessions of one user are remembered, want 3", n)
	}
	if n := remembered(mine[1:]); n != 3 {
		t.Errorf("%d of the 3 read last are remembered", n)
	}
	for _, s := range sessions {
		wantServed(t, m, s)
		m.Drop(s.UserID, s.ID)
	}
	if n := remembered(sessions); n != 0 {
		t.Errorf("%d sessions are remembered after Drop of each", n)
	}
	wantServed(t, m, mine[3])
	m.DropAll(7)
	if n := remembered(mine); n != 0 {
		t.Errorf("%d sessions are remembered after DropAll", n)
	}
	m.DropEverything()
	if n := remembered(sessions); n != 0 {
		t.Errorf("%d sessions are remembered after DropEverything", n)
	}
	for _, s := range sessions {
		wantServed(t, m, s)
	}
	if n := remembered(sessions); n != 10 {
		t.Errorf("%d sessions are remembered after all that, want 10", n)
	}
}

// TestWarmCheckIsCheap pins that the check of a warm session allocates nothing.
func TestWarmCheckIsCheap(t *testing.T) {
	w := newWorld(t)
	s := w.login(t, 7)
	wantServed(t, w.Manager, s)
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() { _, _ = w.Check(ctx, identity.UseCredential, 7, s.ID, s.Token.ID) }); n > 0 {
		t.Errorf("a warm check makes %v allocations", n)
	}
}

// TestMemoryPerSession measures what a session that was refreshed often, with a
// User-Agent of common length, takes in memory.
func TestMemoryPerSession(t *testing.T) {
	const n = 20_000
	w := newWorld(t)
	users := anybody{}
	m := session.NewManager(session.Options{Store: users, Accounts: users, Config: session.DefaultConfig(), Now: w.clock.Now})
	ids := make([]string, n)
	for i := range ids {
		ids[i] = session.NewID()
	}
	before := heap()
	for i, id := range ids {
		if _, err := m.Check(t.Context(), identity.UseCredential, uint64(i+1), id, aToken.ID); err != nil {
			t.Fatalf("Check: %v", err)
		}
	}
	if each := int64(heap()-before) / n; each > 1024 {
		t.Errorf("a session takes %d bytes, want at most 1024", each)
	} else {
		t.Logf("a session takes %d bytes", each)
	}
	runtime.KeepAlive(m)
}

func heap() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func BenchmarkCheckWarm(b *testing.B) {
	users := anybody{}
	m := session.NewManager(session.Options{Store: users, Accounts: users, Config: session.Config{
		CacheTTL: time.Hour, AccountTTL: time.Hour, MaxPerUser: 20, CacheSize: 200_000,
	}})
	const n = 100_000
	ids := make([]string, n)
	for i := range ids {
		ids[i] = session.NewID()
		if _, err := m.Check(b.Context(), identity.UseCredential, uint64(i+1), ids[i], aToken.ID); err != nil {
			b.Fatal(err)
		}
	}
	ctx := b.Context()
	check := func(b *testing.B, i int) {
		if _, err := m.Check(ctx, identity.UseCredential, uint64(i+1), ids[i], aToken.ID); err != nil {
			b.Error(err)
		}
	}
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			check(b, 0)
		}
	})
	b.Run(fmt.Sprint(n), func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			check(b, i%n)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(p *testing.PB) {
			for i := 0; p.Next(); i++ {
				check(b, i%n)
			}
		})
	})
}

// anybody has every session and every account that it is asked for, each with
// texts of its own as if they had been decoded.
type anybody struct{ session.Store }

func (anybody) Find(_ context.Context, userID uint64, id string) (session.Session, error) {
	now := time.Now()
	s := session.Session{
		ID: strings.Clone(id), UserID: userID, Role: strings.Clone("agent"), Address: strings.Clone("203.0.113.195"),
		Agent:     strings.Clone("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"),
		CreatedAt: now, SeenAt: now, ExpiresAt: now.AddDate(10, 0, 0), RefreshableUntil: now.AddDate(10, 0, 0),
		PasswordFingerprint: strings.Clone("0123456789abcdef"),
		Token:               session.Token{ID: strings.Clone(aToken.ID), KeyID: strings.Repeat("k", 43)},
	}
	for i := range s.Previous {
		s.Previous[i] = session.Superseded{TokenID: strings.Repeat("p", 22), Until: now, Successor: strings.Repeat("s", 600)}
	}
	return s, nil
}

func (anybody) Account(_ context.Context, userID uint64) (session.Account, error) {
	return session.Account{UserID: userID, Role: strings.Clone("agent"), MayLogin: true, PasswordFingerprint: strings.Clone("0123456789abcdef")}, nil
}
