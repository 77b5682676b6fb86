package redisstore

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// How Watch keeps its connection: quiet is how long nothing may arrive before
// Redis is asked whether it is still there, and again before it counts as gone.
// A lost connection is made again after pause.
const (
	quiet = 2 * time.Second
	pause = 250 * time.Millisecond
)

// Handler is told what the replicas announce. Its functions are called one at a time,
// by goroutines of Watch, and must not block. None may be nil but APIKey and Latency.
type Handler struct {
	// Session is told of a session that has ended; with "" for the id of all of the
	// user, and with 0 for the user that anything may have ended.
	Session func(userID uint64, id string)
	// Key is told of a signing key that was revoked, and with "" that the keys may
	// have changed.
	Key func(kid string)
	// APIKey is told of an API key that has changed, and with "" that any may have.
	APIKey func(id string)
	// Latency is told of each end, a key's included, how long ago it was announced, by
	// the clock of Redis; also of one whose message was lost, when that is noticed.
	Latency func(time.Duration)
}

// Watch tells handler of everything that any replica announces, this one included,
// until ctx ends or the Store is closed, and returns an error that says which.
//
// Messages may be lost, with a connection or without a sign. A connection that is
// lost is noticed within 4 s and made again without end; Options.Observe hears of
// each attempt. Each message names the one before it, and the number of the newest
// is asked for every pollEvery by another connection: what was missed is noticed by
// the next message, or by the second poll. Then, when the subscription begins to
// work, for a message that cannot be read, and for a Redis that was emptied, handler
// is told that anything may have ended or changed.
func (s *Store) Watch(ctx context.Context, handler Handler) error {
	w := &watcher{store: s, handler: handler}
	ctx, cancel := context.WithCancel(ctx)
	var polling sync.WaitGroup
	polling.Go(func() { w.pollAll(ctx) })
	defer polling.Wait()
	defer cancel()
	for {
		err := w.listenOnce(ctx)
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

// watcher is one Watch: what was heard by subscription, and what the poll knows.
type watcher struct {
	store   *Store
	handler Handler

	// mu guards the rest, and that one at a time calls handler.
	mu sync.Mutex
	// listening is false until the subscription has worked for the first time.
	listening bool
	// heard is the epoch up to which everything is known.
	heard int64
	// suspect is a newer epoch that the last poll has seen; 0 for none.
	suspect int64
	clock   clock
}

// listenOnce subscribes and listens until the connection is lost or ctx ends.
func (w *watcher) listenOnce(ctx context.Context) error {
	subscription := w.store.client.Subscribe(ctx)
	// Reading does not end with ctx, only with the connection.
	stop := context.AfterFunc(ctx, func() { _ = subscription.Close() })
	defer func() {
		stop()
		_ = subscription.Close()
	}()
	err := w.store.call(ctx, opSubscribe, func(ctx context.Context) error {
		if err := subscription.Subscribe(ctx, w.store.keys.news()); err != nil {
			return err
		}
		_, err := subscription.ReceiveTimeout(ctx, w.store.timeout)
		return err
	})
	if err != nil {
		return err
	}
	if err := w.begin(ctx); err != nil {
		return err
	}
	return w.listen(ctx, subscription)
}

// begin starts from the newest epoch: of what was announced before it, nothing is
// known.
func (w *watcher) begin(ctx context.Context) error {
	a, err := w.store.poll(ctx)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.listening = true
	w.clock = clock{} // It may be another Redis now.
	w.clock.set(a)
	w.forget(a.epoch)
	return nil
}

// listen hands messages on until the connection is lost.
func (w *watcher) listen(ctx context.Context, subscription *redis.PubSub) error {
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
			w.hear(m.Payload)
		case *redis.Subscription:
			// go-redis has connected again by itself.
			if err := w.begin(ctx); err != nil {
				return err
			}
		}
	}
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// hear takes one message.
func (w *watcher) hear(payload string) {
	a, ok := readAnnouncement(payload)
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case !ok:
		w.forget(w.heard)
	case a.epoch <= w.heard:
		// From before the subscription began, or the poll was quicker. To be told
		// twice does no harm.
		w.tell(a)
	default:
		missed := a.before
		if missed == w.heard {
			w.tell(a)
			w.heard = a.epoch
		} else {
			if missed > w.heard {
				w.observe(missed)
			}
			w.forget(a.epoch)
		}
		if a.isEnd() {
			w.observe(a.epoch)
		}
	}
}

// tell hands one announcement on.
func (w *watcher) tell(a announcement) {
	switch a.kind {
	case newsSession, newsUser:
		w.handler.Session(a.userID, a.sessionID)
	case newsKeys, newsKey:
		w.handler.Key(a.kid)
	case newsAPIKey:
		w.tellAPIKey(a.apiKeyID)
	default:
		w.tellAll()
	}
}

// tellAll tells that anything may have ended or changed.
func (w *watcher) tellAll() {
	w.handler.Session(0, "")
	w.handler.Key("")
	w.tellAPIKey("")
}

func (w *watcher) tellAPIKey(id string) {
	if w.handler.APIKey != nil {
		w.handler.APIKey(id)
	}
}

// forget tells that anything may have ended or changed, up to that epoch.
func (w *watcher) forget(epoch int64) {
	w.heard, w.suspect = epoch, 0
	w.tellAll()
}

// observe tells how long ago the announcement of that epoch was.
func (w *watcher) observe(epoch int64) {
	if w.handler.Latency != nil {
		w.handler.Latency(w.clock.since(epoch, w.store.now()))
	}
}
