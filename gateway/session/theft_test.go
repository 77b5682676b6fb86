package session_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"faveo-gateway/gateway/session"
)

// The tests of this file are attacks, and accidents that look like them.

// TestStolenTokenIsFoundOut: a thief has copied a token that the owner goes on with.
// Whoever refreshes second, later than the overlap, ends it for both.
func TestStolenTokenIsFoundOut(t *testing.T) {
	for name, first := range map[string]string{"the thief was first": "thief", "the owner was first": "owner"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			thief, owner := w.Manager, w.replica(session.DefaultConfig())
			if first == "owner" {
				thief, owner = owner, thief
			}
			s := w.login(t, 7)
			other := w.login(t, 7)
			taken := refreshed(t, thief, s, s.Token.ID)
			w.clock.Advance(30 * time.Second)
			wantToken(t, owner, s, s.Token.ID, false)
			wantRefused(t, owner, s, s.Token.ID, session.ErrReused)
			// On the replica that has found it out it is over at once, on the others when
			// they hear of it.
			wantToken(t, owner, s, taken, false)
			thief.Drop(7, s.ID)
			wantToken(t, thief, s, taken, false)
			wantRefused(t, thief, s, taken, session.ErrRevoked)
			if w.stored(t, s) {
				t.Error("the session is still stored")
			}
			wantServed(t, w.Manager, other)
		})
	}
}

// TestStolenTokenWithinTheOverlap gives thief and owner the same successor; the next
// refresh tells them apart.
func TestStolenTokenWithinTheOverlap(t *testing.T) {
	w := newWorld(t)
	s := w.login(t, 7)
	second := refreshed(t, w.Manager, s, s.Token.ID)
	if also := refreshed(t, w.Manager, s, s.Token.ID); also != second {
		t.Fatalf("there are two families now: %s and %s", second, also)
	}
	third := refreshed(t, w.Manager, s, second)
	w.clock.Advance(30 * time.Second)
	wantRefused(t, w.Manager, s, second, session.ErrReused)
	for _, id := range []string{s.Token.ID, second, third} {
		wantToken(t, w.Manager, s, id, false)
	}
}

// TestOldTokensEndTheFamily: every token but the newest and those that overlap with it,
// and also one of a right signature that the record has never heard of.
func TestOldTokensEndTheFamily(t *testing.T) {
	for name, c := range map[string]struct {
		pass  time.Duration // between two refreshes
		times int
		old   func(first string) string
	}{
		"one from long ago":      {30 * time.Second, 2, func(first string) string { return first }},
		"the oldest of too many": {time.Second, 4, func(first string) string { return first }},
		"an unknown one":         {time.Second, 1, func(string) string { return session.NewID() }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			s := w.login(t, 7)
			newest, old := s.Token.ID, c.old(s.Token.ID)
			for range c.times {
				newest = refreshed(t, w.Manager, s, newest)
				w.clock.Advance(c.pass)
			}
			wantToken(t, w.Manager, s, old, false)
			wantToken(t, w.Manager, s, newest, true) // To ask with it ends nothing.
			wantRefused(t, w.Manager, s, old, session.ErrReused)
			wantToken(t, w.Manager, s, newest, false)
		})
	}
}

// TestReusedIsRevoked: whoever knows only ErrRevoked does right.
func TestReusedIsRevoked(t *testing.T) {
	if !errors.Is(session.ErrReused, session.ErrRevoked) || errors.Is(session.ErrRevoked, session.ErrReused) ||
		errors.Is(session.ErrSpent, session.ErrRevoked) {
		t.Error("ErrReused must be an ErrRevoked, and nothing else the other")
	}
}

