package session_test

import (
	"testing"
	"time"

	"faveo-gateway/gateway/session"
	"faveo-gateway/gateway/storetest"
)

// jumpy returns a replica with a clock of its own, which can go wrong.
func (w *world) jumpy() (*session.Manager, *storetest.Clock) {
	clock := storetest.NewClock()
	clock.Set(w.clock.Now())
	return session.NewManager(session.Options{
		Store: w.store, Accounts: w.accounts, Config: session.DefaultConfig(), Now: clock.Now,
	}), clock
}

// TestClockThatJumpsAhead refuses while it is wrong, and has destroyed nothing when
// it is right again.
func TestClockThatJumpsAhead(t *testing.T) {
	for name, jump := range map[string]time.Duration{"beyond the token": 2 * time.Hour, "beyond the family": 48 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			m, clock := w.jumpy()
			s, faveos := w.login(t, 7), w.adoption()
			wantServed(t, m, s)
			wantAdopted(t, m, faveos)
			clock.Advance(jump)
			wantRevoked(t, m, s)
			wantRefused(t, m, s, s.Token.ID, session.ErrRevoked)
			wantNotAdopted(t, m, faveos, session.ErrRevoked)
			clock.Set(w.clock.Now())
			wantServed(t, m, s)
			wantAdopted(t, m, faveos)
			wantToken(t, m, s, refreshed(t, m, s, s.Token.ID), true)
		})
	}
}

// TestClockThatJumpsBack may not believe what it remembers for as long as the way it
// has jumped.
func TestClockThatJumpsBack(t *testing.T) {
	w := newWorld(t)
	m, clock := w.jumpy()
	w.accounts.Set(session.Account{UserID: 8, MayLogin: true, PasswordFingerprint: "first"})
	ended, banned := w.login(t, 7), w.login(t, 8)
	wantServed(t, m, ended)
	wantServed(t, m, banned)
	clock.Advance(-time.Hour)
	// On another replica; the message is lost.
	if err := w.End(t.Context(), 7, ended.ID); err != nil {
		t.Fatalf("End: %v", err)
	}
	w.accounts.Set(session.Account{UserID: 8, PasswordFingerprint: "first"})
	clock.Advance(10 * time.Second)
	wantRevoked(t, m, ended)
	wantRevoked(t, m, banned)
}

// TestRefreshByAClockThatIsBehind shortens nothing and takes nothing away from the
// replicas whose clocks are right.
func TestRefreshByAClockThatIsBehind(t *testing.T) {
	w := newWorld(t)
	s := w.login(t, 7)
	m, clock := w.jumpy()
	clock.Advance(-90 * time.Minute)
	newest := refreshed(t, m, s, s.Token.ID)
	got, err := w.Find(t.Context(), 7, s.ID)
	if err != nil || !got.ExpiresAt.Equal(s.ExpiresAt) {
		t.Errorf("the session ends at %v, %v, want %v", got.ExpiresAt, err, s.ExpiresAt)
	}
	wantToken(t, w.Manager, s, newest, true)
	wantToken(t, m, s, s.Token.ID, true)
}

// TestClocksApart: replicas whose clocks are less apart than the overlap are one.
func TestClocksApart(t *testing.T) {
	for name, apart := range map[string]time.Duration{"ahead": 29 * time.Second, "behind": -29 * time.Second} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			s := w.login(t, 7)
			m, clock := w.jumpy()
			clock.Advance(apart)
			newest := refreshed(t, w.Manager, s, s.Token.ID)
			if also := refreshed(t, m, s, s.Token.ID); also != newest {
				t.Errorf("the successors are %s and %s", newest, also)
			}
		})
	}
}
