package apikey_test

import (
	"context"
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"faveo-gateway/gateway/apikey"
	"faveo-gateway/gateway/limit"
	"faveo-gateway/gateway/storetest"
)

func TestCreatedKeyIsShown(t *testing.T) {
	w := newWorld(t)
	wished := apikey.Wish{
		Name: "billing", UserID: 7, Scopes: []string{"staff"}, Rate: limit.Rate{Count: 600, Per: time.Minute},
		ExpiresAt: w.clock.Now().Add(time.Hour + time.Millisecond).In(time.FixedZone("", 3600)),
	}
	first, text := w.create(t, wished)
	if first.Version != 1 || len(first.Secrets) != 1 || !first.ExpiresAt.Equal(w.clock.Now().Add(time.Hour)) || first.ExpiresAt.Location() != time.UTC {
		t.Errorf("made is %+v", first)
	}
	w.clock.Advance(time.Minute)
	second, _ := w.create(t, wish())
	if list, err := w.List(t.Context()); err != nil || !reflect.DeepEqual(list, []apikey.Record{first, second}) {
		t.Errorf("List = %+v, %v", list, err)
	}
	if found, err := w.Find(t.Context(), first.ID); err != nil || !reflect.DeepEqual(found, first) {
		t.Errorf("Find = %+v, %v", found, err)
	}
	if _, err := apikey.Parse(text); err != nil {
		t.Errorf("Parse: %v", err)
	}
}

// TestWishesThatCannotBe say what is wrong with them, all at once.
func TestWishesThatCannotBe(t *testing.T) {
	w := newWorld(t)
	now := w.clock.Now()
	many := make([]string, 51)
	for i := range many {
		many[i] = "staff"
	}
	for name, c := range map[string]struct {
		change func(*apikey.Wish)
		want   []string
	}{
		"no name":          {func(w *apikey.Wish) { w.Name = "" }, []string{"name must be 1 to 100"}},
		"a name of blanks": {func(w *apikey.Wish) { w.Name = "  " }, []string{"name must be"}},
		"a name of lines":  {func(w *apikey.Wish) { w.Name = "a\nb" }, []string{"name must be"}},
		"a long name":      {func(w *apikey.Wish) { w.Name = strings.Repeat("ä", 101) }, []string{"name must be"}},
		"no scope":         {func(w *apikey.Wish) { w.Scopes = nil }, []string{"1 to 50 scopes, not 0"}},
		"many scopes":      {func(w *apikey.Wish) { w.Scopes = many }, []string{"not 51", "scope 2 is given twice"}},
		"another scope":    {func(w *apikey.Wish) { w.Scopes = []string{"staff", "root"} }, []string{"scope 2: unknown class"}},
		"an empty scope":   {func(w *apikey.Wish) { w.Scopes = []string{""} }, []string{"scope 1 must be"}},
		"a large user":     {func(w *apikey.Wish) { w.UserID = 1 << 63 }, []string{"user is not"}},
		"no network":       {func(w *apikey.Wish) { w.Networks = []netip.Prefix{{}} }, []string{"network 1 is not one"}},
		"many networks":    {func(w *apikey.Wish) { w.Networks = make([]netip.Prefix, 51) }, []string{"at most 50 networks"}},
		"no rate":          {func(w *apikey.Wish) { w.Rate.Count = 5 }, []string{"rate is not"}},
		"over already":     {func(w *apikey.Wish) { w.ExpiresAt = now }, []string{"expiry must be in the future"}},
		"over this second": {func(w *apikey.Wish) { w.ExpiresAt = now.Add(999 * time.Millisecond) }, []string{"expiry must be"}},
		"long ago":         {func(w *apikey.Wish) { w.ExpiresAt = time.Unix(-1, 0) }, []string{"expiry must be"}},
		"far away":         {func(w *apikey.Wish) { w.ExpiresAt = now.AddDate(9000, 0, 0) }, []string{"expiry must be"}},
		"everything":       {func(w *apikey.Wish) { *w = apikey.Wish{ExpiresAt: now} }, []string{"name must", "scopes", "expiry"}},
	} {
		wished := wish()
		c.change(&wished)
		r, text, err := w.Create(t.Context(), wished)
		var wrong *apikey.WishError
		if !errors.As(err, &wrong) || text != "" || r.ID != "" {
			t.Errorf("%s: Create = %+v, %q, %v", name, r, text, err)
			continue
		}
		for _, says := range c.want {
			if !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v does not say %q", name, err, says)
			}
		}
		if len(wrong.Faults) < len(c.want) {
			t.Errorf("%s: faults %q", name, wrong.Faults)
		}
	}
	if list, err := w.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("stored are %+v, %v", list, err)
	}
}

