package redisstore

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"faveo-gateway/gateway/session"
)

const (
	// censusLife is how long a count serves all replicas.
	censusLife = time.Minute
	// censusTimeout bounds the counting.
	censusTimeout = 10 * time.Second
)

var _ session.Counter = (*Store)(nil)

// Count implements session.Counter. One replica counts, the others read the number.
func (s *Store) Count(ctx context.Context) (n int, err error) {
	counted := true
	err = s.call(ctx, opCensus, func(ctx context.Context) error {
		n, err = s.client.Get(ctx, s.keys.census()).Int()
		if errors.Is(err, redis.Nil) {
			counted, err = false, nil
		}
		return err
	})
	if err != nil || counted {
		return n, err
	}
	ctx, cancel := context.WithTimeout(ctx, censusTimeout)
	defer cancel()
	n = 0
	if err := s.scan(ctx, opCensus, s.keys.records(), func(keys []string) { n += len(keys) }); err != nil {
		return 0, err
	}
	err = s.call(ctx, opCensus, func(ctx context.Context) error {
		return s.client.Set(ctx, s.keys.census(), n, censusLife).Err()
	})
	return n, err
}
