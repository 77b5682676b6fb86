package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"faveo-gateway/gateway/keyring"
	"faveo-gateway/gateway/token"
)

// OpenRegistry opens an empty registry for one test, which also ends it. advance
// moves its clock; it is nil for a registry whose time cannot be moved, for which
// the tests wait.
type OpenRegistry func(t *testing.T) (registry keyring.Registry, advance func(time.Duration))

// TestRegistry tests the contract of keyring.Registry. Registries that open
// returns must not see each other's replicas.
func TestRegistry(t *testing.T, open OpenRegistry) {
	cases := []struct {
		name string
		test func(*testing.T, *registrySuite)
	}{
		{"nobody is there at first", nobody},
		{"who registers is seen as it is", registered},
		{"whatever a name holds comes back", oddNames},
		{"a renewal takes the place of what was", renewed},
		{"everybody is seen, by id", everybody},
		{"who does not renew expires", expired},
		{"who leaves is gone, and can come back", left},
		{"the clock goes on", clockGoesOn},
		{"an announcement needs nobody to hear it", announced},
		{"a caller that is gone gets no answer", callerGone},
		{"parallel registrations are all seen", parallelRegistrations},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			registry, advance := open(t)
			c.test(t, &registrySuite{Registry: registry, advance: advance})
		})
	}
}

type registrySuite struct {
	keyring.Registry
	advance func(time.Duration)
}

const (
	longLease = time.Hour
	// registryPatience bounds the wait for a clock that cannot be moved.
	registryPatience = 5 * time.Second
)

func replica(name string, keys ...string) keyring.Replica {
	r := keyring.Replica{
		ID: name + strings.Repeat("-", 22-len(name)), Host: "host-" + name, Version: "v1.2.3",
		StartedAt: time.Unix(1795422901, 0).UTC(), Algorithm: token.EdDSA, Keys: keys,
	}
	if len(keys) > 0 {
		r.Signing = keys[0]
	}
	return r
}

func (s *registrySuite) register(t *testing.T, r keyring.Replica, lease time.Duration) keyring.View {
	t.Helper()
	v, err := s.Register(t.Context(), r, lease)
	if err != nil {
		t.Fatalf("Register: %v", err)
	}
	return v
}

func (s *registrySuite) view(t *testing.T) keyring.View {
	t.Helper()
	v, err := s.Replicas(t.Context())
	if err != nil {
		t.Fatalf("Replicas: %v", err)
	}
	return v
}

// wantView compares all but the times of expiry, which must lie ahead, be whole
// milliseconds and UTC, as must the view's own time.
func wantView(t *testing.T, got keyring.View, want ...keyring.Replica) {
	t.Helper()
	if got.Now.IsZero() || got.Now.Location() != time.UTC {
		t.Errorf("the time of the view is %v, want one in UTC", got.Now)
	}
	var seen []keyring.Replica
	for _, r := range got.Replicas {
		if !r.ExpiresAt.After(got.Now) || r.ExpiresAt.Location() != time.UTC || !r.ExpiresAt.Equal(r.ExpiresAt.Truncate(time.Millisecond)) {
			t.Errorf("%s expires at %v, seen at %v", r.ID, r.ExpiresAt, got.Now)
		}
		r.ExpiresAt = time.Time{}
		if len(r.Keys) == 0 {
			r.Keys = nil
		}
		seen = append(seen, r)
	}
	if !reflect.DeepEqual(seen, want) {
		t.Errorf("seen are %+v\nwant %+v", seen, want)
	}
}

func nobody(t *testing.T, s *registrySuite) { wantView(t, s.view(t)) }

func registered(t *testing.T, s *registrySuite) {
	r := replica("a", "kid-1", "kid-2")
	v := s.register(t, r, 90*time.Second)
	wantView(t, v, r)
	if left := v.Replicas[0].ExpiresAt.Sub(v.Now); left > 90*time.Second || left < 89*time.Second {
		t.Errorf("the registration has %v left, want its lease of 90s", left)
	}
	wantView(t, s.view(t), r)
	// Who is starting holds nothing yet.
	starting := replica("b")
	wantView(t, s.register(t, starting, longLease), r, starting)
}

func oddNames(t *testing.T, s *registrySuite) {
	r := replica("a")
	r.Host, r.Version = "h\"ö's\\\n\t{}:*<&>\u2028", strings.Repeat("v", 300)
	for i := range 40 {
		r.Keys = append(r.Keys, fmt.Sprintf("kid_-%02d%s", i, strings.Repeat("x", 36)))
	}
	s.register(t, r, longLease)
	wantView(t, s.view(t), r)
}

