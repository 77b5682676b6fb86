package keyring_test

import (
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"faveo-gateway/gateway/keyring"
	"faveo-gateway/gateway/token"
)

func scheduled(o *keyring.Options) {
	o.Config = keyring.Config{RotateEvery: time.Hour, PublishAhead: 5 * time.Minute}
}

// TestKeysRotateBySchedule follows a key from its birth to its end on three
// replicas.
func TestKeysRotateBySchedule(t *testing.T) {
	inSite(t, func(s *site) {
		nodes := []*node{s.start("a", scheduled), s.start("b", scheduled), s.start("c", scheduled)}
		first := nodes[0].signs()
		everywhere := func(what string, check func(*node) bool) {
			s.Helper()
			for i, n := range nodes {
				if !check(n) {
					s.Errorf("node %d: not %s", i, what)
				}
			}
		}
		wait(0)
		next := nodes[0].status().Rotation.NextAt
		if left := time.Until(next); left > time.Hour || left < 54*time.Minute-time.Second {
			s.Errorf("the next key signs in %v, want an hour less up to a tenth", left)
		}

		wait(time.Until(next.Add(-5*time.Minute)) - time.Second)
		s.wantStates(keyring.StateActive)
		wait(soon)
		s.wantStates(keyring.StateActive, keyring.StatePending)
		second := s.keys.Records()[1].KID
		everywhere("published", func(n *node) bool { return len(n.PublicKeys()) == 2 && n.verifies(second) })
		everywhere("signing with the first", func(n *node) bool { return n.signs() == first })

		wait(5*time.Minute - 2*soon)
		everywhere("signing with the first yet", func(n *node) bool { return n.signs() == first })
		wait(2 * soon)
		s.wantStates(keyring.StateRetiring, keyring.StateActive)
		everywhere("signing with the second", func(n *node) bool { return n.signs() == second && n.verifies(first) && len(n.PublicKeys()) == 2 })

		wait(maxTTL + time.Minute - 2*soon)
		everywhere("verifying with the first yet", func(n *node) bool { return n.verifies(first) })
		wait(3 * soon)
		s.wantStates(keyring.StateGone, keyring.StateActive)
		everywhere("without the first", func(n *node) bool { return !n.verifies(first) && !n.Revoked(first) && len(n.PublicKeys()) == 1 })
		if r := s.keys.Records()[0]; len(r.Sealed) != 0 || r.EndedAt.Before(r.VerifyUntil) || r.VerifyUntil.Sub(r.RetiredAt) != maxTTL+time.Minute {
			s.Errorf("the buried key is %+v", r)
		}
	})
}

func TestRetireAfterIsALongerLife(t *testing.T) {
	inSite(t, func(s *site) {
		n := s.start("a", func(o *keyring.Options) { o.Config.RetireAfter = time.Hour })
		n.rotate()
		wait(lease + soon)
		if r := s.keys.Records()[0]; r.VerifyUntil.Sub(r.RetiredAt) != time.Hour+time.Minute {
			s.Errorf("retired at %v, verifies until %v, want an hour and a minute", r.RetiredAt, r.VerifyUntil)
		}
	})
}

func TestRotationWaitsForAReplicaThatHasNotLoadedTheKey(t *testing.T) {
	inSite(t, func(s *site) {
		a, b := s.start("host-a", nil), s.start("host-b", nil)
		wait(lease + soon)
		b.store.fail(errDown)
		second := a.rotate().ID
		wait(time.Hour)
		s.wantStates(keyring.StateActive, keyring.StatePending)
		if a.signs() == second || b.verifies(second) {
			t.Error("the new key is in use though one replica does not know it")
		}
		if waiting := a.status().Rotation.Waiting; !strings.Contains(waiting, "not loaded yet by: host-b (") {
			t.Errorf("waiting is %q, want host-b named", waiting)
		}
		b.store.fail(nil)
		wait(soon)
		if a.signs() != second || b.signs() != second {
			t.Error("the new key does not sign though both hold it")
		}
	})
}

