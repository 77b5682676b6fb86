package redisstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"faveo-gateway/gateway/session"
)

const (
	// indexMargin is how long an index outlives its last session, so that rounding
	// can never make it the other way round.
	indexMargin = time.Second
	// markLife is how long the mark of DeleteAll or DeleteEverything is kept: longer than
	// any token lives that could be adopted. The marker of BeginAdoption outlives the last
	// adoption by as much.
	markLife = 31 * 24 * time.Hour
)

// Create implements session.Store.
func (s *Store) Create(ctx context.Context, created session.Session, maxPerUser int) ([]string, error) {
	if err := storable(created, false, maxPerUser); err != nil {
		return nil, err
	}
	return s.store(ctx, opCreate, s.scripts.create, created, maxPerUser, nil)
}

// storable reports what neither Create nor Adopt, the latter if adopted, may store.
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

// store runs a script of storeFunction, the one for adoption with issuedAt, and
// tells the other replicas of what it has ended.
func (s *Store) store(ctx context.Context, operation string, sc script, created session.Session, maxPerUser int, issuedAt *time.Time) (ended []string, err error) {
	life := created.ExpiresAt.Sub(s.now())
	if life < time.Millisecond {
		return nil, errors.New("the session has expired already")
	}
	content, err := encode(created)
	if err != nil {
		return nil, fmt.Errorf("encode session: %w", err)
	}
	user, id := created.UserID, created.ID
	keys := []string{s.keys.record(user, id), s.keys.index(user)}
	arguments := []any{content, life.Milliseconds(), (life + indexMargin).Milliseconds(), maxPerUser - 1, id, s.keys.user(user)}
	if issuedAt != nil {
		keys = append(keys, s.keys.tombstone(user, id), s.keys.since(user))
		arguments = append(arguments, issuedAt.Unix(), (life + tombstoneMargin).Milliseconds())
	}
	err = s.call(ctx, operation, func(ctx context.Context) error {
		ended, err = s.run(ctx, sc, keys, arguments...).StringSlice()
		if errors.Is(err, redis.Nil) {
			return session.ErrNotFound
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	news := make([]string, len(ended))
	for i, id := range ended {
		news[i] = sessionEnded(user, id)
	}
	if err := s.announceEnd(ctx, news...); err != nil {
		return nil, err
	}
	return ended, nil
}

// Replace implements session.Store.
func (s *Store) Replace(ctx context.Context, found, changed session.Session) error {
	if err := errors.Join(found.Validate(), changed.Validate()); err != nil {
		return err
	}
	if found.UserID != changed.UserID || found.ID != changed.ID || !found.CreatedAt.Equal(changed.CreatedAt) ||
		found.Adopted != changed.Adopted {
		return errors.New("a session cannot be replaced by another one")
	}
	life := changed.ExpiresAt.Sub(s.now())
	if life < time.Millisecond {
		return session.ErrConflict // It has just expired.
	}
	before, err := encode(found)
	if err != nil {
		return fmt.Errorf("encode session: %w", err)
	}
	after, err := encode(changed)
	if err != nil {
		return fmt.Errorf("encode session: %w", err)
	}
	return s.call(ctx, opReplace, func(ctx context.Context) error {
		replaced, err := s.run(ctx, s.scripts.replace,
			[]string{s.keys.record(found.UserID, found.ID), s.keys.index(found.UserID)},
			before, after, life.Milliseconds(), (life + indexMargin).Milliseconds(), found.ID,
		).Bool()
		if err == nil && !replaced {
			return session.ErrConflict
		}
		return err
	})
}

// Delete implements session.Store. It tells the others even when there is none: a
// replica may remember a session that Redis has lost.
func (s *Store) Delete(ctx context.Context, userID uint64, id string) error {
	if userID == 0 || !session.ValidID(id) {
		return session.ErrMalformed
	}
	err := s.call(ctx, opDelete, func(ctx context.Context) error {
		return s.run(ctx, s.scripts.remove, []string{s.keys.index(userID)}, s.keys.user(userID), id).Err()
	})
	if err != nil {
		return err
	}
	return s.announceEnd(ctx, sessionEnded(userID, id))
}

// DeleteAll implements session.Store.
func (s *Store) DeleteAll(ctx context.Context, userID uint64) (n int, err error) {
	if userID == 0 {
		return 0, session.ErrMalformed
	}
	err = s.call(ctx, opDeleteAll, func(ctx context.Context) error {
		n, err = s.run(ctx, s.scripts.removeAll,
			[]string{s.keys.index(userID), s.keys.since(userID)},
			s.keys.user(userID), markLife.Milliseconds(),
		).Int()
		return err
	})
	if err != nil {
		return 0, err
	}
	if err := s.announceEnd(ctx, userEnded(userID)); err != nil {
		return 0, err
	}
	return n, nil
}
