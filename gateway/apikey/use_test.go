package apikey_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"faveo-gateway/gateway/apikey"
)

// running runs a Door by the clock of the test's bubble.
func running(t *testing.T, w *world) (d *apikey.Door, stop func()) {
	t.Helper()
	o := w.options(t)
	o.Now, o.Registerer = time.Now, nil
	d = apikey.NewDoor(o)
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		if err := d.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return d, func() {
		cancel()
		all.Wait()
	}
}

func (w *world) wantUsed(t *testing.T, id string, want time.Time) {
	t.Helper()
	r, err := w.store.Find(t.Context(), id)
	if err != nil || !r.LastUsedAt.Equal(want) {
		t.Errorf("last used at %v, %v, want %v", r.LastUsedAt, err, want)
	}
}

// TestLastUse is stored within a minute, and at most once in five.
func TestLastUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.clock.Set(time.Now())
		r, text := w.create(t, wish())
		other, otherText := w.create(t, wish())
		began := time.Now().UTC().Truncate(time.Minute)
		d, stop := running(t, w)
		time.Sleep(30 * time.Second)
		wantKey(t, d, text, r)
		wantKey(t, d, otherText, other)
		if _, err := d.Admit(t.Context(), forged(r.ID, aSecret), somewhere); !errors.Is(err, apikey.ErrInvalid) {
			t.Errorf("Admit: %v", err)
		}
		w.wantUsed(t, r.ID, time.Time{})
		time.Sleep(31 * time.Second)
		synctest.Wait()
		w.wantUsed(t, r.ID, began)
		w.wantUsed(t, other.ID, began)
		for range 270 { // Until 5 minutes and 31 s after the beginning.
			wantKey(t, d, text, r)
			time.Sleep(time.Second)
		}
		w.wantUsed(t, r.ID, began)
		time.Sleep(time.Minute)
		synctest.Wait()
		w.wantUsed(t, r.ID, began.Add(5*time.Minute))
		w.wantUsed(t, other.ID, began)
		stop()
		d, stop = running(t, w)
		wantKey(t, d, otherText, other)
		at := time.Now().UTC().Truncate(time.Minute)
		stop() // And once at the end.
		w.wantUsed(t, other.ID, at)
	})
}

// TestLastUseWaitsForTheStore and what came later stays.
func TestLastUseWaitsForTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.clock.Set(time.Now())
		r, text := w.create(t, wish())
		d, stop := running(t, w)
		defer stop()
		wantKey(t, d, text, r)
		w.store.Fail(errDown)
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		w.store.Fail(nil)
		w.wantUsed(t, r.ID, time.Time{})
		time.Sleep(3 * time.Minute)
		wantKey(t, d, text, r)
		at := time.Now().UTC().Truncate(time.Minute)
		time.Sleep(time.Minute)
		synctest.Wait()
		w.wantUsed(t, r.ID, at)
	})
}

// TestIdleDoorStoresNothing.
func TestIdleDoorStoresNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		_, stop := running(t, w)
		calls := w.calls(func() { time.Sleep(time.Hour) })
		stop()
		if calls != 0 {
			t.Errorf("%d calls of the store", calls)
		}
	})
}