// TestRefreshRacingWithTheEnd has the session end on another replica after a refresh
// has read it and before it stores the successor. It never comes back.
func TestRefreshRacingWithTheEnd(t *testing.T) {
	ends := map[string]func(*testing.T, *hooked, *session.Manager, session.Session){
		"logout": func(t *testing.T, _ *hooked, other *session.Manager, s session.Session) {
			if err := other.End(t.Context(), 7, s.ID); err != nil {
				t.Errorf("End: %v", err)
			}
		},
		"logout of all": func(t *testing.T, _ *hooked, other *session.Manager, _ session.Session) {
			if _, err := other.EndAll(t.Context(), 7); err != nil {
				t.Errorf("EndAll: %v", err)
			}
		},
		"an operator": func(t *testing.T, _ *hooked, other *session.Manager, _ session.Session) {
			if _, err := other.EndWhere(t.Context(), func(session.Session) bool { return true }); err != nil {
				t.Errorf("EndWhere: %v", err)
			}
		},
		"too many logins": func(t *testing.T, h *hooked, _ *session.Manager, _ session.Session) {
			for range session.DefaultConfig().MaxPerUser {
				h.login(t, 7)
			}
		},
		"a ban": func(t *testing.T, h *hooked, other *session.Manager, s session.Session) {
			banned := account()
			banned.MayLogin = false
			h.accounts.Set(banned)
			other.DropEverything()
			wantRevoked(t, other, s)
		},
		"a new password": func(t *testing.T, h *hooked, other *session.Manager, s session.Session) {
			changed := account()
			changed.PasswordFingerprint = "second"
			h.accounts.Set(changed)
			other.DropEverything()
			wantRevoked(t, other, s)
		},
		"reuse": func(t *testing.T, _ *hooked, other *session.Manager, s session.Session) {
			wantRefused(t, other, s, "a token from long ago", session.ErrReused)
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			h := &hooked{world: newWorld(t)}
			m, other := h.manager(h.clock.Now), h.replica(session.DefaultConfig())
			s := h.login(t, 7)
			wantServed(t, m, s)
			wantServed(t, other, s)
			h.onReplace = func(do func() error) error {
				end(t, h, other, s)
				return do()
			}
			wantRefused(t, m, s, s.Token.ID, session.ErrRevoked)
			if h.stored(t, s) {
				t.Error("the session is stored again")
			}
			wantRevoked(t, m, s)
		})
	}
}

// TestRefreshAfterTheAccountChanged ends a session that this replica does not have in
// memory.
func TestRefreshAfterTheAccountChanged(t *testing.T) {
	banned, changed := account(), account()
	banned.MayLogin = false
	changed.PasswordFingerprint = "second"
	for name, change := range map[string]func(*world){
		"banned":   func(w *world) { w.accounts.Set(banned) },
		"gone":     func(w *world) { w.accounts.Remove(7) },
		"password": func(w *world) { w.accounts.Set(changed) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			s := w.login(t, 7)
			change(w)
			wantRefused(t, w.Manager, s, s.Token.ID, session.ErrRevoked)
			if w.stored(t, s) {
				t.Error("the session is still stored")
			}
			w.accounts.Set(account())
			wantRefused(t, w.Manager, s, s.Token.ID, session.ErrRevoked)
		})
	}
}

// TestNoRefreshSurvivesALogout runs refreshes on several replicas against a logout:
// once that has returned, no token of the family counts anywhere.
func TestNoRefreshSurvivesALogout(t *testing.T) {
	w := newWorld(t)
	replicas := []*session.Manager{w.Manager, w.replica(session.DefaultConfig()), w.replica(session.DefaultConfig())}
	for i := range 100 {
		s := w.login(t, 7)
		var all sync.WaitGroup
		for _, m := range replicas {
			all.Go(func() {
				newest := s.Token.ID
				for {
					successor, err := refresh(t.Context(), m, s, newest)
					if errors.Is(err, session.ErrRevoked) {
						return
					}
					if err != nil && !errors.Is(err, session.ErrUnavailable) {
						t.Errorf("Refresh: %v", err)
						return
					}
					if err == nil {
						newest = successor
					}
				}
			})
		}
		end := func() error { return replicas[0].End(t.Context(), 7, s.ID) }
		if i%2 == 0 {
			end = func() error { _, err := replicas[0].EndAll(t.Context(), 7); return err }
		}
		if err := end(); err != nil {
			t.Fatalf("the end: %v", err)
		}
		if w.stored(t, s) {
			t.Error("the session is stored after its end")
		}
		all.Wait()
		if w.stored(t, s) {
			t.Error("the session has come back")
		}
	}
}

