package storetest_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"faveo-gateway/gateway/apikey"
	"faveo-gateway/gateway/storetest"
)

func TestAPIKeys(t *testing.T) {
	storetest.TestAPIKeyStore(t, func(*testing.T) apikey.Store { return storetest.NewAPIKeys() })
}

func TestAPIKeyCacheInMemory(t *testing.T) {
	storetest.TestAPIKeyCache(t, func(*testing.T) (apikey.Cache, func(time.Duration)) {
		clock := storetest.NewClock()
		return storetest.NewAPIKeyCache(clock.Now), clock.Advance
	})
}

func TestAPIKeyCacheFailsWhenTold(t *testing.T) {
	var heard []string
	fault, cache := errors.New("down"), storetest.NewAPIKeyCache(storetest.NewClock().Now)
	stop := cache.Watch(func(id string) { heard = append(heard, id) })
	cache.Fail(fault)
	_, _, get := cache.Get(t.Context(), "a")
	for name, err := range map[string]error{
		"Get": get, "Put": cache.Put(t.Context(), "a", 1, nil, time.Minute), "Announce": cache.Announce(t.Context(), "one"),
	} {
		if !errors.Is(err, fault) {
			t.Errorf("%s: %v, want %v", name, err, fault)
		}
	}
	cache.Fail(nil)
	for _, id := range []string{"two", "three"} {
		if err := cache.Announce(t.Context(), id); err != nil {
			t.Errorf("Announce: %v", err)
		}
		stop()
	}
	if !slices.Equal(heard, []string{"two"}) {
		t.Errorf("heard %q, want what was announced without a fault until stop", heard)
	}
}
