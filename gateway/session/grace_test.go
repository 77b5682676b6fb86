package session_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/gateway/session"
)

// grace is longer than cache_ttl and account_ttl, 5 s and 10 s.
const grace = time.Minute

// graceful is a world whose Manager grants a grace, and counts it.
type graceful struct {
	*world
	registry *prometheus.Registry
}

func newGraceful(t *testing.T) *graceful {
	t.Helper()
	w := &graceful{newWorld(t), prometheus.NewRegistry()}
	w.Manager = session.NewManager(session.Options{
		Store: w.store, Accounts: w.accounts, Config: session.DefaultConfig(), Failure: session.Failure{Grace: grace},
		Now: w.clock.Now, Registerer: w.registry,
	})
	return w
}

// wantGraced wants each use to be served by that grace, or to be told 503.
func wantGraced(t *testing.T, m *session.Manager, s session.Session, want map[identity.Use]identity.Grace) {
	t.Helper()
	for _, use := range []identity.Use{identity.UseCredential, identity.UseChange, identity.UseRead} {
		got, err := m.Check(t.Context(), use, s.UserID, s.ID, s.Token.ID)
		grace, served := want[use]
		switch {
		case served && (err != nil || got.Session == nil || got.Session.ID != s.ID || got.Account != account() || got.Grace != grace):
			t.Errorf("use %d: %+v, %v, want grace %q", use, got, err, grace)
		case !served && got != (session.Standing{}):
			t.Errorf("use %d: %+v, want nothing", use, got)
		case !served:
			wantUnavailable(t, err, errDown)
		}
	}
}

// The answers of a Session to the three uses.
var (
	servedToAll  = map[identity.Use]identity.Grace{identity.UseCredential: 0, identity.UseChange: 0, identity.UseRead: 0}
	servedToNone map[identity.Use]identity.Grace
	// While the Store is down, and while the database is.
	servedToReads   = map[identity.Use]identity.Grace{identity.UseRead: identity.GraceSession}
	servedToChanges = map[identity.Use]identity.Grace{identity.UseChange: identity.GraceAccount, identity.UseRead: identity.GraceAccount}
)

// TestGraceStoreDown: a known session is served to reads for the grace after cache_ttl.
func TestGraceStoreDown(t *testing.T) {
	w := newGraceful(t)
	s := w.login(t, 7)
	wantServed(t, w.Manager, s)
	w.store.Fail(errDown)
	w.clock.Advance(5*time.Second - 1)
	wantGraced(t, w.Manager, s, servedToAll)
	w.clock.Advance(1)
	wantGraced(t, w.Manager, s, servedToReads)
	w.clock.Advance(grace - 1)
	wantGraced(t, w.Manager, s, servedToReads)
	w.clock.Advance(1)
	wantGraced(t, w.Manager, s, servedToNone)
	w.store.Fail(nil)
	wantGraced(t, w.Manager, s, servedToAll)
	w.wantCounted(t, 2, 0)
}

// TestGraceDatabaseDown: an account is believed for the grace after account_ttl.
func TestGraceDatabaseDown(t *testing.T) {
	w := newGraceful(t)
	s := w.login(t, 7)
	wantServed(t, w.Manager, s)
	w.accounts.Fail(errDown)
	w.clock.Advance(10*time.Second - 1)
	wantGraced(t, w.Manager, s, servedToAll)
	w.clock.Advance(1)
	wantGraced(t, w.Manager, s, servedToChanges)
	w.clock.Advance(grace - 1)
	wantGraced(t, w.Manager, s, servedToChanges)
	w.clock.Advance(1)
	wantGraced(t, w.Manager, s, servedToNone)
	w.accounts.Fail(nil)
	wantGraced(t, w.Manager, s, servedToAll)
	w.wantCounted(t, 0, 4)
}

// TestGraceBothDown: a read rests on both, a change on neither.
func TestGraceBothDown(t *testing.T) {
	w := newGraceful(t)
	s := w.login(t, 7)
	wantServed(t, w.Manager, s)
	w.store.Fail(errDown)
	w.accounts.Fail(errDown)
	w.clock.Advance(grace)
	wantGraced(t, w.Manager, s, map[identity.Use]identity.Grace{identity.UseRead: identity.GraceSession | identity.GraceAccount})
	w.wantCounted(t, 1, 1)
}