// TestSupersededTokenInAnotherMemory: a replica that has not heard of the refresh
// serves the token before for as long as memory counts, and no longer.
func TestSupersededTokenInAnotherMemory(t *testing.T) {
	for name, c := range map[string]struct{ cache, served time.Duration }{
		"as configured by default": {5 * time.Second, 30 * time.Second},
		"as long as the overlap":   {30 * time.Second, 30 * time.Second},
		"no memory":                {0, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			config := session.DefaultConfig()
			config.CacheTTL = c.cache
			other := w.replica(config)
			s := w.login(t, 7)
			wantServed(t, other, s)
			newest := refreshed(t, w.Manager, s, s.Token.ID)
			w.clock.Advance(c.served - 1)
			wantToken(t, other, s, s.Token.ID, true)
			w.clock.Advance(1)
			wantToken(t, other, s, s.Token.ID, false)
			wantToken(t, other, s, newest, true)
		})
	}
}

// TestFloodWithASupersededToken keeps the store busy with one read at a time.
func TestFloodWithASupersededToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hooked{world: newWorld(t)}
		m := h.manager(time.Now)
		s := h.login(t, 7)
		refreshed(t, m, s, s.Token.ID)
		time.Sleep(30 * time.Second)
		var atOnce, most, reads atomic.Int32
		h.onFind = func(context.Context) error {
			reads.Add(1)
			most.Store(max(most.Load(), atOnce.Add(1)))
			time.Sleep(time.Second)
			atOnce.Add(-1)
			return nil
		}
		var all sync.WaitGroup
		for range 200 {
			all.Go(func() { wantToken(t, m, s, s.Token.ID, false) })
			time.Sleep(10 * time.Millisecond)
		}
		all.Wait()
		if most.Load() != 1 || reads.Load() > 6 {
			t.Errorf("%d reads of the session, up to %d at once, want a few, one at a time", reads.Load(), most.Load())
		}
	})
}

// TestRefreshInAStoreThatMixesUp must not give one user the token of another.
func TestRefreshInAStoreThatMixesUp(t *testing.T) {
	w := newWorld(t)
	w.accounts.Set(session.Account{UserID: 1, Role: "admin", MayLogin: true, PasswordFingerprint: "first"})
	admin, mine := w.login(t, 1), w.login(t, 7)
	refreshed(t, w.Manager, admin, admin.Token.ID)
	admin, err := w.Find(t.Context(), 1, admin.ID)
	if err != nil {
		t.Fatalf("Find: %v", err)
	}
	otherUser, otherID := mine, mine
	otherUser.UserID, otherID.ID = 1, admin.ID
	for name, always := range map[string]session.Session{"user": otherUser, "id": otherID, "session": admin} {
		t.Run(name, func(t *testing.T) {
			m := session.NewManager(session.Options{
				Store: wrongStore{w.store, always}, Accounts: w.accounts, Config: session.DefaultConfig(), Now: w.clock.Now,
			})
			for _, tokenID := range []string{mine.Token.ID, admin.Token.ID, admin.Previous[0].TokenID} {
				wantRefused(t, m, mine, tokenID, session.ErrUnavailable)
			}
			if _, err := m.Find(t.Context(), 7, mine.ID); !errors.Is(err, session.ErrUnavailable) {
				t.Errorf("Find: %v, want ErrUnavailable", err)
			}
		})
	}
	if !w.stored(t, mine) || !w.stored(t, admin) {
		t.Error("a session was ended")
	}
}

// TestTokenOfAnotherSession: two sessions of one user are two families.
func TestTokenOfAnotherSession(t *testing.T) {
	w := newWorld(t)
	mine, stolen := w.login(t, 7), w.login(t, 7)
	wantToken(t, w.Manager, mine, stolen.Token.ID, false)
	wantServed(t, w.Manager, mine)
	wantServed(t, w.Manager, stolen)
}