// TestRotation: both secrets are good, the old one ends by itself at its time, and on
// every replica.
func TestRotation(t *testing.T) {
	w := newWorld(t)
	r, old := w.create(t, wish())
	other := w.replica(t)
	t.Cleanup(w.cache.Watch(other.Drop))
	wantKey(t, other, old, r)
	w.clock.Advance(time.Minute + 500*time.Millisecond)
	rotated, newer := w.rotate(t, r.ID, time.Hour)
	if rotated.Version != 2 || len(rotated.Secrets) != 2 || newer == old {
		t.Errorf("rotated is %+v", rotated)
	}
	for _, d := range []*apikey.Door{w.Door, other} {
		wantKey(t, d, old, r)
		wantKey(t, d, newer, r)
	}
	w.clock.Advance(time.Hour - 501*time.Millisecond)
	for _, d := range []*apikey.Door{w.Door, other} {
		wantKey(t, d, old, r)
	}
	w.clock.Advance(time.Millisecond) // In whole seconds.
	for _, d := range []*apikey.Door{w.Door, other} {
		wantRefused(t, d, old, apikey.ErrInvalid)
		wantKey(t, d, newer, r)
	}
}

func TestRotationWithoutOverlap(t *testing.T) {
	w := newWorld(t)
	r, old := w.create(t, wish())
	wantKey(t, w.Door, old, r)
	_, newer := w.rotate(t, r.ID, 0)
	wantRefused(t, w.Door, old, apikey.ErrInvalid)
	wantKey(t, w.Door, newer, r)
}

// TestSecondRotationEndsTheOldest: a key has two secrets at most.
func TestSecondRotationEndsTheOldest(t *testing.T) {
	w := newWorld(t)
	r, oldest := w.create(t, wish())
	_, older := w.rotate(t, r.ID, time.Hour)
	_, newest := w.rotate(t, r.ID, time.Hour)
	wantRefused(t, w.Door, oldest, apikey.ErrInvalid)
	wantKey(t, w.Door, older, r)
	wantKey(t, w.Door, newest, r)
}

func TestRotateRefuses(t *testing.T) {
	w := newWorld(t)
	brief := wish()
	brief.ExpiresAt = w.clock.Now().Add(time.Minute)
	expired, _ := w.create(t, brief)
	revoked, _ := w.create(t, wish())
	w.revoke(t, revoked.ID)
	w.clock.Advance(time.Minute)
	for name, c := range map[string]struct {
		id   string
		want error
	}{
		"revoked": {revoked.ID, apikey.ErrRevoked}, "expired": {expired.ID, apikey.ErrExpired},
		"unknown": {"Abcdefghij01", apikey.ErrNotFound}, "malformed": {"' OR 1=1", apikey.ErrNotFound},
	} {
		if r, text, err := w.Rotate(t.Context(), c.id, time.Hour); !errors.Is(err, c.want) || text != "" || r.ID != "" {
			t.Errorf("%s: Rotate = %+v, %q, %v, want %v", name, r, text, err, c.want)
		}
	}
	good, _ := w.create(t, wish())
	for _, overlap := range []time.Duration{-1, 721 * time.Hour} {
		var wrong *apikey.WishError
		if _, _, err := w.Rotate(t.Context(), good.ID, overlap); !errors.As(err, &wrong) {
			t.Errorf("an overlap of %v: %v", overlap, err)
		}
	}
}

