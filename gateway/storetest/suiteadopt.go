package storetest

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"faveo-gateway/gateway/session"
)

// The part of TestSessionStore about adopted sessions.

// adoptable is a session of a token that Faveo issued.
func (s *sessionSuite) adoptable(userID uint64, life time.Duration) session.Session {
	made := s.session(userID, life)
	made.Adopted, made.Token.KeyID = true, ""
	return made
}

// adopt adopts a session, of a token that was issued a minute before.
func (s *sessionSuite) adopt(t *testing.T, adopted session.Session, maxPerUser int) ([]string, error) {
	t.Helper()
	return s.Adopt(t.Context(), adopted, adopted.CreatedAt.Add(-time.Minute), maxPerUser)
}

func adopts(t *testing.T, s *sessionSuite) {
	oldest, _ := s.create(t, 7, time.Hour, plenty)
	adopted := s.adoptable(7, time.Hour)
	for range 2 {
		if ended, err := s.adopt(t, adopted, 2); err != nil || len(ended) != 0 {
			t.Fatalf("Adopt: %q, %v", ended, err)
		}
		s.wantLive(t, adopted)
	}
	// What was changed since is not undone.
	changed := s.refreshed(adopted, time.Hour)
	if err := s.Replace(t.Context(), adopted, changed); err != nil {
		t.Fatalf("Replace: %v", err)
	}
	if _, err := s.adopt(t, adopted, 2); err != nil {
		t.Fatalf("Adopt: %v", err)
	}
	s.wantList(t, 7, oldest, changed)
	another := s.adoptable(7, time.Hour)
	if ended, err := s.adopt(t, another, 2); err != nil || !slices.Equal(ended, []string{oldest.ID}) {
		t.Errorf("Adopt beyond the limit ended %q, %v; want %q", ended, err, oldest.ID)
	}
	s.wantList(t, 7, changed, another)
}

func (s *sessionSuite) wantNotAdopted(t *testing.T, when string, gone session.Session, issuedAt time.Time) {
	t.Helper()
	if _, err := s.Adopt(t.Context(), gone, issuedAt, plenty); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("Adopt %s: %v, want ErrNotFound", when, err)
	}
	s.wantOver(t, gone)
}

func (s *sessionSuite) wantDeleteEverything(t *testing.T, want int) {
	t.Helper()
	if n, err := s.DeleteEverything(t.Context()); err != nil || n != want {
		t.Errorf("DeleteEverything = %d, %v, want %d", n, err, want)
	}
}

func adoptEnded(t *testing.T, s *sessionSuite) {
	for name, end := range map[string]func(session.Session) error{
		"delete":     func(g session.Session) error { return s.Delete(t.Context(), 7, g.ID) },
		"bar":        func(g session.Session) error { return s.Bar(t.Context(), 7, g.ID, g.ExpiresAt) },
		"everything": func(session.Session) error { _, err := s.DeleteEverything(t.Context()); return err },
		"delete all": func(session.Session) error { _, err := s.DeleteAll(t.Context(), 7); return err },
		"limit":      func(session.Session) error { _, err := s.Create(t.Context(), s.session(7, time.Hour), 1); return err },
		"where": func(g session.Session) error {
			_, err := s.DeleteWhere(t.Context(), func(each session.Session) bool { return each.ID == g.ID })
			return err
		},
	} {
		gone := s.adoptable(7, time.Hour)
		// A token from long after whatever else this test has ended.
		if _, err := s.Adopt(t.Context(), gone, gone.CreatedAt.Add(time.Hour), plenty); err != nil {
			t.Fatalf("Adopt: %v", err)
		}
		if err := end(gone); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		s.wantNotAdopted(t, "after "+name, gone, gone.CreatedAt.Add(time.Hour))
	}
}

func adoptLongEnded(t *testing.T, s *sessionSuite) {
	gone := s.adoptable(7, time.Hour)
	if _, err := s.adopt(t, gone, plenty); err != nil {
		t.Fatalf("Adopt: %v", err)
	}
	prolonged := s.refreshed(gone, 2*time.Hour)
	if err := s.Replace(t.Context(), gone, prolonged); err != nil {
		t.Fatalf("Replace: %v", err)
	}
	if err := s.Delete(t.Context(), 7, gone.ID); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	s.pass(t, 2*time.Hour-time.Second)
	gone.ExpiresAt = gone.ExpiresAt.Add(24 * time.Hour)
	s.wantNotAdopted(t, "within the hour after its token has expired", gone, gone.CreatedAt)
}

func bars(t *testing.T, s *sessionSuite) {
	kept, _ := s.create(t, 7, time.Hour, plenty)
	gone := s.adoptable(7, time.Hour)
	if _, err := s.adopt(t, gone, plenty); err != nil {
		t.Fatalf("Adopt: %v", err)
	}
	for range 2 {
		if err := s.Bar(t.Context(), 7, gone.ID, gone.ExpiresAt); err != nil {
			t.Fatalf("Bar: %v", err)
		}
		s.wantOver(t, gone)
		s.wantList(t, 7, kept)
	}
	s.wantDeleteAll(t, 7, 1)
}

func adoptBarred(t *testing.T, s *sessionSuite) {
	unseen, others := s.adoptable(7, time.Hour), s.adoptable(8, time.Hour)
	if err := s.Bar(t.Context(), 7, unseen.ID, unseen.ExpiresAt); err != nil {
		t.Fatalf("Bar: %v", err)
	}
	s.wantNotAdopted(t, "of what was barred before anybody has shown it", unseen, unseen.CreatedAt)
	others.ID = unseen.ID
	if _, err := s.adopt(t, others, plenty); err != nil {
		t.Errorf("Adopt of another user's: %v", err)
	}
	past := s.adoptable(7, time.Hour)
	if err := s.Bar(t.Context(), 7, past.ID, past.CreatedAt.Add(-24*time.Hour)); err != nil {
		t.Errorf("Bar of an expired token: %v", err)
	}
}

