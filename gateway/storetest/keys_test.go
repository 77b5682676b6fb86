package storetest_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"faveo-gateway/gateway/keyring"
	"faveo-gateway/gateway/storetest"
)

func TestKeys(t *testing.T) {
	storetest.TestKeyStore(t, func(*testing.T) keyring.Store { return storetest.NewKeys() })
}

func TestRegistryInMemory(t *testing.T) {
	storetest.TestRegistry(t, func(*testing.T) (keyring.Registry, func(time.Duration)) {
		clock := storetest.NewClock()
		return storetest.NewRegistry(clock.Now), clock.Advance
	})
}

func TestKeysAndRegistryFailWhenTold(t *testing.T) {
	fault, keys, registry := errors.New("down"), storetest.NewKeys(), storetest.NewRegistry(storetest.NewClock().Now)
	keys.Fail(fault)
	registry.Fail(fault)
	_, listing := keys.Keys(t.Context())
	_, view := registry.Register(t.Context(), keyring.Replica{ID: "a"}, time.Minute)
	for name, err := range map[string]error{
		"Keys": listing, "Register": view, "Leave": registry.Leave(t.Context(), "a"),
		"AnnounceKeys": registry.AnnounceKeys(t.Context(), ""),
	} {
		if !errors.Is(err, fault) {
			t.Errorf("%s: %v, want %v", name, err, fault)
		}
	}
	keys.Fail(nil)
	registry.Fail(nil)
	if v, err := registry.Replicas(t.Context()); err != nil || len(v.Replicas) != 0 {
		t.Errorf("after the fault: %+v, %v; want nobody", v, err)
	}
	if keys.Calls() != 1 || registry.Calls() != 4 {
		t.Errorf("%d and %d calls, want 1 and 4", keys.Calls(), registry.Calls())
	}
}

func TestAnnouncementsAreHeardUntilStopped(t *testing.T) {
	var heard []string
	registry := storetest.NewRegistry(storetest.NewClock().Now)
	stop := registry.Watch(func(kid string) { heard = append(heard, kid) })
	for _, kid := range []string{"", "kid"} {
		if err := registry.AnnounceKeys(t.Context(), kid); err != nil {
			t.Fatalf("AnnounceKeys: %v", err)
		}
	}
	stop()
	if err := registry.AnnounceKeys(t.Context(), "late"); err != nil {
		t.Fatalf("AnnounceKeys: %v", err)
	}
	if !slices.Equal(heard, []string{"", "kid"}) {
		t.Errorf("heard %q", heard)
	}
}
