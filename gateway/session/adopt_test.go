package session_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/gateway/session"
)

// adoption is a token that Faveo issued a minute ago for an hour.
func (w *world) adoption() session.Adoption {
	now := w.clock.Now()
	return session.Adoption{
		UserID: 7, SessionID: session.NewID(), TokenID: "jti " + session.NewID(),
		IssuedAt: now.Add(-time.Minute), ExpiresAt: now.Add(59 * time.Minute), RefreshableUntil: now.Add(24 * time.Hour),
		Address: "192.0.2.1", Agent: "Dalvik/2.1.0",
	}
}

func wantAdopted(t *testing.T, m *session.Manager, a session.Adoption) session.Session {
	t.Helper()
	got, err := m.CheckAdopted(t.Context(), identity.UseCredential, a)
	if err != nil || got.Session.ID != a.SessionID || got.Session.UserID != a.UserID || got.Account.UserID != a.UserID {
		t.Errorf("CheckAdopted = %+v, %v, want the session", got, err)
		return session.Session{}
	}
	return *got.Session
}

func wantNotAdopted(t *testing.T, m *session.Manager, a session.Adoption, want error) {
	t.Helper()
	got, err := m.CheckAdopted(t.Context(), identity.UseCredential, a)
	if !errors.Is(err, want) || errors.Is(err, session.ErrRevoked) != errors.Is(want, session.ErrRevoked) {
		t.Errorf("CheckAdopted: %v, want %v", err, want)
	}
	if got != (session.Standing{}) {
		t.Errorf("CheckAdopted returned %+v with its error", got)
	}
}

func TestAdopt(t *testing.T) {
	w := newWorld(t)
	a := w.adoption()
	a.Agent = "Dalvik\r\n" + strings.Repeat("x", 1000)
	want := session.Session{
		ID: a.SessionID, UserID: 7, Role: "agent", Address: a.Address, Agent: "Dalvik  " + strings.Repeat("x", 248),
		CreatedAt: w.clock.Now(), SeenAt: w.clock.Now(), ExpiresAt: a.ExpiresAt, RefreshableUntil: a.RefreshableUntil,
		PasswordFingerprint: "first", Token: session.Token{ID: a.TokenID}, Adopted: true,
	}
	if got := wantAdopted(t, w.Manager, a); got != want {
		t.Errorf("the session is %+v\nwant %+v", got, want)
	}
	// From now on it is one like others.
	if store, accounts := w.calls(func() { wantAdopted(t, w.Manager, a) }); store != 0 || accounts != 0 {
		t.Errorf("the second check made %d and %d calls, want none", store, accounts)
	}
	wantServed(t, w.replica(session.DefaultConfig()), want)
	w.clock.Set(a.ExpiresAt)
	wantNotAdopted(t, w.Manager, a, session.ErrRevoked)
}

// TestCheckDoesNotAdopt: a token of ours without its session is over.
func TestCheckDoesNotAdopt(t *testing.T) {
	w := newWorld(t)
	a := w.adoption()
	if _, err := w.Check(t.Context(), identity.UseCredential, 7, a.SessionID, a.TokenID); !errors.Is(err, session.ErrRevoked) {
		t.Errorf("Check: %v, want ErrRevoked", err)
	}
	if n, err := w.store.DeleteAll(t.Context(), 7); n != 0 || err != nil {
		t.Errorf("%d sessions were made, %v", n, err)
	}
}