func renewed(t *testing.T, s *registrySuite) {
	first := s.register(t, replica("a"), time.Minute)
	r := replica("a", "kid-1")
	second := s.register(t, r, longLease)
	wantView(t, second, r)
	if !second.Replicas[0].ExpiresAt.After(first.Replicas[0].ExpiresAt) {
		t.Errorf("renewed until %v, before until %v", second.Replicas[0].ExpiresAt, first.Replicas[0].ExpiresAt)
	}
	// Keys can also be lost.
	r = replica("a")
	wantView(t, s.register(t, r, longLease), r)
	wantView(t, s.view(t), r)
}

func everybody(t *testing.T, s *registrySuite) {
	b, a, c := replica("b", "kid-1"), replica("A", "kid-1"), replica("c", "kid-2")
	s.register(t, b, longLease)
	s.register(t, c, longLease)
	wantView(t, s.register(t, a, longLease), a, b, c)
	wantView(t, s.view(t), a, b, c)
}

func expired(t *testing.T, s *registrySuite) {
	stays, short := replica("a", "kid-1"), replica("b", "kid-1")
	s.register(t, stays, longLease)
	if s.advance == nil {
		s.register(t, short, 300*time.Millisecond)
		s.eventually(t, stays)
		return
	}
	s.register(t, short, 15*time.Second)
	s.advance(15*time.Second - time.Millisecond)
	wantView(t, s.view(t), stays, short)
	// Its own renewal counts, and no other one's.
	s.register(t, stays, longLease)
	s.advance(time.Millisecond)
	wantView(t, s.view(t), stays)
	s.register(t, short, 15*time.Second)
	s.advance(10 * time.Second)
	s.register(t, short, 15*time.Second)
	s.advance(10 * time.Second)
	wantView(t, s.view(t), stays, short)
}

// eventually waits until nobody but want is there.
func (s *registrySuite) eventually(t *testing.T, want keyring.Replica) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), registryPatience)
	defer cancel()
	for {
		v, err := s.Replicas(ctx)
		if err != nil {
			t.Fatalf("Replicas: %v", err)
		}
		if len(v.Replicas) == 1 {
			wantView(t, v, want)
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("still there: %+v", v.Replicas)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func left(t *testing.T, s *registrySuite) {
	a, b := replica("a", "kid-1"), replica("b", "kid-1")
	s.register(t, a, longLease)
	s.register(t, b, longLease)
	for _, id := range []string{a.ID, a.ID, replica("unknown").ID} {
		if err := s.Leave(t.Context(), id); err != nil {
			t.Errorf("Leave(%s): %v", id, err)
		}
		wantView(t, s.view(t), b)
	}
	wantView(t, s.register(t, a, longLease), a, b)
}

func clockGoesOn(t *testing.T, s *registrySuite) {
	before := s.view(t).Now
	if s.advance != nil {
		s.advance(time.Minute)
	}
	after := s.register(t, replica("a"), longLease).Now
	if after.Before(before) || (s.advance != nil && after.Sub(before) < time.Minute) {
		t.Errorf("the clock shows %v, before %v", after, before)
	}
}

func announced(t *testing.T, s *registrySuite) {
	for _, kid := range []string{"", strings.Repeat("k", 43)} {
		if err := s.AnnounceKeys(t.Context(), kid); err != nil {
			t.Errorf("AnnounceKeys(%q): %v", kid, err)
		}
	}
	wantView(t, s.view(t))
}

func callerGone(t *testing.T, s *registrySuite) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, register := s.Register(ctx, replica("a"), longLease)
	_, replicas := s.Replicas(ctx)
	for name, err := range map[string]error{
		"Register": register, "Replicas": replicas, "Leave": s.Leave(ctx, "a"), "AnnounceKeys": s.AnnounceKeys(ctx, ""),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled", name, err)
		}
	}
}

func parallelRegistrations(t *testing.T, s *registrySuite) {
	var want []keyring.Replica
	for i := range 20 {
		want = append(want, replica(fmt.Sprintf("r%02d", i), "kid-1"))
	}
	var all sync.WaitGroup
	for _, r := range want {
		all.Go(func() {
			v, err := s.Register(t.Context(), r, longLease)
			if err != nil {
				t.Errorf("Register: %v", err)
			}
			if !slices.ContainsFunc(v.Replicas, func(other keyring.Replica) bool { return other.ID == r.ID }) {
				t.Errorf("%s does not see itself", r.ID)
			}
		})
	}
	all.Wait()
	wantView(t, s.view(t), want...)
}