// TestRotationsAtTheSameMoment: one wins, and the others are told instead of ending the
// secret that is in use.
func TestRotationsAtTheSameMoment(t *testing.T) {
	w := newWorld(t)
	r, old := w.create(t, wish())
	slow := &hooked{APIKeys: w.store}
	var texts []string
	var errs []error
	other := apikey.NewKeeper(apikey.KeeperOptions{
		Store: slow, Cache: w.cache, Pepper: pepper(t, aPepper), Drop: w.Drop, Now: w.clock.Now,
		CheckScope: func(string) error { return nil },
	})
	slow.onFind = func(context.Context) error {
		_, text := w.rotate(t, r.ID, time.Hour) // While the other one knows the old record.
		texts = append(texts, text)
		return nil
	}
	_, text, err := other.Rotate(t.Context(), r.ID, time.Hour)
	if !errors.Is(err, apikey.ErrConflict) || errors.Is(err, apikey.ErrUnavailable) || text != "" {
		t.Errorf("Rotate = %q, %v, want ErrConflict", text, err)
	}
	wantKey(t, w.Door, old, r)
	wantKey(t, w.Door, texts[0], r)

	// And really at once.
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_, text, err := w.Rotate(t.Context(), r.ID, time.Hour)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				texts = append(texts, text)
			} else {
				errs = append(errs, err)
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		if !errors.Is(err, apikey.ErrConflict) {
			t.Errorf("Rotate: %v, want ErrConflict", err)
		}
	}
	admitted := 0
	for _, text := range append(texts, old) {
		if _, err := w.Admit(t.Context(), text, somewhere); err == nil {
			admitted++
		}
	}
	if admitted != 2 {
		t.Errorf("%d of %d secrets are good, want the two newest", admitted, len(texts)+1)
	}
}

// TestRevokedEverywhere by the replica that has done it and by those that have heard.
func TestRevokedEverywhere(t *testing.T) {
	w := newWorld(t)
	r, text := w.create(t, wish())
	heard, cold, deaf := w.replica(t), w.replica(t), w.replica(t)
	t.Cleanup(w.cache.Watch(heard.Drop))
	for _, d := range []*apikey.Door{w.Door, heard, deaf} {
		wantKey(t, d, text, r)
	}
	w.revoke(t, r.ID)
	for _, d := range []*apikey.Door{w.Door, heard, cold} {
		wantRefused(t, d, text, apikey.ErrRevoked)
	}
	w.clock.Advance(5 * time.Second)
	wantRefused(t, deaf, text, apikey.ErrRevoked)
	if calls := w.calls(func() { w.revoke(t, r.ID) }); calls != 1 {
		t.Errorf("to revoke it again makes %d calls, want 1", calls)
	}
	if _, err := w.Revoke(t.Context(), "Abcdefghij01"); !errors.Is(err, apikey.ErrNotFound) {
		t.Errorf("Revoke of nothing: %v", err)
	}
}

// TestRevokeGoesOnAgainstRotations: another replica changes the key at every attempt but
// the last.
func TestRevokeGoesOnAgainstRotations(t *testing.T) {
	for name, c := range map[string]struct {
		rotations int
		want      error
	}{"four": {4, nil}, "five": {5, apikey.ErrUnavailable}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			r, text := w.create(t, wish())
			slow := &hooked{APIKeys: w.store}
			left := c.rotations
			slow.onFind = func(context.Context) error {
				if left > 0 {
					left--
					w.rotate(t, r.ID, time.Hour)
				}
				return nil
			}
			k := apikey.NewKeeper(apikey.KeeperOptions{
				Store: slow, Cache: w.cache, Pepper: pepper(t, aPepper), Drop: w.Drop, Now: w.clock.Now,
				CheckScope: func(string) error { return nil },
			})
			if _, err := k.Revoke(t.Context(), r.ID); !errors.Is(err, c.want) || errors.Is(err, apikey.ErrNotAnnounced) {
				t.Errorf("Revoke: %v, want %v", err, c.want)
			}
			if c.want == nil {
				wantRefused(t, w.Door, text, apikey.ErrInvalid) // Rotated away.
			}
		})
	}
}

// TestNotAnnounced: what is stored counts, here at once, and elsewhere within Staleness.
func TestNotAnnounced(t *testing.T) {
	w := newWorld(t)
	r, old := w.create(t, wish())
	other := w.replica(t)
	wantKey(t, w.Door, old, r)
	wantKey(t, other, old, r)

	w.cache.Fail(errDown)
	rotated, newer, err := w.Rotate(t.Context(), r.ID, time.Hour)
	if !errors.Is(err, apikey.ErrNotAnnounced) || !errors.Is(err, apikey.ErrUnavailable) || newer == "" || rotated.Version != 2 {
		t.Errorf("Rotate = %+v, %q, %v, want ErrNotAnnounced", rotated, newer, err)
	}
	wantKey(t, w.Door, newer, r)
	w.clock.Advance(time.Second)
	for range 2 {
		revoked, err := w.Revoke(t.Context(), r.ID)
		if !errors.Is(err, apikey.ErrNotAnnounced) || revoked.Version != 3 || revoked.RevokedAt.IsZero() {
			t.Errorf("Revoke = %+v, %v, want ErrNotAnnounced", revoked, err)
		}
	}
	wantRefused(t, w.Door, newer, apikey.ErrRevoked)
	w.cache.Fail(nil) // With the record of before the rotation.
	wantKey(t, other, old, r)
	w.clock.Advance(apikey.Staleness)
	wantRefused(t, other, old, apikey.ErrRevoked)
}

