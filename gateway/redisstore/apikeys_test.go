package redisstore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"faveo-gateway/gateway/apikey"
	"faveo-gateway/gateway/redisstore"
	"faveo-gateway/gateway/storetest"
	"faveo-gateway/gateway/storetest/service"
)

func TestAPIKeyCacheMiniredis(t *testing.T) {
	storetest.TestAPIKeyCache(t, func(t *testing.T) (apikey.Cache, func(time.Duration)) {
		store, server, clock := openMini(t)
		return store.APIKeys(), func(d time.Duration) { pass(server, clock, d) }
	})
}

func TestAPIKeyCacheRedis(t *testing.T) {
	testAPIKeyCache(t, "redis://"+service.RedisAddress)
}

// testAPIKeyCache runs the suite on real servers.
func testAPIKeyCache(t *testing.T, url string) {
	storetest.TestAPIKeyCache(t, func(t *testing.T) (apikey.Cache, func(time.Duration)) {
		return open(t, redisstore.Options{URL: url, KeyPrefix: prefixOf(t, url)}).APIKeys(), nil
	})
}

// TestAPIKeyCacheOfABrokenValue: what is no value of ours is a fault, not nothing, and
// gives way to the next one.
func TestAPIKeyCacheOfABrokenValue(t *testing.T) {
	store, server, _ := openMini(t)
	cache := store.APIKeys()
	for _, content := range []string{"", ":", "x", "7", "-7:x", "07:x", "7 :x", "1e3:x", "99999999999999999999:x"} {
		if err := server.Set("fgw:{k:a}", content); err != nil {
			t.Fatal(err)
		}
		if value, found, err := cache.Get(t.Context(), "a"); err == nil || found || value != nil {
			t.Errorf("%q is read as %q, %v, %v", content, value, found, err)
		}
	}
	for _, content := range []string{"", "x", "-7:x", "1e3:x"} {
		if err := server.Set("fgw:{k:a}", content); err != nil {
			t.Fatal(err)
		}
		if err := cache.Put(t.Context(), "a", 1, []byte("good"), time.Minute); err != nil {
			t.Errorf("Put in the place of %q: %v", content, err)
		}
		if value, found, err := cache.Get(t.Context(), "a"); string(value) != "good" || !found || err != nil {
			t.Errorf("in the place of %q is %q, %v, %v", content, value, found, err)
		}
	}
	if ttl := server.TTL("fgw:{k:a}"); ttl != time.Minute {
		t.Errorf("it lives for %v, want 1m", ttl)
	}
}

func TestAPIKeyCacheRefuses(t *testing.T) {
	store, server, _ := openMini(t)
	cache := store.APIKeys()
	for _, name := range []string{"", "a b", "}{", "a}", "a:b", string(make([]byte, 65))} {
		if _, _, err := cache.Get(t.Context(), name); err == nil {
			t.Errorf("Get of %q", name)
		}
		if err := cache.Put(t.Context(), name, 1, nil, time.Minute); err == nil {
			t.Errorf("Put of %q", name)
		}
	}
	for name, put := range map[string]error{
		"a negative version": cache.Put(t.Context(), "a", -1, nil, time.Minute),
		"a large version":    cache.Put(t.Context(), "a", 1<<53+1, nil, time.Minute),
		"no life":            cache.Put(t.Context(), "a", 1, nil, 0),
	} {
		if put == nil {
			t.Errorf("%s was stored", name)
		}
	}
	if keys := server.Keys(); len(keys) != 0 {
		t.Errorf("keys %q, want none", keys)
	}
}

// TestWatchWithoutAPIKeys: who has none need not hear of them.
func TestWatchWithoutAPIKeys(t *testing.T) {
	store, _, _ := openMini(t)
	told := make(news, 1000)
	h := told.handler()
	h.APIKey = nil
	start(t, store, h)
	told.want(t, anySession, anyKey)
	settle(t, store, told)
	if err := store.APIKeys().Announce(t.Context(), "Abcdefghij01"); err != nil {
		t.Fatal(err)
	}
	settle(t, store, told)
}

// TestChangedAPIKeyCountsForTheLatency: to revoke one is an end like that of a session.
func TestChangedAPIKeyCountsForTheLatency(t *testing.T) {
	store, _, _ := openMini(t)
	var measured latencies
	told := make(news, 1000)
	h := told.handler()
	h.Latency = measured.add
	start(t, store, h)
	told.await(t, anyAPIKey)
	settle(t, store, told)
	measured.take()
	if err := store.APIKeys().Announce(t.Context(), "Abcdefghij01"); err != nil {
		t.Fatal(err)
	}
	told.want(t, `apikey "Abcdefghij01"`)
	settle(t, store, told)
	if got := measured.take(); len(got) < 1 {
		t.Errorf("measured were %v, want the API key's", got)
	}
}

// TestRevokedAPIKeyIsRefusedElsewhere: over a real Redis, by a replica that has the key in
// its memory, within a second.
func TestRevokedAPIKeyIsRefusedElsewhere(t *testing.T) {
	_, prefix := realRedis(t)
	pepper, err := apikey.ParsePepper("a pepper of more than 32 characters")
	if err != nil {
		t.Fatal(err)
	}
	records := storetest.NewAPIKeys()
	replica := func() (*apikey.Door, *apikey.Keeper) {
		cache := open(t, redisstore.Options{URL: "redis://" + service.RedisAddress, KeyPrefix: prefix})
		d := apikey.NewDoor(apikey.Options{
			Store: records, Cache: cache.APIKeys(), Settings: noSettings{}, Limits: cache.Limits(), Pepper: pepper, Config: apikey.DefaultConfig(),
		})
		told := make(news, 1000)
		h := told.handler()
		h.APIKey = func(id string) {
			d.Drop(id)
			told <- "dropped " + id
		}
		start(t, cache, h)
		told.await(t, "dropped ")
		return d, apikey.NewKeeper(apikey.KeeperOptions{
			Store: records, Cache: cache.APIKeys(), Pepper: pepper, Drop: d.Drop, CheckScope: func(string) error { return nil },
		})
	}
	_, keeper := replica()
	there, _ := replica()
	var slowest time.Duration
	for range 20 {
		r, text, err := keeper.Create(t.Context(), apikey.Wish{Name: "x", Scopes: []string{"staff"}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := there.Admit(t.Context(), text, ""); err != nil {
			t.Fatalf("Admit: %v", err)
		}
		began := time.Now()
		if _, err := keeper.Revoke(t.Context(), r.ID); err != nil {
			t.Fatalf("Revoke: %v", err)
		}
		for err == nil && time.Since(began) < 5*time.Second {
			_, err = there.Admit(t.Context(), text, "")
		}
		if !errors.Is(err, apikey.ErrRevoked) {
			t.Fatalf("Admit: %v, want ErrRevoked", err)
		}
		slowest = max(slowest, time.Since(began))
	}
	t.Logf("asked here to refused there: at most %v of 20", slowest)
	if slowest > soon {
		t.Errorf("refused after %v, want within %v", slowest, soon)
	}
}

// noSettings is an installation that asks for nothing.
type noSettings struct{}

func (noSettings) Installation(context.Context) (apikey.Installation, error) {
	return apikey.Installation{}, nil
}
