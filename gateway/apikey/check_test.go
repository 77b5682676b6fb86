package apikey_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"faveo-gateway/gateway/apikey"
	"faveo-gateway/gateway/limit"
)

func TestMadeKeyIsAdmitted(t *testing.T) {
	w := newWorld(t)
	full := apikey.Wish{
		Name: "billing", UserID: 7, Scopes: []string{"staff"}, Rate: limit.Rate{Count: 600, Per: time.Minute},
		Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, ExpiresAt: w.clock.Now().Add(time.Hour),
	}
	for _, wished := range []apikey.Wish{wish(), full} {
		r, text := w.create(t, wished)
		for range 2 {
			if n := w.counted(t, "managed", func() { wantKey(t, w.Door, text, r) }); n != 1 {
				t.Errorf("%v are counted, want 1", n)
			}
		}
		wantKey(t, w.replica(t), text, r)
	}
}

// TestRefusals: each with its error and its count.
func TestRefusals(t *testing.T) {
	w := newWorld(t)
	near := wish()
	near.Networks = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}
	brief := wish()
	brief.ExpiresAt = w.clock.Now().Add(time.Minute)
	_, good := w.create(t, wish())
	_, here := w.create(t, near)
	_, short := w.create(t, brief)
	ended, revoked := w.create(t, wish())
	w.revoke(t, ended.ID)
	w.clock.Advance(time.Minute)
	for name, c := range map[string]struct {
		text   string
		want   error
		result string
	}{
		"malformed":    {"fgw_", apikey.ErrInvalid, "invalid"},
		"unknown":      {forged("Abcdefghij01", aSecret), apikey.ErrInvalid, "invalid"},
		"wrong secret": {forged(good[4:16], aSecret), apikey.ErrInvalid, "invalid"},
		"another's":    {forged(good[4:16], here[17:60]), apikey.ErrInvalid, "invalid"},
		"revoked":      {revoked, apikey.ErrRevoked, "revoked"},
		"expired":      {short, apikey.ErrExpired, "expired"},
		"elsewhere":    {here, apikey.ErrNetwork, "network"},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 { // Out of the store, and out of memory.
				if n := w.counted(t, c.result, func() { wantRefused(t, w.Door, c.text, c.want) }); n != 1 {
					t.Errorf("%v are counted as %s, want 1", n, c.result)
				}
				wantNamed(t, w.Door, c.text, !errors.Is(c.want, apikey.ErrInvalid))
			}
		})
	}
}

// wantNamed wants the refusal to say which key it is, or not to.
func wantNamed(t *testing.T, d *apikey.Door, text string, want bool) {
	t.Helper()
	_, err := d.Admit(t.Context(), text, somewhere)
	var refused *apikey.Refusal
	if got := errors.As(err, &refused); got != want || (got && (refused.KeyID != text[4:16] || !strings.Contains(err.Error(), text[4:16]))) {
		t.Errorf("Admit: %v, want the key to be named: %v", err, want)
	}
}

// TestStrangersLearnNothing: of a key that is over, or good elsewhere only, nobody is told
// who does not have its secret.
func TestStrangersLearnNothing(t *testing.T) {
	w := newWorld(t)
	brief := wish()
	brief.ExpiresAt = w.clock.Now().Add(time.Second)
	brief.Networks = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}
	expired, _ := w.create(t, brief)
	revoked, _ := w.create(t, wish())
	w.revoke(t, revoked.ID)
	w.clock.Advance(time.Second)
	for _, id := range []string{expired.ID, revoked.ID, "Abcdefghij01"} {
		_, err := w.Admit(t.Context(), forged(id, aSecret), somewhere)
		if !errors.Is(err, apikey.ErrInvalid) || err.Error() != apikey.ErrInvalid.Error() {
			t.Errorf("Admit: %v, want nothing but %v", err, apikey.ErrInvalid)
		}
	}
}

func TestNetworks(t *testing.T) {
	w := newWorld(t)
	near := wish()
	for _, text := range []string{"192.0.2.77/24", "::ffff:203.0.113.0/120", "2001:db8::/32"} {
		near.Networks = append(near.Networks, netip.MustParsePrefix(text))
	}
	r, text := w.create(t, near)
	if got := r.Networks[0].String() + " " + r.Networks[1].String(); got != "192.0.2.0/24 203.0.113.0/24" {
		t.Errorf("the networks are %s", got)
	}
	for _, address := range []string{"192.0.2.1", "::ffff:192.0.2.1", "203.0.113.9", "2001:db8::1"} {
		wantKeyFrom(t, w.Door, text, address, r)
	}
	for _, address := range []string{
		"192.0.3.1", "::ffff:192.0.3.1", "2001:db9::1", "::192.0.2.1", "2001:db8::1%eth0",
		"", "192.0.2", "192.0.2.1:80", "192.0.2.001", "192.0.2.0/24", "unknown",
	} {
		key, err := w.Admit(t.Context(), text, address)
		wantError(t, key, err, apikey.ErrNetwork)
	}
}