// TestReplicaThatHangsIsWaitedForUntilItsRegistrationExpires: and no longer.
func TestReplicaThatHangsIsWaitedForUntilItsRegistrationExpires(t *testing.T) {
	inSite(t, func(s *site) {
		a, b := s.start("a", nil), s.start("b", nil)
		wait(lease + soon)
		b.store.freeze(true)
		b.registry.freeze(true)
		second := a.rotate().ID
		wait(lease - soon)
		if a.signs() == second {
			t.Error("the new key signs while a replica is registered that does not hold it")
		}
		wait(2 * soon)
		if a.signs() != second {
			t.Errorf("the new key does not sign after the registration has expired: %q", a.status().Rotation.Waiting)
		}
		// Whatever it has signed meanwhile is accepted, and it finds back.
		if !a.verifies(b.signs()) {
			t.Error("what the hanging replica signs is refused")
		}
		b.store.freeze(false)
		b.registry.freeze(false)
		wait(2 * soon)
		if b.signs() != second {
			t.Error("the replica did not find back")
		}
	})
}

func TestReplicaThatStartsIsWaitedFor(t *testing.T) {
	inSite(t, func(s *site) {
		a := s.start("a", nil)
		wait(lease + soon)
		// It registers, and then takes its time to load.
		slow := &nodeStore{s.keys, &way{slow: func() { time.Sleep(time.Second) }}, &contact{}}
		opened := make(chan struct{})
		go func() {
			defer close(opened)
			if _, err := s.tryStart("b", func(o *keyring.Options) { o.Store = slow }); err != nil {
				t.Errorf("Open: %v", err)
			}
		}()
		synctest.Wait()
		second := a.rotate().ID
		wait(1500 * time.Millisecond)
		if a.signs() == second {
			t.Error("the new key signs while a replica is starting")
		}
		<-opened
	})
}

// TestEmptiedRegistryForgetsNobody: replicas that were seen are waited for.
func TestEmptiedRegistryForgetsNobody(t *testing.T) {
	inSite(t, func(s *site) {
		a, b := s.start("a", nil), s.start("host-b", nil)
		wait(lease + soon)
		b.store.fail(errDown)
		b.registry.fail(errDown)
		second := a.rotate().ID
		s.registry.Forget()
		wait(soon)
		if waiting := a.status().Rotation.Waiting; a.signs() == second || !strings.Contains(waiting, "perhaps still running: host-b (") {
			t.Errorf("signing with the new key: %t, waiting %q", a.signs() == second, waiting)
		}
		b.registry.fail(nil)
		wait(lease + soon)
		if a.signs() == second {
			t.Error("the new key signs though a replica came back without it")
		}
		b.store.fail(nil)
		wait(soon)
		if a.signs() != second || b.signs() != second {
			t.Error("the rotation did not go on")
		}
	})
}

// TestReplicaThatHasJustStartedDoesNotActivate: it may not have seen the others yet.
func TestReplicaThatHasJustStartedDoesNotActivate(t *testing.T) {
	inSite(t, func(s *site) {
		a := s.start("a", nil)
		second := a.rotate().ID
		wait(lease - time.Second)
		if a.signs() == second {
			t.Error("it signs with the new key before it has watched for a lease")
		}
		wait(2 * time.Second)
		if a.signs() != second {
			t.Error("it does not sign with the new key after a lease")
		}
	})
}

// TestWithoutTheStateDatabase: all goes on from memory, rotation waits and says so.
func TestWithoutTheStateDatabase(t *testing.T) {
	testOutage(t, "load the signing keys", func(s *site, err error) { s.keys.Fail(err) })
}

func TestWithoutTheRegistry(t *testing.T) {
	testOutage(t, "register this replica", func(s *site, err error) { s.registry.Fail(err) })
}

