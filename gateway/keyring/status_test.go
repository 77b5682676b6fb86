package keyring_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"faveo-gateway/gateway/keyring"
	"faveo-gateway/gateway/token"
)

func TestStatusTellsOfEveryKeyAndReplica(t *testing.T) {
	inSite(t, func(s *site) {
		ahead := func(o *keyring.Options) { o.Config.PublishAhead = time.Minute }
		a, b := s.start("host-a", ahead), s.start("host-b", ahead)
		wait(lease)
		first := a.rotate()
		wait(time.Minute + soon)
		second := b.rotate()
		b.revoke(second.ID)
		b.rotate()
		wait(soon)
		status := a.status()
		var states []keyring.State
		for i, key := range status.Keys {
			states = append(states, key.State)
			r := s.keys.Records()[i]
			want := keyring.Key{
				ID: r.KID, Algorithm: token.Algorithm(r.Algorithm), State: r.State, CreatedAt: r.CreatedAt, ActivatedAt: r.ActivatedAt,
				RetiredAt: r.RetiredAt, VerifyUntil: r.VerifyUntil, EndedAt: r.EndedAt,
			}
			if key != want {
				t.Errorf("key %d is %+v, want %+v", i, key, want)
			}
		}
		want := []keyring.State{keyring.StateRetiring, keyring.StateActive, keyring.StateRevoked, keyring.StatePending}
		if !reflect.DeepEqual(states, want) || status.Keys[1].ID != first.ID {
			t.Errorf("the keys are %v, want %v", states, want)
		}
		if len(status.Replicas) != 2 || status.Replicas[0].ID >= status.Replicas[1].ID {
			t.Errorf("the replicas are %+v, want both by id", status.Replicas)
		}
		if got := b.status(); !reflect.DeepEqual(got.Keys, status.Keys) || got.Rotation != status.Rotation {
			t.Errorf("the replicas tell different things: %+v and %+v", got, status)
		}
	})
}

// TestStatusIsFresh: what another replica did counts though nobody was told.
func TestStatusIsFresh(t *testing.T) {
	inSite(t, func(s *site) {
		a, b := s.start("a", nil), s.start("b", nil)
		b.deaf.Store(true)
		wait(lease)
		key := a.rotate()
		if got := b.status(); len(got.Keys) != 2 || got.Keys[1].ID != key.ID {
			t.Errorf("the keys are %+v", got.Keys)
		}
	})
}

func wantAges(t *testing.T, r *prometheus.Registry, ages map[keyring.State]time.Duration) {
	t.Helper()
	text := "# HELP faveo_gateway_signing_key_age_seconds Age of the oldest signing key in each state that has one: pending, active, retiring.\n" +
		"# TYPE faveo_gateway_signing_key_age_seconds gauge\n"
	for _, state := range []keyring.State{keyring.StateActive, keyring.StatePending, keyring.StateRetiring} {
		if age, found := ages[state]; found {
			text += fmt.Sprintf("faveo_gateway_signing_key_age_seconds{state=%q} %d\n", state, int(age.Seconds()))
		}
	}
	if err := testutil.GatherAndCompare(r, strings.NewReader(text), "faveo_gateway_signing_key_age_seconds"); err != nil {
		t.Error(err)
	}
}

func wantRotations(t *testing.T, r *prometheus.Registry, completed, failed, revoked, started int) {
	t.Helper()
	text := fmt.Sprintf(`# HELP faveo_gateway_signing_key_rotations_total Changes of the signing keys by this replica, by result: started (a pending key was made), completed (it began to sign), revoked (a key was revoked), failed (the store failed to).
# TYPE faveo_gateway_signing_key_rotations_total counter
faveo_gateway_signing_key_rotations_total{result="completed"} %d
faveo_gateway_signing_key_rotations_total{result="failed"} %d
faveo_gateway_signing_key_rotations_total{result="revoked"} %d
faveo_gateway_signing_key_rotations_total{result="started"} %d
`, completed, failed, revoked, started)
	if err := testutil.GatherAndCompare(r, strings.NewReader(text), "faveo_gateway_signing_key_rotations_total"); err != nil {
		t.Error(err)
	}
}

func TestKeysAreMeasured(t *testing.T) {
	inSite(t, func(s *site) {
		registry := prometheus.NewRegistry()
		n := s.start("a", func(o *keyring.Options) { o.Registerer, o.Config.PublishAhead = registry, time.Minute })
		began := time.Now()
		wantAges(t, registry, map[keyring.State]time.Duration{keyring.StateActive: 0})
		wantRotations(t, registry, 0, 0, 0, 0)
		wait(lease)
		n.rotate()
		wait(30 * time.Second)
		wantAges(t, registry, map[keyring.State]time.Duration{keyring.StateActive: time.Since(began), keyring.StatePending: 30 * time.Second})
		wantRotations(t, registry, 0, 0, 0, 1)
		wait(time.Minute)
		wantAges(t, registry, map[keyring.State]time.Duration{keyring.StateActive: 90 * time.Second, keyring.StateRetiring: time.Since(began)})
		wantRotations(t, registry, 1, 0, 0, 1)
		n.revoke(n.signs())
		wantRotations(t, registry, 1, 0, 1, 1)
	})
}

// gauge is the value of a metric without labels; found is false when it is absent.
func gauge(t *testing.T, r *prometheus.Registry, name string) (value float64, found bool) {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue(), true
		}
	}
	return 0, false
}

