package storetest_test

import (
	"errors"
	"testing"
	"time"

	"faveo-gateway/gateway/session"
	"faveo-gateway/gateway/storetest"
)

func TestSessions(t *testing.T) {
	storetest.TestSessionStore(t, func(*testing.T) (session.Store, func() time.Time, func(time.Duration)) {
		clock := storetest.NewClock()
		return storetest.NewSessions(clock.Now), clock.Now, clock.Advance
	})
}

func TestSessionsFailWhenTold(t *testing.T) {
	clock, fault := storetest.NewClock(), errors.New("down")
	store := storetest.NewSessions(clock.Now)
	s := session.Session{
		ID: session.NewID(), UserID: 1, CreatedAt: clock.Now(), ExpiresAt: clock.Now().Add(time.Hour), PasswordFingerprint: "f",
		RefreshableUntil: clock.Now().Add(time.Hour), Token: session.Token{ID: "t"},
	}
	if _, err := store.Create(t.Context(), s, 1); err != nil {
		t.Fatalf("Create: %v", err)
	}
	store.Fail(fault)
	if _, err := store.Find(t.Context(), 1, s.ID); !errors.Is(err, fault) {
		t.Errorf("Find: %v, want %v", err, fault)
	}
	if _, err := store.DeleteAll(t.Context(), 1); !errors.Is(err, fault) {
		t.Errorf("DeleteAll: %v, want %v", err, fault)
	}
	store.Fail(nil)
	if _, err := store.Find(t.Context(), 1, s.ID); err != nil {
		t.Errorf("Find after the fault: %v", err)
	}
	if got := store.Calls(); got != 4 {
		t.Errorf("Calls() = %d, want 4", got)
	}
}