// TestGraceIsOfTheAccountBehindAKey, as it is of one behind a session.
func TestGraceIsOfTheAccountBehindAKey(t *testing.T) {
	w := newGraceful(t)
	if _, err := w.Account(t.Context(), identity.UseRead, 7); err != nil {
		t.Fatal(err)
	}
	w.accounts.Fail(errDown)
	for _, step := range []struct {
		after  time.Duration
		use    identity.Use
		served bool
	}{
		{10 * time.Second, identity.UseRead, true},
		{0, identity.UseChange, true},
		{0, identity.UseCredential, false},
		{grace - 1, identity.UseRead, true},
		{1, identity.UseRead, false},
	} {
		w.clock.Advance(step.after)
		got, err := w.Account(t.Context(), step.use, 7)
		if step.served && (err != nil || got.Account != account() || got.Grace != identity.GraceAccount) {
			t.Errorf("use %d after %v: %+v, %v", step.use, step.after, got, err)
		}
		if !step.served {
			wantUnavailable(t, err, errDown)
		}
	}
	w.wantCounted(t, 0, 3)
}

// TestGraceIsNotFor what memory knows to be over, and not for strangers.
func TestGraceIsNotFor(t *testing.T) {
	for name, test := range map[string]struct {
		// happens is after the session is in memory and before the Store fails.
		happens func(t *testing.T, w *graceful, s *session.Session)
		// fails is what the Store fails with, errDown if nil.
		fails func(context.Context) error
		want  error
	}{
		"a logout that could not be stored": {
			happens: func(t *testing.T, w *graceful, s *session.Session) {
				w.store.Fail(errDown)
				wantUnavailable(t, w.End(t.Context(), 7, s.ID), errDown)
			}, want: session.ErrUnavailable,
		},
		"the news of an end": {
			happens: func(_ *testing.T, w *graceful, s *session.Session) { w.Drop(7, s.ID) }, want: session.ErrUnavailable,
		},
		"the news that anything may have ended": {
			happens: func(_ *testing.T, w *graceful, _ *session.Session) { w.DropEverything() }, want: session.ErrUnavailable,
		},
		"another session of the user": {
			happens: func(_ *testing.T, _ *graceful, s *session.Session) { s.ID = session.NewID() }, want: session.ErrUnavailable,
		},
		"another token": {
			happens: func(_ *testing.T, _ *graceful, s *session.Session) { s.Token.ID = "another" }, want: session.ErrUnavailable,
		},
		"a token that was refreshed": {
			happens: func(t *testing.T, w *graceful, s *session.Session) {
				successor := refreshed(t, w.Manager, *s, s.Token.ID)
				wantToken(t, w.Manager, *s, successor, true)
				w.clock.Advance(30 * time.Second) // refresh_overlap
			}, want: session.ErrUnavailable,
		},
		"a session that has expired": {
			happens: func(t *testing.T, w *graceful, s *session.Session) {
				w.clock.Advance(time.Hour - time.Second)
				wantServed(t, w.Manager, *s)
				w.clock.Advance(time.Second)
			}, want: session.ErrRevoked,
		},
		"a banned account": {
			happens: func(t *testing.T, w *graceful, s *session.Session) {
				banned := account()
				banned.MayLogin = false
				w.accounts.Set(banned)
				w.clock.Advance(10 * time.Second)
			}, want: session.ErrRevoked,
		},
		"a mistake of the store": {
			happens: func(*testing.T, *graceful, *session.Session) {},
			fails:   func(context.Context) error { return session.ErrMalformed }, want: session.ErrMalformed,
		},
		"an answer": {
			happens: func(*testing.T, *graceful, *session.Session) {},
			fails:   func(context.Context) error { return session.ErrNotFound }, want: session.ErrRevoked,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newGraceful(t)
			h := &hooked{world: w.world}
			w.Manager = session.NewManager(session.Options{
				Store: h, Accounts: w.accounts, Config: session.DefaultConfig(), Failure: session.Failure{Grace: grace}, Now: w.clock.Now,
			})
			s := w.login(t, 7)
			wantServed(t, w.Manager, s)
			test.happens(t, w, &s)
			if w.store.Fail(nil); test.fails == nil {
				test.fails = func(context.Context) error { return errDown }
			}
			h.onFind = test.fails
			w.clock.Advance(5 * time.Second)
			got, err := w.Check(t.Context(), identity.UseRead, 7, s.ID, s.Token.ID)
			if !errors.Is(err, test.want) || got != (session.Standing{}) {
				t.Errorf("Check = %+v, %v, want %v", got, err, test.want)
			}
		})
	}
}

