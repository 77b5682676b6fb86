package session

import (
	"context"
	"errors"
	"slices"
)

// Find returns a Session as the Store has it, or ErrNotFound. Whether its account
// still admits it is not looked at. Any other error is ErrMalformed or
// ErrUnavailable.
func (m *Manager) Find(ctx context.Context, userID uint64, id string) (Session, error) {
	s, err := m.readSession(ctx, userID, id)
	if errors.Is(err, ErrNotFound) {
		return Session{}, err
	}
	return s, fault("find session", err)
}

// List returns the user's Sessions as the Store has them, the oldest first. Errors
// are ErrMalformed for the user 0 and ErrUnavailable.
func (m *Manager) List(ctx context.Context, userID uint64) ([]Session, error) {
	list, err := m.store.List(ctx, userID)
	if slices.ContainsFunc(list, func(s Session) bool { return s.UserID != userID }) {
		err = errMixedUp
	}
	if err != nil {
		return nil, fault("list sessions", err)
	}
	return list, nil
}

// Each calls yield with every Session of every user, in no order, until it returns
// false. One that begins or ends meanwhile may be missed. The error is
// ErrUnavailable.
func (m *Manager) Each(ctx context.Context, yield func(Session) bool) error {
	return fault("list all sessions", m.store.Each(ctx, yield))
}
