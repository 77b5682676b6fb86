package session_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/gateway/session"
)

func TestRefreshChain(t *testing.T) {
	w := newWorld(t)
	s := w.login(t, 7)
	newest := s.Token.ID
	for range 5 {
		before := newest
		newest = refreshed(t, w.Manager, s, before)
		if newest == before {
			t.Fatal("the successor is the token itself")
		}
		wantToken(t, w.Manager, s, newest, true)
		wantToken(t, w.Manager, s, before, true)
		w.clock.Advance(30*time.Second - 1)
		wantToken(t, w.Manager, s, before, true)
		w.clock.Advance(1)
		wantToken(t, w.Manager, s, before, false)
		wantToken(t, w.Manager, s, newest, true)
		// What overlaps no more is not kept.
		if got, err := w.Find(t.Context(), 7, s.ID); err != nil || got.Previous[0].TokenID != before || got.Previous[1] != (session.Superseded{}) {
			t.Errorf("the tokens before are %+v, %v, want %s alone", got.Previous, err, before)
		}
	}
}

// TestRefreshInAHurry is a client whose answers are slow: it refreshes the successor
// before it repeats the refresh of the token before. Each token has its own successor
// and its own overlap.
func TestRefreshInAHurry(t *testing.T) {
	w := newWorld(t)
	other := w.replica(session.DefaultConfig())
	s := w.login(t, 7)
	chain := []string{s.Token.ID}
	for range 3 {
		chain = append(chain, refreshed(t, w.Manager, s, chain[len(chain)-1]))
		w.clock.Advance(5 * time.Second)
	}
	for _, m := range []*session.Manager{w.Manager, other} {
		for i, successor := range chain[1:] {
			if again := refreshed(t, m, s, chain[i]); again != successor {
				t.Errorf("the successor of token %d is %s and then %s", i, successor, again)
			}
		}
		for _, id := range chain {
			wantToken(t, m, s, id, true)
		}
	}
	got, err := w.Check(t.Context(), identity.UseCredential, 7, s.ID, chain[3])
	if err != nil {
		t.Fatalf("Check: %v", err)
	}
	for i, p := range got.Session.Previous {
		if p.TokenID != chain[2-i] || p.Successor != "" {
			t.Errorf("memory has %+v at %d, want token %s and no successor", p, i, chain[2-i])
		}
	}
	// The first one's overlap ends by itself, 30 s after its refresh.
	w.clock.Advance(15*time.Second - 1)
	wantToken(t, w.Manager, s, chain[0], true)
	w.clock.Advance(1)
	wantToken(t, w.Manager, s, chain[0], false)
	wantToken(t, w.Manager, s, chain[1], true)
	// It has made room by then.
	chain = append(chain, refreshed(t, w.Manager, s, chain[3]))
	for _, id := range chain[1:] {
		wantToken(t, other, s, id, true)
	}
	if stored, err := w.Find(t.Context(), 7, s.ID); err != nil || stored.Previous[2].TokenID != chain[1] || stored.Previous[2].Successor != "sealed "+chain[2] {
		t.Errorf("stored is %+v, %v, want %s in the last place", stored.Previous, err, chain[1])
	}
	wantRefused(t, other, s, chain[0], session.ErrReused)
	wantToken(t, other, s, chain[4], false)
}

// TestRefreshOverlap is as long as it is configured.
func TestRefreshOverlap(t *testing.T) {
	for _, overlap := range []time.Duration{time.Second, 5 * time.Minute} {
		w := newWorld(t)
		c := session.DefaultConfig()
		c.CacheTTL, c.RefreshOverlap = time.Second, overlap
		m := w.replica(c)
		s := w.login(t, 7)
		newest := refreshed(t, m, s, s.Token.ID)
		w.clock.Advance(overlap - 1)
		wantToken(t, m, s, s.Token.ID, true)
		if again := refreshed(t, m, s, s.Token.ID); again != newest {
			t.Errorf("overlap %v: the successor is %s and then %s", overlap, newest, again)
		}
		w.clock.Advance(1)
		wantToken(t, m, s, s.Token.ID, false)
		wantRefused(t, m, s, s.Token.ID, session.ErrReused)
	}
}

