package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/redis/go-redis/v9"

	"faveo-gateway/gateway/session"
)

// How much a walk through everything asks for at once: keys of one SCAN, users of
// one round.
const (
	scanCount = 1000
	batchSize = 200
)

// Each implements session.Store. A record that cannot be read is passed over, and is
// an error that names its key at the end.
func (s *Store) Each(ctx context.Context, yield func(session.Session) bool) error {
	return s.walk(ctx, opEach, func(batch []session.Session) error {
		for _, each := range batch {
			if !yield(each) {
				return errEnough
			}
		}
		return nil
	})
}

// DeleteWhere implements session.Store. A record that cannot be read is as in Each.
// The others are told once, at the end, also when there was nothing to end, since who
// calls again after a fault may find nothing left, and they still have to know; and also
// after a fault, unless it came before anything was sent that ends sessions.
func (s *Store) DeleteWhere(ctx context.Context, match func(session.Session) bool) (n int, err error) {
	sent := false
	err = s.walk(ctx, opDeleteWhere, func(batch []session.Session) error {
		matching := make(map[uint64][]any)
		for _, each := range batch {
			if match(each) {
				matching[each.UserID] = append(matching[each.UserID], each.ID)
			}
		}
		sent = sent || len(matching) > 0
		return s.call(ctx, opDeleteWhere, func(ctx context.Context) error {
			ended, err := s.removeAt(ctx, matching)
			n += ended
			return err
		})
	})
	if err != nil && !sent {
		return 0, err
	}
	return n, errors.Join(err, s.announceEnd(ctx, newsEverything))
}

// removeAt ends the sessions of many users, in one round, and returns how many there
// were. In a pipeline nothing can be answered to a script that is not known: they
// are sent in full.
func (s *Store) removeAt(ctx context.Context, ids map[uint64][]any) (n int, err error) {
	if len(ids) == 0 {
		return 0, nil
	}
	p := s.client.Pipeline()
	answers := make([]*redis.Cmd, 0, len(ids))
	for user, of := range ids {
		answers = append(answers, p.Eval(ctx, s.scripts.remove.text,
			[]string{s.keys.index(user)}, append([]any{s.keys.user(user)}, of...)...))
	}
	_, err = p.Exec(ctx)
	for _, answer := range answers {
		if ended, err := answer.Int(); err == nil {
			n += ended
		}
	}
	return n, err
}

// errEnough ends a walk before its end; it is no fault.
var errEnough = errors.New("enough")

// walk hands the sessions of everybody to visit, some users at a time, until it
// returns an error. Each round is one call.
func (s *Store) walk(ctx context.Context, operation string, visit func([]session.Session) error) error {
	users, err := s.users(ctx, operation)
	if err != nil {
		return err
	}
	var unreadable error
	for batch := range slices.Chunk(users, batchSize) {
		var sessions []session.Session
		err := s.call(ctx, operation, func(ctx context.Context) (err error) {
			var bad error
			sessions, bad, err = s.sessionsOf(ctx, batch)
			if unreadable == nil {
				unreadable = bad
			}
			return err
		})
		if err == nil {
			err = visit(sessions)
		}
		if errors.Is(err, errEnough) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	if unreadable != nil {
		return fmt.Errorf("redisstore: %s: %w", operation, unreadable)
	}
	return nil
}

// sessionsOf returns the sessions of users, in two rounds: the indexes, then the
// records. unreadable tells of one that is not among them.
func (s *Store) sessionsOf(ctx context.Context, users []uint64) (sessions []session.Session, unreadable, err error) {
	p := s.client.Pipeline()
	indexes := make([]*redis.StringSliceCmd, len(users))
	for i, user := range users {
		indexes[i] = p.ZRange(ctx, s.keys.index(user), 0, -1)
	}
	if _, err := p.Exec(ctx); err != nil {
		return nil, nil, err
	}
	type record struct {
		user    uint64
		id      string
		content *redis.StringCmd
	}
	var records []record
	p = s.client.Pipeline()
	for i, user := range users {
		for _, id := range indexes[i].Val() {
			records = append(records, record{user, id, p.Get(ctx, s.keys.record(user, id))})
		}
	}
	_, _ = p.Exec(ctx) // An expired record is no error; each command has its own.
	for _, r := range records {
		content, err := r.content.Result()
		if errors.Is(err, redis.Nil) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		found, err := s.read(content, r.user, r.id)
		if err != nil {
			unreadable = err
			continue
		}
		sessions = append(sessions, found)
	}
	return sessions, unreadable, nil
}

// users returns everybody who may have a session.
func (s *Store) users(ctx context.Context, operation string) ([]uint64, error) {
	seen := make(map[uint64]struct{}) // SCAN may name a key more than once.
	var users []uint64
	err := s.scan(ctx, operation, s.keys.indexes(), func(keys []string) {
		for _, key := range keys {
			user, ok := s.keys.userOf(key)
			if _, again := seen[user]; ok && !again {
				seen[user] = struct{}{}
				users = append(users, user)
			}
		}
	})
	return users, err
}

// scan hands all keys that match to see, of one master after the other. Some may
// come twice. Each round is one call.
func (s *Store) scan(ctx context.Context, operation, pattern string, see func(keys []string)) error {
	masters, err := s.masters(ctx, operation)
	if err != nil {
		return err
	}
	for _, master := range masters {
		for cursor, first := uint64(0), true; first || cursor != 0; first = false {
			var keys []string
			err := s.call(ctx, operation, func(ctx context.Context) (err error) {
				keys, cursor, err = master.Scan(ctx, cursor, pattern, scanCount).Result()
				return err
			})
			if err != nil {
				return err
			}
			see(keys)
		}
	}
	return nil
}

// masters returns a client of each node that has keys of its own.
func (s *Store) masters(ctx context.Context, operation string) (masters []*redis.Client, err error) {
	switch client := s.client.(type) {
	case *redis.Client:
		return []*redis.Client{client}, nil
	case *redis.ClusterClient:
		var mu sync.Mutex // They are named side by side.
		err = s.call(ctx, operation, func(ctx context.Context) error {
			return client.ForEachMaster(ctx, func(_ context.Context, master *redis.Client) error {
				mu.Lock()
				defer mu.Unlock()
				masters = append(masters, master)
				return nil
			})
		})
		return masters, err
	}
	return nil, fmt.Errorf("redisstore: %s: a client of the kind %T", operation, s.client)
}
