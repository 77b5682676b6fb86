package session_test

import (
	"errors"
	"testing"
	"time"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/gateway/session"
)

// TestAccountWithoutASession: whoever calls with an API key is held to the account as
// closely as a session is, and one that may not log in is asked about once a second.
func TestAccountWithoutASession(t *testing.T) {
	w := newWorld(t)
	serves := func(want bool) {
		t.Helper()
		switch got, err := w.Account(t.Context(), identity.UseCredential, 7); {
		case want && (err != nil || got.Account != account()):
			t.Errorf("Account: %+v, %v", got, err)
		case !want && !errors.Is(err, session.ErrRevoked):
			t.Errorf("Account: %+v, %v, want ErrRevoked", got, err)
		}
	}
	reads := func(do func()) int {
		_, accounts := w.calls(do)
		return accounts
	}
	if n := reads(func() {
		for range 10 {
			serves(true)
		}
	}); n != 1 {
		t.Errorf("%d reads, want 1", n)
	}
	banned := account()
	banned.MayLogin = false
	w.accounts.Set(banned)
	w.clock.Advance(10*time.Second - 1)
	serves(true)
	w.clock.Advance(1)
	if n := reads(func() {
		for range 100 {
			serves(false)
		}
	}); n != 1 {
		t.Errorf("%d reads of an account that may not log in, want 1", n)
	}
	w.accounts.Set(account())
	w.clock.Advance(time.Second)
	serves(true)

	w.accounts.Remove(7)
	w.clock.Advance(10 * time.Second)
	serves(false)
	down := errors.New("down")
	w.accounts.Fail(down)
	w.clock.Advance(time.Minute)
	if _, err := w.Account(t.Context(), identity.UseCredential, 7); !errors.Is(err, session.ErrUnavailable) || errors.Is(err, session.ErrRevoked) {
		t.Errorf("with the database down: %v", err)
	}
}