func testOutage(t *testing.T, operation string, fail func(*site, error)) {
	inSite(t, func(s *site) {
		n := s.start("a", func(o *keyring.Options) { o.Config.PublishAhead = time.Minute })
		first := n.signs()
		wait(lease + soon)
		second := n.rotate().ID
		wait(soon)
		fail(s, errDown)
		generation := n.Generation()
		began := time.Now()
		wait(time.Hour)
		if n.signs() != first || !n.verifies(first) || n.Generation() != generation {
			t.Error("an outage changed the keys in memory")
		}
		status := n.status()
		if r := status.Rotation; !strings.Contains(r.Fault, operation) || strings.Contains(r.Fault, errDown.Error()) ||
			r.FaultSince.Before(began) || r.FaultSince.After(began.Add(soon)) || !strings.Contains(r.Waiting, "nothing is decided") {
			t.Errorf("the status is %+v, want %q since %v", r, operation, began)
		}
		if len(status.Keys) != 2 {
			t.Errorf("the status tells of the keys %+v, want those in memory", status.Keys)
		}
		if failures := n.log.count("level=ERROR"); failures != n.log.count("failing=") || n.log.count(operation) != 1 {
			t.Errorf("the log tells of %d failures, %d times of this one; want once", failures, n.log.count(operation))
		}
		if _, err := n.Rotate(s.Context(), ""); !isUnavailable(err) {
			t.Errorf("Rotate: %v, want ErrUnavailable", err)
		}
		if _, err := n.Revoke(s.Context(), first); !isUnavailable(err) || n.Revoked(first) {
			t.Errorf("Revoke: %v, want ErrUnavailable", err)
		}
		fail(s, nil)
		wait(lease + 2*soon)
		if r := n.status().Rotation; n.signs() != second || r.Fault != "" || !r.FaultSince.IsZero() {
			t.Errorf("after the outage: %+v", r)
		}
		if n.log.count("kept up to date again") == 0 {
			t.Error("the log does not tell of the end")
		}
	})
}

// TestReplicaWithoutTheStoreFollowsTheOthers: it holds the key that the others sign
// with, and would sign for ever with one that is gone some day.
func TestReplicaWithoutTheStoreFollowsTheOthers(t *testing.T) {
	inSite(t, func(s *site) {
		ahead := func(o *keyring.Options) { o.Config.PublishAhead = time.Minute }
		a, b := s.start("a", ahead), s.start("b", ahead)
		wait(lease + soon)
		second := a.rotate().ID
		wait(soon)
		b.store.fail(errDown)
		wait(time.Minute + soon)
		if a.signs() != second || b.signs() != second {
			t.Errorf("signing with the new key: %t and, without the store, %t", a.signs() == second, b.signs() == second)
		}
	})
}

func TestKeyIsNotBuriedWhileAReplicaSignsWithIt(t *testing.T) {
	inSite(t, func(s *site) {
		a := s.start("a", nil)
		first := a.signs()
		wait(lease + soon)
		a.rotate()
		wait(soon)
		s.wantStates(keyring.StateRetiring, keyring.StateActive)
		late := keyring.Replica{ID: "late", Signing: first, Keys: []string{first}}
		for range 4 {
			if _, err := s.registry.Register(s.Context(), late, maxTTL); err != nil {
				t.Fatal(err)
			}
			wait(maxTTL - time.Second)
		}
		s.wantStates(keyring.StateRetiring, keyring.StateActive)
		wait(2 * soon)
		s.wantStates(keyring.StateGone, keyring.StateActive)
	})
}

func TestListingThatCannotBeKeepsTheMemory(t *testing.T) {
	for name, change := range map[string]func([]keyring.Record) []keyring.Record{
		"nothing":   func([]keyring.Record) []keyring.Record { return nil },
		"no active": func(r []keyring.Record) []keyring.Record { r[0].State = keyring.StateRevoked; return r },
		"two active": func(r []keyring.Record) []keyring.Record {
			other := r[0]
			other.KID = "other"
			return append(r, other)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inSite(t, func(s *site) {
				n := s.start("a", nil)
				first, before := n.signs(), s.keys.Records()
				s.keys.Tamper(change)
				wait(time.Minute)
				if n.signs() != first || !n.verifies(first) {
					t.Error("the keys in memory are gone")
				}
				if n.status().Rotation.Fault == "" || n.log.count("the stored signing keys are inconsistent") != 1 {
					t.Errorf("status %+v, told %d times", n.status().Rotation, n.log.count("inconsistent"))
				}
				s.keys.Tamper(func([]keyring.Record) []keyring.Record { return before })
				wait(soon)
				if fault := n.status().Rotation.Fault; fault != "" {
					t.Errorf("mended, and still %q", fault)
				}
			})
		})
	}
}

