package apikey_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"faveo-gateway/gateway/apikey"
	"faveo-gateway/gateway/limit"
)

// madeUp is the n-th key that nobody has made.
func madeUp(n int) string { return forged(fmt.Sprintf("madeup%06d", n), aSecret) }

// wantTooMany wants an address to be refused for what it has sent before.
func wantTooMany(t *testing.T, d *apikey.Door, text, address string, after time.Duration) {
	t.Helper()
	key, err := d.Admit(t.Context(), text, address)
	var tooMany *apikey.TooMany
	if !errors.As(err, &tooMany) || tooMany.RetryAfter != after || key != nil {
		t.Errorf("Admit = %+v, %v, want a refusal for %v", key, err, after)
	}
	for _, other := range []error{apikey.ErrInvalid, apikey.ErrUnavailable} {
		if errors.Is(err, other) {
			t.Errorf("Admit: %v says %v, too", err, other)
		}
	}
}

// TestMadeUpKeys: anybody can make up as many as he likes. Of one address sixty are looked
// up, and then one a second; keys that are known, and other addresses, do not notice.
func TestMadeUpKeys(t *testing.T) {
	w := newWorld(t)
	r, text := w.create(t, wish())
	wantKey(t, w.Door, text, r)
	asked := w.store.Calls() + w.cache.Calls()
	for n := range 60 {
		wantRefused(t, w.Door, madeUp(n), apikey.ErrInvalid)
	}
	if calls := w.store.Calls() + w.cache.Calls() - asked; calls != 120 {
		t.Errorf("60 keys cost %d calls, want 120", calls)
	}
	asked = w.store.Calls() + w.cache.Calls()
	limited := w.counted(t, "limited", func() {
		for n := range 100 {
			wantTooMany(t, w.Door, madeUp(60+n), somewhere, time.Second)
		}
	})
	wantRefused(t, w.Door, madeUp(1), apikey.ErrInvalid) // In memory for a second.
	if calls := w.store.Calls() + w.cache.Calls() - asked; calls != 0 || limited != 100 {
		t.Errorf("100 more cost %d calls, and are counted %v times", calls, limited)
	}
	if _, err := w.Admit(t.Context(), madeUp(200), "192.0.2.8"); !errors.Is(err, apikey.ErrInvalid) {
		t.Errorf("another address: %v", err)
	}
	// What is known goes on, also when it has to be read again.
	for range 3 {
		w.clock.Advance(5 * time.Second)
		for n := range 6 {
			_, _ = w.Admit(t.Context(), madeUp(300+n), somewhere)
		}
		wantKey(t, w.Door, text, r)
	}
	// And what is not known waits: an id that was looked up and is none stays a guess.
	wantTooMany(t, w.Door, madeUp(1), somewhere, time.Second)
	w.clock.Advance(time.Second)
	wantRefused(t, w.Door, madeUp(1), apikey.ErrInvalid)
}

// TestRightKeysAreNotCounted: they are given back, so that a site with many keys behind one
// address is not refused for them, revoked ones included; and so is what nobody could tell.
func TestRightKeysAreNotCounted(t *testing.T) {
	w := newWorld(t)
	for range 100 {
		r, text := w.create(t, wish())
		wantKey(t, w.replica(t), text, r)
	}
	revoked, text := w.create(t, wish())
	w.revoke(t, revoked.ID)
	for range 100 {
		wantRefused(t, w.replica(t), text, apikey.ErrRevoked)
	}
	w.store.Fail(errDown)
	w.cache.Fail(errDown)
	for n := range 100 {
		wantRefused(t, w.Door, madeUp(n), apikey.ErrUnavailable)
	}
	w.store.Fail(nil)
	for n := range 60 {
		wantRefused(t, w.Door, madeUp(n), apikey.ErrInvalid)
	}
	wantTooMany(t, w.Door, madeUp(60), somewhere, time.Second)
}

// TestGuessOfAnotherAddress: a stranger who may guess no more asks for a key that somebody
// else is asking for at the same moment. The refusal is his alone.
func TestGuessOfAnotherAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r, text := w.create(t, wish())
		o := w.options(t)
		release, held := make(chan struct{}), &holding{Source: w.limits}
		o.Limits, o.Registerer = held, nil
		o.Config.PerAddress = limit.Rate{Count: 1, Per: time.Hour}
		d := apikey.NewDoor(o)
		_, _ = d.Admit(t.Context(), madeUp(1), "198.51.100.1")
		held.until = release
		var all sync.WaitGroup
		all.Go(func() { wantTooMany(t, d, forged(r.ID, aSecret), "198.51.100.1", time.Hour) })
		synctest.Wait()
		all.Go(func() { wantKey(t, d, text, r) })
		synctest.Wait()
		close(release)
		all.Wait()
	})
}

// holding is a limit.Source that waits.
type holding struct {
	limit.Source
	until chan struct{}
}

func (h *holding) Take(ctx context.Context, group string, buckets ...limit.Bucket) (limit.Verdict, error) {
	if h.until != nil {
		<-h.until
	}
	return h.Source.Take(ctx, group, buckets...)
}

// TestFewGuessesAtOnce: strangers from many addresses at once leave the Store to those
// who are known, whose keys are read meanwhile, and wait no longer than any read.
func TestFewGuessesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r, text := w.create(t, wish())
		var running, most atomic.Int32
		o := w.options(t)
		o.Registerer = nil
		o.Store = &hooked{APIKeys: w.store, onFind: func(ctx context.Context) error {
			if ctx.Value(known{}) != nil {
				return nil
			}
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			<-ctx.Done()
			return ctx.Err()
		}}
		d := apikey.NewDoor(o)
		mine := context.WithValue(t.Context(), known{}, true)
		admit := func() {
			t.Helper()
			if _, err := d.Admit(mine, text, somewhere); err != nil {
				t.Errorf("Admit %s: %v", r.ID, err)
			}
		}
		admit()
		w.clock.Advance(apikey.Staleness)
		began := time.Now()
		var all sync.WaitGroup
		for n := range 100 {
			all.Go(func() {
				_, err := d.Admit(t.Context(), madeUp(n), fmt.Sprintf("198.51.100.%d", n))
				if !errors.Is(err, apikey.ErrUnavailable) {
					t.Errorf("Admit: %v, want ErrUnavailable", err)
				}
			})
		}
		synctest.Wait()
		if n := running.Load(); n != 4 {
			t.Errorf("%d guesses are looked up at once, want 4", n)
		}
		admit()
		all.Wait()
		if took := time.Since(began); took > 3*time.Second || most.Load() != 4 {
			t.Errorf("took %v, %d at once", took, most.Load())
		}
	})
}

// known marks the context of a caller.
type known struct{}

// failing is a limit.Source that is down.
type failing struct{ limit.Source }

func (failing) Take(context.Context, string, ...limit.Bucket) (limit.Verdict, error) {
	return limit.Verdict{}, errDown
}

// TestLimitsThatFail let nobody look, and refuse nobody.
func TestLimitsThatFail(t *testing.T) {
	w := newWorld(t)
	_, text := w.create(t, wish())
	o := w.options(t)
	o.Limits, o.Registerer = failing{}, nil
	wantRefused(t, apikey.NewDoor(o), text, apikey.ErrUnavailable)
}
