package redisstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"faveo-gateway/gateway/session"
)

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
	p := s.client.Pipeline()
	content := p.Get(ctx, s.keys.record(userID, id))
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
	return s.read(content.Val(), userID, id)
}

// List implements session.Store. One record that cannot be read is an error.
func (s *Store) List(ctx context.Context, userID uint64) (list []session.Session, err error) {
	if userID == 0 {
		return nil, session.ErrMalformed
	}
	err = s.call(ctx, opList, func(ctx context.Context) error {
		list, err = s.list(ctx, userID)
		return err
	})
	return list, err
}

func (s *Store) list(ctx context.Context, userID uint64) (list []session.Session, err error) {
	answer, err := s.run(ctx, s.scripts.list, []string{s.keys.index(userID)}, s.keys.user(userID)).StringSlice()
	if err != nil {
		return nil, err
	}
	if len(answer)%2 != 0 {
		return nil, errors.New("the answer is cut")
	}
	for i := 0; i < len(answer); i += 2 {
		found, err := s.read(answer[i+1], userID, answer[i])
		if err != nil {
			return nil, err
		}
		list = append(list, found)
	}
	return list, nil
}

// read reads the record of a session.
func (s *Store) read(content string, userID uint64, id string) (session.Session, error) {
	found, err := decode([]byte(content), userID, id)
	if err != nil {
		return session.Session{}, fmt.Errorf("the record %q cannot be read: %w", s.keys.record(userID, id), err)
	}
	return found, nil
}