// TestKeyThatCannotBeUnsealedHere: as during a change of state.encryption_keys that
// has not reached every replica.
func TestKeyThatCannotBeUnsealedHere(t *testing.T) {
	inSite(t, func(s *site) {
		a := s.start("host-a", nil)
		b := s.start("host-b", func(o *keyring.Options) { o.EncryptionKeys = []string{keyB, keyA} })
		first := a.signs()
		wait(lease + soon)
		second := b.rotate().ID
		wait(time.Minute)
		if a.verifies(second) || b.signs() != first {
			t.Error("a key is used that not everybody can unseal")
		}
		if r := a.status().Rotation; !strings.Contains(r.Fault, "unseal") || !strings.Contains(r.Waiting, "host-a") {
			t.Errorf("the status is %+v", r)
		}
		if n := a.log.count("cannot unseal the signing key"); n != 1 {
			t.Errorf("told %d times, want once", n)
		}
		// What it can do, it does.
		b.revoke(second)
		wait(soon)
		if r := a.status().Rotation; !a.Revoked(second) || r.Fault != "" {
			t.Errorf("after the revocation: revoked %t, %+v", a.Revoked(second), r)
		}
	})
}

func TestAlgorithmIsChangedByARotation(t *testing.T) {
	inSite(t, func(s *site) {
		edwards := func(o *keyring.Options) { o.Algorithm = token.EdDSA }
		old := s.start("host-old", nil)
		wait(lease + soon)
		// Half of a rolling deployment.
		fresh := s.start("host-new", edwards)
		wait(time.Hour)
		s.wantStates(keyring.StateActive)
		if waiting := fresh.status().Rotation.Waiting; !strings.Contains(waiting, "tokens.algorithm is EdDSA here") || !strings.Contains(waiting, "host-old (") {
			t.Errorf("waiting is %q", waiting)
		}
		old.stop()
		second := s.start("host-new-2", edwards)
		wait(2*lease + soon)
		s.wantStates(keyring.StateRetiring, keyring.StateActive)
		for _, n := range []*node{fresh, second} {
			if key := signing(t, n.Ring); key.Algorithm() != token.EdDSA {
				t.Errorf("signing with %v", key)
			}
		}
	})
}

// TestAlgorithmByHandStays: what an operator asked for is not rotated away.
func TestAlgorithmByHandStays(t *testing.T) {
	inSite(t, func(s *site) {
		n := s.start("a", nil)
		wait(lease + soon)
		if key, err := n.Rotate(s.Context(), token.HS256); err != nil || key.Algorithm != token.HS256 {
			t.Fatalf("Rotate: %+v, %v", key, err)
		}
		wait(time.Hour)
		s.wantStates(keyring.StateGone, keyring.StateActive)
		if key := signing(t, n.Ring); key.Algorithm() != token.HS256 {
			t.Errorf("signing with %v", key)
		}
	})
}

// TestGenerationGrowsOnlyWithTheKeys: a new one costs every remembered token.
func TestGenerationGrowsOnlyWithTheKeys(t *testing.T) {
	inSite(t, func(s *site) {
		n := s.start("a", nil)
		wait(lease + soon)
		last := n.Generation()
		grows := func(what string, by uint64) {
			s.Helper()
			wait(time.Minute)
			if now := n.Generation(); now != last+by {
				t.Errorf("%s: the generation went from %d to %d, want %d more", what, last, now, by)
			}
			last = n.Generation()
		}
		grows("nothing", 0)
		n.Changed("")
		grows("an announcement of nothing", 0)
		second := n.rotate().ID
		grows("a pending key that signs then", 1)
		n.revoke(second)
		grows("a revocation, and an heir", 2)
		wait(maxTTL)
		grows("a burial", 1)
	})
}

