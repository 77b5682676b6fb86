package session_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/gateway/session"
)

// The tests of this file are the cells of the last table of
// deploy/docs/http.md, Errors, that concern sessions.

func TestStoreDownCachedSession(t *testing.T) {
	w := newWorld(t)
	s := w.login(t, 7)
	wantServed(t, w.Manager, s)
	w.store.Fail(errDown)
	w.clock.Advance(5*time.Second - 1)
	wantServed(t, w.Manager, s)
	w.clock.Advance(1)
	wantCheckUnavailable(t, w.Manager, s, errDown)
	w.clock.Advance(30 * time.Minute)
	wantCheckUnavailable(t, w.Manager, s, errDown)
	// Recovery needs nothing but the store.
	w.store.Fail(nil)
	wantServed(t, w.Manager, s)
}

func TestStoreDownUnknownSession(t *testing.T) {
	w := newWorld(t)
	s := w.login(t, 7)
	w.store.Fail(errDown)
	wantCheckUnavailable(t, w.Manager, s, errDown)
	w.store.Fail(nil)
	wantServed(t, w.Manager, s)
}

func TestStoreDownLogin(t *testing.T) {
	w := newWorld(t)
	w.store.Fail(errDown)
	s, err := w.Start(t.Context(), newLogin(session.Login{UserID: 7, Role: "agent", PasswordFingerprint: "first", ExpiresAt: w.clock.Now().Add(time.Hour)}))
	wantUnavailable(t, err, errDown)
	if s != (session.Session{}) {
		t.Errorf("Start returned %+v with its error", s)
	}
}

func TestStoreDownLogout(t *testing.T) {
	w := newWorld(t)
	s := w.login(t, 7)
	wantServed(t, w.Manager, s)
	w.store.Fail(errDown)
	wantUnavailable(t, w.End(t.Context(), 7, s.ID), errDown)
	// Memory is empty all the same, so this replica does not serve on.
	wantCheckUnavailable(t, w.Manager, s, errDown)

	w.store.Fail(nil)
	wantServed(t, w.Manager, s)
	w.store.Fail(errDown)
	n, err := w.EndAll(t.Context(), 7)
	wantUnavailable(t, err, errDown)
	if n != 0 {
		t.Errorf("EndAll = %d with its error", n)
	}
	wantCheckUnavailable(t, w.Manager, s, errDown)
	w.store.Fail(nil)
	if !w.stored(t, s) {
		t.Error("the session is gone though no logout succeeded")
	}
}

func TestDatabaseDownCachedSession(t *testing.T) {
	w := newWorld(t)
	s := w.login(t, 7)
	wantServed(t, w.Manager, s)
	w.accounts.Fail(errDown)
	w.clock.Advance(10*time.Second - 1)
	wantServed(t, w.Manager, s)
	w.clock.Advance(1)
	wantCheckUnavailable(t, w.Manager, s, errDown)
	if !w.stored(t, s) {
		t.Error("the session was ended because the database failed")
	}
	w.accounts.Fail(nil)
	wantServed(t, w.Manager, s)
}

func TestDatabaseDownUnknownSession(t *testing.T) {
	w := newWorld(t)
	s := w.login(t, 7)
	w.accounts.Fail(errDown)
	wantCheckUnavailable(t, w.Manager, s, errDown)
	if !w.stored(t, s) {
		t.Error("the session was ended because the database failed")
	}
	// One that does not exist needs no database to be refused.
	wantRevoked(t, w.Manager, session.Session{UserID: 7, ID: session.NewID()})
}

func TestDatabaseDownLogout(t *testing.T) {
	w := newWorld(t)
	s, other := w.login(t, 7), w.login(t, 7)
	wantServed(t, w.Manager, s)
	w.accounts.Fail(errDown)
	if err := w.End(t.Context(), 7, s.ID); err != nil {
		t.Errorf("End: %v", err)
	}
	if n, err := w.EndAll(t.Context(), 7); n != 1 || err != nil {
		t.Errorf("EndAll = %d, %v, want 1", n, err)
	}
	w.accounts.Fail(nil)
	wantRevoked(t, w.Manager, s)
	wantRevoked(t, w.Manager, other)
}

// TestBannedWhileStoreDown decides on memory and the database; that the store
// cannot be told yet changes nothing, and it is told later.
func TestBannedWhileStoreDown(t *testing.T) {
	w := newWorld(t)
	c := session.DefaultConfig()
	c.CacheTTL = time.Minute // longer than account_ttl
	w.Manager = w.replica(c)
	s := w.login(t, 7)
	wantServed(t, w.Manager, s)
	banned := account()
	banned.MayLogin = false
	w.accounts.Set(banned)
	w.store.Fail(errDown)
	w.clock.Advance(10 * time.Second)
	wantRevoked(t, w.Manager, s)
	wantCheckUnavailable(t, w.Manager, s, errDown) // not in memory any more
	w.store.Fail(nil)
	if !w.stored(t, s) {
		t.Fatal("the store was told though it was down; the test tests nothing")
	}
	wantRevoked(t, w.Manager, s)
	if w.stored(t, s) {
		t.Error("the session is still stored")
	}
}

// TestHangingStores have no timeout of their own.
func TestHangingStores(t *testing.T) {
	hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	for name, set := range map[string]func(*hooked){
		"store":    func(h *hooked) { h.onFind = hang },
		"database": func(h *hooked) { h.onAccount = hang },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &hooked{world: newWorld(t)}
				m := h.manager(h.clock.Now)
				s := h.login(t, 7)
				set(h)
				start := time.Now()
				wantCheckUnavailable(t, m, s, context.DeadlineExceeded)
				if took := time.Since(start); took != 3*time.Second {
					t.Errorf("Check took %v, want the default timeout of 3 s", took)
				}
				h.onFind, h.onAccount = nil, nil
				wantServed(t, m, s)
			})
		})
	}
}

// TestLogoutOfAClientThatHangsUp is carried out.
func TestLogoutOfAClientThatHangsUp(t *testing.T) {
	w := newWorld(t)
	s, other := w.login(t, 7), w.login(t, 7)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.End(ctx, 7, s.ID); err != nil {
		t.Errorf("End: %v", err)
	}
	wantRevoked(t, w.Manager, s)
	if n, err := w.EndAll(ctx, 7); n != 1 || err != nil {
		t.Errorf("EndAll = %d, %v, want 1", n, err)
	}
	wantRevoked(t, w.Manager, other)
}

// TestPanickingStore is somebody's mistake, but not that of all clients.
func TestPanickingStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hooked{world: newWorld(t)}
		m := h.manager(h.clock.Now)
		s := h.login(t, 7)
		release := make(chan struct{})
		h.onFind = func(context.Context) error { <-release; panic("mistake") }
		recovered := make(chan any, 1)
		go func() {
			defer func() { recovered <- recover() }()
			_, _ = m.Check(t.Context(), identity.UseCredential, 7, s.ID, s.Token.ID)
		}()
		synctest.Wait()
		waiting := make(chan error, 1)
		go func() { _, err := m.Check(t.Context(), identity.UseCredential, 7, s.ID, s.Token.ID); waiting <- err }()
		synctest.Wait()
		close(release)
		if r := <-recovered; r != "mistake" {
			t.Errorf("recovered %v, want the panic", r)
		}
		if err := <-waiting; !errors.Is(err, session.ErrUnavailable) || errors.Is(err, session.ErrRevoked) {
			t.Errorf("the other client: %v, want ErrUnavailable", err)
		}
		h.onFind = nil
		wantServed(t, m, s)
	})
}
