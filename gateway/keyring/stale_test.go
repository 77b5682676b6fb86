package keyring_test

import (
	"context"
	"errors"
	"testing"

	"faveo-gateway/gateway/keyring"
)

// TestStale: a replica that has lost the store knows that it may not know all keys.
func TestStale(t *testing.T) {
	inSite(t, func(s *site) {
		a, b := s.start("a", nil), s.start("b", nil)
		wait(lease)
		if a.Stale() || b.Stale() {
			t.Fatal("a replica that hears from the store is stale")
		}
		b.store.freeze(true)
		wait(2 * lease)
		if a.Stale() || !b.Stale() {
			t.Errorf("stale: a %t, b %t; want only b, which has lost the store", a.Stale(), b.Stale())
		}
		b.store.freeze(false)
		wait(soon)
		if b.Stale() {
			t.Error("b is stale though the store answers again")
		}
		// The key that signs is gone, its heir not loaded yet.
		b.store.freeze(true)
		active := b.signs()
		b.Changed(active)
		if !b.Stale() {
			t.Error("b is not stale though it cannot sign")
		}
		b.store.freeze(false)
	})
}

// TestFirst: only who has made the very first key is at the beginning.
func TestFirst(t *testing.T) {
	inSite(t, func(s *site) {
		if a := s.start("a", nil); !a.First() {
			t.Error("the first replica of all is not the first")
		}
		if b := s.start("b", nil); b.First() {
			t.Error("the second replica is the first, too")
		}
	})
}

// mute is a registry in which nobody can be told anything.
type mute struct{ keyring.Registry }

var errMute = errors.New("nobody hears")

func (mute) AnnounceKeys(context.Context, string) error { return errMute }

// TestRevokedButNotAnnounced says which half was done.
func TestRevokedButNotAnnounced(t *testing.T) {
	inSite(t, func(s *site) {
		a := s.start("a", func(o *keyring.Options) { o.Registry = mute{o.Registry} })
		kid := a.signs()
		_, err := a.Revoke(s.Context(), kid)
		if !errors.Is(err, keyring.ErrNotAnnounced) || !errors.Is(err, keyring.ErrUnavailable) || !errors.Is(err, errMute) {
			t.Errorf("Revoke: %v, want ErrNotAnnounced", err)
		}
		if !a.Revoked(kid) {
			t.Error("the key is not revoked here")
		}
		s.wantStates(keyring.StateRevoked, keyring.StateActive)
	})
}