// TestRefreshedRecord compares all that a refresh stores.
func TestRefreshedRecord(t *testing.T) {
	w := newWorld(t)
	s := w.login(t, 7)
	w.clock.Advance(30*time.Minute + 1234567*time.Nanosecond)
	now := w.clock.Now()
	newest := refreshed(t, w.Manager, s, s.Token.ID)
	want := s
	want.Token = session.Token{ID: newest, KeyID: "key"}
	want.Previous[0] = session.Superseded{
		TokenID: s.Token.ID, Until: now.Truncate(time.Millisecond).Add(30 * time.Second), Successor: "sealed " + newest,
	}
	want.SeenAt = now.Truncate(time.Millisecond)
	want.ExpiresAt = now.Add(life).Truncate(time.Second)
	if got, err := w.Find(t.Context(), 7, s.ID); err != nil || got != want {
		t.Errorf("stored is %+v, %v\nwant %+v", got, err, want)
	}
	// Memory has no successors.
	want.Previous[0].Successor = ""
	if got, err := w.Check(t.Context(), identity.UseCredential, 7, s.ID, newest); err != nil || *got.Session != want {
		t.Errorf("Check = %+v, %v\nwant %+v", got, err, want)
	}
}

func TestRefreshMints(t *testing.T) {
	w := newWorld(t)
	s := w.login(t, 7)
	demoted := account()
	demoted.Role = "user"
	w.accounts.Set(demoted)
	calls := 0
	_, err := w.Refresh(t.Context(), session.Refresh{
		UserID: 7, SessionID: s.ID, TokenID: s.Token.ID, Life: 90 * time.Minute,
		Mint: func(a session.Account, expiresAt time.Time) (session.Successor, error) {
			calls++
			if want := w.clock.Now().Add(90 * time.Minute); a != demoted || !expiresAt.Equal(want) {
				t.Errorf("Mint(%+v, %v), want the account %+v and %v", a, expiresAt, demoted, want)
			}
			return mint(a, expiresAt)
		},
	})
	if err != nil || calls != 1 {
		t.Errorf("Refresh: %v after %d calls of Mint", err, calls)
	}
	// A repetition mints nothing.
	_, err = w.Refresh(t.Context(), session.Refresh{UserID: 7, SessionID: s.ID, TokenID: s.Token.ID, Life: life})
	if err != nil {
		t.Errorf("Refresh again: %v", err)
	}
}

// TestRefreshableUntilBoundsTheFamily refreshes until it is over. world.login gives a
// day.
func TestRefreshableUntilBoundsTheFamily(t *testing.T) {
	w := newWorld(t)
	s := w.login(t, 7)
	newest := s.Token.ID
	for range 24 {
		w.clock.Advance(59 * time.Minute)
		newest = refreshed(t, w.Manager, s, newest)
	}
	w.clock.Set(s.RefreshableUntil.Add(-time.Second))
	newest = refreshed(t, w.Manager, s, newest) // For one more second.
	got, err := w.Find(t.Context(), 7, s.ID)
	if err != nil || !got.ExpiresAt.Equal(s.RefreshableUntil) || !got.RefreshableUntil.Equal(s.RefreshableUntil) {
		t.Errorf("the session ends at %v, %v, want %v", got.ExpiresAt, err, s.RefreshableUntil)
	}
	w.clock.Advance(time.Millisecond)
	wantRefused(t, w.Manager, s, newest, session.ErrSpent)
	wantToken(t, w.Manager, s, newest, true) // Nothing was ended.
	w.clock.Set(s.RefreshableUntil)
	wantRefused(t, w.Manager, s, newest, session.ErrRevoked)
	wantToken(t, w.Manager, s, newest, false)
}

// TestRefreshNeverShortens: a session lasts as long as the longest of its tokens, or
// that token would outlive the knowledge that it was refreshed.
func TestRefreshNeverShortens(t *testing.T) {
	w := newWorld(t)
	s := w.login(t, 7)
	_, err := w.Refresh(t.Context(), session.Refresh{UserID: 7, SessionID: s.ID, TokenID: s.Token.ID, Life: time.Minute, Mint: mint})
	if err != nil {
		t.Fatalf("Refresh: %v", err)
	}
	got, err := w.Find(t.Context(), 7, s.ID)
	if err != nil || !got.ExpiresAt.Equal(s.ExpiresAt) {
		t.Errorf("the session ends at %v, %v, want %v", got.ExpiresAt, err, s.ExpiresAt)
	}
}

func TestParallelRefreshesReturnOneSuccessor(t *testing.T) {
	w := newWorld(t)
	replicas := []*session.Manager{w.Manager, w.replica(session.DefaultConfig()), w.replica(session.DefaultConfig())}
	s := w.login(t, 7)
	newest := s.Token.ID
	for range 20 {
		successors := make([]string, 30)
		var all sync.WaitGroup
		for i := range successors {
			all.Go(func() {
				var err error
				if successors[i], err = refresh(t.Context(), replicas[i%len(replicas)], s, newest); err != nil {
					t.Errorf("Refresh: %v", err)
				}
			})
		}
		all.Wait()
		for _, successor := range successors[1:] {
			if successor != successors[0] {
				t.Fatalf("one token has the successors %s and %s", successors[0], successor)
			}
		}
		newest = successors[0]
		for _, m := range replicas {
			wantToken(t, m, s, newest, true)
		}
	}
}

