package storetest

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"faveo-gateway/gateway/session"
)

// OpenSessions opens an empty store for one test, which also ends it. now is
// the clock that the sessions are to be made by. advance moves that clock and
// whatever the store expires by; it is nil for a store whose time cannot be
// moved, and the tests that need it are skipped.
type OpenSessions func(t *testing.T) (store session.Store, now func() time.Time, advance func(time.Duration))

// TestSessionStore tests the contract of session.Store. Stores that open
// returns must not see each other's sessions.
func TestSessionStore(t *testing.T, open OpenSessions) {
	cases := []struct {
		name string
		test func(*testing.T, *sessionSuite)
	}{
		{"what was created is found as it was", found},
		{"an unknown session is not found", unknown},
		{"a session is over when it expires", expires},
		{"a long session outlives a later short one in the index", indexOutlives},
		{"delete ends one session and can be repeated", deleteOne},
		{"delete all ends all of one user", deleteAll},
		{"the oldest beyond the limit are ended", sessionLimit},
		{"expired sessions do not count for the limit", limitExpired},
		{"a lower limit ends all that are too many", limitLowered},
		{"users do not see each other's sessions", isolation},
		{"identifiers that could mean something are refused", malformed},
		{"a session that cannot be is refused", impossible},
		{"a user's sessions are listed, the oldest first", lists},
		{"replace needs what was found", replaces},
		{"replace prolongs a session and its place in the index", replaceProlongs},
		{"replace never brings a session back", replaceOfEnded},
		{"parallel replacements of one session: one wins", parallelReplace},
		{"replace and an end in parallel: it is over", parallelReplaceAndEnd},
		{"adopt is create, once", adopts},
		{"what was ended is not adopted again", adoptEnded},
		{"what was ended is remembered for an hour longer than its token lasts", adoptLongEnded},
		{"what was barred is not adopted", adoptBarred},
		{"bar ends one session and can be repeated", bars},
		{"what was barred is remembered for an hour longer than its token lasts", adoptLongBarred},
		{"what was issued before all sessions were ended is not adopted", adoptBeforeAll},
		{"that all sessions were ended is remembered for long", adoptLongBeforeAll},
		{"what was issued before everything was ended is not adopted", adoptBeforeEverything},
		{"that everything was ended is remembered for long", adoptLongBeforeEverything},
		{"adopted sessions are adopted and others created", adoptedOrNot},
		{"parallel adoptions make one session", parallelAdopt},
		{"adoption and an end in parallel: it is over", parallelAdoptAndEnd},
		{"each walks through everybody's sessions", walks},
		{"delete where ends what matches, of everybody", deleteWhere},
		{"delete everything ends all of everybody", deleteEverything},
		{"parallel logins keep the limit", parallelLimit},
		{"parallel login and delete all leave nothing between", parallelDeleteAll},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			store, now, advance := open(t)
			c.test(t, &sessionSuite{Store: store, now: now, advance: advance})
		})
	}
}

type sessionSuite struct {
	session.Store
	now     func() time.Time
	advance func(time.Duration)
}

// plenty is a limit that no test reaches.
const plenty = 100

// time is now as sessions hold it.
func (s *sessionSuite) time() time.Time { return s.now().UTC().Truncate(time.Millisecond) }

func (s *sessionSuite) session(userID uint64, life time.Duration) session.Session {
	now := s.time()
	return session.Session{
		ID:     session.NewID(),
		UserID: userID, Role: "agent", Address: "2001:db8::1", Agent: `Dalvik/2.1.0 "é" <x>`,
		CreatedAt: now, ExpiresAt: now.Add(life), RefreshableUntil: now.Add(life + 24*time.Hour), SeenAt: now,
		PasswordFingerprint: "fingerprint", Token: session.Token{ID: session.NewID(), KeyID: "key"},
	}
}

// create stores a new session and returns it with the ids that it ended.
func (s *sessionSuite) create(t *testing.T, userID uint64, life time.Duration, maxPerUser int) (session.Session, []string) {
	t.Helper()
	created := s.session(userID, life)
	ended, err := s.Create(t.Context(), created, maxPerUser)
	if err != nil {
		t.Fatalf("Create: %v", err)
	}
	return created, ended
}

