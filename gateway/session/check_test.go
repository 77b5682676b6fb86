package session_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/gateway/session"
	"faveo-gateway/gateway/storetest"
)

func TestCheckWarmAsksNobody(t *testing.T) {
	w := newWorld(t)
	s := w.login(t, 7)
	for i, want := range []int{1, 0, 0} {
		store, accounts := w.calls(func() { wantServed(t, w.Manager, s) })
		if store != want || accounts != want {
			t.Errorf("check %d made %d calls of the store and %d for the account, want %d of each", i+1, store, accounts, want)
		}
	}
	other := w.login(t, 7)
	if store, accounts := w.calls(func() { wantServed(t, w.Manager, other) }); store != 1 || accounts != 1 {
		t.Errorf("a new session made %d and %d calls, want 1 and 1", store, accounts)
	}
	if store, accounts := w.calls(func() { wantServed(t, w.Manager, s) }); store != 0 || accounts != 0 {
		t.Errorf("the older session made %d and %d calls, want none", store, accounts)
	}
}

func TestCheckAsksAgain(t *testing.T) {
	w := newWorld(t)
	s := w.login(t, 7)
	wantServed(t, w.Manager, s)
	steps := []struct {
		pass            time.Duration
		store, accounts int
	}{
		{5*time.Second - 1, 0, 0},
		{1, 1, 0},                 // cache_ttl after the first
		{5*time.Second - 1, 0, 0}, // account_ttl is not over yet
		{1, 1, 1},
		{time.Minute, 1, 1},
	}
	for _, step := range steps {
		w.clock.Advance(step.pass)
		store, accounts := w.calls(func() { wantServed(t, w.Manager, s) })
		if store != step.store || accounts != step.accounts {
			t.Errorf("%v later: %d and %d calls, want %d and %d", step.pass, store, accounts, step.store, step.accounts)
		}
	}
}

func TestCheckWithoutCaching(t *testing.T) {
	w := newWorld(t)
	c := session.DefaultConfig()
	c.CacheTTL, c.AccountTTL = 0, 0
	w.Manager = w.replica(c)
	s := w.login(t, 7)
	for range 3 {
		if store, accounts := w.calls(func() { wantServed(t, w.Manager, s) }); store != 1 || accounts != 1 {
			t.Errorf("%d and %d calls, want 1 and 1", store, accounts)
		}
	}
}

// TestAccountChanges changes the account in Faveo's database behind a session
// that is in memory.
func TestAccountChanges(t *testing.T) {
	cases := map[string]struct {
		change func(*storetest.Accounts)
		over   bool
	}{
		"nothing":     {func(*storetest.Accounts) {}, false},
		"banned":      {func(a *storetest.Accounts) { b := account(); b.MayLogin = false; a.Set(b) }, true},
		"gone":        {func(a *storetest.Accounts) { a.Remove(7) }, true},
		"password":    {func(a *storetest.Accounts) { b := account(); b.PasswordFingerprint = "second"; a.Set(b) }, true},
		"no password": {func(a *storetest.Accounts) { b := account(); b.PasswordFingerprint = ""; a.Set(b) }, true},
		"role":        {func(a *storetest.Accounts) { b := account(); b.Role = "user"; a.Set(b) }, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			s := w.login(t, 7)
			wantServed(t, w.Manager, s)
			c.change(w.accounts)
			w.clock.Advance(10*time.Second - 1)
			wantServed(t, w.Manager, s) // within account_ttl
			w.clock.Advance(1)
			if !c.over {
				wantServed(t, w.Manager, s)
				return
			}
			wantRevoked(t, w.Manager, s)
			if w.stored(t, s) {
				t.Error("the session is still stored")
			}
			// It does not come back with the account.
			w.accounts.Set(account())
			w.clock.Advance(time.Minute)
			wantRevoked(t, w.Manager, s)
		})
	}
}

