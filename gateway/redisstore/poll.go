package redisstore

import (
	"context"
	"fmt"
	"math"
	"time"
)

// pollEvery is how often the epoch is asked for. A message that was lost is noticed
// by the second poll after it: within twice as long.
const pollEvery = 300 * time.Millisecond

// pollAll polls until ctx ends.
func (w *watcher) pollAll(ctx context.Context) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.poll(ctx)
		}
	}
}

// poll compares the newest epoch with what was heard. A fault decides nothing: what
// is remembered is bounded in age, and the next poll is near.
func (w *watcher) poll(ctx context.Context) {
	w.mu.Lock()
	listening, heardBefore := w.listening, w.heard
	w.mu.Unlock()
	if !listening {
		return
	}
	a, err := w.store.poll(ctx)
	if err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock.set(a)
	switch {
	case a.epoch < heardBefore:
		// Redis was emptied, or is another one.
		w.forget(a.epoch)
	case a.epoch <= w.heard:
		w.suspect = 0
	case w.suspect <= w.heard:
		// The message may be on its way.
		w.suspect = a.epoch
	default:
		lost := w.suspect
		w.forget(a.epoch)
		w.observe(lost)
	}
}

// polled is the answer to a poll.
type polled struct {
	// epoch is that of the last announcement.
	epoch int64
	// redis is what the clock of Redis showed at some time between sent and
	// received, which are of this machine's.
	redis          time.Time
	sent, received time.Time
}

// poll asks for the epoch and the time. A Redis that has no epoch announces that
// anything may have ended.
func (s *Store) poll(ctx context.Context) (a polled, err error) {
	err = s.call(ctx, opEpoch, func(ctx context.Context) error {
		a.sent = s.now()
		answer, err := s.run(ctx, s.scripts.poll, []string{s.keys.epoch()}, s.newsArguments(newsEverything)...).StringSlice()
		a.received = s.now()
		if err != nil {
			return err
		}
		if len(answer) != 2 {
			return fmt.Errorf("an answer of %d parts", len(answer))
		}
		epoch, isEpoch := readNumber(answer[0])
		micros, isTime := readNumber(answer[1])
		if !isEpoch || !isTime || epoch > math.MaxInt64 || micros > math.MaxInt64 {
			return fmt.Errorf("%q holds no epoch", s.keys.epoch())
		}
		a.epoch, a.redis = int64(epoch), time.UnixMicro(int64(micros))
		return nil
	})
	return a, err
}

// clock tells the time of Redis by this machine's clock. It is as exact as the round
// trip of its sample was short.
type clock struct {
	redis, local time.Time
	trip         time.Duration
}

// sampleLife is how long a better sample is preferred to a later one. Until then two
// clocks drift apart by a few milliseconds.
const sampleLife = 10 * time.Second

// set takes the sample of a poll, unless there is a better one.
func (c *clock) set(a polled) {
	trip := a.received.Sub(a.sent)
	if c.local.IsZero() || trip <= c.trip || a.received.Sub(c.local) > sampleLife {
		*c = clock{redis: a.redis, local: a.sent.Add(trip / 2), trip: trip}
	}
}

// since returns how long ago, at now, an epoch was; never less than nothing.
func (c *clock) since(epoch int64, now time.Time) time.Duration {
	return max(c.redis.Add(now.Sub(c.local)).Sub(time.UnixMicro(epoch)), 0)
}
