package storetest

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"faveo-gateway/gateway/session"
)

// The part of TestSessionStore about lists and changes.

// refreshed returns what a refresh makes of a session.
func (s *sessionSuite) refreshed(found session.Session, life time.Duration) session.Session {
	changed := found
	copy(changed.Previous[1:], found.Previous[:])
	changed.Previous[0] = session.Superseded{
		TokenID: found.Token.ID, Until: s.time().Add(time.Minute), Successor: "sealed \" <é>",
	}
	changed.Token = session.Token{ID: session.NewID(), KeyID: "another key"}
	changed.ExpiresAt = s.time().Add(life)
	changed.SeenAt = found.SeenAt.Add(time.Second)
	return changed
}

func (s *sessionSuite) wantList(t *testing.T, userID uint64, want ...session.Session) {
	t.Helper()
	if got, err := s.List(t.Context(), userID); err != nil || !slices.Equal(got, want) {
		t.Errorf("List(%d) = %+v, %v\nwant %+v", userID, got, err, want)
	}
}

func (s *sessionSuite) wantConflict(t *testing.T, found, changed session.Session) {
	t.Helper()
	if err := s.Replace(t.Context(), found, changed); !errors.Is(err, session.ErrConflict) {
		t.Errorf("Replace: %v, want ErrConflict", err)
	}
}

func lists(t *testing.T, s *sessionSuite) {
	s.wantList(t, 7)
	first, _ := s.create(t, 7, time.Hour, plenty)
	short, _ := s.create(t, 7, time.Minute, plenty)
	last, _ := s.create(t, 7, time.Hour, plenty)
	s.create(t, 8, time.Hour, plenty)
	s.wantList(t, 7, first, short, last)
	if err := s.Delete(t.Context(), 7, first.ID); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	s.wantList(t, 7, short, last)
	s.pass(t, 2*time.Minute)
	s.wantList(t, 7, last)
}

func replaces(t *testing.T, s *sessionSuite) {
	found, _ := s.create(t, 7, time.Hour, plenty)
	other, _ := s.create(t, 7, time.Hour, plenty)
	changed := s.refreshed(found, time.Hour)
	if err := s.Replace(t.Context(), found, changed); err != nil {
		t.Fatalf("Replace: %v", err)
	}
	s.wantLive(t, changed)
	s.wantLive(t, other)
	s.wantList(t, 7, changed, other)
	s.wantConflict(t, found, s.refreshed(found, time.Hour))
	again := changed
	for range 4 { // More often than there are places for what was before.
		next := s.refreshed(again, time.Hour)
		if err := s.Replace(t.Context(), again, next); err != nil {
			t.Fatalf("Replace again: %v", err)
		}
		s.wantLive(t, next)
		again = next
	}
	for name, bad := range map[string]func(*session.Session){
		"another user":   func(c *session.Session) { c.UserID = 8 },
		"another id":     func(c *session.Session) { c.ID = other.ID },
		"another birth":  func(c *session.Session) { c.CreatedAt = c.CreatedAt.Add(time.Second) },
		"an adopted one": func(c *session.Session) { c.Adopted = true },
		"no token":       func(c *session.Session) { c.Token = session.Token{} },
		"no fingerprint": func(c *session.Session) { c.PasswordFingerprint = "" },
	} {
		changed := again
		bad(&changed)
		if err := s.Replace(t.Context(), again, changed); err == nil || errors.Is(err, session.ErrConflict) {
			t.Errorf("Replace by %s: %v, want an error of its own", name, err)
		}
	}
	s.wantLive(t, again)
	s.wantLive(t, other)
}

func replaceProlongs(t *testing.T, s *sessionSuite) {
	found, _ := s.create(t, 7, time.Minute, plenty)
	changed := s.refreshed(found, time.Hour)
	if err := s.Replace(t.Context(), found, changed); err != nil {
		t.Fatalf("Replace: %v", err)
	}
	s.pass(t, 30*time.Minute)
	s.wantLive(t, changed)
	s.wantList(t, 7, changed)
	s.pass(t, 30*time.Minute)
	s.wantOver(t, changed)
	s.wantConflict(t, changed, s.refreshed(changed, time.Hour))
	s.wantOver(t, changed)
}