// TestAdoptionAfterTheEnd: the token's signature is as good as before, so what has
// ended must stay ended, on every replica, until the token expires.
func TestAdoptionAfterTheEnd(t *testing.T) {
	ends := map[string]func(*testing.T, *world, session.Adoption){
		"logout": func(t *testing.T, w *world, a session.Adoption) {
			if err := w.End(t.Context(), 7, a.SessionID); err != nil {
				t.Fatalf("End: %v", err)
			}
		},
		"logout with the token": func(t *testing.T, w *world, a session.Adoption) {
			if err := w.EndAdopted(t.Context(), 7, a.SessionID, a.ExpiresAt); err != nil {
				t.Fatalf("EndAdopted: %v", err)
			}
		},
		"everything": func(t *testing.T, w *world, _ session.Adoption) {
			if _, err := w.EndEverything(t.Context()); err != nil {
				t.Fatalf("EndEverything: %v", err)
			}
		},
		"logout of all": func(t *testing.T, w *world, _ session.Adoption) {
			if _, err := w.EndAll(t.Context(), 7); err != nil {
				t.Fatalf("EndAll: %v", err)
			}
		},
		"an operator": func(t *testing.T, w *world, _ session.Adoption) {
			if _, err := w.EndWhere(t.Context(), func(s session.Session) bool { return s.Token.KeyID == "" }); err != nil {
				t.Fatalf("EndWhere: %v", err)
			}
		},
		"too many logins": func(t *testing.T, w *world, _ session.Adoption) {
			for range session.DefaultConfig().MaxPerUser {
				w.login(t, 7)
			}
		},
		"a ban that is lifted": func(t *testing.T, w *world, a session.Adoption) {
			banned := account()
			banned.MayLogin = false
			w.accounts.Set(banned)
			w.clock.Advance(10 * time.Second)
			wantNotAdopted(t, w.Manager, a, session.ErrRevoked)
			w.accounts.Set(account())
		},
		"a new password": func(t *testing.T, w *world, a session.Adoption) {
			changed := account()
			changed.PasswordFingerprint = "second"
			w.accounts.Set(changed)
			w.clock.Advance(10 * time.Second)
			wantNotAdopted(t, w.Manager, a, session.ErrRevoked)
		},
		"reuse": func(t *testing.T, w *world, a session.Adoption) {
			s := session.Session{UserID: 7, ID: a.SessionID}
			refreshed(t, w.Manager, s, a.TokenID)
			w.clock.Advance(30 * time.Second)
			wantRefused(t, w.Manager, s, a.TokenID, session.ErrReused)
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			a := w.adoption()
			wantAdopted(t, w.Manager, a)
			end(t, w, a)
			other := w.replica(session.DefaultConfig())
			for w.clock.Now().Before(a.ExpiresAt.Add(time.Hour)) {
				wantNotAdopted(t, w.Manager, a, session.ErrRevoked)
				wantNotAdopted(t, other, a, session.ErrRevoked)
				w.clock.Advance(10 * time.Minute)
			}
		})
	}
}

// TestAdoptionOfWhatWasIssuedBeforeALogoutOfAll, and was never seen.
func TestAdoptionOfWhatWasIssuedBeforeALogoutOfAll(t *testing.T) {
	w := newWorld(t)
	before := w.adoption()
	if _, err := w.EndAll(t.Context(), 7); err != nil {
		t.Fatalf("EndAll: %v", err)
	}
	wantNotAdopted(t, w.Manager, before, session.ErrRevoked)
	w.clock.Advance(time.Minute)
	after := w.adoption()
	wantNotAdopted(t, w.Manager, after, session.ErrRevoked) // Its iat is in the same second.
	after.IssuedAt = w.clock.Now()
	wantAdopted(t, w.Manager, after)
}

// TestAdoptionNeedsTheAccount, at most account_ttl old.
func TestAdoptionNeedsTheAccount(t *testing.T) {
	w := newWorld(t)
	banned, none := account(), account()
	banned.MayLogin = false
	none.PasswordFingerprint = ""
	for name, change := range map[string]func(){
		"banned":      func() { w.accounts.Set(banned) },
		"no password": func() { w.accounts.Set(none) },
		"gone":        func() { w.accounts.Remove(7) },
	} {
		w.accounts.Set(account())
		wantServed(t, w.Manager, w.login(t, 7)) // The account is remembered.
		change()
		w.clock.Advance(10 * time.Second)
		a := w.adoption()
		wantNotAdopted(t, w.Manager, a, session.ErrRevoked)
		if _, err := w.store.Find(t.Context(), 7, a.SessionID); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("%s: the session is stored: %v", name, err)
		}
		// That is not remembered: nobody is refused out of memory.
		w.accounts.Set(account())
		wantAdopted(t, w.Manager, w.adoption())
	}
	changed := account()
	changed.PasswordFingerprint = "second"
	w.accounts.Set(changed)
	w.clock.Advance(10 * time.Second)
	if s := wantAdopted(t, w.Manager, w.adoption()); s.PasswordFingerprint != "second" {
		t.Errorf("the session was made with the fingerprint %q of before", s.PasswordFingerprint)
	}
}

