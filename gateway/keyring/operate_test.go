package keyring_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"faveo-gateway/gateway/keyring"
	"faveo-gateway/gateway/storetest"
	"faveo-gateway/gateway/token"
)

func isUnavailable(err error) bool { return errors.Is(err, keyring.ErrUnavailable) }

func TestRotateByHand(t *testing.T) {
	inSite(t, func(s *site) {
		ahead := func(o *keyring.Options) { o.Config.PublishAhead = time.Minute }
		a, b := s.start("a", ahead), s.start("b", ahead)
		wait(lease)
		key := a.rotate()
		if key.State != keyring.StatePending || key.Algorithm != token.ES256 || key.CreatedAt.IsZero() || !key.ActivatedAt.IsZero() {
			t.Errorf("Rotate returned %+v, want a pending key", key)
		}
		// It is published everywhere before time has passed.
		synctest.Wait()
		if !a.verifies(key.ID) || !b.verifies(key.ID) || len(b.PublicKeys()) != 2 {
			t.Error("the new key is not published")
		}
		if again, err := b.Rotate(s.Context(), token.RS256); err != nil || again != key {
			t.Errorf("a second time, elsewhere: %+v, %v; want the same key", again, err)
		}
		r := b.status().Rotation
		if r.Pending != key.ID || !r.SignsAt.Equal(key.CreatedAt.Add(time.Minute)) || !strings.Contains(r.Waiting, "published ahead until") {
			t.Errorf("the status is %+v", r)
		}
		wait(time.Minute + soon)
		if a.signs() != key.ID || b.signs() != key.ID {
			t.Error("the new key does not sign")
		}
		s.wantStates(keyring.StateRetiring, keyring.StateActive)
		if _, err := a.Rotate(s.Context(), "none"); !errors.Is(err, token.ErrKey) {
			t.Errorf("an unknown algorithm: %v, want token.ErrKey", err)
		}
	})
}

// TestTwoReplicasRotatingAtOnceMakeOneRotation: also where the slower one has read
// the keys before, and asks to change them after, the other one's whole rotation.
func TestTwoReplicasRotatingAtOnceMakeOneRotation(t *testing.T) {
	inSite(t, func(s *site) {
		ahead := func(o *keyring.Options) { o.Config.PublishAhead = time.Minute }
		nodes := []*node{s.start("a", ahead), s.start("b", ahead), s.start("c", ahead)}
		wait(lease)
		ids := make([]string, 3*len(nodes))
		var all sync.WaitGroup
		for i := range ids {
			all.Go(func() { ids[i] = nodes[i%len(nodes)].rotate().ID })
		}
		all.Wait()
		for _, id := range ids {
			if id != ids[0] {
				t.Errorf("the rotations are %q, want one", ids)
			}
		}
		wait(time.Minute + soon)
		s.wantStates(keyring.StateRetiring, keyring.StateActive)
	})
	inSite(t, func(s *site) {
		a := s.start("a", nil)
		wait(lease)
		// It is not registered: a hand at the controls of a replica that has hung.
		late := &lateStore{Store: s.keys, listed: make(chan struct{}), goOn: make(chan struct{})}
		ring, err := keyring.Open(s.Context(), keyring.Options{
			Store: late, Registry: storetest.NewRegistry(time.Now), EncryptionKeys: []string{keyA}, Algorithm: token.ES256, MaxTTL: maxTTL,
		})
		if err != nil {
			t.Fatal(err)
		}
		late.hold = true
		rotated := make(chan keyring.Key)
		go func() {
			key, err := ring.Rotate(s.Context(), "")
			if err != nil {
				t.Errorf("Rotate: %v", err)
			}
			rotated <- key
		}()
		<-late.listed
		second := a.rotate().ID
		wait(soon)
		s.wantStates(keyring.StateRetiring, keyring.StateActive)
		close(late.goOn)
		if key := <-rotated; key.ID != second || key.State != keyring.StateActive {
			t.Errorf("the late rotation returned %+v, want the key of the other one", key)
		}
		s.wantStates(keyring.StateRetiring, keyring.StateActive)
	})
}

// lateStore takes its time between a listing and what follows.
type lateStore struct {
	keyring.Store
	hold         bool
	listed, goOn chan struct{}
}

func (s *lateStore) AddPending(ctx context.Context, r keyring.Record, active string) error {
	if s.hold {
		s.hold = false
		close(s.listed)
		<-s.goOn
	}
	return s.Store.AddPending(context.WithoutCancel(ctx), r, active)
}