func adoptLongBarred(t *testing.T, s *sessionSuite) {
	unseen, prolonged := s.adoptable(7, time.Hour), s.adoptable(7, time.Hour)
	if _, err := s.adopt(t, prolonged, plenty); err != nil {
		t.Fatalf("Adopt: %v", err)
	}
	if err := s.Replace(t.Context(), prolonged, s.refreshed(prolonged, 2*time.Hour)); err != nil {
		t.Fatalf("Replace: %v", err)
	}
	for _, each := range []session.Session{unseen, prolonged} {
		if err := s.Bar(t.Context(), 7, each.ID, each.ExpiresAt); err != nil {
			t.Fatalf("Bar: %v", err)
		}
	}
	s.pass(t, 2*time.Hour-time.Second)
	for _, each := range []session.Session{unseen, prolonged} {
		each.ExpiresAt = each.ExpiresAt.Add(24 * time.Hour)
		s.wantNotAdopted(t, "within the hour after it has expired", each, each.CreatedAt)
	}
}

func adoptBeforeAll(t *testing.T, s *sessionSuite) {
	s.wantDeleteAll(t, 7, 0)
	unseen := s.adoptable(7, time.Hour)
	s.wantNotAdopted(t, "of a token from before", unseen, unseen.CreatedAt.Add(-time.Minute))
	if _, err := s.Adopt(t.Context(), unseen, s.now().Add(2*time.Second), plenty); err != nil {
		t.Errorf("Adopt of a token from afterwards: %v", err)
	}
	others := s.adoptable(8, time.Hour)
	if _, err := s.adopt(t, others, plenty); err != nil {
		t.Errorf("Adopt for another user: %v", err)
	}
}

func adoptLongBeforeAll(t *testing.T, s *sessionSuite) {
	s.wantDeleteAll(t, 7, 0)
	ended := s.now()
	s.pass(t, 7*24*time.Hour)
	unseen := s.adoptable(7, time.Hour)
	s.wantNotAdopted(t, "of a token that was issued when all were ended a week ago", unseen, ended)
}

func adoptBeforeEverything(t *testing.T, s *sessionSuite) {
	ended := s.now()
	s.wantDeleteEverything(t, 0)
	for user := range uint64(3) {
		unseen := s.adoptable(user+1, time.Hour)
		s.wantNotAdopted(t, "of a token from before", unseen, unseen.CreatedAt.Add(-time.Minute))
		s.wantNotAdopted(t, "of a token from the same second", unseen, ended)
		if _, err := s.Adopt(t.Context(), unseen, s.now().Add(2*time.Second), plenty); err != nil {
			t.Errorf("Adopt of a token from afterwards: %v", err)
		}
		s.wantLive(t, unseen)
	}
}

func adoptLongBeforeEverything(t *testing.T, s *sessionSuite) {
	s.wantDeleteEverything(t, 0)
	ended := s.now()
	s.pass(t, 7*24*time.Hour)
	s.wantNotAdopted(t, "of a token that was issued when everything was ended a week ago", s.adoptable(7, time.Hour), ended)
}

func adoptedOrNot(t *testing.T, s *sessionSuite) {
	ours, faveos := s.session(7, time.Hour), s.adoptable(7, time.Hour)
	if _, err := s.adopt(t, ours, plenty); err == nil || errors.Is(err, session.ErrNotFound) {
		t.Errorf("Adopt of a session that is not adopted: %v, want an error of its own", err)
	}
	if _, err := s.Create(t.Context(), faveos, plenty); err == nil || errors.Is(err, session.ErrNotFound) {
		t.Errorf("Create of an adopted session: %v, want an error of its own", err)
	}
	s.wantList(t, 7)
	if _, err := s.adopt(t, faveos, plenty); err != nil {
		t.Fatalf("Adopt: %v", err)
	}
	changed := s.refreshed(faveos, time.Hour)
	changed.Adopted = false
	if err := s.Replace(t.Context(), faveos, changed); err == nil || errors.Is(err, session.ErrConflict) {
		t.Errorf("Replace of an adopted session by another: %v, want an error of its own", err)
	}
	s.wantLive(t, faveos)
}

func parallelAdopt(t *testing.T, s *sessionSuite) {
	adopted := s.adoptable(7, time.Hour)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if ended, err := s.adopt(t, adopted, plenty); err != nil || len(ended) != 0 {
				t.Errorf("Adopt: %q, %v", ended, err)
			}
		})
	}
	all.Wait()
	s.wantList(t, 7, adopted)
}

// parallelAdoptAndEnd has a user of its own each time: an earlier end of all would be
// one of the next adoption too.
func parallelAdoptAndEnd(t *testing.T, s *sessionSuite) {
	for user := range uint64(40) {
		adopted := s.adoptable(user+1, time.Hour)
		end := func() error { return s.Bar(t.Context(), adopted.UserID, adopted.ID, adopted.ExpiresAt) }
		if user%2 == 0 {
			end = func() error { _, err := s.DeleteAll(t.Context(), adopted.UserID); return err }
		}
		var both sync.WaitGroup
		both.Go(func() {
			if _, err := s.adopt(t, adopted, plenty); err != nil && !errors.Is(err, session.ErrNotFound) {
				t.Errorf("Adopt: %v", err)
			}
		})
		both.Go(func() {
			if err := end(); err != nil {
				t.Errorf("the end: %v", err)
			}
		})
		both.Wait()
		s.wantOver(t, adopted)
	}
}
