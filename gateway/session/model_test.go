package session_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/gateway/session"
)

// TestModel runs random histories on two replicas and compares every answer with that
// of a model which knows neither stores nor memories. The replicas hear of what ends,
// but not of refreshes: a token that has lost its place may be served on for
// cache_ttl, and nothing else may differ.
func TestModel(t *testing.T) {
	for seed := range uint64(300) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			h := newHistory(t, seed)
			for range 150 {
				h.step()
				if t.Failed() {
					t.Fatalf("the history:\n%s", h.log)
				}
			}
		})
	}
}

// family is a session in the model.
type family struct {
	session  session.Session // UserID and ID are all that counts.
	adoption *session.Adoption
	tokens   []string // oldest first
	// overlapping are the numbers of the tokens that may still overlap, newest first,
	// until has when each stops.
	overlapping            []int
	until                  map[int]time.Time
	expiresAt, refreshable time.Time
	begun, ended           bool
	lost                   map[string]time.Time // when a token lost its place
}

type history struct {
	*testing.T
	*world
	random   *rand.Rand
	replicas []*session.Manager
	config   session.Config
	families []*family
	order    map[uint64][]*family // of a user, oldest first
	allOver  map[uint64]time.Time
	log      string
}

func newHistory(t *testing.T, seed uint64) *history {
	h := &history{
		T: t, world: newWorld(t), random: rand.New(rand.NewPCG(seed, 0)), config: session.DefaultConfig(),
		order: make(map[uint64][]*family), allOver: make(map[uint64]time.Time),
	}
	h.config.MaxPerUser = 3
	for user := range uint64(2) {
		h.accounts.Set(session.Account{UserID: user + 1, Role: "agent", MayLogin: true, PasswordFingerprint: "first"})
	}
	for range 2 {
		h.replicas = append(h.replicas, h.replica(h.config))
	}
	return h
}

func (h *history) say(format string, values ...any) {
	h.log += h.clock.Now().Format("15:04:05.000 ") + fmt.Sprintf(format, values...) + "\n"
}

func (h *history) step() {
	steps := []func(){
		h.login, h.faveo, h.check, h.check, h.check, h.check, h.refresh, h.refresh, h.refresh, h.logout, h.pass, h.pass, h.pass, h.logoutAll,
	}
	steps[h.random.IntN(len(steps))]()
}

func (h *history) user() uint64 { return h.random.Uint64N(2) + 1 }

func (h *history) replicaOf() (int, *session.Manager) {
	i := h.random.IntN(len(h.replicas))
	return i, h.replicas[i]
}

// live reports whether the model has f.
func (h *history) live(f *family) bool {
	return f.begun && !f.ended && h.clock.Now().Before(f.expiresAt)
}

// begin adds a family and ends the oldest beyond the limit.
func (h *history) begin(f *family) {
	f.begun = true
	user := f.session.UserID
	live := slices.DeleteFunc(h.order[user], func(o *family) bool { return !h.live(o) })
	for len(live) >= h.config.MaxPerUser {
		h.say("  ends %s", live[0].session.ID)
		h.end(live[0])
		live = live[1:]
	}
	h.order[user] = append(live, f)
}

// end ends a family, and has both replicas hear of it.
func (h *history) end(f *family) {
	f.ended = true
	for _, m := range h.replicas {
		m.Drop(f.session.UserID, f.session.ID)
	}
}

func (h *history) login() {
	i, m := h.replicaOf()
	now := h.clock.Now()
	f := &family{
		expiresAt: now.Add(time.Hour), refreshable: now.Add(3 * time.Hour),
		until: make(map[int]time.Time), lost: make(map[string]time.Time),
	}
	s, err := m.Start(h.Context(), session.Login{
		SessionID: session.NewID(), Token: session.Token{ID: session.NewID()}, UserID: h.user(), Role: "agent",
		PasswordFingerprint: "first", ExpiresAt: f.expiresAt, RefreshableUntil: f.refreshable,
	})
	if err != nil {
		h.Errorf("Start: %v", err)
		return
	}
	h.say("%d: login of %d: %s with %s", i, s.UserID, s.ID, s.Token.ID)
	f.session, f.tokens = s, []string{s.Token.ID}
	h.families = append(h.families, f)
	h.begin(f)
}

// faveo has Faveo issue a token that nobody has shown yet.
func (h *history) faveo() {
	a := h.adoption()
	a.UserID = h.user()
	a.IssuedAt = h.clock.Now()
	h.say("Faveo issues %s of %d: %s", a.TokenID, a.UserID, a.SessionID)
	h.families = append(h.families, &family{
		session: session.Session{UserID: a.UserID, ID: a.SessionID}, adoption: &a, tokens: []string{a.TokenID},
		expiresAt: a.ExpiresAt, refreshable: a.RefreshableUntil,
		until: make(map[int]time.Time), lost: make(map[string]time.Time),
	})
}

// any returns a family and one of its tokens, the newer ones more often.
func (h *history) any() (f *family, tokenID string) {
	if len(h.families) == 0 {
		h.login()
	}
	f = h.families[len(h.families)-1-min(h.random.IntN(len(h.families)), h.random.IntN(len(h.families)))]
	i := max(0, len(f.tokens)-1-min(h.random.IntN(len(f.tokens)+1), h.random.IntN(5)))
	return f, f.tokens[i]
}

