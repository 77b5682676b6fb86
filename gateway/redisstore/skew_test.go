package redisstore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"faveo-gateway/gateway/redisstore"
	"faveo-gateway/gateway/session"
	"faveo-gateway/gateway/storetest"
)

// skewed is a Redis with two replicas, of which one has a clock that is ahead. pass
// moves the right time.
func skewed(t *testing.T, by time.Duration) (right, ahead *redisstore.Store, clock *storetest.Clock, pass func(time.Duration)) {
	t.Helper()
	server, clock := miniredis.RunT(t), storetest.NewClock()
	server.SetTime(clock.Now())
	wrong := func() time.Time { return clock.Now().Add(by) }
	right = open(t, redisstore.Options{URL: "redis://" + server.Addr(), Now: clock.Now})
	ahead = open(t, redisstore.Options{URL: "redis://" + server.Addr(), Now: wrong})
	return right, ahead, clock, func(d time.Duration) {
		clock.Advance(d)
		server.FastForward(d)
		server.SetTime(clock.Now())
	}
}

// TestClockAheadEndsNothing has a replica that is nearly an hour ahead note that a
// session of an hour was seen.
func TestClockAheadEndsNothing(t *testing.T) {
	right, ahead, clock, pass := skewed(t, 50*time.Minute)
	s := create(t, right, newSession(clock.Now(), 7))
	seen := s
	seen.SeenAt = clock.Now().Add(50 * time.Minute).UTC().Truncate(time.Millisecond)
	if err := ahead.Replace(t.Context(), s, seen); err != nil {
		t.Fatal(err)
	}
	pass(59 * time.Minute)
	if got, err := right.Find(t.Context(), 7, s.ID); err != nil || got != seen {
		t.Errorf("after 59 of 60 minutes: %+v, %v", got, err)
	}
}

// TestRecordThatIsGoneEarly is of a session that was adopted by a clock that is ahead,
// and refreshed: its first token does not get a second session.
func TestRecordThatIsGoneEarly(t *testing.T) {
	right, ahead, clock, pass := skewed(t, 10*time.Minute)
	begin(t, right)
	s, issued := adoptable(clock.Now(), 7), clock.Now().Add(-time.Minute)
	if _, err := ahead.Adopt(t.Context(), s, issued, 10); err != nil {
		t.Fatal(err)
	}
	changed := s
	changed.Token = session.Token{ID: "second", KeyID: "key"}
	if err := ahead.Replace(t.Context(), s, changed); err != nil {
		t.Fatal(err)
	}
	pass(51 * time.Minute) // By the other clock it is over now.
	wantNotAdopted(t, "when its record is gone", right, s, issued)
}

// TestClientHangsUpDuringAdoption: the session is there, or it is not, but it has not
// ended.
func TestClientHangsUpDuringAdoption(t *testing.T) {
	server, clock := miniredis.RunT(t), storetest.NewClock()
	server.SetTime(clock.Now())
	ctx, hangUp := context.WithCancel(t.Context())
	store := open(t, redisstore.Options{
		URL: "redis://" + server.Addr(), Now: clock.Now,
		Observe: func(_ context.Context, operation string, _ time.Duration, _ error) {
			if operation == "session_adopt" {
				hangUp()
			}
		},
	})
	begin(t, store)
	s, issued := adoptable(clock.Now(), 7), clock.Now().Add(-time.Minute)
	if _, err := store.Adopt(ctx, s, issued, 10); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("Adopt: %v", err)
	}
	if _, err := store.Adopt(t.Context(), s, issued, 10); err != nil {
		t.Errorf("the next request: %v", err)
	}
	if got, err := store.Find(t.Context(), 7, s.ID); err != nil || got != s {
		t.Errorf("Find: %+v, %v", got, err)
	}
}
