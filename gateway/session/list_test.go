package session_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"faveo-gateway/gateway/session"
)

func TestListAndFindAskTheStore(t *testing.T) {
	w := newWorld(t)
	if list, err := w.List(t.Context(), 7); err != nil || len(list) != 0 {
		t.Errorf("List = %+v, %v, want none", list, err)
	}
	first, second := w.login(t, 7), w.login(t, 7)
	wantServed(t, w.Manager, first)
	if list, err := w.List(t.Context(), 7); err != nil || !slices.Equal(list, []session.Session{first, second}) {
		t.Errorf("List = %+v, %v, want %+v, %+v", list, err, first, second)
	}
	// On another replica; memory here does not know.
	if err := w.store.Delete(t.Context(), 7, first.ID); err != nil {
		t.Fatal(err)
	}
	wantServed(t, w.Manager, first)
	if list, err := w.List(t.Context(), 7); err != nil || !slices.Equal(list, []session.Session{second}) {
		t.Errorf("List = %+v, %v, want %+v", list, err, second)
	}
	if s, err := w.Find(t.Context(), 7, first.ID); !errors.Is(err, session.ErrNotFound) || errors.Is(err, session.ErrUnavailable) || s != (session.Session{}) {
		t.Errorf("Find = %+v, %v, want ErrNotFound", s, err)
	}
	if s, err := w.Find(t.Context(), 7, second.ID); err != nil || s != second {
		t.Errorf("Find = %+v, %v, want %+v", s, err, second)
	}
	if _, err := w.Find(t.Context(), 8, second.ID); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("Find for another user: %v, want ErrNotFound", err)
	}
}

func TestListFaults(t *testing.T) {
	w := newWorld(t)
	s := w.login(t, 7)
	everything := func(session.Session) bool { return true }
	w.store.Fail(errDown)
	list, err := w.List(t.Context(), 7)
	wantUnavailable(t, err, errDown)
	found, err := w.Find(t.Context(), 7, s.ID)
	wantUnavailable(t, err, errDown)
	n, err := w.EndWhere(t.Context(), everything)
	wantUnavailable(t, err, errDown)
	wantUnavailable(t, w.Each(t.Context(), everything), errDown)
	if list != nil || found != (session.Session{}) || n != 0 {
		t.Errorf("List, Find and EndWhere returned %+v, %+v and %d with their errors", list, found, n)
	}
	w.store.Fail(nil)
	if _, err := w.List(t.Context(), 0); !errors.Is(err, session.ErrMalformed) || errors.Is(err, session.ErrUnavailable) {
		t.Errorf("List of user 0: %v, want ErrMalformed", err)
	}
	if _, err := w.Find(t.Context(), 7, "*"); !errors.Is(err, session.ErrMalformed) || errors.Is(err, session.ErrUnavailable) {
		t.Errorf("Find of a pattern: %v, want ErrMalformed", err)
	}
	wantServed(t, w.Manager, s)
}

// mixedList lists somebody else's sessions among the user's.
type mixedList struct{ session.Store }

func (m mixedList) List(ctx context.Context, userID uint64) ([]session.Session, error) {
	mine, _ := m.Store.List(ctx, userID)
	others, err := m.Store.List(ctx, 1)
	return append(mine, others...), err
}

func TestListInAStoreThatMixesUp(t *testing.T) {
	w := newWorld(t)
	w.accounts.Set(session.Account{UserID: 1, Role: "admin", MayLogin: true, PasswordFingerprint: "first"})
	w.login(t, 7)
	w.login(t, 1)
	m := session.NewManager(session.Options{Store: mixedList{w.store}, Accounts: w.accounts, Config: session.DefaultConfig(), Now: w.clock.Now})
	if list, err := m.List(t.Context(), 7); !errors.Is(err, session.ErrUnavailable) || list != nil {
		t.Errorf("List = %+v, %v, want ErrUnavailable", list, err)
	}
}

// TestEndWhere ends what hangs on a key that was revoked, of everybody.
func TestEndWhere(t *testing.T) {
	w := newWorld(t)
	w.accounts.Set(session.Account{UserID: 8, MayLogin: true, PasswordFingerprint: "first"})
	mine, theirs, kept := w.login(t, 7), w.login(t, 8), w.login(t, 8)
	_, err := w.Refresh(t.Context(), session.Refresh{
		UserID: 8, SessionID: kept.ID, TokenID: kept.Token.ID, Life: life,
		Mint: func(a session.Account, expiresAt time.Time) (session.Successor, error) {
			n, err := mint(a, expiresAt)
			n.Token.KeyID = "another key"
			return n, err
		},
	})
	if err != nil {
		t.Fatalf("Refresh: %v", err)
	}
	for _, s := range []session.Session{mine, theirs, kept} {
		wantToken(t, w.Manager, s, s.Token.ID, true)
	}
	n, err := w.EndWhere(t.Context(), func(s session.Session) bool { return s.Token.KeyID == "key" })
	if n != 2 || err != nil {
		t.Errorf("EndWhere = %d, %v, want 2", n, err)
	}
	wantRevoked(t, w.Manager, mine)
	wantRevoked(t, w.Manager, theirs)
	wantToken(t, w.Manager, kept, kept.Token.ID, true)
	var all []string
	if err := w.Each(t.Context(), func(s session.Session) bool { all = append(all, s.ID); return true }); err != nil || !slices.Equal(all, []string{kept.ID}) {
		t.Errorf("Each has shown %q, %v, want %q", all, err, kept.ID)
	}
}

// TestEndEverything also ends what nobody has shown yet.
func TestEndEverything(t *testing.T) {
	w := newWorld(t)
	w.accounts.Set(session.Account{UserID: 8, MayLogin: true, PasswordFingerprint: "first"})
	mine, theirs, shown, unseen := w.login(t, 7), w.login(t, 8), w.adoption(), w.adoption()
	wantServed(t, w.Manager, mine)
	wantServed(t, w.Manager, theirs)
	wantAdopted(t, w.Manager, shown)
	if n, err := w.EndEverything(t.Context()); n != 3 || err != nil {
		t.Errorf("EndEverything = %d, %v, want 3", n, err)
	}
	wantRevoked(t, w.Manager, mine)
	wantRevoked(t, w.Manager, theirs)
	wantNotAdopted(t, w.Manager, shown, session.ErrRevoked)
	wantNotAdopted(t, w.Manager, unseen, session.ErrRevoked)
	wantServed(t, w.Manager, w.login(t, 7))
	w.clock.Advance(time.Second)
	later := w.adoption()
	later.IssuedAt = w.clock.Now()
	wantAdopted(t, w.Manager, later)

	w.store.Fail(errDown)
	n, err := w.EndEverything(t.Context())
	wantUnavailable(t, err, errDown)
	if n != 0 {
		t.Errorf("EndEverything = %d with its error", n)
	}
}
