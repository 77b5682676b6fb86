package session

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// fresh reports whether what was read at readAt is new enough for somebody who came
// at now and accepts an age. It may be newer than now, by as long as a read can have
// kept that request waiting. What is newer still comes from before a clock was set
// back, and how old it is nobody knows.
func fresh(readAt, now time.Time, age time.Duration) bool {
	return readAt.After(now.Add(-age)) && readAt.Before(now.Add(2*timeout))
}

// find returns the Session by a read that is fresh, or that this call began: from
// memory, or as the Store has it. A read under way that is too old is waited for
// before the next one begins: a client with a token that was refreshed long ago can
// keep the Store busy with one read at a time.
func (m *Manager) find(ctx context.Context, k sessionKey, id string, now time.Time, age time.Duration) (*entry, error) {
	for waited := false; ; waited = true {
		m.mu.Lock()
		e := m.cache.find(k)
		if e != nil && fresh(e.readAt, now, age) {
			m.mu.Unlock()
			if !waited {
				m.metrics.hit.Inc()
			}
			return e, nil
		}
		r, mine := m.finds.join(k)
		m.mu.Unlock()

		switch {
		case waited:
			// It is counted already.
		case e != nil:
			m.metrics.stale.Inc()
		default:
			m.metrics.miss.Inc()
		}
		if mine {
			return m.leadFind(ctx, k, id, r)
		}
		if e, err := r.wait(ctx); err != nil || fresh(r.startedAt, now, age) {
			return e, err
		}
	}
}

func (m *Manager) leadFind(ctx context.Context, k sessionKey, id string, r *read[*entry]) (*entry, error) {
	return m.finds.lead(ctx, k, r,
		func(ctx context.Context) (*entry, error) { return m.readUsed(ctx, k.user, id, r.startedAt) },
		func(e *entry, err error) {
			switch {
			case err == nil:
				m.cache.put(k, e)
			case errors.Is(err, ErrNotFound):
				m.cache.drop(k)
			}
		})
}

// readUsed reads a Session that is being used, notes that in it now and then, and
// leaves out what is not to be remembered.
func (m *Manager) readUsed(ctx context.Context, userID uint64, id string, at time.Time) (*entry, error) {
	s, err := m.readSession(ctx, userID, id)
	if err != nil {
		return nil, err
	}
	if at.Sub(s.SeenAt) >= seenEvery {
		seen := s
		seen.SeenAt = wholeMillis(at)
		// Whoever changed it at the same time has used it too, and a fault decides
		// nothing: the Session was read.
		if m.store.Replace(ctx, s, seen) == nil {
			s = seen
		}
	}
	for i := range s.Previous {
		s.Previous[i].Successor = ""
	}
	return &entry{session: s, readAt: at}, nil
}

func (m *Manager) readSession(ctx context.Context, userID uint64, id string) (Session, error) {
	s, err := m.store.Find(ctx, userID, id)
	if err != nil {
		return Session{}, err
	}
	if s.UserID != userID || s.ID != id {
		return Session{}, fmt.Errorf("session: %w", errMixedUp)
	}
	return s, nil
}

// errMixedUp is an answer about something else, by which one user would act as another.
var errMixedUp = errors.New("another one was returned than the one asked for")

// look returns a look at the account that is fresh, or that this call began. A read
// under way that is too old is waited for before the next one begins: a client with
// a refused Session can keep the database busy with one read at a time.
func (m *Manager) look(ctx context.Context, userID uint64, now time.Time, age time.Duration) (look, error) {
	for {
		m.mu.Lock()
		l := m.cache.look(userID)
		if l.found && fresh(l.at, now, age) {
			m.mu.Unlock()
			return l, nil
		}
		r, mine := m.looks.join(userID)
		m.mu.Unlock()
		if mine {
			return m.leadLook(ctx, userID, r)
		}
		if l, err := r.wait(ctx); err != nil || fresh(r.startedAt, now, age) {
			return l, err
		}
	}
}

func (m *Manager) leadLook(ctx context.Context, userID uint64, r *read[look]) (look, error) {
	return m.looks.lead(ctx, userID, r,
		func(ctx context.Context) (look, error) { return m.readAccount(ctx, userID, r.startedAt) },
		func(l look, err error) {
			switch {
			case err == nil && l.found:
				m.cache.putLook(userID, l)
			case err == nil:
				m.cache.dropLook(userID)
			}
		})
}

func (m *Manager) readAccount(ctx context.Context, userID uint64, at time.Time) (look, error) {
	a, err := m.accounts.Account(ctx, userID)
	if errors.Is(err, ErrNoAccount) {
		return look{at: at}, nil
	}
	if err != nil {
		return look{}, err
	}
	if a.UserID != userID {
		return look{}, fmt.Errorf("account: %w", errMixedUp)
	}
	return look{account: a, found: true, at: at}, nil
}