// TestKeeperWithoutTheStore says nothing but that, and has made nothing.
func TestKeeperWithoutTheStore(t *testing.T) {
	w := newWorld(t)
	r, text := w.create(t, wish())
	w.store.Fail(errDown)
	_, made, create := w.Create(t.Context(), wish())
	_, list := w.List(t.Context())
	_, find := w.Find(t.Context(), r.ID)
	_, rotated, rotate := w.Rotate(t.Context(), r.ID, time.Hour)
	_, revoke := w.Revoke(t.Context(), r.ID)
	for name, err := range map[string]error{"Create": create, "List": list, "Find": find, "Rotate": rotate, "Revoke": revoke} {
		if !errors.Is(err, apikey.ErrUnavailable) || !errors.Is(err, errDown) || errors.Is(err, apikey.ErrNotAnnounced) || errors.Is(err, apikey.ErrNotFound) {
			t.Errorf("%s: %v, want ErrUnavailable alone", name, err)
		}
	}
	if made != "" || rotated != "" {
		t.Errorf("the keys %q and %q were returned", made, rotated)
	}
	w.store.Fail(nil)
	wantKey(t, w.Door, text, r)
}

// lost is a Store whose answers to changes are lost, after they have happened.
type lost struct{ *storetest.APIKeys }

func (l lost) Replace(ctx context.Context, r apikey.Record) error {
	return errors.Join(l.APIKeys.Replace(ctx, r), errDown)
}

// TestAnswerOfTheStoreIsLost: the key is revoked, though nobody can say so; this replica
// knows at once, and to ask again tells everybody.
func TestAnswerOfTheStoreIsLost(t *testing.T) {
	w := newWorld(t)
	r, text := w.create(t, wish())
	wantKey(t, w.Door, text, r)
	w.clock.Advance(time.Second)
	k := apikey.NewKeeper(apikey.KeeperOptions{
		Store: lost{w.store}, Cache: w.cache, Pepper: pepper(t, aPepper), Drop: w.Drop, Now: w.clock.Now,
		CheckScope: func(string) error { return nil },
	})
	if _, err := k.Revoke(t.Context(), r.ID); !errors.Is(err, apikey.ErrUnavailable) || errors.Is(err, apikey.ErrNotAnnounced) {
		t.Errorf("Revoke: %v", err)
	}
	wantRefused(t, w.Door, text, apikey.ErrRevoked)
	if _, err := k.Revoke(t.Context(), r.ID); err != nil {
		t.Errorf("Revoke again: %v", err)
	}
}

// TestCallerHangsUp after the change was stored: the others are told nevertheless.
func TestCallerHangsUp(t *testing.T) {
	w := newWorld(t)
	r, text := w.create(t, wish())
	other := w.replica(t)
	t.Cleanup(w.cache.Watch(other.Drop))
	wantKey(t, other, text, r)
	ctx, cancel := context.WithCancel(t.Context())
	k := apikey.NewKeeper(apikey.KeeperOptions{
		Store: w.store, Cache: w.cache, Pepper: pepper(t, aPepper), Now: w.clock.Now,
		Drop:       func(string) { cancel() }, // The first thing after the change.
		CheckScope: func(string) error { return nil },
	})
	if _, err := k.Revoke(ctx, r.ID); err != nil {
		t.Errorf("Revoke: %v", err)
	}
	wantRefused(t, other, text, apikey.ErrRevoked)
}

func TestWithoutWhatIsRequired(t *testing.T) {
	w := newWorld(t)
	for name, make := range map[string]func(){
		"a Door without a Store":   func() { o := w.options(t); o.Store = nil; apikey.NewDoor(o) },
		"a Door without Limits":    func() { o := w.options(t); o.Limits = nil; apikey.NewDoor(o) },
		"a Door without a Pepper":  func() { o := w.options(t); o.Pepper = apikey.Pepper{}; apikey.NewDoor(o) },
		"a Keeper without a Store": func() { apikey.NewKeeper(apikey.KeeperOptions{Cache: w.cache, Pepper: pepper(t, aPepper)}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s was made", name)
				}
			}()
			make()
		}()
	}
}