// TestAdoptionAfterABan of an account that is remembered: it counts within account_ttl,
// as for every session.
func TestAdoptionAfterABan(t *testing.T) {
	w := newWorld(t)
	wantServed(t, w.Manager, w.login(t, 7))
	banned := account()
	banned.MayLogin = false
	w.accounts.Set(banned)
	a := w.adoption()
	wantAdopted(t, w.Manager, a)
	w.clock.Advance(10*time.Second - 1)
	wantAdopted(t, w.Manager, a)
	w.clock.Advance(1)
	wantNotAdopted(t, w.Manager, a, session.ErrRevoked)
	w.accounts.Set(account())
	wantNotAdopted(t, w.Manager, a, session.ErrRevoked)
}

// TestDeadTokenKeepsTheDatabaseCalm: whoever goes on with a token of Faveo's that has
// ended costs reads of the store, and no more of the database than anybody else.
func TestDeadTokenKeepsTheDatabaseCalm(t *testing.T) {
	w := newWorld(t)
	a := w.adoption()
	if err := w.EndAdopted(t.Context(), 7, a.SessionID, a.ExpiresAt); err != nil {
		t.Fatalf("EndAdopted: %v", err)
	}
	_, accounts := w.calls(func() {
		for range 100 {
			wantNotAdopted(t, w.Manager, a, session.ErrRevoked)
			w.clock.Advance(100*time.Millisecond - 1)
		}
	})
	if accounts != 1 {
		t.Errorf("100 requests within account_ttl read the account %d times, want once", accounts)
	}
}

// TestEndAdopted stores the end of a token of Faveo's, whatever its session or its
// account is.
func TestEndAdopted(t *testing.T) {
	banned := account()
	banned.MayLogin = false
	cases := map[string]func(*testing.T, *world, session.Adoption){
		"never shown":   func(*testing.T, *world, session.Adoption) {},
		"shown":         func(t *testing.T, w *world, a session.Adoption) { wantAdopted(t, w.Manager, a) },
		"database down": func(_ *testing.T, w *world, _ session.Adoption) { w.accounts.Fail(errDown) },
		"banned":        func(_ *testing.T, w *world, _ session.Adoption) { w.accounts.Set(banned) },
		"no account":    func(_ *testing.T, w *world, _ session.Adoption) { w.accounts.Remove(7) },
		"ended": func(t *testing.T, w *world, a session.Adoption) {
			wantAdopted(t, w.Manager, a)
			if err := w.End(t.Context(), 7, a.SessionID); err != nil {
				t.Fatalf("End: %v", err)
			}
		},
		"refreshed long ago": func(t *testing.T, w *world, a session.Adoption) {
			wantAdopted(t, w.Manager, a)
			refreshed(t, w.Manager, session.Session{UserID: 7, ID: a.SessionID}, a.TokenID)
			w.clock.Advance(30 * time.Second)
		},
	}
	for name, prepare := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			a, other := w.adoption(), w.adoption()
			prepare(t, w, a)
			gone, cancel := context.WithCancel(t.Context())
			cancel() // Who hangs up after asking for a logout still wants it.
			_, accounts := w.calls(func() {
				if err := w.EndAdopted(gone, 7, a.SessionID, a.ExpiresAt); err != nil {
					t.Fatalf("EndAdopted: %v", err)
				}
			})
			if accounts != 0 {
				t.Errorf("the account was looked at %d times", accounts)
			}
			w.accounts.Fail(nil)
			w.accounts.Set(account())
			wantNotAdopted(t, w.Manager, a, session.ErrRevoked)
			wantNotAdopted(t, w.replica(session.DefaultConfig()), a, session.ErrRevoked)
			if w.stored(t, session.Session{UserID: 7, ID: a.SessionID}) {
				t.Error("the session is still stored")
			}
			wantAdopted(t, w.Manager, other)
		})
	}
	w := newWorld(t)
	a := w.adoption()
	wantAdopted(t, w.Manager, a)
	w.store.Fail(errDown)
	wantUnavailable(t, w.EndAdopted(t.Context(), 7, a.SessionID, a.ExpiresAt), errDown)
	w.store.Fail(nil)
	wantAdopted(t, w.Manager, a)
	if err := w.EndAdopted(t.Context(), 7, "*", a.ExpiresAt); !errors.Is(err, session.ErrMalformed) || errors.Is(err, session.ErrUnavailable) {
		t.Errorf("EndAdopted of a pattern: %v, want ErrMalformed", err)
	}
}

