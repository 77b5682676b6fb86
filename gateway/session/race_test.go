package session_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/gateway/session"
)

// TestRevocationDuringARead ends the session on another replica while this one
// has read it, but not come back with it yet. The answer from before may neither
// be remembered nor be given to whoever comes after.
func TestRevocationDuringARead(t *testing.T) {
	type manager = session.Manager
	revocations := map[string]func(m *manager, s session.Session){
		"Drop":                func(m *manager, s session.Session) { m.Drop(s.UserID, s.ID) },
		"Drop of all":         func(m *manager, s session.Session) { m.Drop(s.UserID, "") },
		"Drop of a malformed": func(m *manager, s session.Session) { m.Drop(s.UserID, s.ID[1:]) },
		"Drop of everything":  func(m *manager, _ session.Session) { m.Drop(0, "") },
		"DropAll":             func(m *manager, s session.Session) { m.DropAll(s.UserID) },
		"DropEverything":      func(m *manager, _ session.Session) { m.DropEverything() },
		"EndAdopted": func(m *manager, s session.Session) {
			_ = m.EndAdopted(context.Background(), s.UserID, s.ID, s.ExpiresAt)
		},
		"EndEverything": func(m *manager, _ session.Session) { _, _ = m.EndEverything(context.Background()) },
		"End":           func(m *manager, s session.Session) { _ = m.End(context.Background(), s.UserID, s.ID) },
		"EndAll":        func(m *manager, s session.Session) { _, _ = m.EndAll(context.Background(), s.UserID) },
	}
	for name, revoke := range revocations {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &hooked{world: newWorld(t)}
				m := h.manager(h.clock.Now)
				s := h.login(t, 7)
				release := make(chan struct{})
				h.onFind = func(context.Context) error { <-release; return nil }
				before := make(chan error, 1)
				go func() { _, err := m.Check(t.Context(), identity.UseCredential, 7, s.ID, s.Token.ID); before <- err }()
				synctest.Wait() // it has read the session and waits

				if err := h.store.Delete(t.Context(), 7, s.ID); err != nil {
					t.Fatal(err)
				}
				revoke(m, s)
				after := make(chan error, 1)
				go func() { _, err := m.Check(t.Context(), identity.UseCredential, 7, s.ID, s.Token.ID); after <- err }()
				synctest.Wait()
				close(release)
				if err := <-before; err != nil {
					t.Errorf("the check from before: %v", err)
				}
				if err := <-after; !errors.Is(err, session.ErrRevoked) {
					t.Errorf("the check from after: %v, want ErrRevoked", err)
				}
				wantRevoked(t, m, s)
			})
		})
	}
}

// TestRevocationOutlivesALateRead is the same without anybody who asks before
// the old answer is in: it may not be remembered then either.
func TestRevocationOutlivesALateRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hooked{world: newWorld(t)}
		m := h.manager(h.clock.Now)
		s := h.login(t, 7)
		release := make(chan struct{})
		h.onFind = func(context.Context) error { <-release; return nil }
		before := make(chan error, 1)
		go func() { _, err := m.Check(t.Context(), identity.UseCredential, 7, s.ID, s.Token.ID); before <- err }()
		synctest.Wait()
		if err := m.End(t.Context(), 7, s.ID); err != nil {
			t.Fatal(err)
		}
		close(release)
		if err := <-before; err != nil {
			t.Errorf("the check from before: %v", err)
		}
		wantRevoked(t, m, s)
	})
}

// TestLoginDuringAnotherRefusal has a read of the account under way, begun to
// refuse another session, when the password changes: it is too old for the new
// login, which may not be refused by it.
func TestLoginDuringAnotherRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hooked{world: newWorld(t)}
		m := h.manager(time.Now)
		wantServed(t, m, h.login(t, 7)) // the old password is remembered
		forged, err := h.Start(t.Context(), newLogin(session.Login{UserID: 7, Role: "agent", PasswordFingerprint: "never", ExpiresAt: h.clock.Now().Add(100 * 365 * 24 * time.Hour)}))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
		release := make(chan struct{})
		h.onAccount = func(context.Context) error { <-release; return nil }
		refused := make(chan error, 1)
		go func() {
			_, err := m.Check(t.Context(), identity.UseCredential, 7, forged.ID, forged.Token.ID)
			refused <- err
		}()
		synctest.Wait() // it has read the old password and waits
		h.accounts.Set(session.Account{UserID: 7, Role: "agent", MayLogin: true, PasswordFingerprint: "second"})
		fresh := h.login(t, 7) // on another replica
		time.Sleep(time.Millisecond)
		login := make(chan error, 1)
		go func() {
			_, err := m.Check(t.Context(), identity.UseCredential, 7, fresh.ID, fresh.Token.ID)
			login <- err
		}()
		synctest.Wait()
		close(release)
		if err := <-refused; !errors.Is(err, session.ErrRevoked) {
			t.Errorf("the other session: %v, want ErrRevoked", err)
		}
		if err := <-login; err != nil {
			t.Errorf("the new login: %v", err)
		}
	})
}