func (s *sessionSuite) wantLive(t *testing.T, want session.Session) {
	t.Helper()
	if got, err := s.Find(t.Context(), want.UserID, want.ID); err != nil || got != want {
		t.Errorf("Find = %+v, %v\nwant %+v", got, err, want)
	}
}

func (s *sessionSuite) wantOver(t *testing.T, gone session.Session) {
	t.Helper()
	if got, err := s.Find(t.Context(), gone.UserID, gone.ID); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("Find of a session that is over = %+v, %v, want ErrNotFound", got, err)
	}
}

func (s *sessionSuite) wantDeleteAll(t *testing.T, userID uint64, want int) {
	t.Helper()
	if n, err := s.DeleteAll(t.Context(), userID); err != nil || n != want {
		t.Errorf("DeleteAll(%d) = %d, %v, want %d", userID, n, err, want)
	}
}

func (s *sessionSuite) pass(t *testing.T, d time.Duration) {
	t.Helper()
	if s.advance == nil {
		t.Skip("this store's time cannot be moved")
	}
	s.advance(d)
}

func found(t *testing.T, s *sessionSuite) {
	full, ended := s.create(t, 7, time.Hour, plenty)
	if len(ended) != 0 {
		t.Errorf("the first session ended %q", ended)
	}
	s.wantLive(t, full)

	bare := s.session(7, time.Hour)
	bare.Role, bare.Address, bare.Agent, bare.Token.KeyID = "", "", "", ""
	if _, err := s.Create(t.Context(), bare, plenty); err != nil {
		t.Fatalf("Create: %v", err)
	}
	s.wantLive(t, bare)
	s.wantLive(t, full)

	largest, _ := s.create(t, 1<<64-1, time.Hour, plenty)
	s.wantLive(t, largest)
}

func unknown(t *testing.T, s *sessionSuite) {
	s.wantOver(t, s.session(7, time.Hour))
	s.create(t, 7, time.Hour, plenty)
	s.wantOver(t, s.session(7, time.Hour))
}

func expires(t *testing.T, s *sessionSuite) {
	short, _ := s.create(t, 7, time.Minute, plenty)
	long, _ := s.create(t, 7, time.Hour, plenty)
	s.pass(t, time.Minute-time.Millisecond)
	s.wantLive(t, short)
	s.pass(t, time.Millisecond)
	s.wantOver(t, short)
	s.wantLive(t, long)
	s.wantDeleteAll(t, 7, 1)
}

func indexOutlives(t *testing.T, s *sessionSuite) {
	long, _ := s.create(t, 7, time.Hour, plenty)
	s.create(t, 7, time.Minute, plenty)
	s.pass(t, 30*time.Minute)
	s.wantLive(t, long)
	s.wantDeleteAll(t, 7, 1)
	s.wantOver(t, long)
}

func deleteOne(t *testing.T, s *sessionSuite) {
	kept, _ := s.create(t, 7, time.Hour, plenty)
	gone, _ := s.create(t, 7, time.Hour, plenty)
	for range 2 {
		if err := s.Delete(t.Context(), 7, gone.ID); err != nil {
			t.Fatalf("Delete: %v", err)
		}
		s.wantOver(t, gone)
		s.wantLive(t, kept)
	}
	s.wantDeleteAll(t, 7, 1)
}

func deleteAll(t *testing.T, s *sessionSuite) {
	s.wantDeleteAll(t, 7, 0)
	var gone []session.Session
	for range 3 {
		created, _ := s.create(t, 7, time.Hour, plenty)
		gone = append(gone, created)
	}
	other, _ := s.create(t, 8, time.Hour, plenty)
	s.wantDeleteAll(t, 7, 3)
	for _, g := range gone {
		s.wantOver(t, g)
	}
	s.wantLive(t, other)
	s.wantDeleteAll(t, 7, 0)
	after, _ := s.create(t, 7, time.Hour, plenty)
	s.wantLive(t, after)
}

func sessionLimit(t *testing.T, s *sessionSuite) {
	var all []session.Session
	for i := range 5 {
		created, ended := s.create(t, 7, time.Hour, 3)
		all = append(all, created)
		if i < 3 && len(ended) != 0 {
			t.Errorf("session %d of 3 ended %q", i+1, ended)
		}
		if i >= 3 && !slices.Equal(ended, []string{all[i-3].ID}) {
			t.Errorf("session %d ended %q, want the oldest, %q", i+1, ended, all[i-3].ID)
		}
	}
	s.wantOver(t, all[0])
	s.wantOver(t, all[1])
	for _, kept := range all[2:] {
		s.wantLive(t, kept)
	}
	only, ended := s.create(t, 8, time.Hour, 1)
	s.wantLive(t, only)
	if len(ended) != 0 {
		t.Errorf("another user's session ended %q", ended)
	}
}

