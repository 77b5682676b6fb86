package session_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"faveo-gateway/gateway/session"
	"faveo-gateway/gateway/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// errDown is what the stores of these tests fail with.
var errDown = errors.New("connection refused")

// account is the account that most tests log in to.
func account() session.Account {
	return session.Account{UserID: 7, Role: "agent", MayLogin: true, PasswordFingerprint: "first"}
}

// world is a replica with all that it depends on, and a clock for all of them.
type world struct {
	*session.Manager
	clock    *storetest.Clock
	store    *storetest.Sessions
	accounts *storetest.Accounts
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{clock: storetest.NewClock(), accounts: storetest.NewAccounts(account())}
	w.store = storetest.NewSessions(w.clock.Now)
	w.Manager = w.replica(session.DefaultConfig())
	return w
}

// replica returns a further Manager in the same world.
func (w *world) replica(c session.Config) *session.Manager {
	return session.NewManager(session.Options{Store: w.store, Accounts: w.accounts, Config: c, Now: w.clock.Now})
}

// login starts a session of an hour for the account as it is now.
func (w *world) login(t *testing.T, userID uint64) session.Session {
	t.Helper()
	a, err := w.accounts.Account(t.Context(), userID)
	if err != nil {
		t.Fatalf("Account: %v", err)
	}
	s, err := w.Start(t.Context(), session.Login{UserID: userID, Role: a.Role, PasswordFingerprint: a.PasswordFingerprint, Address: "192.0.2.1", Agent: "test", ExpiresAt: w.clock.Now().Add(time.Hour)})
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	return s
}

// calls runs do and returns how many calls of the stores it made.
func (w *world) calls(do func()) (store, accounts int) {
	store, accounts = w.store.Calls(), w.accounts.Calls()
	do()
	return w.store.Calls() - store, w.accounts.Calls() - accounts
}

// stored reports whether the store has s, without counting as a fault.
func (w *world) stored(t *testing.T, s session.Session) bool {
	t.Helper()
	_, err := w.store.Find(t.Context(), s.UserID, s.ID)
	if err != nil && !errors.Is(err, session.ErrNotFound) {
		t.Fatalf("Find: %v", err)
	}
	return err == nil
}

func wantServed(t *testing.T, m *session.Manager, s session.Session) {
	t.Helper()
	got, a, err := m.Check(t.Context(), s.UserID, s.ID)
	if err != nil || got != s || a.UserID != s.UserID {
		t.Errorf("Check = %+v, %+v, %v\nwant %+v", got, a, err, s)
	}
}

// wantRevoked wants the answer 401, and nothing of the session with it.
func wantRevoked(t *testing.T, m *session.Manager, s session.Session) {
	t.Helper()
	got, a, err := m.Check(t.Context(), s.UserID, s.ID)
	if !errors.Is(err, session.ErrRevoked) || errors.Is(err, session.ErrUnavailable) {
		t.Errorf("Check: %v, want ErrRevoked", err)
	}
	if got != (session.Session{}) || a != (session.Account{}) {
		t.Errorf("Check returned %+v, %+v with its error", got, a)
	}
}

// wantUnavailable wants the answer 503 and its cause, and nothing of the session.
func wantUnavailable(t *testing.T, err, cause error) {
	t.Helper()
	if !errors.Is(err, session.ErrUnavailable) || !errors.Is(err, cause) {
		t.Errorf("error %v, want ErrUnavailable because of %v", err, cause)
	}
	if errors.Is(err, session.ErrRevoked) || errors.Is(err, session.ErrNotFound) || errors.Is(err, session.ErrMalformed) {
		t.Errorf("error %v says something about the session", err)
	}
}

func wantCheckUnavailable(t *testing.T, m *session.Manager, s session.Session, cause error) {
	t.Helper()
	got, a, err := m.Check(t.Context(), s.UserID, s.ID)
	wantUnavailable(t, err, cause)
	if got != (session.Session{}) || a != (session.Account{}) {
		t.Errorf("Check returned %+v, %+v with its error", got, a)
	}
}

// hooked is a Store and Accounts whose reads call a function in between: after
// the answer is known, before it is given.
type hooked struct {
	*world
	onFind, onAccount func(context.Context) error
}

func (h *hooked) Find(ctx context.Context, userID uint64, id string) (session.Session, error) {
	s, err := h.store.Find(ctx, userID, id)
	if h.onFind != nil {
		if err := h.onFind(ctx); err != nil {
			return session.Session{}, err
		}
	}
	return s, err
}

func (h *hooked) Create(ctx context.Context, s session.Session, maxPerUser int) ([]string, error) {
	return h.store.Create(ctx, s, maxPerUser)
}

func (h *hooked) Delete(ctx context.Context, userID uint64, id string) error {
	return h.store.Delete(ctx, userID, id)
}

func (h *hooked) DeleteAll(ctx context.Context, userID uint64) (int, error) {
	return h.store.DeleteAll(ctx, userID)
}

func (h *hooked) Account(ctx context.Context, userID uint64) (session.Account, error) {
	a, err := h.accounts.Account(ctx, userID)
	if h.onAccount != nil {
		if err := h.onAccount(ctx); err != nil {
			return session.Account{}, err
		}
	}
	return a, err
}

// manager returns a Manager over the hooks, by the clock of the test's bubble.
func (h *hooked) manager(now func() time.Time) *session.Manager {
	return session.NewManager(session.Options{Store: h, Accounts: h, Config: session.DefaultConfig(), Now: now})
}