// TestRefreshDuringAnotherRefusal has a read of the session under way, begun to refuse
// another token, when the session is refreshed elsewhere: it is too old for the new
// token, which may not be refused by it.
func TestRefreshDuringAnotherRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hooked{world: newWorld(t)}
		m, other := h.manager(time.Now), h.replica(session.DefaultConfig())
		s := h.login(t, 7)
		wantServed(t, m, s)
		time.Sleep(time.Millisecond)
		release := make(chan struct{})
		h.onFind = func(context.Context) error { <-release; return nil }
		refused := make(chan error, 1)
		go func() {
			_, err := m.Check(t.Context(), identity.UseCredential, 7, s.ID, "a token from long ago")
			refused <- err
		}()
		synctest.Wait() // it has read the session as it was and waits
		newest := refreshed(t, other, s, s.Token.ID)
		time.Sleep(time.Millisecond)
		served := make(chan error, 1)
		go func() { _, err := m.Check(t.Context(), identity.UseCredential, 7, s.ID, newest); served <- err }()
		synctest.Wait()
		close(release)
		if err := <-refused; !errors.Is(err, session.ErrRevoked) {
			t.Errorf("the other token: %v, want ErrRevoked", err)
		}
		if err := <-served; err != nil {
			t.Errorf("the new token: %v", err)
		}
	})
}

// TestDropOfOthers leaves a read under way alone.
func TestDropOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hooked{world: newWorld(t)}
		m := h.manager(h.clock.Now)
		s, other := h.login(t, 7), h.login(t, 7)
		release := make(chan struct{})
		h.onFind = func(context.Context) error { <-release; return nil }
		done := make(chan error, 1)
		go func() { _, err := m.Check(t.Context(), identity.UseCredential, 7, s.ID, s.Token.ID); done <- err }()
		synctest.Wait()
		m.Drop(7, other.ID)
		m.DropAll(8)
		close(release)
		if err := <-done; err != nil {
			t.Fatalf("Check: %v", err)
		}
		if store, _ := h.calls(func() { wantServed(t, m, s) }); store != 0 {
			t.Errorf("the session was read again, %d times", store)
		}
	})
}

// TestAccountReadFromBefore starts a session with a new password while the
// account with the old one is being read.
func TestAccountReadFromBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hooked{world: newWorld(t)}
		m := h.manager(time.Now)
		old := h.login(t, 7)
		release := make(chan struct{})
		h.onAccount = func(context.Context) error { <-release; return nil }
		before := make(chan error, 1)
		go func() { _, err := m.Check(t.Context(), identity.UseCredential, 7, old.ID, old.Token.ID); before <- err }()
		synctest.Wait() // it has read the old password and waits
		h.accounts.Set(session.Account{UserID: 7, Role: "agent", MayLogin: true, PasswordFingerprint: "second"})
		fresh := h.login(t, 7) // on another replica
		time.Sleep(time.Millisecond)
		after := make(chan error, 1)
		go func() {
			_, err := m.Check(t.Context(), identity.UseCredential, 7, fresh.ID, fresh.Token.ID)
			after <- err
		}()
		synctest.Wait()
		close(release)
		if err := <-before; err != nil {
			t.Errorf("the check from before: %v", err)
		}
		if err := <-after; err != nil {
			t.Errorf("the new login: %v", err)
		}
	})
}

func TestConcurrentChecksAreOneRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hooked{world: newWorld(t)}
		m := h.manager(h.clock.Now)
		s := h.login(t, 7)
		slow := func(context.Context) error { time.Sleep(time.Second); return nil }
		h.onFind, h.onAccount = slow, slow
		store, accounts := h.calls(func() {
			var all sync.WaitGroup
			for range 100 {
				all.Go(func() { wantServed(t, m, s) })
			}
			all.Wait()
		})
		if store != 1 || accounts != 1 {
			t.Errorf("100 checks made %d and %d calls, want 1 and 1", store, accounts)
		}
	})
}