// TestWarmKeyCostsNoCalls, a wrong secret a question a second, and an unknown id too.
func TestWarmKeyCostsNoCalls(t *testing.T) {
	w := newWorld(t)
	r, text := w.create(t, wish())
	wantKey(t, w.Door, text, r)
	wrong, unknown := forged(r.ID, aSecret), forged("Abcdefghij01", aSecret)
	wantRefused(t, w.Door, unknown, apikey.ErrInvalid)
	calls := w.calls(func() {
		for range 100 {
			wantKey(t, w.Door, text, r)
			wantRefused(t, w.Door, wrong, apikey.ErrInvalid)
			wantRefused(t, w.Door, unknown, apikey.ErrInvalid)
		}
	})
	if calls != 0 {
		t.Errorf("%d calls of the store", calls)
	}
	w.clock.Advance(time.Second)
	if calls := w.calls(func() {
		for range 100 {
			wantRefused(t, w.Door, unknown, apikey.ErrInvalid)
		}
	}); calls != 1 {
		t.Errorf("a flood of one id makes %d calls a second, want 1", calls)
	}
	// A key that was asked for before it was made is not refused for longer.
	w.clock.Advance(time.Second)
	_, newer := w.rotate(t, r.ID, time.Hour)
	wantKey(t, w.Door, newer, r)
}

// TestStoreIsAskedForNewerAnswers: after cache_ttl the shared memory, and that one's
// answer is no older than half a minute.
func TestStoreIsAskedForNewerAnswers(t *testing.T) {
	w := newWorld(t)
	r, text := w.create(t, wish())
	for i, want := range []int{1, 0, 0, 0, 0, 0, 1, 0} {
		if calls := w.calls(func() { wantKey(t, w.Door, text, r) }); calls != want {
			t.Errorf("check %d, 5 s after the one before: %d calls, want %d", i, calls, want)
		}
		w.clock.Advance(5 * time.Second)
	}
	// What another replica has read serves this one.
	if calls := w.calls(func() { wantKey(t, w.replica(t), text, r) }); calls != 0 {
		t.Errorf("%d calls though the other replica has just asked", calls)
	}
}

// TestStoreDown: served while fresh, then nobody can tell; never refused for it.
func TestStoreDown(t *testing.T) {
	for name, alsoCache := range map[string]bool{"the store": false, "both": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			r, text := w.create(t, wish())
			wantKey(t, w.Door, text, r)
			w.store.Fail(errDown)
			if alsoCache {
				w.cache.Fail(errDown)
			}
			wantKey(t, w.Door, text, r)
			w.clock.Advance(31 * time.Second)
			for _, refused := range []string{text, forged(r.ID, aSecret), forged("Abcdefghij01", aSecret)} {
				if n := w.counted(t, "error", func() { wantRefused(t, w.Door, refused, apikey.ErrUnavailable) }); n != 1 {
					t.Errorf("%v are counted, want 1", n)
				}
			}
			if _, err := w.Admit(t.Context(), text, somewhere); !errors.Is(err, errDown) {
				t.Errorf("%v does not name the cause", err)
			}
			w.store.Fail(nil)
			wantKey(t, w.Door, text, r)
		})
	}
}

func TestCacheDown(t *testing.T) {
	w := newWorld(t)
	r, text := w.create(t, wish())
	w.cache.Fail(errDown)
	for range 10 {
		wantKey(t, w.Door, text, r)
		wantKey(t, w.replica(t), text, r)
		w.clock.Advance(time.Minute)
	}
}

// TestConcurrentChecksShareOneRead, which does not end with the client that caused it.
func TestConcurrentChecksShareOneRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r, text := w.create(t, wish())
		release := make(chan struct{})
		o := w.options(t)
		o.Registerer = nil
		o.Store = &hooked{APIKeys: w.store, onFind: func(ctx context.Context) error {
			<-release
			return ctx.Err()
		}}
		d := apikey.NewDoor(o)
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		var gone atomic.Int32
		before := w.store.Calls()
		for i := range 50 {
			mine := ctx
			if i > 0 {
				mine = t.Context()
			}
			all.Go(func() {
				if _, err := d.Admit(mine, text, somewhere); err != nil {
					if !errors.Is(err, context.Canceled) || !errors.Is(err, apikey.ErrUnavailable) {
						t.Errorf("Admit: %v", err)
					}
					gone.Add(1)
				}
			})
			synctest.Wait() // The first one reads, the others wait for it.
		}
		cancel()
		synctest.Wait()
		close(release)
		all.Wait()
		if calls := w.store.Calls() - before; calls != 1 || gone.Load() > 1 {
			t.Errorf("%d calls, %d without an answer", calls, gone.Load())
		}
		wantKey(t, d, text, r)
	})
}

