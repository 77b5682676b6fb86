package redisstore_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"faveo-gateway/gateway/keyring"
	"faveo-gateway/gateway/redisstore"
	"faveo-gateway/gateway/session"
	"faveo-gateway/gateway/storetest"
	"faveo-gateway/gateway/storetest/service"
	"faveo-gateway/gateway/token"
)

func newReplica(host string) keyring.Replica {
	return keyring.Replica{
		ID: session.NewID(), Host: host, Version: "1.2.3", StartedAt: time.Unix(1_770_000_000, 0).UTC(),
		Algorithm: token.ES256, Keys: []string{"a", "b"}, Signing: "a",
	}
}

// testTwoReplicas has two replicas see each other over two stores.
func testTwoReplicas(t *testing.T, here, there keyring.Registry) {
	const lease = 15 * time.Second
	one, two := newReplica("one"), newReplica("two \"é\" <x>")
	one.Keys, one.Signing = nil, "" // It is starting.
	first, err := here.Register(t.Context(), one, lease)
	if err != nil {
		t.Fatal(err)
	}
	wantReplicas(t, first, lease, one)
	both, err := there.Register(t.Context(), two, lease)
	if err != nil {
		t.Fatal(err)
	}
	wantReplicas(t, both, lease, one, two)
	one.Keys, one.Signing = []string{"c"}, "c"
	if _, err := here.Register(t.Context(), one, lease); err != nil {
		t.Fatal(err)
	}
	read, err := there.Replicas(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantReplicas(t, read, lease, one, two)
	for range 2 { // One that is not there is no error.
		if err := here.Leave(t.Context(), one.ID); err != nil {
			t.Fatal(err)
		}
		if read, err = here.Replicas(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantReplicas(t, read, lease, two)
	}
	if read.Now.Before(first.Now) {
		t.Errorf("the clock went back from %v to %v", first.Now, read.Now)
	}
}

func wantReplicas(t *testing.T, v keyring.View, lease time.Duration, want ...keyring.Replica) {
	t.Helper()
	got := slices.Clone(v.Replicas)
	for i, r := range got {
		if left := r.ExpiresAt.Sub(v.Now); left <= 0 || left > lease || r.ExpiresAt.Location() != time.UTC {
			t.Errorf("%s expires at %v, in %v; want within %v", r.Host, r.ExpiresAt, left, lease)
		}
		got[i].ExpiresAt = time.Time{}
	}
	want = slices.Clone(want)
	slices.SortFunc(want, func(a, b keyring.Replica) int { return strings.Compare(a.ID, b.ID) })
	if !reflect.DeepEqual(got, want) {
		t.Errorf("replicas are %+v\nwant %+v", got, want)
	}
}

func TestRegistryMiniredis(t *testing.T) {
	storetest.TestRegistry(t, func(t *testing.T) (keyring.Registry, func(time.Duration)) {
		store, server, clock := openMini(t)
		return store.Registry(), func(d time.Duration) { pass(server, clock, d) }
	})
}

func TestRegistryRedis(t *testing.T) {
	testRegistry(t, "redis://"+service.RedisAddress)
}

// testRegistry runs the suite on real servers, and has two replicas on them.
func testRegistry(t *testing.T, url string) {
	storetest.TestRegistry(t, func(t *testing.T) (keyring.Registry, func(time.Duration)) {
		return open(t, redisstore.Options{URL: url, KeyPrefix: prefixOf(t, url)}).Registry(), nil
	})
	t.Run("two stores", func(t *testing.T) {
		o := redisstore.Options{URL: url, KeyPrefix: prefixOf(t, url)}
		testTwoReplicas(t, open(t, o).Registry(), open(t, o).Registry())
	})
}

// TestRegistrationExpires: by the clock of Redis, whatever the gateway's shows.
func TestRegistrationExpires(t *testing.T) {
	store, server, clock := openMini(t)
	registry := store.Registry()
	short, long := newReplica("short"), newReplica("long")
	for r, lease := range map[*keyring.Replica]time.Duration{&short: 15 * time.Second, &long: time.Minute} {
		if _, err := registry.Register(t.Context(), *r, lease); err != nil {
			t.Fatal(err)
		}
	}
	began := clock.Now()
	clock.Advance(-time.Hour)
	for _, step := range []struct {
		after time.Duration
		want  []keyring.Replica
	}{
		{15*time.Second - time.Millisecond, []keyring.Replica{short, long}},
		{15 * time.Second, []keyring.Replica{long}},
		{time.Minute, nil},
	} {
		server.SetTime(began.Add(step.after))
		view, err := registry.Replicas(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !view.Now.Equal(began.Add(step.after)) {
			t.Errorf("it is %v, want %v", view.Now, began.Add(step.after))
		}
		wantReplicas(t, view, time.Minute, step.want...)
	}
}

// TestRegistryOfABrokenRecord: a replica that cannot be read is an error until its
// registration has expired, for without it a key would sign too early.
func TestRegistryOfABrokenRecord(t *testing.T) {
	store, server, clock := openMini(t)
	registry := store.Registry()
	self, other := newReplica("self"), newReplica("other")
	register := func(r keyring.Replica) error {
		_, err := registry.Register(t.Context(), r, 15*time.Second)
		return err
	}
	if err := register(other); err != nil {
		t.Fatal(err)
	}
	key := "fgw:{replicas}:r:" + other.ID
	good, err := server.Get(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"gone": "", "no JSON": "replica", "null": "null", "cut": good[:len(good)-1], "text after the end": good + "{}",
		"another version": strings.Replace(good, `"v":1`, `"v":2`, 1),
		"unknown member":  strings.Replace(good, `"v":1`, `"v":1,"x":1`, 1),
		"another replica": strings.Replace(good, other.ID, self.ID, 1),
		"keys of a kind":  strings.Replace(good, `["a","b"]`, `"a"`, 1),
	} {
		if content == good {
			t.Fatalf("%s: the record %s has nothing of it", name, good)
		}
		if content == "" {
			server.Del(key)
		} else if err := server.Set(key, content); err != nil {
			t.Fatal(err)
		}
		_, read := registry.Replicas(t.Context())
		for _, err := range []error{register(self), read} {
			if err == nil || !strings.Contains(err.Error(), key) {
				t.Errorf("%s: %v, want an error that names %s", name, err, key)
			}
		}
	}
	clock.Advance(15 * time.Second)
	server.SetTime(clock.Now())
	if err := register(self); err != nil {
		t.Errorf("once it has expired: %v", err)
	}
}

func TestRegistryRefuses(t *testing.T) {
	store, server, _ := openMini(t)
	for name, test := range map[string]struct {
		id    string
		lease time.Duration
	}{
		"no id": {"", time.Second}, "an id with a blank": {"a b", time.Second}, "an id with a brace": {"}{", time.Second},
		"no lease": {session.NewID(), 0}, "a negative lease": {session.NewID(), -time.Second},
	} {
		if _, err := store.Registry().Register(t.Context(), keyring.Replica{ID: test.id}, test.lease); err == nil {
			t.Errorf("%s: registered", name)
		}
	}
	if err := store.Registry().Leave(t.Context(), ""); err == nil {
		t.Error("nobody left")
	}
	if keys := server.Keys(); len(keys) != 0 {
		t.Errorf("keys %q, want none", keys)
	}
}