func limitExpired(t *testing.T, s *sessionSuite) {
	kept, _ := s.create(t, 7, time.Hour, 2)
	s.create(t, 7, time.Minute, 2)
	s.pass(t, 2*time.Minute)
	fresh, ended := s.create(t, 7, time.Hour, 2)
	if len(ended) != 0 {
		t.Errorf("ended %q though one of two had expired", ended)
	}
	s.wantLive(t, kept)
	s.wantLive(t, fresh)
}

func limitLowered(t *testing.T, s *sessionSuite) {
	var want []string
	for range 4 {
		created, _ := s.create(t, 7, time.Hour, plenty)
		want = append(want, created.ID)
	}
	last, ended := s.create(t, 7, time.Hour, 1)
	if !slices.Equal(ended, want) {
		t.Errorf("ended %q, want all four, oldest first: %q", ended, want)
	}
	s.wantLive(t, last)
	s.wantDeleteAll(t, 7, 1)
}

func isolation(t *testing.T, s *sessionSuite) {
	users := []uint64{1, 11, 111, 2, 12, 21}
	mine := make(map[uint64]session.Session)
	for _, u := range users {
		mine[u], _ = s.create(t, u, time.Hour, 1)
	}
	for _, u := range users {
		for _, other := range users {
			if u != other {
				stolen := mine[u]
				stolen.UserID = other
				s.wantOver(t, stolen)
			}
		}
	}
	if err := s.Delete(t.Context(), 11, mine[1].ID); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	s.wantDeleteAll(t, 11, 1)
	for _, u := range users {
		if u != 11 {
			s.wantLive(t, mine[u])
		}
	}
}

func malformed(t *testing.T, s *sessionSuite) {
	good, _ := s.create(t, 7, time.Hour, plenty)
	ids := []string{
		"", "*", ":index", "index", "}{u:8}:s:" + good.ID[:13], good.ID + "=", good.ID + "A", good.ID[:21],
		good.ID[:20] + "\r\n", good.ID[:21] + ":", good.ID[:21] + "*", good.ID[:21] + "/", good.ID[:21] + "B",
		good.ID[:21] + "\x00", strings.Repeat("A", 23), strings.Repeat("é", 11),
	}
	for _, id := range ids {
		bad := good
		bad.ID = id
		s.wantMalformed(t, "Create", id, func() error { _, err := s.Create(t.Context(), bad, plenty); return err })
		s.wantMalformed(t, "Adopt", id, func() error { _, err := s.Adopt(t.Context(), bad, bad.CreatedAt, plenty); return err })
		s.wantMalformed(t, "Replace", id, func() error { return s.Replace(t.Context(), bad, bad) })
		s.wantMalformed(t, "Find", id, func() error { _, err := s.Find(t.Context(), 7, id); return err })
		s.wantMalformed(t, "Delete", id, func() error { return s.Delete(t.Context(), 7, id) })
		s.wantMalformed(t, "Bar", id, func() error { return s.Bar(t.Context(), 7, id, good.ExpiresAt) })
	}
	bad := good
	bad.UserID = 0
	s.wantMalformed(t, "Create", "user 0", func() error { _, err := s.Create(t.Context(), bad, plenty); return err })
	s.wantMalformed(t, "Find", "user 0", func() error { _, err := s.Find(t.Context(), 0, good.ID); return err })
	s.wantMalformed(t, "Delete", "user 0", func() error { return s.Delete(t.Context(), 0, good.ID) })
	s.wantMalformed(t, "Bar", "user 0", func() error { return s.Bar(t.Context(), 0, good.ID, good.ExpiresAt) })
	s.wantMalformed(t, "DeleteAll", "user 0", func() error { _, err := s.DeleteAll(t.Context(), 0); return err })
	s.wantMalformed(t, "List", "user 0", func() error { _, err := s.List(t.Context(), 0); return err })
	s.wantMalformed(t, "Replace", "user 0", func() error { return s.Replace(t.Context(), bad, bad) })
	s.wantMalformed(t, "Adopt", "user 0", func() error { _, err := s.Adopt(t.Context(), bad, bad.CreatedAt, plenty); return err })
	s.wantLive(t, good)
	s.wantDeleteAll(t, 7, 1)
}