// TestClientThatHangsUp caused the read that others wait for.
func TestClientThatHangsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hooked{world: newWorld(t)}
		m := h.manager(h.clock.Now)
		s := h.login(t, 7)
		slow := func(ctx context.Context) error {
			select {
			case <-time.After(time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		h.onFind, h.onAccount = slow, slow
		check := func(ctx context.Context) chan error {
			done := make(chan error, 1)
			go func() { _, err := m.Check(ctx, identity.UseCredential, 7, s.ID, s.Token.ID); done <- err }()
			synctest.Wait()
			return done
		}
		leading, hangUp := context.WithCancel(t.Context())
		leader := check(leading)
		waiting, giveUp := context.WithCancel(t.Context())
		impatient, patient := check(waiting), check(t.Context())
		start := time.Now()
		hangUp()
		giveUp()
		err := <-impatient
		wantUnavailable(t, err, context.Canceled)
		if time.Since(start) != 0 {
			t.Error("a client that gives up waits for the read of another")
		}
		if err := <-patient; err != nil {
			t.Errorf("the client that waited: %v", err)
		}
		<-leader
	})
}

// TestRefusedClientKeepsDatabaseCalm sends many requests with a session that was
// refused but could not be ended, while the database is slow.
func TestRefusedClientKeepsDatabaseCalm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hooked{world: newWorld(t)}
		m := h.manager(time.Now)
		s := h.login(t, 7)
		h.accounts.Set(session.Account{UserID: 7, PasswordFingerprint: "first"})
		var atOnce, most, reads atomic.Int32
		h.onAccount = func(context.Context) error {
			reads.Add(1)
			most.Store(max(most.Load(), atOnce.Add(1)))
			time.Sleep(time.Second)
			atOnce.Add(-1)
			return nil
		}
		var all sync.WaitGroup
		for range 200 {
			all.Go(func() {
				if _, err := m.Check(t.Context(), identity.UseCredential, 7, s.ID, s.Token.ID); !errors.Is(err, session.ErrRevoked) {
					t.Errorf("Check: %v, want ErrRevoked", err)
				}
			})
			time.Sleep(10 * time.Millisecond)
		}
		all.Wait()
		if most.Load() != 1 || reads.Load() > 6 {
			t.Errorf("%d reads of the account, up to %d at once, want a few, one at a time", reads.Load(), most.Load())
		}
	})
}

// TestNoSessionSurvivesItsEnd runs everything against everything: once End or
// EndAll has returned nil, no Check that begins later may succeed.
func TestNoSessionSurvivesItsEnd(t *testing.T) {
	w := newWorld(t)
	h := &hooked{world: w}
	// A read that takes its time makes the window that the test is about.
	h.onFind = func(context.Context) error { time.Sleep(time.Duration(rand.IntN(50)) * time.Microsecond); return nil }
	m := h.manager(time.Now)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 200 {
				a := account()
				s, err := m.Start(t.Context(), newLogin(session.Login{UserID: 7, Role: a.Role, PasswordFingerprint: a.PasswordFingerprint, ExpiresAt: w.clock.Now().Add(100 * 365 * 24 * time.Hour)}))
				if err != nil {
					t.Errorf("Start: %v", err)
					return
				}
				var checks sync.WaitGroup
				for range 4 {
					checks.Go(func() { _, _ = m.Check(t.Context(), identity.UseCredential, 7, s.ID, s.Token.ID) })
				}
				end := func() error { return m.End(t.Context(), 7, s.ID) }
				if i%2 == 0 {
					end = func() error { _, err := m.EndAll(t.Context(), 7); return err }
				}
				if err := end(); err != nil {
					t.Errorf("End: %v", err)
				}
				for range 3 {
					if _, err := m.Check(t.Context(), identity.UseCredential, 7, s.ID, s.Token.ID); !errors.Is(err, session.ErrRevoked) {
						t.Errorf("Check after End: %v, want ErrRevoked", err)
					}
				}
				checks.Wait()
				if _, err := m.Check(t.Context(), identity.UseCredential, 7, s.ID, s.Token.ID); !errors.Is(err, session.ErrRevoked) {
					t.Errorf("Check after End: %v, want ErrRevoked", err)
				}
			}
		})
	}
	all.Wait()
}
