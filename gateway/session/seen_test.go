package session_test

import (
	"testing"
	"testing/synctest"
	"time"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/gateway/session"
)

func (w *world) wantSeen(t *testing.T, s session.Session, want time.Time) {
	t.Helper()
	got, err := w.store.Find(t.Context(), s.UserID, s.ID)
	if err != nil || !got.SeenAt.Equal(want) {
		t.Errorf("seen at %v, %v, want %v", got.SeenAt, err, want)
	}
}

func TestSeenIsNotedNowAndThen(t *testing.T) {
	w := newWorld(t)
	s := w.login(t, 7)
	login := w.clock.Now()
	w.clock.Advance(5*time.Minute - 1)
	wantServed(t, w.Manager, s)
	w.wantSeen(t, s, login)
	w.clock.Advance(5 * time.Second)
	if store, _ := w.calls(func() { wantServed(t, w.Manager, s) }); store != 2 {
		t.Errorf("the check made %d calls of the store, want 2", store)
	}
	seen := w.clock.Now().Truncate(time.Millisecond)
	w.wantSeen(t, s, seen)
	if got, err := w.Check(t.Context(), identity.UseCredential, 7, s.ID, s.Token.ID); err != nil || !got.Session.SeenAt.Equal(seen) {
		t.Errorf("Check says that it was seen at %v, %v, want %v", got.Session.SeenAt, err, seen)
	}
	for range 4 {
		w.clock.Advance(time.Minute)
		wantServed(t, w.Manager, s)
		w.wantSeen(t, s, seen)
	}
	// Nothing else has changed.
	got, err := w.Find(t.Context(), 7, s.ID)
	got.SeenAt = s.SeenAt
	if err != nil || got != s {
		t.Errorf("stored is %+v, %v\nwant %+v", got, err, s)
	}
}

// TestSeenKeepsTheSuccessor, which memory leaves out.
func TestSeenKeepsTheSuccessor(t *testing.T) {
	w := newWorld(t)
	s := w.login(t, 7)
	refreshed(t, w.Manager, s, s.Token.ID)
	before, err := w.Find(t.Context(), 7, s.ID)
	if err != nil {
		t.Fatalf("Find: %v", err)
	}
	w.clock.Advance(5 * time.Minute)
	wantToken(t, w.Manager, s, before.Token.ID, true)
	w.wantSeen(t, s, w.clock.Now())
	after, err := w.Find(t.Context(), 7, s.ID)
	after.SeenAt = before.SeenAt
	if err != nil || after != before {
		t.Errorf("stored is %+v, %v\nwant %+v", after, err, before)
	}
}

// TestSeenThatCannotBeNoted refuses nobody.
func TestSeenThatCannotBeNoted(t *testing.T) {
	for name, err := range map[string]error{"a fault": errDown, "a conflict": session.ErrConflict} {
		t.Run(name, func(t *testing.T) {
			h := &hooked{world: newWorld(t)}
			m := h.manager(h.clock.Now)
			s := h.login(t, 7)
			h.clock.Advance(10 * time.Minute)
			h.onReplace = func(func() error) error { return err }
			wantServed(t, m, s)
			h.wantSeen(t, s, s.SeenAt)
			if store, _ := h.calls(func() { wantServed(t, m, s) }); store != 0 {
				t.Errorf("the second check made %d calls of the store", store)
			}
		})
	}
}

// TestSeenThatMeetsARefresh: the refresh wins, whichever of them was first.
func TestSeenThatMeetsARefresh(t *testing.T) {
	t.Run("the refresh is first", func(t *testing.T) {
		h := &hooked{world: newWorld(t)}
		m, other := h.manager(h.clock.Now), h.replica(session.DefaultConfig())
		s := h.login(t, 7)
		h.clock.Advance(10 * time.Minute)
		var newest string
		h.onReplace = func(do func() error) error {
			newest = refreshed(t, other, s, s.Token.ID)
			return do()
		}
		wantServed(t, m, s)
		wantToken(t, m, s, newest, true)
		if got, err := h.Find(t.Context(), 7, s.ID); err != nil || got.Token.ID != newest {
			t.Errorf("the newest token is %s, %v, want %s", got.Token.ID, err, newest)
		}
	})
	t.Run("the note is first", func(t *testing.T) {
		h := &hooked{world: newWorld(t)}
		m, other := h.manager(h.clock.Now), h.replica(session.DefaultConfig())
		s := h.login(t, 7)
		h.clock.Advance(10 * time.Minute)
		tries := 0
		h.onReplace = func(do func() error) error {
			if tries++; tries == 1 {
				wantServed(t, other, s)
			}
			return do()
		}
		newest := refreshed(t, m, s, s.Token.ID)
		if tries != 2 {
			t.Errorf("the refresh was stored after %d tries; the test tests nothing", tries)
		}
		wantToken(t, other, s, newest, true)
	})
}

// TestSeenThatMeetsALogout does not bring the session back, neither to the store nor
// to memory.
func TestSeenThatMeetsALogout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hooked{world: newWorld(t)}
		m := h.manager(h.clock.Now)
		s := h.login(t, 7)
		h.clock.Advance(10 * time.Minute)
		h.onReplace = func(do func() error) error {
			if err := m.End(t.Context(), 7, s.ID); err != nil {
				t.Errorf("End: %v", err)
			}
			return do()
		}
		wantServed(t, m, s) // It was read before its end.
		wantRevoked(t, m, s)
		if h.stored(t, s) {
			t.Error("the session has come back")
		}
	})
}