// TestFirstSightOnAllSides: the first requests of an app come together, on several
// replicas, and none may be refused because another's read has found nothing.
func TestFirstSightOnAllSides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hooked{world: newWorld(t)}
		replicas := []*session.Manager{h.manager(time.Now), h.manager(time.Now)}
		h.onFind = func(context.Context) error { time.Sleep(time.Second); return nil }
		a := h.adoption()
		now := time.Now()
		a.IssuedAt, a.ExpiresAt, a.RefreshableUntil = now, h.clock.Now().Add(time.Hour), h.clock.Now().Add(time.Hour)
		var all sync.WaitGroup
		for i := range 60 {
			time.Sleep(50 * time.Millisecond)
			all.Go(func() { wantAdopted(t, replicas[i%2], a) })
		}
		all.Wait()
		if list, err := h.List(t.Context(), 7); err != nil || len(list) != 1 {
			t.Errorf("the sessions are %+v, %v, want one", list, err)
		}
	})
}

// TestFirstSightOfASlowRead: of two first requests one has found nothing, and is not
// back with it yet, when the other has adopted the token and asks for its session.
func TestFirstSightOfASlowRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hooked{world: newWorld(t)}
		m := h.manager(h.clock.Now)
		a := h.adoption()
		slow, release := make(chan error, 1), make(chan struct{})
		h.onAdopt = func(do func() error) error {
			h.onAdopt = nil
			h.onFind = func(context.Context) error { <-release; return nil }
			go func() { _, err := m.CheckAdopted(t.Context(), identity.UseCredential, a); slow <- err }()
			synctest.Wait()
			h.onFind = nil
			return do()
		}
		wantAdopted(t, m, a)
		close(release)
		if err := <-slow; err != nil {
			t.Errorf("the slow one: %v", err)
		}
	})
}

// TestAdoptionRacingWithALogout has the token end, on another replica, while this one
// has found nothing yet and is about to adopt it.
func TestAdoptionRacingWithALogout(t *testing.T) {
	for name, end := range map[string]func(m *session.Manager, a session.Adoption) error{
		"one": func(m *session.Manager, a session.Adoption) error { return m.End(context.Background(), 7, a.SessionID) },
		"all": func(m *session.Manager, _ session.Adoption) error {
			_, err := m.EndAll(context.Background(), 7)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := &hooked{world: newWorld(t)}
			m, other := h.manager(h.clock.Now), h.replica(session.DefaultConfig())
			a := h.adoption()
			h.onAdopt = func(do func() error) error {
				wantAdopted(t, other, a)
				if err := end(other, a); err != nil {
					t.Errorf("the end: %v", err)
				}
				return do()
			}
			wantNotAdopted(t, m, a, session.ErrRevoked)
			h.onAdopt = nil
			wantNotAdopted(t, m, a, session.ErrRevoked)
			wantNotAdopted(t, other, a, session.ErrRevoked)
		})
	}
}

