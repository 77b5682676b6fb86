package redisstore

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"slices"
	"sync"

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

// newWitness returns the Witness of the breaker. It takes connections of its own each
// time, so that neither calls under way nor what became of older connections is in its
// way. Any reply is an answer, of a cluster that of any node: one that hangs keeps its own
// users waiting, and nobody else.
func (s *Store) newWitness(o *redis.UniversalOptions) breaker.Witness {
	known := &nodes{by: map[string]redis.Options{}}
	if cluster, ok := s.client.(*redis.ClusterClient); ok {
		cluster.OnNewNode(known.add)
	}
	own := *o
	own.PoolSize = 1
	return func(ctx context.Context) error {
		return s.ask(ctx, opPing, func(ctx context.Context) error {
			if all := known.all(); len(all) > 0 {
				return knockAtAny(ctx, all)
			}
			return knock(ctx, redis.NewUniversalClient(&own))
		})
	}
}

// nodes are how the nodes of a cluster that were heard of are connected to, by address.
type nodes struct {
	mu sync.Mutex
	by map[string]redis.Options
}

// maxNodes bounds how many are known: more masters than a cluster should have, while
// addresses may come and go for ever.
const maxNodes = 1000

func (n *nodes) add(client *redis.Client) {
	own := *client.Options()
	own.PoolSize = 1
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.by) >= maxNodes {
		clear(n.by)
	}
	n.by[own.Addr] = own
}

func (n *nodes) all() []redis.Options {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Collect(maps.Values(n.by))
}

// knockAtAny returns nil when one of the nodes answers. It waits for all of them.
func knockAtAny(ctx context.Context, all []redis.Options) error {
	answers := make(chan error, len(all))
	for _, node := range all {
		go func() { answers <- knock(ctx, redis.NewClient(&node)) }()
	}
	answered, faults := false, make([]error, 0, len(all))
	for range all {
		err := <-answers
		answered = answered || err == nil
		faults = append(faults, err)
	}
	if answered {
		return nil
	}
	return errors.Join(faults...)
}

// knock returns nil for any reply, and closes the client.
func knock(ctx context.Context, client redis.UniversalClient) error {
	defer func() { _ = client.Close() }()
	if err := client.Ping(ctx).Err(); isUnanswered(ctx, err) {
		return err
	}
	return nil
}