// TestRotationIsDue tells when the next key should sign: by the schedule, then by the key
// that was published; and never without either.
func TestRotationIsDue(t *testing.T) {
	const due = "faveo_gateway_signing_key_rotation_due_timestamp_seconds"
	inSite(t, func(s *site) {
		registry := prometheus.NewRegistry()
		n := s.start("a", func(o *keyring.Options) {
			o.Registerer, o.Config.RotateEvery, o.Config.PublishAhead = registry, 0, time.Minute
		})
		if at, found := gauge(t, registry, due); found {
			t.Errorf("without a schedule the next key is due at %v", at)
		}
		wait(lease)
		n.rotate()
		want := float64(time.Now().Truncate(time.Second).Add(time.Minute).Unix())
		wait(time.Second)
		if at, _ := gauge(t, registry, due); at != want {
			t.Errorf("the pending key is due at %v, want %v, a minute after it was made", at, want)
		}
		wait(2 * time.Minute)
		if at, found := gauge(t, registry, due); found {
			t.Errorf("after the rotation the next key is due at %v", at)
		}
	})
	inSite(t, func(s *site) {
		registry := prometheus.NewRegistry()
		n := s.start("a", func(o *keyring.Options) { o.Registerer, o.Config.RotateEvery = registry, time.Hour })
		want := float64(n.status().Rotation.NextAt.Unix())
		if at, _ := gauge(t, registry, due); at != want {
			t.Errorf("the next key is due at %v, want %v", at, want)
		}
	})
}

// TestKeysAreCompared: replicas with the same keys report the same hash, and each step of
// a rotation another one.
func TestKeysAreCompared(t *testing.T) {
	const hash = "faveo_gateway_signing_keys_hash"
	inSite(t, func(s *site) {
		here, there := prometheus.NewRegistry(), prometheus.NewRegistry()
		a := s.start("a", func(o *keyring.Options) { o.Registerer, o.Config.PublishAhead = here, time.Minute })
		s.start("b", func(o *keyring.Options) { o.Registerer, o.Config.PublishAhead = there, time.Minute })
		seen := map[float64]bool{}
		compare := func(step string) {
			t.Helper()
			one, _ := gauge(t, here, hash)
			other, found := gauge(t, there, hash)
			if !found || one != other {
				t.Errorf("%s: the replicas report %v and %v", step, one, other)
			}
			if seen[one] {
				t.Errorf("%s: the hash is one that was seen before", step)
			}
			seen[one] = true
		}
		compare("the first key")
		wait(lease)
		a.rotate()
		wait(10 * time.Second)
		compare("a pending key")
		wait(2 * time.Minute)
		compare("the next key")
		a.revoke(a.signs())
		wait(10 * time.Second)
		compare("a revoked key")
	})
}

// TestStepThatTheStoreRefusesIsCountedAndToldOnce: as where a right is missing.
func TestStepThatTheStoreRefusesIsCountedAndToldOnce(t *testing.T) {
	inSite(t, func(s *site) {
		registry := prometheus.NewRegistry()
		n := s.start("a", func(o *keyring.Options) {
			o.Registerer, o.Config.RotateEvery, o.Store = registry, time.Hour, readOnly{o.Store}
		})
		wait(61 * time.Minute)
		if r := n.status().Rotation; !strings.Contains(r.Fault, "change the signing keys") {
			t.Errorf("the status is %+v", r)
		}
		if told := n.log.count("change the signing keys in the state database"); told != 1 {
			t.Errorf("told %d times, want once", told)
		}
		if n := failures(t, registry); n < 1 {
			t.Errorf("%v failures are counted", n)
		}
		s.wantStates(keyring.StateActive)
	})
}

// readOnly is a store whose user may read.
type readOnly struct{ keyring.Store }

func (readOnly) AddPending(context.Context, keyring.Record, string) error { return errDown }

// failures is the count of failed changes.
func failures(t *testing.T, r *prometheus.Registry) (n float64) {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "faveo_gateway_signing_key_rotations_total" && m.GetLabel()[0].GetValue() == "failed" {
				n += m.GetCounter().GetValue()
			}
		}
	}
	return n
}

func TestConfig(t *testing.T) {
	validate := func(c keyring.Config) (faults []string) {
		c.Validate(func(path, message string) { faults = append(faults, path+" "+message) })
		return faults
	}
	if c := keyring.DefaultConfig(); validate(c) != nil || c != (keyring.Config{RotateEvery: 720 * time.Hour, PublishAhead: 10 * time.Minute}) {
		t.Errorf("the defaults %+v: %q", c, validate(c))
	}
	for name, tt := range map[string]struct {
		config keyring.Config
		want   []string // paths
	}{
		"nothing":                {keyring.Config{}, nil},
		"by hand, published":     {keyring.Config{PublishAhead: time.Hour}, nil},
		"an hour":                {keyring.Config{RotateEvery: time.Hour, PublishAhead: time.Hour}, nil},
		"less than an hour":      {keyring.Config{RotateEvery: time.Hour - 1}, []string{"rotate_every"}},
		"negative":               {keyring.Config{RotateEvery: -1, PublishAhead: -1, RetireAfter: -1}, []string{"rotate_every", "publish_ahead", "retire_after"}},
		"published for longer":   {keyring.Config{RotateEvery: time.Hour, PublishAhead: time.Hour + 1}, []string{"publish_ahead"}},
		"longer than times last": {keyring.Config{RotateEvery: 1<<63 - 1, PublishAhead: 1<<63 - 1, RetireAfter: 1<<63 - 1}, []string{"rotate_every", "publish_ahead", "retire_after"}},
	} {
		got := validate(tt.config)
		for i, path := range tt.want {
			if i >= len(got) || !strings.HasPrefix(got[i], path+" must") {
				t.Errorf("%s: %q, want faults at %q", name, got, tt.want)
			}
		}
		if len(got) != len(tt.want) {
			t.Errorf("%s: %q, want faults at %q", name, got, tt.want)
		}
	}
}
