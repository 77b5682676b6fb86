package redisstore

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/redis/go-redis/v9"

	"faveo-gateway/upstream/breaker"
)

// breaks reports whether an operation is left out while Redis does not answer. Those are
// the ones that requests wait for. What ends a session has to try, so that its answer is
// the truth, and so have Ping, which tells of it, what goes on beside requests, and what
// an operator asks for.
func breaks(operation string) bool {
	switch operation {
	case opCreate, opAdopt, opAdoptable, opFind, opList, opReplace, opTake, opReturn, opRemember, opAPIKeyGet, opAPIKeyPut:
		return true
	default:
		return false
	}
}

// isUnanswered reports whether err, of a call with the caller's ctx, is that nothing came
// back. An error of Redis came back; a caller who has left did not wait for it.
func isUnanswered(ctx context.Context, err error) bool {
	var (
		reply   redis.Error
		network net.Error
	)
	if errors.Is(ctx.Err(), context.Canceled) || errors.As(err, &reply) {
		return false
	}
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// newWitness returns the Witness of the breaker. It takes a connection of its own each
// time, so that neither calls under way nor what became of older connections is in its
// way. Any reply is an answer.
func (s *Store) newWitness(o *redis.UniversalOptions) breaker.Witness {
	own := *o
	own.PoolSize = 1
	return func(ctx context.Context) error {
		return s.ask(ctx, opPing, func(ctx context.Context) error {
			client := redis.NewUniversalClient(&own)
			defer func() { _ = client.Close() }()
			if err := client.Ping(ctx).Err(); isUnanswered(ctx, err) {
				return err
			}
			return nil
		})
	}
}