func TestRoleIsTheAccounts(t *testing.T) {
	w := newWorld(t)
	s := w.login(t, 7)
	demoted := account()
	demoted.Role = "user"
	w.accounts.Set(demoted)
	got, err := w.Check(t.Context(), identity.UseCredential, 7, s.ID, s.Token.ID)
	if err != nil || got.Account != demoted || got.Session.Role != "agent" {
		t.Errorf("Check = %+v, %v, want the account %+v", got, err, demoted)
	}
}

// TestNewPasswordLogsIn has a replica that remembers the account with the old
// password when a session with the new one comes from another replica.
func TestNewPasswordLogsIn(t *testing.T) {
	w := newWorld(t)
	old := w.login(t, 7)
	other := w.replica(session.DefaultConfig())
	wantServed(t, other, old)
	changed := account()
	changed.PasswordFingerprint = "second"
	w.accounts.Set(changed)
	fresh := w.login(t, 7)
	wantServed(t, w.Manager, fresh)
	wantServed(t, other, fresh)
	// Having looked, both know better about the old one too.
	wantRevoked(t, other, old)
	wantRevoked(t, w.Manager, old)
	wantServed(t, other, fresh)
}

// TestBanLiftedLogsIn is the same for an account that was refused before.
func TestBanLiftedLogsIn(t *testing.T) {
	w := newWorld(t)
	banned := account()
	banned.MayLogin = false
	old := w.login(t, 7)
	w.accounts.Set(banned)
	other := w.replica(session.DefaultConfig())
	wantRevoked(t, other, old)
	w.accounts.Set(account())
	wantServed(t, other, w.login(t, 7))
}

// TestRefusalNeedsTheDatabase: what memory says may not refuse anybody.
func TestRefusalNeedsTheDatabase(t *testing.T) {
	w := newWorld(t)
	old := w.login(t, 7)
	wantServed(t, w.Manager, old)
	fresh, err := w.replica(session.DefaultConfig()).
		Start(t.Context(), newLogin(session.Login{UserID: 7, Role: "agent", PasswordFingerprint: "second", ExpiresAt: w.clock.Now().Add(time.Hour)}))
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	w.accounts.Fail(errDown)
	wantCheckUnavailable(t, w.Manager, fresh, errDown)
	if !w.stored(t, fresh) {
		t.Error("the session was ended because the database failed")
	}
	wantServed(t, w.Manager, old)
}

// TestExpiredByTheClock asks a store whose own clock stands still.
func TestExpiredByTheClock(t *testing.T) {
	w := newWorld(t)
	w.store = storetest.NewSessions(func() time.Time { return time.Time{} })
	w.Manager = w.replica(session.DefaultConfig())
	s := w.login(t, 7)
	w.clock.Advance(time.Hour - 1)
	wantServed(t, w.Manager, s) // and it is in memory now
	w.clock.Advance(1)
	wantRevoked(t, w.Manager, s)
	w.clock.Advance(time.Hour) // and is read again
	wantRevoked(t, w.Manager, s)
	if !w.stored(t, s) {
		t.Error("the store's clock does not stand still; the test tests nothing")
	}
}

func TestUnknownSession(t *testing.T) {
	w := newWorld(t)
	s := w.login(t, 7)
	stranger := s
	stranger.ID = session.NewID()
	wantRevoked(t, w.Manager, stranger)
	// Nobody's absence is remembered.
	if store, _ := w.calls(func() { wantRevoked(t, w.Manager, stranger) }); store != 1 {
		t.Errorf("the second check made %d calls of the store, want 1", store)
	}
}

// TestSessionOfAnotherUser tries a session, warm and stored, under other ids.
func TestSessionOfAnotherUser(t *testing.T) {
	w := newWorld(t)
	for _, id := range []uint64{1, 11, 111} {
		w.accounts.Set(session.Account{UserID: id, Role: "user", MayLogin: true, PasswordFingerprint: "first"})
	}
	s := w.login(t, 1)
	wantServed(t, w.Manager, s)
	for _, thief := range []uint64{7, 11, 111, 1 << 63, 1<<63 | 1} {
		stolen := s
		stolen.UserID = thief
		wantRevoked(t, w.Manager, stolen)
	}
	wantServed(t, w.Manager, s)
}