// TestWaitingEndsWithTheClient, and says nothing about the key.
func TestWaitingEndsWithTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		_, text := w.create(t, wish())
		release := make(chan struct{})
		o := w.options(t)
		o.Registerer = nil
		o.Store = &hooked{APIKeys: w.store, onFind: func(context.Context) error { <-release; return nil }}
		d := apikey.NewDoor(o)
		var all sync.WaitGroup
		all.Go(func() { _, _ = d.Admit(t.Context(), text, somewhere) })
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		key, err := d.Admit(ctx, text, somewhere)
		wantError(t, key, err, apikey.ErrUnavailable)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Admit: %v, want context.Canceled", err)
		}
		close(release)
		all.Wait()
	})
}

// TestReadUnderWayAtADrop is not remembered: it may have been answered before the change.
func TestReadUnderWayAtADrop(t *testing.T) {
	for name, everything := range map[string]bool{"one key": false, "everything": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			r, text := w.create(t, wish())
			h := &hooked{APIKeys: w.store}
			o := w.options(t)
			o.Store, o.Registerer = h, nil
			d := apikey.NewDoor(o)
			h.onFind = func(context.Context) error {
				h.onFind = nil
				w.revoke(t, r.ID) // By another replica; its news come while the answer is under way.
				if everything {
					d.Drop("")
				} else {
					d.Drop(r.ID)
				}
				return nil
			}
			wantKey(t, d, text, r) // It was asked before.
			wantRefused(t, d, text, apikey.ErrRevoked)
		})
	}
}

// TestMixedUpStore would let one key count for another.
func TestMixedUpStore(t *testing.T) {
	w := newWorld(t)
	other, otherText := w.create(t, wish())
	r, text := w.create(t, wish())
	w.store.Tamper(r.ID, func(r *apikey.Record) { *r = other })
	wantRefused(t, w.Door, text, apikey.ErrUnavailable)
	wantRefused(t, w.Door, forged(r.ID, otherText[17:60]), apikey.ErrUnavailable)
}

// TestBrokenRecordIsAFault: a key without scopes or with more secrets than can be.
func TestBrokenRecordIsAFault(t *testing.T) {
	for name, change := range map[string]func(*apikey.Record){
		"no scopes":     func(r *apikey.Record) { r.Scopes = nil },
		"three secrets": func(r *apikey.Record) { r.Secrets = append(r.Secrets, r.Secrets[0], r.Secrets[0]) },
	} {
		w := newWorld(t)
		r, text := w.create(t, wish())
		w.store.Tamper(r.ID, change)
		key, err := w.Admit(t.Context(), text, somewhere)
		if !errors.Is(err, apikey.ErrUnavailable) || key != nil {
			t.Errorf("%s: Admit = %+v, %v", name, key, err)
		}
	}
}

// TestClockThatJumps believes nothing that was read in the future.
func TestClockThatJumps(t *testing.T) {
	w := newWorld(t)
	r, text := w.create(t, wish())
	wantKey(t, w.Door, text, r)
	w.clock.Advance(-time.Hour)
	if calls := w.calls(func() { wantKey(t, w.Door, text, r) }); calls != 1 {
		t.Errorf("%d calls after the clock was set back, want 1", calls)
	}
}

// TestWithoutACacheTTL every request asks, and a flood of wrong keys does not.
func TestWithoutACacheTTL(t *testing.T) {
	w := newWorld(t)
	r, text := w.create(t, wish())
	o := w.options(t)
	o.Config.CacheTTL, o.Registerer = 0, nil
	d := apikey.NewDoor(o)
	wantKey(t, d, text, r)
	before := w.cache.Calls()
	wantKey(t, d, text, r)
	wantKey(t, d, text, r)
	if calls := w.cache.Calls() - before; calls != 2 {
		t.Errorf("2 checks have asked %d times", calls)
	}
	before = w.cache.Calls()
	for range 10 {
		wantRefused(t, d, forged(r.ID, aSecret), apikey.ErrInvalid)
	}
	if calls := w.cache.Calls() - before; calls != 0 {
		t.Errorf("10 wrong secrets have asked %d times", calls)
	}
}

// TestFloodOfUnknownIDs drives no key out of memory, and puts nothing into the Cache.
func TestFloodOfUnknownIDs(t *testing.T) {
	w := newWorld(t)
	r, text := w.create(t, wish())
	wantKey(t, w.Door, text, r)
	stored := len(w.cache.Values())
	o := w.options(t)
	o.Config.PerAddress, o.Registerer = limit.Rate{Off: true}, nil
	d := apikey.NewDoor(o)
	wantKey(t, d, text, r)
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for i := range 30_000 {
		id := []byte("unknown00000")
		for j, n := 11, i; n > 0; j, n = j-1, n/36 {
			id[j] = digits[n%36]
		}
		wantRefused(t, d, forged(string(id), aSecret), apikey.ErrInvalid)
	}
	if calls := w.calls(func() { wantKey(t, d, text, r) }); calls != 0 {
		t.Errorf("%d calls: the key was driven out", calls)
	}
	if n := len(w.cache.Values()); n != stored {
		t.Errorf("%d values are in the Cache, before %d", n, stored)
	}
}