func TestRevoke(t *testing.T) {
	for name, tt := range map[string]struct {
		which keyring.State
		after []keyring.State
	}{
		"pending":  {keyring.StatePending, []keyring.State{keyring.StateRetiring, keyring.StateActive, keyring.StateRevoked}},
		"active":   {keyring.StateActive, []keyring.State{keyring.StateRetiring, keyring.StateRevoked, keyring.StateActive}},
		"retiring": {keyring.StateRetiring, []keyring.State{keyring.StateRevoked, keyring.StateActive, keyring.StatePending}},
	} {
		t.Run(name, func(t *testing.T) {
			inSite(t, func(s *site) {
				ahead := func(o *keyring.Options) { o.Config.PublishAhead = time.Minute }
				nodes := []*node{s.start("a", ahead), s.start("b", ahead), s.start("deaf", ahead)}
				nodes[2].deaf.Store(true)
				wait(lease)
				nodes[0].rotate()
				wait(time.Minute + soon)
				nodes[0].rotate()
				wait(soon)
				s.wantStates(keyring.StateRetiring, keyring.StateActive, keyring.StatePending)
				var kid string
				for _, r := range s.keys.Records() {
					if r.State == tt.which {
						kid = r.KID
					}
				}
				wantRefused := func(n *node) {
					t.Helper()
					if n.verifies(kid) || !n.Revoked(kid) || n.signs() == kid {
						t.Errorf("verifies %t, revoked %t, signs %t", n.verifies(kid), n.Revoked(kid), n.signs() == kid)
					}
					for _, key := range n.PublicKeys() {
						if key.ID() == kid {
							t.Error("it is published")
						}
					}
				}
				nodes[0].revoke(kid)
				wantRefused(nodes[0])
				synctest.Wait()
				wantRefused(nodes[1])
				wait(soon)
				wantRefused(nodes[2])
				s.wantStates(tt.after...)
				nodes[1].revoke(kid)
				s.wantStates(tt.after...)
				for _, n := range nodes {
					if n.signs() != nodes[0].signs() {
						t.Error("the replicas sign with different keys")
					}
				}
			})
		})
	}
}

// TestRevokedActiveKeyHasAnHeirAtOnce: without a pending key a new one is made.
func TestRevokedActiveKeyHasAnHeirAtOnce(t *testing.T) {
	inSite(t, func(s *site) {
		a, b := s.start("a", nil), s.start("b", nil)
		wait(lease)
		first := a.signs()
		a.revoke(first)
		if a.signs() == first {
			t.Error("the revoked key signs")
		}
		synctest.Wait()
		if b.signs() != a.signs() || !b.verifies(a.signs()) {
			t.Error("the other replica does not know the heir")
		}
		s.wantStates(keyring.StateRevoked, keyring.StateActive)
	})
}

func TestRevokeRefusesWhatIsNotThere(t *testing.T) {
	inSite(t, func(s *site) {
		n := s.start("a", nil)
		first := n.signs()
		wait(lease)
		n.rotate()
		wait(maxTTL + 2*time.Minute)
		s.wantStates(keyring.StateGone, keyring.StateActive)
		for _, kid := range []string{first, "", "unknown", strings.ToLower(n.signs())} {
			if key, err := n.Revoke(s.Context(), kid); !errors.Is(err, keyring.ErrUnknownKey) || isUnavailable(err) || key != (keyring.Key{}) {
				t.Errorf("Revoke(%q) = %+v, %v; want ErrUnknownKey", kid, key, err)
			}
		}
		s.wantStates(keyring.StateGone, keyring.StateActive)
	})
}

// TestRevokeThatIsNotAnnouncedIsNotDone: and repeating it tells the others.
func TestRevokeThatIsNotAnnouncedIsNotDone(t *testing.T) {
	inSite(t, func(s *site) {
		var heard []string
		s.registry.Watch(func(kid string) { heard = append(heard, kid) })
		dumb := &dumbRegistry{Registry: s.registry}
		n := s.start("a", func(o *keyring.Options) { o.Registry = dumb })
		first := n.signs()
		dumb.fault = errDown
		if _, err := n.Revoke(s.Context(), first); !isUnavailable(err) || !errors.Is(err, errDown) {
			t.Errorf("Revoke: %v, want ErrUnavailable", err)
		}
		if n.verifies(first) || !n.Revoked(first) {
			t.Error("this replica accepts a key that it has stored as revoked")
		}
		dumb.fault = nil
		n.revoke(first)
		if len(heard) != 1 || heard[0] != first {
			t.Errorf("announced was %q, want the key", heard)
		}
	})
}