func (f *family) newest(tokenID string) bool { return tokenID == f.tokens[len(f.tokens)-1] }

func (h *history) overlaps(f *family, tokenID string) bool {
	i := slices.Index(f.tokens, tokenID)
	return slices.Contains(f.overlapping, i) && h.clock.Now().Before(f.until[i])
}

func (h *history) check() {
	i, m := h.replicaOf()
	f, tokenID := h.any()
	var err error
	if f.adoption != nil && tokenID == f.adoption.TokenID {
		_, err = m.CheckAdopted(h.Context(), identity.UseCredential, *f.adoption)
		if !f.begun && !f.ended && h.clock.Now().Before(f.expiresAt) && f.adoption.IssuedAt.Unix() > h.allOver[f.session.UserID].Unix() {
			h.say("  adopts %s", f.session.ID)
			h.begin(f)
		}
	} else {
		_, err = m.Check(h.Context(), identity.UseCredential, f.session.UserID, f.session.ID, tokenID)
	}
	h.say("%d: check of %s: %v", i, tokenID, err)
	want := h.live(f) && (f.newest(tokenID) || h.overlaps(f, tokenID))
	remembered := h.live(f) && h.clock.Now().Before(f.lost[tokenID].Add(h.config.CacheTTL))
	switch {
	case err == nil && !want && !remembered:
		h.Errorf("%s is served", tokenID)
	case err != nil && (want || !errors.Is(err, session.ErrRevoked)):
		h.Errorf("%s is refused: %v", tokenID, err)
	}
}

func (h *history) refresh() {
	i, m := h.replicaOf()
	f, tokenID := h.any()
	successor, err := refresh(h.Context(), m, f.session, tokenID)
	h.say("%d: refresh of %s: %s, %v", i, tokenID, successor, err)
	now := h.clock.Now()
	switch {
	case !h.live(f):
		if !errors.Is(err, session.ErrRevoked) || errors.Is(err, session.ErrReused) {
			h.Errorf("refresh of a session that is over: %v", err)
		}
	case h.overlaps(f, tokenID):
		if err != nil || successor != f.tokens[slices.Index(f.tokens, tokenID)+1] {
			h.Errorf("refresh within the overlap: %s, %v", successor, err)
		}
	case !f.newest(tokenID):
		if !errors.Is(err, session.ErrReused) {
			h.Errorf("refresh of an old token: %v", err)
		}
		h.end(f)
	case f.refreshable.Sub(now) < time.Second:
		if !errors.Is(err, session.ErrSpent) {
			h.Errorf("refresh of a family that is over: %v", err)
		}
	case err != nil || slices.Contains(f.tokens, successor):
		h.Errorf("refresh: %s, %v", successor, err)
	default:
		h.succeed(f, successor)
	}
}

func (h *history) succeed(f *family, successor string) {
	now, newest := h.clock.Now(), len(f.tokens)-1
	f.overlapping = slices.DeleteFunc(f.overlapping, func(i int) bool { return !now.Before(f.until[i]) })
	f.overlapping = slices.Insert(f.overlapping, 0, newest)
	f.until[newest] = now.Truncate(time.Millisecond).Add(30 * time.Second)
	// What loses its place before its time is one that memories may know of.
	for len(f.overlapping) > 3 {
		f.lost[f.tokens[f.overlapping[3]]] = now
		f.overlapping = f.overlapping[:3]
	}
	f.tokens = append(f.tokens, successor)
	expiresAt := now.Add(life)
	if f.refreshable.Before(expiresAt) {
		expiresAt = f.refreshable
	}
	if expiresAt = expiresAt.Truncate(time.Second); expiresAt.After(f.expiresAt) {
		f.expiresAt = expiresAt
	}
}

func (h *history) logout() {
	i, m := h.replicaOf()
	f, tokenID := h.any()
	h.say("%d: logout of %s with %s", i, f.session.ID, tokenID)
	var err error
	if f.adoption != nil && tokenID == f.adoption.TokenID {
		err = m.EndAdopted(h.Context(), f.session.UserID, f.session.ID, f.adoption.ExpiresAt)
	} else {
		err = m.End(h.Context(), f.session.UserID, f.session.ID)
	}
	if err != nil {
		h.Errorf("the end: %v", err)
	}
	h.end(f)
}

func (h *history) logoutAll() {
	if h.random.IntN(3) > 0 {
		return
	}
	i, m := h.replicaOf()
	user := h.user()
	n, err := m.EndAll(h.Context(), user)
	h.say("%d: logout of all of %d: %d", i, user, n)
	h.allOver[user] = h.clock.Now()
	want := 0
	for _, f := range h.families {
		if f.session.UserID == user && h.live(f) {
			want++
			h.end(f)
		}
	}
	if err != nil || n != want {
		h.Errorf("EndAll = %d, %v, want %d", n, err, want)
	}
}

// pass lets time pass, mostly little.
func (h *history) pass() {
	d := []time.Duration{time.Millisecond, time.Second, 4 * time.Second, 11 * time.Second, 31 * time.Second, 6 * time.Minute, 40 * time.Minute}
	h.clock.Advance(d[min(h.random.IntN(len(d)), h.random.IntN(len(d)))])
}