func TestNoTokenCausesAStoreCall(t *testing.T) {
	inSite(t, func(s *site) {
		n := s.start("a", nil)
		wait(lease)
		keys, registry := s.keys.Calls(), s.registry.Calls()
		for range 10_000 {
			kid := rand.Text()
			if _, ok := n.VerificationKey(kid); ok || n.Revoked(kid) {
				t.Fatalf("%s is known", kid)
			}
		}
		synctest.Wait()
		if s.keys.Calls() != keys || s.registry.Calls() != registry {
			t.Errorf("%d calls of the store, %d of the registry", s.keys.Calls()-keys, s.registry.Calls()-registry)
		}
	})
}

func TestReplicasAreRegisteredWhileTheyRun(t *testing.T) {
	inSite(t, func(s *site) {
		n := s.start("host-a", nil)
		wait(time.Minute)
		replicas := n.status().Replicas
		if len(replicas) != 1 {
			t.Fatalf("registered are %+v", replicas)
		}
		r := replicas[0]
		if len(r.ID) != 22 || r.Host != "host-a" || r.Version != "v1" || r.Algorithm != token.ES256 || r.StartedAt.IsZero() ||
			r.Signing != n.signs() || !slices.Equal(r.Keys, []string{n.signs()}) {
			t.Errorf("registered is %+v", r)
		}
		n.stop()
		if view, err := s.registry.Replicas(s.Context()); err != nil || len(view.Replicas) != 0 {
			t.Errorf("after the end: %+v, %v", view, err)
		}
	})
}

// TestReplicaRegistersBeforeItLoads: or it could be overlooked.
func TestReplicaRegistersBeforeItLoads(t *testing.T) {
	inSite(t, func(s *site) {
		s.keys.Fail(errDown)
		if _, err := s.tryStart("a", nil); !isUnavailable(err) {
			t.Errorf("Open: %v, want ErrUnavailable", err)
		}
		view, err := s.registry.Replicas(s.Context())
		if err != nil || len(view.Replicas) != 1 || len(view.Replicas[0].Keys) != 0 || view.Replicas[0].Signing != "" {
			t.Errorf("registered are %+v, %v; want one without keys", view.Replicas, err)
		}
	})
}

// TestOwnClockDecidesNothing: one replica's clock is wrong by years.
func TestOwnClockDecidesNothing(t *testing.T) {
	inSite(t, func(s *site) {
		wrong := func(o *keyring.Options) {
			scheduled(o)
			o.Now = func() time.Time { return time.Now().AddDate(30, 0, 0) }
		}
		n := s.start("a", wrong)
		s.start("b", wrong)
		wait(time.Minute)
		s.wantStates(keyring.StateActive)
		n.rotate()
		wait(6 * time.Minute)
		s.wantStates(keyring.StateRetiring, keyring.StateActive)
		for _, r := range s.keys.Records() {
			if r.CreatedAt.After(time.Now()) {
				t.Errorf("made at %v, by another clock than the shared one", r.CreatedAt)
			}
		}
	})
}

// TestHangingStoreLeavesTheRegistration: who waits for the database is alive,
// however many others wait with it.
func TestHangingStoreLeavesTheRegistration(t *testing.T) {
	inSite(t, func(s *site) {
		a, b := s.start("a", nil), s.start("b", nil)
		wait(lease)
		b.store.freeze(true)
		for range 60 {
			for range 3 {
				go func() { _, _ = b.Status(s.Context()) }()
			}
			wait(time.Second)
			if n := len(a.status().Replicas); n != 2 {
				t.Fatalf("%d replicas are registered, want both", n)
			}
		}
	})
}