func replaceOfEnded(t *testing.T, s *sessionSuite) {
	for name, end := range map[string]func(session.Session) error{
		"delete":     func(g session.Session) error { return s.Delete(t.Context(), 7, g.ID) },
		"delete all": func(session.Session) error { _, err := s.DeleteAll(t.Context(), 7); return err },
		"limit":      func(session.Session) error { _, err := s.Create(t.Context(), s.session(7, time.Hour), 1); return err },
	} {
		gone, _ := s.create(t, 7, time.Hour, plenty)
		if err := end(gone); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		s.wantConflict(t, gone, s.refreshed(gone, time.Hour))
		s.wantOver(t, gone)
	}
	never := s.session(7, time.Hour)
	s.wantConflict(t, never, s.refreshed(never, time.Hour))
	s.wantOver(t, never)
}

func parallelReplace(t *testing.T, s *sessionSuite) {
	found, _ := s.create(t, 7, time.Hour, plenty)
	const replicas = 20
	changed, won := make([]session.Session, replicas), make([]bool, replicas)
	var all sync.WaitGroup
	for i := range replicas {
		changed[i] = s.refreshed(found, time.Hour)
		all.Go(func() {
			err := s.Replace(t.Context(), found, changed[i])
			won[i] = err == nil
			if err != nil && !errors.Is(err, session.ErrConflict) {
				t.Errorf("Replace: %v", err)
			}
		})
	}
	all.Wait()
	winner := slices.Index(won, true)
	if winner < 0 || slices.Contains(won[winner+1:], true) {
		t.Fatalf("who won: %v, want one", won)
	}
	s.wantLive(t, changed[winner])
}

func parallelReplaceAndEnd(t *testing.T, s *sessionSuite) {
	for i := range 20 {
		found, _ := s.create(t, 7, time.Hour, plenty)
		var both sync.WaitGroup
		both.Go(func() {
			err := s.Replace(t.Context(), found, s.refreshed(found, time.Hour))
			if err != nil && !errors.Is(err, session.ErrConflict) {
				t.Errorf("Replace: %v", err)
			}
		})
		both.Go(func() {
			end := func() error { return s.Delete(t.Context(), 7, found.ID) }
			if i%2 == 0 {
				end = func() error { _, err := s.DeleteAll(t.Context(), 7); return err }
			}
			if err := end(); err != nil {
				t.Errorf("the end: %v", err)
			}
		})
		both.Wait()
		s.wantOver(t, found)
		s.wantList(t, 7)
	}
}

// everybody creates sessions of several users and returns them by id.
func (s *sessionSuite) everybody(t *testing.T) map[string]session.Session {
	t.Helper()
	all := make(map[string]session.Session)
	for user := range uint64(30) {
		for range 2 {
			created, _ := s.create(t, user+1, time.Hour, plenty)
			all[created.ID] = created
		}
	}
	return all
}

func walks(t *testing.T, s *sessionSuite) {
	want := s.everybody(t)
	gone, _ := s.create(t, 7, time.Hour, plenty)
	if err := s.Delete(t.Context(), 7, gone.ID); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	seen := make(map[string]int)
	err := s.Each(t.Context(), func(each session.Session) bool {
		if each != want[each.ID] {
			t.Errorf("Each: %+v, want %+v", each, want[each.ID])
		}
		seen[each.ID]++
		return true
	})
	if err != nil || len(seen) != len(want) {
		t.Errorf("Each has shown %d of %d sessions, %v", len(seen), len(want), err)
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("Each has shown %s %d times", id, n)
		}
	}
	n := 0
	if err := s.Each(t.Context(), func(session.Session) bool { n++; return n < 5 }); err != nil || n != 5 {
		t.Errorf("Each went on to %d after 5, %v", n, err)
	}
}

func deleteWhere(t *testing.T, s *sessionSuite) {
	all := s.everybody(t)
	even := func(each session.Session) bool { return each.UserID%2 == 0 }
	for _, want := range []int{len(all) / 2, 0} {
		if n, err := s.DeleteWhere(t.Context(), even); err != nil || n != want {
			t.Errorf("DeleteWhere = %d, %v, want %d", n, err, want)
		}
	}
	for _, each := range all {
		if even(each) {
			s.wantOver(t, each)
		} else {
			s.wantLive(t, each)
		}
	}
	s.wantDeleteAll(t, 1, 2)
	s.wantDeleteAll(t, 2, 0)
}

func deleteEverything(t *testing.T, s *sessionSuite) {
	all := s.everybody(t)
	for _, want := range []int{len(all), 0} {
		s.wantDeleteEverything(t, want)
	}
	for _, each := range all {
		s.wantOver(t, each)
	}
	after, _ := s.create(t, 7, time.Hour, plenty)
	s.wantLive(t, after)
}