// TestRefreshIsKnownEverywhere: another replica that remembers the older token knows
// the new one from its first request on.
func TestRefreshIsKnownEverywhere(t *testing.T) {
	w := newWorld(t)
	other := w.replica(session.DefaultConfig())
	s := w.login(t, 7)
	wantServed(t, other, s)
	newest := refreshed(t, w.Manager, s, s.Token.ID)
	wantToken(t, other, s, newest, true)
	wantToken(t, other, s, s.Token.ID, true)
	if store, _ := w.calls(func() { wantToken(t, other, s, newest, true) }); store != 0 {
		t.Errorf("the second check made %d calls of the store", store)
	}
}

func TestMintThatFails(t *testing.T) {
	errMint := errors.New("no key")
	current := session.Token{ID: session.NewID(), KeyID: "key"}
	cases := map[string]struct {
		mint func(session.Account, time.Time) (session.Successor, error)
		want error
	}{
		"an error": {func(session.Account, time.Time) (session.Successor, error) {
			return session.Successor{}, errMint
		}, errMint},
		"nothing": {func(session.Account, time.Time) (session.Successor, error) {
			return session.Successor{}, nil
		}, nil},
		"no token": {func(_ session.Account, at time.Time) (session.Successor, error) {
			return session.Successor{Sealed: "sealed", ExpiresAt: at}, nil
		}, nil},
		"no sealed form": {func(_ session.Account, at time.Time) (session.Successor, error) {
			return session.Successor{Token: session.Token{ID: "new"}, ExpiresAt: at}, nil
		}, nil},
		"the token itself": {func(_ session.Account, at time.Time) (session.Successor, error) {
			return session.Successor{Token: current, ExpiresAt: at, Sealed: "sealed"}, nil
		}, nil},
		"too long a life": {func(_ session.Account, at time.Time) (session.Successor, error) {
			return session.Successor{Token: session.Token{ID: "new"}, ExpiresAt: at.Add(1), Sealed: "sealed"}, nil
		}, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			s, err := w.Start(t.Context(), session.Login{
				SessionID: session.NewID(), Token: current, UserID: 7, PasswordFingerprint: "first",
				ExpiresAt: w.clock.Now().Add(time.Hour), RefreshableUntil: forEver,
			})
			if err != nil {
				t.Fatalf("Start: %v", err)
			}
			sealed, err := w.Refresh(t.Context(), session.Refresh{UserID: 7, SessionID: s.ID, TokenID: s.Token.ID, Life: life, Mint: c.mint})
			if err == nil || sealed != "" || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("Refresh = %q, %v, want the error %v", sealed, err, c.want)
			}
			if errors.Is(err, session.ErrRevoked) || errors.Is(err, session.ErrUnavailable) {
				t.Errorf("Refresh: %v, which blames the session or the store", err)
			}
			if got, err := w.Find(t.Context(), 7, s.ID); err != nil || got != s {
				t.Errorf("stored is %+v, %v, want it as it was", got, err)
			}
			refreshed(t, w.Manager, s, s.Token.ID)
		})
	}
}

// TestRefreshWhileTheStoreFails has the store fail in each step, with the write done
// or not; it is never a refusal, it ends nothing, and asking again helps.
func TestRefreshWhileTheStoreFails(t *testing.T) {
	down := func(context.Context) error { return errDown }
	cases := map[string]struct {
		set    func(*hooked)
		reused bool
	}{
		"find":                {func(h *hooked) { h.onFind = down }, false},
		"account":             {func(h *hooked) { h.onAccount = down }, false},
		"replace":             {func(h *hooked) { h.onReplace = func(func() error) error { return errDown } }, false},
		"answer of a replace": {func(h *hooked) { h.onReplace = func(do func() error) error { _ = do(); return errDown } }, false},
		"end of a reused one": {func(h *hooked) { h.onDelete = func(func() error) error { return errDown } }, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			h := &hooked{world: newWorld(t)}
			m := h.manager(h.clock.Now)
			s := h.login(t, 7)
			if c.reused {
				refreshed(t, m, s, s.Token.ID)
				h.clock.Advance(time.Minute)
			}
			c.set(h)
			_, err := refresh(t.Context(), m, s, s.Token.ID)
			wantUnavailable(t, err, errDown)
			if !h.stored(t, s) {
				t.Error("the session was ended")
			}
			h.onFind, h.onAccount, h.onReplace, h.onDelete = nil, nil, nil, nil
			if c.reused {
				wantRefused(t, m, s, s.Token.ID, session.ErrReused)
				return
			}
			newest := refreshed(t, m, s, s.Token.ID)
			if again := refreshed(t, m, s, s.Token.ID); again != newest {
				t.Errorf("the successor is %s and then %s", newest, again)
			}
			wantToken(t, m, s, newest, true)
			wantToken(t, m, s, s.Token.ID, true)
		})
	}
}

