package redisstore

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"faveo-gateway/gateway/session"
)

// How Watch keeps its connection: quiet is how long nothing may arrive before
// Redis is asked whether it is still there, and again before it counts as gone.
// A lost connection is made again after pause.
const (
	quiet = 2 * time.Second
	pause = 250 * time.Millisecond
)

// Watch tells handler of every session that any replica ends, this one
// included, until ctx ends or the Store is closed, and returns an error that says
// which. handler is called from one goroutine, Watch's own, and must not block:
//
//	handler(user, id)  that session is over
//	handler(user, "")  all sessions of the user are over
//	handler(0, "")     anything may be over
//
// The last is called whenever the subscription begins to work, at first and
// after each loss of the connection, because messages may have been missed, and
// for a message that cannot be read. A lost connection is noticed within 4 s and
// made again without end; Options.Observe hears of each attempt. Messages are a
// courtesy, not a guarantee: whoever caches sessions must bound their age.
func (s *Store) Watch(ctx context.Context, handler func(userID uint64, id string)) error {
	for {
		err := s.watchOnce(ctx, handler)
		if ctx.Err() == nil && errors.Is(err, redis.ErrClosed) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// watchOnce subscribes and listens until the connection is lost or ctx ends.
func (s *Store) watchOnce(ctx context.Context, handler func(uint64, string)) error {
	subscription := s.client.Subscribe(ctx)
	// Reading does not end with ctx, only with the connection.
	stop := context.AfterFunc(ctx, func() { _ = subscription.Close() })
	defer func() {
		stop()
		_ = subscription.Close()
	}()
	err := s.call(ctx, opSubscribe, func(ctx context.Context) error {
		if err := subscription.Subscribe(ctx, s.keys.ended()); err != nil {
			return err
		}
		_, err := subscription.ReceiveTimeout(ctx, s.timeout)
		return err
	})
	if err != nil {
		return err
	}
	handler(0, "")
	return s.listen(ctx, subscription, handler)
}

// listen hands messages on until the connection is lost.
func (s *Store) listen(ctx context.Context, subscription *redis.PubSub, handler func(uint64, string)) error {
	asked := false
	for {
		message, err := subscription.ReceiveTimeout(ctx, quiet)
		switch {
		case err == nil:
			asked = false
		case isTimeout(err) && !asked && subscription.Ping(ctx) == nil:
			asked = true
			continue
		default:
			return err
		}
		switch m := message.(type) {
		case *redis.Message:
			handler(readEnded(m.Payload))
		case *redis.Subscription:
			// go-redis has connected again by itself.
			handler(0, "")
		}
	}
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// readEnded reads "<user> <session>" and "<user> *" as the scripts write them;
// everything else is 0 and "".
func readEnded(payload string) (userID uint64, id string) {
	user, id, ok := strings.Cut(payload, " ")
	userID, err := strconv.ParseUint(user, 10, 64)
	switch {
	case !ok || err != nil || userID == 0:
		return 0, ""
	case id == "*":
		return userID, ""
	case !session.ValidID(id):
		return 0, ""
	}
	return userID, id
}