// dumbRegistry cannot announce.
type dumbRegistry struct {
	keyring.Registry
	fault error
}

func (g *dumbRegistry) AnnounceKeys(ctx context.Context, kid string) error {
	if g.fault != nil {
		return g.fault
	}
	return g.Registry.AnnounceKeys(ctx, kid)
}

// TestRevokedKeyStaysRefused: whatever an older listing says, which was under way.
func TestRevokedKeyStaysRefused(t *testing.T) {
	inSite(t, func(s *site) {
		n := s.start("a", nil)
		first := n.signs()
		wait(time.Minute)
		n.Changed(first)
		if n.verifies(first) || !n.Revoked(first) || len(n.PublicKeys()) != 0 {
			t.Error("the key is accepted after its revocation was heard of")
		}
		if _, err := n.SigningKey(); !isUnavailable(err) {
			t.Errorf("SigningKey: %v, want ErrUnavailable", err)
		}
		generation := n.Generation()
		for range 3 {
			wait(soon) // The store still has it as active.
			if n.verifies(first) || !n.Revoked(first) || n.Generation() != generation {
				t.Fatal("the key came back")
			}
		}
	})
}

func TestRevocationIsHeardWhileTheStoreHangs(t *testing.T) {
	inSite(t, func(s *site) {
		a, b := s.start("a", nil), s.start("b", nil)
		wait(lease)
		first := a.signs()
		b.store.freeze(true)
		wait(soon)
		a.revoke(first)
		if b.verifies(first) {
			t.Error("a hanging store delays a revocation")
		}
	})
}

func TestReseal(t *testing.T) {
	inSite(t, func(s *site) {
		old := s.start("old", nil)
		wait(lease)
		old.rotate()
		wait(soon)
		old.rotate()
		old.stop()
		n := s.start("new", func(o *keyring.Options) { o.EncryptionKeys = []string{keyB, keyA}; o.Config.PublishAhead = time.Hour })
		s.wantStates(keyring.StateRetiring, keyring.StateActive, keyring.StatePending)
		for _, want := range []int{3, 0} {
			if got, err := n.Reseal(s.Context()); err != nil || got != want {
				t.Errorf("Reseal = %d, %v; want %d", got, err, want)
			}
		}
		only := s.start("only", func(o *keyring.Options) { o.EncryptionKeys = []string{keyB} })
		if only.signs() != n.signs() || len(only.PublicKeys()) != 3 {
			t.Error("the keys cannot be used with the new encryption key alone")
		}
		s.keys.Fail(errDown)
		if _, err := n.Reseal(s.Context()); !isUnavailable(err) {
			t.Errorf("Reseal without the store: %v, want ErrUnavailable", err)
		}
	})
}

// TestResealGoesOnPastARecordThatCannotBeOpened: and tells of it.
func TestResealGoesOnPastARecordThatCannotBeOpened(t *testing.T) {
	inSite(t, func(s *site) {
		n := s.start("a", func(o *keyring.Options) { o.Config.PublishAhead = time.Hour })
		n.rotate()
		n.stop()
		m := s.start("b", func(o *keyring.Options) { o.EncryptionKeys = []string{keyB, keyA} })
		s.keys.Tamper(func(r []keyring.Record) []keyring.Record {
			r[0].Sealed = r[0].Sealed[:20]
			return r
		})
		if got, err := m.Reseal(s.Context()); got != 1 || !errors.Is(err, keyring.ErrCannotUnseal) {
			t.Errorf("Reseal = %d, %v; want 1 and ErrCannotUnseal", got, err)
		}
	})
}

func TestCallerThatLeavesIsNoOutage(t *testing.T) {
	inSite(t, func(s *site) {
		n := s.start("a", nil)
		ctx, cancel := context.WithCancel(s.Context())
		cancel()
		if _, err := n.Status(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Status: %v, want context.Canceled", err)
		}
		if _, err := n.Rotate(ctx, ""); !errors.Is(err, context.Canceled) {
			t.Errorf("Rotate: %v, want context.Canceled", err)
		}
		if failures := n.log.count("level=ERROR"); failures != 0 {
			t.Errorf("the log tells of %d failures", failures)
		}
	})
}
