package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"faveo-gateway/gateway/session"
)

// indexMargin is how long an index outlives its last session, so that rounding
// can never make it the other way round.
const indexMargin = time.Second

// Create implements session.Store.
func (s *Store) Create(ctx context.Context, created session.Session, maxPerUser int) (ended []string, err error) {
	if err := created.Validate(); err != nil {
		return nil, err
	}
	if maxPerUser < 1 {
		return nil, fmt.Errorf("at most %d sessions per user leave no place for one", maxPerUser)
	}
	life := created.ExpiresAt.Sub(s.now())
	if life < time.Millisecond {
		return nil, errors.New("the session has expired already")
	}
	content, err := encode(created)
	if err != nil {
		return nil, fmt.Errorf("encode session: %w", err)
	}
	user := created.UserID
	err = s.call(ctx, opCreate, func(ctx context.Context) error {
		ended, err = s.scripts.create.Run(ctx, s.client,
			[]string{s.keys.record(user, created.ID), s.keys.index(user)},
			content, life.Milliseconds(), (life + indexMargin).Milliseconds(), maxPerUser-1,
			created.ID, s.keys.records(user), s.keys.ended(), strconv.FormatUint(user, 10),
		).StringSlice()
		return err
	})
	if err != nil {
		return nil, err
	}
	return ended, nil
}

// Find implements session.Store. A record that cannot be read is an error that
// names its key.
func (s *Store) Find(ctx context.Context, userID uint64, id string) (found session.Session, err error) {
	if userID == 0 || !session.ValidID(id) {
		return session.Session{}, session.ErrMalformed
	}
	err = s.call(ctx, opFind, func(ctx context.Context) error {
		found, err = s.find(ctx, userID, id)
		return err
	})
	if err != nil {
		return session.Session{}, err
	}
	return found, nil
}

func (s *Store) find(ctx context.Context, userID uint64, id string) (session.Session, error) {
	key := s.keys.record(userID, id)
	p := s.client.Pipeline()
	content := p.Get(ctx, key)
	indexed := p.ZScore(ctx, s.keys.index(userID), id)
	// Exec returns the first error of a command, which may only be the missing
	// record; each command has its own.
	_, _ = p.Exec(ctx)
	for _, err := range []error{content.Err(), indexed.Err()} {
		if err != nil && !errors.Is(err, redis.Nil) {
			return session.Session{}, err
		}
	}
	if content.Err() != nil || indexed.Err() != nil {
		return session.Session{}, session.ErrNotFound
	}
	raw, err := content.Bytes()
	if err != nil {
		return session.Session{}, err
	}
	found, err := decode(raw, userID, id)
	if err != nil {
		return session.Session{}, fmt.Errorf("the record %q cannot be read: %w", key, err)
	}
	return found, nil
}

// Delete implements session.Store.
func (s *Store) Delete(ctx context.Context, userID uint64, id string) error {
	if userID == 0 || !session.ValidID(id) {
		return session.ErrMalformed
	}
	return s.call(ctx, opDelete, func(ctx context.Context) error {
		return s.scripts.remove.Run(ctx, s.client,
			[]string{s.keys.record(userID, id), s.keys.index(userID)},
			id, s.keys.ended(), strconv.FormatUint(userID, 10),
		).Err()
	})
}

// DeleteAll implements session.Store.
func (s *Store) DeleteAll(ctx context.Context, userID uint64) (n int, err error) {
	if userID == 0 {
		return 0, session.ErrMalformed
	}
	err = s.call(ctx, opDeleteAll, func(ctx context.Context) error {
		n, err = s.scripts.removeAll.Run(ctx, s.client,
			[]string{s.keys.index(userID)},
			s.keys.records(userID), s.keys.ended(), strconv.FormatUint(userID, 10),
		).Int()
		return err
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}