func TestMalformedIdentifiers(t *testing.T) {
	w := newWorld(t)
	s := w.login(t, 7)
	for _, id := range []string{"", s.ID[:21], s.ID + "=", s.ID + "A", s.ID[:21] + "\n", s.ID[:21] + "B", "*", strings.Repeat("A", 1<<16)} {
		bad := s
		bad.ID = id
		store, accounts := w.calls(func() { wantRevoked(t, w.Manager, bad) })
		if store != 0 || accounts != 0 {
			t.Errorf("Check of %.30q asked the stores", id)
		}
		if err := w.End(t.Context(), 7, id); !errors.Is(err, session.ErrMalformed) || errors.Is(err, session.ErrUnavailable) {
			t.Errorf("End of %.30q: %v, want ErrMalformed", id, err)
		}
	}
	nobody := s
	nobody.UserID = 0
	wantRevoked(t, w.Manager, nobody)
	if _, err := w.EndAll(t.Context(), 0); !errors.Is(err, session.ErrMalformed) {
		t.Errorf("EndAll of user 0: %v, want ErrMalformed", err)
	}
	wantServed(t, w.Manager, s)
}

func TestStoreThatMixesUpUsers(t *testing.T) {
	w := newWorld(t)
	victim := session.Account{UserID: 1, Role: "admin", MayLogin: true, PasswordFingerprint: "first"}
	w.accounts.Set(victim)
	admin, mine := w.login(t, 1), w.login(t, 7)
	otherUser, otherID := mine, mine
	otherUser.UserID, otherID.ID = 1, admin.ID
	for name, o := range map[string]session.Options{
		"user":    {Store: wrongStore{w.store, otherUser}, Accounts: w.accounts},
		"id":      {Store: wrongStore{w.store, otherID}, Accounts: w.accounts},
		"session": {Store: wrongStore{w.store, admin}, Accounts: w.accounts},
		"account": {Store: w.store, Accounts: wrongAccounts{victim}},
	} {
		t.Run(name, func(t *testing.T) {
			o.Config, o.Now = session.DefaultConfig(), w.clock.Now
			got, err := session.NewManager(o).Check(t.Context(), identity.UseCredential, 7, mine.ID, mine.Token.ID)
			if !errors.Is(err, session.ErrUnavailable) || errors.Is(err, session.ErrRevoked) {
				t.Errorf("Check = %+v, %v, want ErrUnavailable", got, err)
			}
		})
	}
}

// wrongStore finds the same session, whichever was asked for.
type wrongStore struct {
	session.Store
	always session.Session
}

func (w wrongStore) Find(context.Context, uint64, string) (session.Session, error) {
	return w.always, nil
}

// wrongAccounts is the same for accounts.
type wrongAccounts struct{ always session.Account }

func (w wrongAccounts) Account(context.Context, uint64) (session.Account, error) {
	return w.always, nil
}

func TestMetrics(t *testing.T) {
	w := newWorld(t)
	registry := prometheus.NewRegistry()
	m := session.NewManager(session.Options{
		Store: w.store, Accounts: w.accounts, Config: session.DefaultConfig(), Now: w.clock.Now, Registerer: registry,
	})
	s := w.login(t, 7)
	wantServed(t, m, s) // miss
	wantServed(t, m, s) // hit
	wantServed(t, m, s) // hit
	w.clock.Advance(5 * time.Second)
	wantServed(t, m, s)                                                               // stale
	wantRevoked(t, m, session.Session{UserID: 7, ID: session.NewID(), Token: aToken}) // miss
	const want = `
# HELP faveo_gateway_session_cache_total Sessions looked up for a request, by result: hit (answered from memory), miss (not in memory, the store was asked), stale (in memory, but too old, the store was asked).
# TYPE faveo_gateway_session_cache_total counter
faveo_gateway_session_cache_total{result="hit"} 2
faveo_gateway_session_cache_total{result="miss"} 2
faveo_gateway_session_cache_total{result="stale"} 1
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "faveo_gateway_session_cache_total"); err != nil {
		t.Error(err)
	}
}
