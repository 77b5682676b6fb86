package keyring_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"faveo-gateway/gateway/keyring"
)

// TestChangesAreTold: whatever one replica stores is told there, once, and nowhere
// else.
func TestChangesAreTold(t *testing.T) {
	inSite(t, func(s *site) {
		var (
			mu    sync.Mutex
			told  = map[string][]keyring.Change{}
			names = []string{"a", "b"}
		)
		observed := func(name string) func(*keyring.Options) {
			return func(o *keyring.Options) {
				o.Config.PublishAhead = time.Minute
				o.Observe = func(_ context.Context, c keyring.Change) {
					mu.Lock()
					defer mu.Unlock()
					told[name] = append(told[name], c)
				}
			}
		}
		a, b := s.start(names[0], observed(names[0])), s.start(names[1], observed(names[1]))
		wait(lease)
		first := a.signs()
		next := b.rotate()
		wait(time.Minute + soon)
		if _, err := a.Revoke(s.Context(), first); err != nil {
			t.Fatal(err)
		}
		waiting := a.rotate()
		for _, signing := range []string{next.ID, waiting.ID} { // The one that waits takes its place, then a new one.
			if _, err := b.Revoke(s.Context(), signing); err != nil {
				t.Fatal(err)
			}
		}
		last := b.signs()
		mu.Lock()
		defer mu.Unlock()
		all := slices.Concat(told["a"], told["b"])
		for _, want := range []keyring.Change{
			{KID: first, State: keyring.StateActive},
			{KID: next.ID, State: keyring.StatePending, OnDemand: true},
			{KID: next.ID, State: keyring.StateActive, Was: keyring.StatePending},
			{KID: first, State: keyring.StateRevoked, Was: keyring.StateRetiring, OnDemand: true},
			{KID: waiting.ID, State: keyring.StatePending, OnDemand: true},
			{KID: next.ID, State: keyring.StateRevoked, Was: keyring.StateActive, OnDemand: true},
			{KID: waiting.ID, State: keyring.StateActive, Was: keyring.StatePending, OnDemand: true},
			{KID: waiting.ID, State: keyring.StateRevoked, Was: keyring.StateActive, OnDemand: true},
			{KID: last, State: keyring.StateActive, OnDemand: true},
		} {
			i := slices.Index(all, want)
			if i < 0 {
				t.Errorf("nobody was told of %+v", want)
				continue
			}
			all = slices.Delete(all, i, i+1)
		}
		if len(all) > 0 {
			t.Errorf("also told: %+v", all)
		}
	})
}