// TestAdoptionWhileTheStoreFails is no refusal, and asking again helps.
func TestAdoptionWhileTheStoreFails(t *testing.T) {
	down := func(context.Context) error { return errDown }
	for name, set := range map[string]func(*hooked){
		"find":               func(h *hooked) { h.onFind = down },
		"account":            func(h *hooked) { h.onAccount = down },
		"adopt":              func(h *hooked) { h.onAdopt = func(func() error) error { return errDown } },
		"answer of an adopt": func(h *hooked) { h.onAdopt = func(do func() error) error { _ = do(); return errDown } },
	} {
		t.Run(name, func(t *testing.T) {
			h := &hooked{world: newWorld(t)}
			m := h.manager(h.clock.Now)
			a := h.adoption()
			set(h)
			_, err := m.CheckAdopted(t.Context(), identity.UseCredential, a)
			wantUnavailable(t, err, errDown)
			h.onFind, h.onAccount, h.onAdopt = nil, nil, nil
			wantAdopted(t, m, a)
		})
	}
}

func TestAdoptionOfWhatIsNone(t *testing.T) {
	w := newWorld(t)
	for name, change := range map[string]func(*session.Adoption){
		"user 0":        func(a *session.Adoption) { a.UserID = 0 },
		"no session id": func(a *session.Adoption) { a.SessionID = "" },
		"a pattern":     func(a *session.Adoption) { a.SessionID = strings.Repeat("*", 22) },
		"no token id":   func(a *session.Adoption) { a.TokenID = "" },
		"expired":       func(a *session.Adoption) { a.ExpiresAt = w.clock.Now() },
	} {
		t.Run(name, func(t *testing.T) {
			a := w.adoption()
			change(&a)
			wantNotAdopted(t, w.Manager, a, session.ErrRevoked)
		})
	}
	a := w.adoption()
	a.RefreshableUntil = a.ExpiresAt.Add(-time.Second)
	if _, err := w.CheckAdopted(t.Context(), identity.UseCredential, a); err == nil || errors.Is(err, session.ErrRevoked) || errors.Is(err, session.ErrUnavailable) {
		t.Errorf("CheckAdopted of a contradiction: %v, want an error that is nobody's fault but ours", err)
	}
	if n, err := w.store.DeleteAll(t.Context(), 7); n != 0 || err != nil {
		t.Errorf("%d sessions were made, %v", n, err)
	}
}

// TestAdoptedTokenOfAnotherJTI: the session id is made of the whole token, but what
// counts is the id that was adopted with it.
func TestAdoptedTokenOfAnotherJTI(t *testing.T) {
	w := newWorld(t)
	a := w.adoption()
	wantAdopted(t, w.Manager, a)
	forged := a
	forged.TokenID = "another"
	wantNotAdopted(t, w.Manager, forged, session.ErrRevoked)
	wantAdopted(t, w.Manager, a)
}

// TestAdoptedTokenThatWasRefreshed stays known until it has expired by itself, though
// its successor lives shorter; else it would be adopted as if it were new.
func TestAdoptedTokenThatWasRefreshed(t *testing.T) {
	w := newWorld(t)
	a := w.adoption()
	wantAdopted(t, w.Manager, a)
	_, err := w.Refresh(t.Context(), session.Refresh{UserID: 7, SessionID: a.SessionID, TokenID: a.TokenID, Life: time.Minute, Mint: mint})
	if err != nil {
		t.Fatalf("Refresh: %v", err)
	}
	wantAdopted(t, w.Manager, a)
	w.clock.Advance(30 * time.Second)
	for w.clock.Now().Before(a.ExpiresAt.Add(time.Minute)) {
		wantNotAdopted(t, w.Manager, a, session.ErrRevoked)
		w.clock.Advance(time.Minute)
	}
}

func TestAdoptionEndsTheOldest(t *testing.T) {
	w := newWorld(t)
	c := session.DefaultConfig()
	c.MaxPerUser = 2
	w.Manager = w.replica(c)
	first, second := w.adoption(), w.adoption()
	wantAdopted(t, w.Manager, first)
	wantAdopted(t, w.Manager, second)
	// The oldest is the one read last, so memory would keep it by itself.
	w.clock.Advance(5 * time.Second)
	wantAdopted(t, w.Manager, first)
	third := w.adoption()
	wantAdopted(t, w.Manager, third)
	wantNotAdopted(t, w.Manager, first, session.ErrRevoked)
	wantAdopted(t, w.Manager, second)
	wantAdopted(t, w.Manager, third)
}