// TestGraceIsNotForWhatEndsMeanwhile: the end comes while the Store, which is about to
// fail, is asked.
func TestGraceIsNotForWhatEndsMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hooked{world: newWorld(t)}
		h.Manager = session.NewManager(session.Options{
			Store: h, Accounts: h.accounts, Config: session.DefaultConfig(), Failure: session.Failure{Grace: grace}, Now: h.clock.Now,
		})
		s := h.login(t, 7)
		wantServed(t, h.Manager, s)
		h.clock.Advance(5 * time.Second)
		release := make(chan struct{})
		h.onFind = func(context.Context) error { <-release; return errDown }
		done := make(chan error, 1)
		go func() { _, err := h.Check(t.Context(), identity.UseRead, 7, s.ID, s.Token.ID); done <- err }()
		synctest.Wait()
		h.Drop(7, s.ID)
		close(release)
		wantUnavailable(t, <-done, errDown)
	})
}

// TestGraceIsNotForNewRoles: what memory knows of the account is what counts, also when
// it has become less.
func TestGraceIsNotForNewRoles(t *testing.T) {
	w := newGraceful(t)
	s := w.login(t, 7)
	wantServed(t, w.Manager, s)
	demoted := account()
	demoted.Role = "user"
	w.accounts.Set(demoted)
	w.clock.Advance(10 * time.Second)
	wantServed(t, w.Manager, s)
	w.accounts.Fail(errDown)
	w.clock.Advance(grace)
	got, err := w.Check(t.Context(), identity.UseRead, 7, s.ID, s.Token.ID)
	if err != nil || got.Account != demoted || got.Grace != identity.GraceAccount {
		t.Errorf("Check = %+v, %v, want the account %+v by grace", got, err, demoted)
	}
}

// TestGraceOfAnAdoptedSession is that of any other, and its adoption has none.
func TestGraceOfAnAdoptedSession(t *testing.T) {
	w := newGraceful(t)
	known, unknown := w.adoption(), w.adoption()
	wantAdopted(t, w.Manager, known)
	w.store.Fail(errDown)
	w.clock.Advance(grace)
	if got, err := w.CheckAdopted(t.Context(), identity.UseRead, known); err != nil || got.Grace != identity.GraceSession {
		t.Errorf("a known one: %+v, %v", got, err)
	}
	_, err := w.CheckAdopted(t.Context(), identity.UseRead, unknown)
	wantUnavailable(t, err, errDown)
	w.store.Fail(nil)
	w.accounts.Fail(errDown)
	w.clock.Advance(10 * time.Second)
	_, err = w.CheckAdopted(t.Context(), identity.UseRead, unknown)
	wantUnavailable(t, err, errDown)
}

// TestGraceAndRefresh: no new token while nobody can tell whether the old one counts.
func TestGraceAndRefresh(t *testing.T) {
	for name, fail := range map[string]func(*graceful){
		"store":    func(w *graceful) { w.store.Fail(errDown) },
		"database": func(w *graceful) { w.accounts.Fail(errDown) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newGraceful(t)
			s := w.login(t, 7)
			wantServed(t, w.Manager, s)
			fail(w)
			w.clock.Advance(10 * time.Second)
			wantRefused(t, w.Manager, s, s.Token.ID, session.ErrUnavailable)
		})
	}
}

// TestGraceOfAClientThatHangsUp is none: nothing is known of the Store.
func TestGraceOfAClientThatHangsUp(t *testing.T) {
	w := newGraceful(t)
	s := w.login(t, 7)
	wantServed(t, w.Manager, s)
	w.store.Fail(errDown)
	w.clock.Advance(5 * time.Second)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := w.Check(ctx, identity.UseRead, 7, s.ID, s.Token.ID); err == nil {
		t.Errorf("Check = %+v, want an error", got)
	}
}

func TestFailureValidate(t *testing.T) {
	for value, good := range map[time.Duration]bool{0: true, 10 * time.Minute: true, 10*time.Minute + 1: false, -1: false} {
		faults := 0
		session.Failure{Grace: value}.Validate(func(path, _ string) {
			if faults++; path != "grace" {
				t.Errorf("%v: a fault of %q", value, path)
			}
		})
		if (faults == 0) != good {
			t.Errorf("%v: %d faults", value, faults)
		}
	}
}

// wantCounted wants the metric to say how often a session and an account were believed.
func (w *graceful) wantCounted(t *testing.T, sessions, accounts float64) {
	t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range families {
		if family.GetName() == "faveo_gateway_failure_grace_total" {
			for _, m := range family.GetMetric() {
				got[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
			}
		}
	}
	if len(got) != 2 || got["session"] != sessions || got["account"] != accounts {
		t.Errorf("counted %v, want session %v, account %v", got, sessions, accounts)
	}
}
