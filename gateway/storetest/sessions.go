package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"faveo-gateway/gateway/session"
)

var _ session.Store = (*Sessions)(nil)

// Sessions is a session.Store in memory. It is safe for concurrent use.
type Sessions struct {
	door
	now   func() time.Time
	users map[uint64][]session.Session // oldest first
	// ended has until when an end is remembered; since has when all sessions of a user
	// were ended last, everybodys when those of all users were.
	ended      map[endedKey]time.Time
	since      map[uint64]time.Time
	everybodys time.Time
}

// margin is how much longer an end is remembered than the session would have lasted.
const margin = time.Hour

type endedKey struct {
	user uint64
	id   string
}

// NewSessions returns an empty store whose sessions expire by now.
func NewSessions(now func() time.Time) *Sessions {
	return &Sessions{
		now: now, users: make(map[uint64][]session.Session),
		ended: make(map[endedKey]time.Time), since: make(map[uint64]time.Time),
	}
}

// Create implements session.Store.
func (s *Sessions) Create(ctx context.Context, created session.Session, maxPerUser int) ([]string, error) {
	if err := storable(created, false, maxPerUser); err != nil {
		return nil, err
	}
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	return s.create(created, maxPerUser), nil
}

// Adopt implements session.Store.
func (s *Sessions) Adopt(ctx context.Context, adopted session.Session, issuedAt time.Time, maxPerUser int) ([]string, error) {
	if err := storable(adopted, true, maxPerUser); err != nil {
		return nil, err
	}
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	if slices.ContainsFunc(s.live(adopted.UserID), hasID(adopted.ID)) {
		return nil, nil
	}
	if s.now().Before(s.ended[endedKey{adopted.UserID, adopted.ID}]) ||
		issuedAt.Unix() <= max(s.since[adopted.UserID].Unix(), s.everybodys.Unix()) {
		return nil, session.ErrNotFound
	}
	return s.create(adopted, maxPerUser), nil
}

func storable(created session.Session, adopted bool, maxPerUser int) error {
	if err := created.Validate(); err != nil {
		return err
	}
	if created.Adopted != adopted {
		return fmt.Errorf("a session with Adopted %v is stored by the other method", created.Adopted)
	}
	if maxPerUser < 1 {
		return fmt.Errorf("at most %d sessions per user leave no place for one", maxPerUser)
	}
	return nil
}

// create adds a session and ends the oldest beyond the limit.
func (s *Sessions) create(created session.Session, maxPerUser int) (ended []string) {
	live := s.live(created.UserID)
	for len(live) >= maxPerUser {
		s.end(live[0])
		ended, live = append(ended, live[0].ID), live[1:]
	}
	s.users[created.UserID] = append(live, created)
	return ended
}

// end remembers that a session was ended, if it could be adopted again.
func (s *Sessions) end(over session.Session) {
	if over.Adopted {
		s.bar(endedKey{over.UserID, over.ID}, over.ExpiresAt)
	}
}

func (s *Sessions) bar(k endedKey, until time.Time) {
	if until = until.Add(margin); until.After(s.ended[k]) {
		s.ended[k] = until
	}
}

// Find implements session.Store.
func (s *Sessions) Find(ctx context.Context, userID uint64, id string) (session.Session, error) {
	if userID == 0 || !session.ValidID(id) {
		return session.Session{}, session.ErrMalformed
	}
	if err := s.enter(ctx); err != nil {
		return session.Session{}, err
	}
	defer s.mu.Unlock()
	live := s.live(userID)
	if i := slices.IndexFunc(live, hasID(id)); i >= 0 {
		return live[i], nil
	}
	return session.Session{}, session.ErrNotFound
}

// List implements session.Store.
func (s *Sessions) List(ctx context.Context, userID uint64) ([]session.Session, error) {
	if userID == 0 {
		return nil, session.ErrMalformed
	}
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	return s.live(userID), nil
}

// Replace implements session.Store.
func (s *Sessions) Replace(ctx context.Context, found, changed session.Session) error {
	if err := changed.Validate(); err != nil {
		return err
	}
	if found.UserID != changed.UserID || found.ID != changed.ID || !found.CreatedAt.Equal(changed.CreatedAt) ||
		found.Adopted != changed.Adopted {
		return errors.New("a session cannot be replaced by another one")
	}
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	live := s.live(found.UserID)
	i := slices.Index(live, found)
	if i < 0 {
		return session.ErrConflict
	}
	live[i] = changed
	s.users[found.UserID] = live
	return nil
}

// Delete implements session.Store.
func (s *Sessions) Delete(ctx context.Context, userID uint64, id string) error {
	if userID == 0 || !session.ValidID(id) {
		return session.ErrMalformed
	}
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	s.deleteFrom(userID, hasID(id))
	return nil
}

// Bar implements session.Store.
func (s *Sessions) Bar(ctx context.Context, userID uint64, id string, until time.Time) error {
	if userID == 0 || !session.ValidID(id) {
		return session.ErrMalformed
	}
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	s.deleteFrom(userID, hasID(id))
	s.bar(endedKey{userID, id}, until)
	return nil
}

// DeleteAll implements session.Store.
func (s *Sessions) DeleteAll(ctx context.Context, userID uint64) (int, error) {
	if userID == 0 {
		return 0, session.ErrMalformed
	}
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	s.since[userID] = s.now()
	return s.deleteFrom(userID, isAny), nil
}

// DeleteWhere implements session.Store.
func (s *Sessions) DeleteWhere(ctx context.Context, match func(session.Session) bool) (n int, err error) {
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	return s.deleteFromAll(match), nil
}

// DeleteEverything implements session.Store.
func (s *Sessions) DeleteEverything(ctx context.Context) (n int, err error) {
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	s.everybodys = s.now()
	return s.deleteFromAll(isAny), nil
}

func (s *Sessions) deleteFromAll(match func(session.Session) bool) (n int) {
	for userID := range s.users {
		n += s.deleteFrom(userID, match)
	}
	return n
}

// deleteFrom ends the user's sessions that match and returns how many they were.
func (s *Sessions) deleteFrom(userID uint64, match func(session.Session) bool) (n int) {
	s.users[userID] = slices.DeleteFunc(s.live(userID), func(have session.Session) bool {
		over := match(have)
		if over {
			s.end(have)
			n++
		}
		return over
	})
	return n
}

// Each implements session.Store.
func (s *Sessions) Each(ctx context.Context, yield func(session.Session) bool) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	var all []session.Session
	for userID := range s.users {
		all = append(all, s.live(userID)...)
	}
	s.mu.Unlock() // What yield does may ask the store.
	for _, each := range all {
		if !yield(each) {
			break
		}
	}
	return nil
}

// Count implements session.Counter.
func (s *Sessions) Count(ctx context.Context) (n int, err error) {
	err = s.Each(ctx, func(session.Session) bool { n++; return true })
	return n, err
}

// live returns the user's sessions in a slice of its own, without the expired.
func (s *Sessions) live(userID uint64) []session.Session {
	now := s.now()
	return slices.DeleteFunc(slices.Clone(s.users[userID]),
		func(have session.Session) bool { return !now.Before(have.ExpiresAt) })
}

func isAny(session.Session) bool { return true }

func hasID(id string) func(session.Session) bool {
	return func(s session.Session) bool { return s.ID == id }
}