// TestRefreshGivesUp when the session never stays as it was read.
func TestRefreshGivesUp(t *testing.T) {
	h := &hooked{world: newWorld(t)}
	m := h.manager(h.clock.Now)
	s := h.login(t, 7)
	tries := 0
	h.onReplace = func(func() error) error { tries++; return session.ErrConflict }
	_, err := refresh(t.Context(), m, s, s.Token.ID)
	if !errors.Is(err, session.ErrUnavailable) || errors.Is(err, session.ErrRevoked) || tries > 10 {
		t.Errorf("Refresh after %d tries: %v, want ErrUnavailable after a few", tries, err)
	}
	if !h.stored(t, s) {
		t.Error("the session was ended")
	}
}

func TestRefreshOfMalformed(t *testing.T) {
	w := newWorld(t)
	s := w.login(t, 7)
	for name, r := range map[string]session.Refresh{
		"user 0":      {SessionID: s.ID, TokenID: s.Token.ID},
		"no session":  {UserID: 7, TokenID: s.Token.ID},
		"no token":    {UserID: 7, SessionID: s.ID},
		"half an id":  {UserID: 7, SessionID: s.ID[:11], TokenID: s.Token.ID},
		"a pattern":   {UserID: 7, SessionID: strings.Repeat("*", 22), TokenID: s.Token.ID},
		"a long text": {UserID: 7, SessionID: strings.Repeat("A", 1<<16), TokenID: s.Token.ID},
	} {
		t.Run(name, func(t *testing.T) {
			r.Life, r.Mint = life, mint
			store, accounts := w.calls(func() {
				if sealed, err := w.Refresh(t.Context(), r); !errors.Is(err, session.ErrRevoked) || sealed != "" {
					t.Errorf("Refresh = %q, %v, want ErrRevoked", sealed, err)
				}
			})
			if store != 0 || accounts != 0 {
				t.Errorf("Refresh asked the stores %d and %d times", store, accounts)
			}
		})
	}
	wantServed(t, w.Manager, s)
}

func TestRefreshMetrics(t *testing.T) {
	w := newWorld(t)
	registry := prometheus.NewRegistry()
	m := session.NewManager(session.Options{
		Store: w.store, Accounts: w.accounts, Config: session.DefaultConfig(), Now: w.clock.Now, Registerer: registry,
	})
	want := func(refreshed, repeated, reused, refused, failed string) {
		t.Helper()
		text := `
# HELP faveo_gateway_session_refreshes_total Refreshes of tokens by result: refreshed, repeated (within the overlap: the same successor again), reused (after it: the session was ended), refused (session or account do not count, or refresh_ttl is over), error.
# TYPE faveo_gateway_session_refreshes_total counter
faveo_gateway_session_refreshes_total{result="error"} ` + failed + `
faveo_gateway_session_refreshes_total{result="refreshed"} ` + refreshed + `
faveo_gateway_session_refreshes_total{result="refused"} ` + refused + `
faveo_gateway_session_refreshes_total{result="repeated"} ` + repeated + `
faveo_gateway_session_refreshes_total{result="reused"} ` + reused + `
`
		if err := testutil.GatherAndCompare(registry, strings.NewReader(text), "faveo_gateway_session_refreshes_total"); err != nil {
			t.Error(err)
		}
	}
	want("0", "0", "0", "0", "0")
	s := w.login(t, 7)
	refreshed(t, m, s, s.Token.ID)
	refreshed(t, m, s, s.Token.ID)
	want("1", "1", "0", "0", "0")
	w.store.Fail(errDown)
	_, err := refresh(t.Context(), m, s, s.Token.ID)
	wantUnavailable(t, err, errDown)
	w.store.Fail(nil)
	want("1", "1", "0", "0", "1")
	w.clock.Advance(time.Minute)
	wantRefused(t, m, s, s.Token.ID, session.ErrReused)
	wantRefused(t, m, s, s.Token.ID, session.ErrRevoked)
	want("1", "1", "1", "1", "1")
	spent := w.login(t, 7)
	if _, err := m.Refresh(t.Context(), session.Refresh{UserID: 7, SessionID: spent.ID, TokenID: spent.Token.ID, Mint: mint}); !errors.Is(err, session.ErrSpent) {
		t.Errorf("Refresh to a life of nothing: %v, want ErrSpent", err)
	}
	want("1", "1", "1", "2", "1")
}