func (s *sessionSuite) wantMalformed(t *testing.T, call, what string, do func() error) {
	t.Helper()
	if err := do(); !errors.Is(err, session.ErrMalformed) {
		t.Errorf("%s of %q: %v, want ErrMalformed", call, what, err)
	}
}

func impossible(t *testing.T, s *sessionSuite) {
	kept, _ := s.create(t, 7, time.Hour, plenty)
	noFingerprint := s.session(7, time.Hour)
	noFingerprint.PasswordFingerprint = ""
	noToken := s.session(7, time.Hour)
	noToken.Token = session.Token{}
	tooLong := s.session(7, time.Hour)
	tooLong.RefreshableUntil = tooLong.ExpiresAt.Add(-time.Second)
	for name, bad := range map[string]session.Session{
		"no fingerprint": noFingerprint, "no token": noToken, "more life than refreshing can give": tooLong, "no life": s.session(7, 0), "negative life": s.session(7, -time.Hour),
	} {
		if _, err := s.Create(t.Context(), bad, plenty); err == nil || errors.Is(err, session.ErrNotFound) {
			t.Errorf("Create of a session with %s: %v, want an error", name, err)
		}
		bad.Adopted = true
		if _, err := s.Adopt(t.Context(), bad, bad.CreatedAt, plenty); err == nil || errors.Is(err, session.ErrNotFound) {
			t.Errorf("Adopt of a session with %s: %v, want an error", name, err)
		}
	}
	for _, maxPerUser := range []int{0, -1} {
		if _, err := s.Create(t.Context(), s.session(7, time.Hour), maxPerUser); err == nil {
			t.Errorf("Create with a limit of %d succeeded", maxPerUser)
		}
	}
	s.wantLive(t, kept)
	s.wantDeleteAll(t, 7, 1)
}

func parallelLimit(t *testing.T, s *sessionSuite) {
	const logins, most = 40, 5
	created := make([]session.Session, logins)
	ended := make([][]string, logins)
	var all sync.WaitGroup
	for i := range logins {
		created[i] = s.session(7, time.Hour)
		all.Go(func() {
			var err error
			if ended[i], err = s.Create(t.Context(), created[i], most); err != nil {
				t.Errorf("Create: %v", err)
			}
		})
	}
	all.Wait()
	gone := slices.Concat(ended...)
	slices.Sort(gone)
	if n := len(slices.Compact(slices.Clone(gone))); n != logins-most || n != len(gone) {
		t.Errorf("%d sessions were ended, %d of them different, want %d", len(gone), n, logins-most)
	}
	for _, c := range created {
		if _, over := slices.BinarySearch(gone, c.ID); over {
			s.wantOver(t, c)
		} else {
			s.wantLive(t, c)
		}
	}
	s.wantDeleteAll(t, 7, most)
}

func parallelDeleteAll(t *testing.T, s *sessionSuite) {
	const logins = 40
	created := make([]session.Session, logins)
	ended := make([]int, logins)
	var all sync.WaitGroup
	for i := range logins {
		created[i] = s.session(7, time.Hour)
		all.Go(func() {
			if _, err := s.Create(t.Context(), created[i], plenty); err != nil {
				t.Errorf("Create: %v", err)
			}
		})
		all.Go(func() {
			var err error
			if ended[i], err = s.DeleteAll(t.Context(), 7); err != nil {
				t.Errorf("DeleteAll: %v", err)
			}
		})
	}
	all.Wait()
	live := 0
	for _, c := range created {
		if _, err := s.Find(t.Context(), 7, c.ID); err == nil {
			live++
		}
	}
	sum := 0
	for _, n := range ended {
		sum += n
	}
	if sum+live != logins {
		t.Errorf("%d ended and %d live make %d of %d sessions", sum, live, sum+live, logins)
	}
	// No live session may be one that DeleteAll does not know of.
	s.wantDeleteAll(t, 7, live)
	for _, c := range created {
		s.wantOver(t, c)
	}
}
