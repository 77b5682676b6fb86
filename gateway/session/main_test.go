package session_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/gateway/session"
	"faveo-gateway/gateway/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// errDown is what the stores of these tests fail with.
var errDown = errors.New("connection refused")

// aToken is the token of sessions that are not refreshed, forEver a bound that no
// test comes to.
var (
	aToken  = session.Token{ID: "token", KeyID: "key"}
	forEver = time.Date(3000, time.January, 1, 0, 0, 0, 0, time.UTC)
)

// newLogin fills in what a login has besides l.
func newLogin(l session.Login) session.Login {
	l.SessionID, l.Token, l.RefreshableUntil = session.NewID(), aToken, forEver
	return l
}

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
	s, err := w.Start(t.Context(), session.Login{
		SessionID: session.NewID(), Token: session.Token{ID: session.NewID(), KeyID: "key"},
		UserID: userID, Role: a.Role, PasswordFingerprint: a.PasswordFingerprint, Address: "192.0.2.1", Agent: "test",
		ExpiresAt: w.clock.Now().Add(time.Hour), RefreshableUntil: w.clock.Now().Add(24 * time.Hour),
	})
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	return s
}

// life is how long a refreshed token of these tests lives.
const life = 2 * time.Hour

// mint makes tokens whose sealed form tells their id.
func mint(_ session.Account, expiresAt time.Time) (session.Successor, error) {
	id := session.NewID()
	return session.Successor{Token: session.Token{ID: id, KeyID: "key"}, ExpiresAt: expiresAt, Sealed: "sealed " + id}, nil
}

// refresh refreshes a token of s and returns the id of its successor.
func refresh(ctx context.Context, m *session.Manager, s session.Session, tokenID string) (successor string, err error) {
	sealed, err := m.Refresh(ctx, session.Refresh{UserID: s.UserID, SessionID: s.ID, TokenID: tokenID, Life: life, Mint: mint})
	if err != nil {
		return "", err
	}
	successor, ok := strings.CutPrefix(sealed, "sealed ")
	if !ok {
		return "", fmt.Errorf("Refresh returned %q, which nobody has sealed", sealed)
	}
	return successor, nil
}

// refreshed is refresh of a token that counts.
func refreshed(t *testing.T, m *session.Manager, s session.Session, tokenID string) (successor string) {
	t.Helper()
	successor, err := refresh(t.Context(), m, s, tokenID)
	if err != nil {
		t.Fatalf("Refresh: %v", err)
	}
	return successor
}

// wantRefused wants no successor, the error and nothing that says more than it.
func wantRefused(t *testing.T, m *session.Manager, s session.Session, tokenID string, want error) {
	t.Helper()
	successor, err := refresh(t.Context(), m, s, tokenID)
	if !errors.Is(err, want) || successor != "" {
		t.Errorf("Refresh = %q, %v, want %v", successor, err, want)
	}
	if errors.Is(err, session.ErrReused) != errors.Is(want, session.ErrReused) ||
		errors.Is(err, session.ErrUnavailable) != errors.Is(want, session.ErrUnavailable) {
		t.Errorf("Refresh: %v, want %v alone", err, want)
	}
}

// wantToken wants the token of that id to be served, or refused.
func wantToken(t *testing.T, m *session.Manager, s session.Session, tokenID string, served bool) {
	t.Helper()
	_, err := m.Check(t.Context(), identity.UseCredential, s.UserID, s.ID, tokenID)
	if served && err != nil {
		t.Errorf("Check: %v, want the token to be served", err)
	}
	if !served && !errors.Is(err, session.ErrRevoked) {
		t.Errorf("Check: %v, want ErrRevoked", err)
	}
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
	got, err := m.Check(t.Context(), identity.UseCredential, s.UserID, s.ID, s.Token.ID)
	if err != nil || got.Account.UserID != s.UserID || got.Grace != 0 {
		t.Errorf("Check = %+v, %v, want the account %d", got, err, s.UserID)
		return
	}
	same := *got.Session
	same.SeenAt = s.SeenAt // Which checks move.
	if same != s {
		t.Errorf("Check = %+v\nwant %+v", same, s)
	}
}

// wantRevoked wants the answer 401, and nothing of the session with it.
func wantRevoked(t *testing.T, m *session.Manager, s session.Session) {
	t.Helper()
	got, err := m.Check(t.Context(), identity.UseCredential, s.UserID, s.ID, s.Token.ID)
	if !errors.Is(err, session.ErrRevoked) || errors.Is(err, session.ErrUnavailable) {
		t.Errorf("Check: %v, want ErrRevoked", err)
	}
	if got != (session.Standing{}) {
		t.Errorf("Check returned %+v with its error", got)
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
	got, err := m.Check(t.Context(), identity.UseCredential, s.UserID, s.ID, s.Token.ID)
	wantUnavailable(t, err, cause)
	if got != (session.Standing{}) {
		t.Errorf("Check returned %+v with its error", got)
	}
}

// hooked is a Store and Accounts whose reads call a function in between, after the
// answer is known and before it is given, and whose writes are handed to one.
type hooked struct {
	*world
	onFind, onAccount            func(context.Context) error
	onReplace, onAdopt, onDelete func(write func() error) error
}

// write lets hook do the writing, or does it.
func write(hook func(func() error) error, do func() error) error {
	if hook == nil {
		return do()
	}
	return hook(do)
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

func (h *hooked) Adopt(ctx context.Context, s session.Session, issuedAt time.Time, maxPerUser int) ([]string, error) {
	var ended []string
	err := write(h.onAdopt, func() (err error) {
		ended, err = h.store.Adopt(ctx, s, issuedAt, maxPerUser)
		return err
	})
	return ended, err
}

func (h *hooked) List(ctx context.Context, userID uint64) ([]session.Session, error) {
	return h.store.List(ctx, userID)
}

func (h *hooked) Replace(ctx context.Context, found, changed session.Session) error {
	return write(h.onReplace, func() error { return h.store.Replace(ctx, found, changed) })
}

func (h *hooked) Bar(ctx context.Context, userID uint64, id string, until time.Time) error {
	return write(h.onDelete, func() error { return h.store.Bar(ctx, userID, id, until) })
}

func (h *hooked) DeleteEverything(ctx context.Context) (int, error) {
	return h.store.DeleteEverything(ctx)
}

func (h *hooked) DeleteWhere(ctx context.Context, match func(session.Session) bool) (int, error) {
	return h.store.DeleteWhere(ctx, match)
}

func (h *hooked) Each(ctx context.Context, yield func(session.Session) bool) error {
	return h.store.Each(ctx, yield)
}

func (h *hooked) Delete(ctx context.Context, userID uint64, id string) error {
	return write(h.onDelete, func() error { return h.store.Delete(ctx, userID, id) })
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
