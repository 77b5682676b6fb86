package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"faveo-gateway/gateway/session"
)

var _ session.Store = (*Sessions)(nil)

// Sessions is a session.Store in memory. It is safe for concurrent use.
type Sessions struct {
	now func() time.Time

	mu    sync.Mutex
	users map[uint64][]session.Session // oldest first
	fault error
	calls int
}

// NewSessions returns an empty store whose sessions expire by now.
func NewSessions(now func() time.Time) *Sessions {
	return &Sessions{now: now, users: make(map[uint64][]session.Session)}
}

// Fail makes every call fail with err and change nothing, until Fail(nil).
func (s *Sessions) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = err
}

// Calls returns how many calls there were, failed ones included.
func (s *Sessions) Calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// Create implements session.Store.
func (s *Sessions) Create(ctx context.Context, created session.Session, maxPerUser int) ([]string, error) {
	if err := created.Validate(); err != nil {
		return nil, err
	}
	if maxPerUser < 1 {
		return nil, fmt.Errorf("at most %d sessions per user leave no place for one", maxPerUser)
	}
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var ended []string
	live := s.live(created.UserID)
	for len(live) >= maxPerUser {
		ended, live = append(ended, live[0].ID), live[1:]
	}
	s.users[created.UserID] = append(live, created)
	return ended, nil
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

// Delete implements session.Store.
func (s *Sessions) Delete(ctx context.Context, userID uint64, id string) error {
	if userID == 0 || !session.ValidID(id) {
		return session.ErrMalformed
	}
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	s.users[userID] = slices.DeleteFunc(s.live(userID), hasID(id))
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
	n := len(s.live(userID))
	delete(s.users, userID)
	return n, nil
}

// enter counts the call and returns holding the lock, unless the call fails.
func (s *Sessions) enter(ctx context.Context) error {
	s.mu.Lock()
	s.calls++
	err := s.fault
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		s.mu.Unlock()
	}
	return err
}

// live returns the user's sessions in a slice of its own, without the expired.
func (s *Sessions) live(userID uint64) []session.Session {
	now := s.now()
	return slices.DeleteFunc(slices.Clone(s.users[userID]),
		func(have session.Session) bool { return !now.Before(have.ExpiresAt) })
}

func hasID(id string) func(session.Session) bool {
	return func(s session.Session) bool { return s.ID == id }
}
