package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"faveo-gateway/gateway/keyring"
)

// TestKeyStore tests the contract of keyring.Store. open returns an empty store for
// one test, which also ends it.
func TestKeyStore(t *testing.T, open func(*testing.T) keyring.Store) {
	cases := []struct {
		name string
		test func(*testing.T, *keySuite)
	}{
		{"what was added is listed as it was, the oldest first", keysListed},
		{"one key is active", oneActive},
		{"one key is pending, after the active one", onePending},
		{"what cannot be is not stored", keysImpossible},
		{"the pending key takes the place of the active one", activation},
		{"a key that ends loses its secret", burial},
		{"a key that does not sign is revoked without an heir", revocation},
		{"the pending key inherits", inheritancePending},
		{"a new key inherits", inheritanceNew},
		{"an heir that cannot inherit leaves all as it was", inheritanceRefused},
		{"a secret is sealed anew once", resealing},
		{"of two that are first one is", keyRaces},
		{"no interleaving leaves none or two active", keyInterleavings},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.test(t, &keySuite{Store: open(t)}) })
	}
}

type keySuite struct{ keyring.Store }

// keyTime is the time of a number of hours in the tests.
func keyTime(hours int) time.Time {
	return time.Unix(1795422901, 0).UTC().Add(time.Duration(hours) * time.Hour)
}

// key is a record; its id is of the right length and differs by name, also in case.
func key(name string, state keyring.State, hours int) keyring.Record {
	r := keyring.Record{
		KID: name + strings.Repeat("_", 43-len(name)), Algorithm: "ES256", Configured: "EdDSA", State: state,
		Sealed: []byte("\x00\xff sealed \x80'\";" + name), CreatedAt: keyTime(hours),
	}
	if state == keyring.StateActive {
		r.ActivatedAt = keyTime(hours)
	}
	return r
}

func (s *keySuite) want(t *testing.T, want ...keyring.Record) {
	t.Helper()
	got, err := s.Keys(t.Context())
	if err != nil {
		t.Fatalf("Keys: %v", err)
	}
	for i := range got {
		if len(got[i].Sealed) == 0 {
			got[i].Sealed = nil
		}
	}
	if len(got) == 0 && len(want) == 0 {
		return
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("stored are %v\nwant %v", keyText(got), keyText(want))
	}
}

// keyText is one line for each record.
func keyText(records []keyring.Record) string {
	var text strings.Builder
	for _, r := range records {
		fmt.Fprintf(&text, "\n\t%+v", r)
	}
	return text.String()
}

// must ends the test at the first failure of what prepares it.
func (s *keySuite) must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantAnswer(t *testing.T, call string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: %v, want %v", call, got, want)
	}
}

// begin stores an active key, and a pending one.
func (s *keySuite) begin(t *testing.T) (active, pending keyring.Record) {
	t.Helper()
	active, pending = key("a", keyring.StateActive, 0), key("p", keyring.StatePending, 1)
	s.must(t, s.AddActive(t.Context(), active))
	s.must(t, s.AddPending(t.Context(), pending, active.KID))
	return active, pending
}

func keysListed(t *testing.T, s *keySuite) {
	s.want(t)
	active, pending := key("Mixed", keyring.StateActive, 5), key("mixed", keyring.StatePending, 2)
	active.Sealed = append(active.Sealed, make([]byte, 4000)...)
	s.must(t, s.AddActive(t.Context(), active))
	s.must(t, s.AddPending(t.Context(), pending, active.KID))
	s.want(t, pending, active)
}

func oneActive(t *testing.T, s *keySuite) {
	active := key("a", keyring.StateActive, 0)
	s.must(t, s.AddActive(t.Context(), active))
	wantAnswer(t, "a second active key", s.AddActive(t.Context(), key("b", keyring.StateActive, 1)), keyring.ErrActiveExists)
	s.want(t, active)
}

func onePending(t *testing.T, s *keySuite) {
	wantAnswer(t, "no active key", s.AddPending(t.Context(), key("p", keyring.StatePending, 1), "a"), keyring.ErrChanged)
	active, pending := s.begin(t)
	other := key("q", keyring.StatePending, 2)
	wantAnswer(t, "a second pending key", s.AddPending(t.Context(), other, active.KID), keyring.ErrPendingExists)
	for _, kid := range []string{"", "unknown", pending.KID, strings.ToUpper(active.KID)} {
		wantAnswer(t, "after "+kid, s.AddPending(t.Context(), other, kid), keyring.ErrChanged)
	}
	s.want(t, active, pending)
	s.must(t, s.Activate(t.Context(), pending.KID, active.KID, keyTime(2), keyTime(9)))
	wantAnswer(t, "after a retiring key", s.AddPending(t.Context(), other, active.KID), keyring.ErrChanged)
	s.must(t, s.AddPending(t.Context(), other, pending.KID))
}

func keysImpossible(t *testing.T, s *keySuite) {
	active := key("a", keyring.StateActive, 0)
	bare := active
	bare.Sealed = nil
	refused := map[string]func() error{
		"no secret":          func() error { return s.AddActive(t.Context(), bare) },
		"pending as active":  func() error { return s.AddActive(t.Context(), key("p", keyring.StatePending, 0)) },
		"retiring as active": func() error { return s.AddActive(t.Context(), key("p", keyring.StateRetiring, 0)) },
		"active as pending":  func() error { return s.AddPending(t.Context(), key("b", keyring.StateActive, 0), active.KID) },
		"pending, no secret": func() error {
			return s.AddPending(t.Context(), keyring.Record{KID: "p", State: keyring.StatePending}, active.KID)
		},
		"an heir, no secret ": func() error { return s.Revoke(t.Context(), active.KID, keyTime(1), keyring.Record{KID: "h"}) },
	}
	for name, add := range refused {
		if name == "no secret" {
			if err := add(); err == nil || errors.Is(err, keyring.ErrActiveExists) {
				t.Errorf("%s: %v, want a refusal", name, err)
			}
			s.must(t, s.AddActive(t.Context(), active))
		}
	}
	for name, add := range refused {
		if err := add(); err == nil {
			t.Errorf("%s was stored", name)
		}
	}
	s.want(t, active)
}

func activation(t *testing.T, s *keySuite) {
	active, pending := s.begin(t)
	for name, kids := range map[string][2]string{
		"exchanged": {active.KID, pending.KID}, "unknown pending": {"unknown", active.KID}, "unknown active": {pending.KID, "unknown"},
		"active alone": {active.KID, active.KID}, "pending alone": {pending.KID, pending.KID}, "nothing": {"", ""},
	} {
		wantAnswer(t, name, s.Activate(t.Context(), kids[0], kids[1], keyTime(2), keyTime(9)), keyring.ErrChanged)
	}
	s.want(t, active, pending)
	s.must(t, s.Activate(t.Context(), pending.KID, active.KID, keyTime(2), keyTime(9)))
	retired(&active, 2, 9)
	activated(&pending, 2)
	s.want(t, active, pending)
	wantAnswer(t, "again", s.Activate(t.Context(), pending.KID, active.KID, keyTime(3), keyTime(9)), keyring.ErrChanged)
	s.want(t, active, pending)
}

func retired(r *keyring.Record, at, until int) {
	r.State, r.RetiredAt, r.VerifyUntil = keyring.StateRetiring, keyTime(at), keyTime(until)
}

func activated(r *keyring.Record, at int) { r.State, r.ActivatedAt = keyring.StateActive, keyTime(at) }

func ended(r *keyring.Record, state keyring.State, at int) {
	r.State, r.EndedAt, r.Sealed = state, keyTime(at), nil
}

func burial(t *testing.T, s *keySuite) {
	active, pending := s.begin(t)
	for _, kid := range []string{active.KID, pending.KID, "unknown", ""} {
		wantAnswer(t, "of "+kid, s.Bury(t.Context(), kid, keyTime(2)), keyring.ErrChanged)
	}
	s.want(t, active, pending)
	s.must(t, s.Activate(t.Context(), pending.KID, active.KID, keyTime(2), keyTime(9)))
	s.must(t, s.Bury(t.Context(), active.KID, keyTime(9)))
	retired(&active, 2, 9)
	ended(&active, keyring.StateGone, 9)
	activated(&pending, 2)
	s.want(t, active, pending)
	wantAnswer(t, "again", s.Bury(t.Context(), active.KID, keyTime(10)), keyring.ErrChanged)
	wantAnswer(t, "revoke", s.Revoke(t.Context(), active.KID, keyTime(10), key("h", keyring.StateActive, 10)), keyring.ErrChanged)
	wantAnswer(t, "reseal", s.Reseal(t.Context(), active.KID, []byte("x"), []byte("y")), keyring.ErrChanged)
	s.want(t, active, pending)
}

func revocation(t *testing.T, s *keySuite) {
	first, active := s.begin(t)
	s.must(t, s.Activate(t.Context(), active.KID, first.KID, keyTime(2), keyTime(9)))
	pending := key("q", keyring.StatePending, 3)
	s.must(t, s.AddPending(t.Context(), pending, active.KID))
	s.must(t, s.Revoke(t.Context(), first.KID, keyTime(4), keyring.Record{}))
	s.must(t, s.Revoke(t.Context(), pending.KID, keyTime(5), key("h", keyring.StateActive, 5)))
	retired(&first, 2, 9)
	ended(&first, keyring.StateRevoked, 4)
	activated(&active, 2)
	ended(&pending, keyring.StateRevoked, 5)
	s.want(t, first, active, pending)
	for _, kid := range []string{first.KID, pending.KID, "unknown", ""} {
		wantAnswer(t, "of "+kid, s.Revoke(t.Context(), kid, keyTime(6), keyring.Record{}), keyring.ErrChanged)
	}
	wantAnswer(t, "activate a revoked key", s.Activate(t.Context(), pending.KID, active.KID, keyTime(6), keyTime(9)), keyring.ErrChanged)
	s.want(t, first, active, pending)
	// Its place is free again.
	s.must(t, s.AddPending(t.Context(), key("r", keyring.StatePending, 6), active.KID))
}

func inheritancePending(t *testing.T, s *keySuite) {
	active, pending := s.begin(t)
	s.must(t, s.Revoke(t.Context(), active.KID, keyTime(2), pending))
	ended(&active, keyring.StateRevoked, 2)
	activated(&pending, 2)
	s.want(t, active, pending)
	s.must(t, s.AddPending(t.Context(), key("q", keyring.StatePending, 3), pending.KID))
}

func inheritanceNew(t *testing.T, s *keySuite) {
	active, pending := s.begin(t)
	heir := key("h", keyring.StateActive, 2)
	s.must(t, s.Revoke(t.Context(), active.KID, keyTime(2), heir))
	ended(&active, keyring.StateRevoked, 2)
	activated(&heir, 2)
	s.want(t, active, pending, heir)
}

func inheritanceRefused(t *testing.T, s *keySuite) {
	first, active := s.begin(t)
	s.must(t, s.Activate(t.Context(), active.KID, first.KID, keyTime(2), keyTime(9)))
	retired(&first, 2, 9)
	activated(&active, 2)
	for name, heir := range map[string]keyring.Record{"nobody": {}, "a retiring key": first, "itself": active} {
		wantAnswer(t, name, s.Revoke(t.Context(), active.KID, keyTime(3), heir), keyring.ErrChanged)
	}
	s.want(t, first, active)
}

func resealing(t *testing.T, s *keySuite) {
	active, pending := s.begin(t)
	old, fresh := active.Sealed, []byte("\x01another\x00")
	wantAnswer(t, "of an unknown key", s.Reseal(t.Context(), "unknown", old, fresh), keyring.ErrChanged)
	wantAnswer(t, "of another secret", s.Reseal(t.Context(), active.KID, pending.Sealed, fresh), keyring.ErrChanged)
	s.want(t, active, pending)
	s.must(t, s.Reseal(t.Context(), active.KID, old, fresh))
	active.Sealed = fresh
	s.want(t, active, pending)
	wantAnswer(t, "again", s.Reseal(t.Context(), active.KID, old, []byte("a third")), keyring.ErrChanged)
	s.want(t, active, pending)
}

// keyRaces lets many do the same at once.
func keyRaces(t *testing.T, s *keySuite) {
	const replicas = 8
	race := func(what string, taken error, do func(i int) error) {
		t.Helper()
		results := make([]error, replicas)
		var all sync.WaitGroup
		for i := range replicas {
			all.Go(func() { results[i] = do(i) })
		}
		all.Wait()
		first := 0
		for _, err := range results {
			if err == nil {
				first++
			} else if !errors.Is(err, taken) {
				t.Errorf("%s: %v, want %v", what, err, taken)
			}
		}
		if first != 1 {
			t.Errorf("%s: %d were first, want one", what, first)
		}
	}
	named := func(name string, i int) string { return fmt.Sprintf("%s%d", name, i) }
	state := func(want keyring.State) string {
		records, err := s.Keys(t.Context())
		s.must(t, err)
		i := slices.IndexFunc(records, func(r keyring.Record) bool { return r.State == want })
		if i < 0 {
			t.Fatalf("no key is %s", want)
		}
		return records[i].KID
	}
	race("AddActive", keyring.ErrActiveExists, func(i int) error {
		return s.AddActive(t.Context(), key(named("a", i), keyring.StateActive, i))
	})
	active := state(keyring.StateActive)
	race("AddPending", keyring.ErrPendingExists, func(i int) error {
		return s.AddPending(t.Context(), key(named("p", i), keyring.StatePending, i), active)
	})
	pending := state(keyring.StatePending)
	race("Activate", keyring.ErrChanged, func(int) error {
		return s.Activate(t.Context(), pending, active, keyTime(2), keyTime(3))
	})
	race("Bury", keyring.ErrChanged, func(int) error { return s.Bury(t.Context(), active, keyTime(4)) })
	race("Revoke", keyring.ErrChanged, func(i int) error {
		return s.Revoke(t.Context(), pending, keyTime(5), key(named("h", i), keyring.StateActive, 5))
	})
	if heir := state(keyring.StateActive); heir[0] != 'h' {
		t.Errorf("the heir is %s", heir)
	}
}

// keyInterleavings mixes what concerns the active key. Whatever is first, one key is
// active afterwards, at most one pending, and nothing but the known answers comes.
func keyInterleavings(t *testing.T, s *keySuite) {
	active := key("a", keyring.StateActive, 0).KID
	s.must(t, s.AddActive(t.Context(), key("a", keyring.StateActive, 0)))
	for round := range 12 {
		pending := key(fmt.Sprintf("p%d", round), keyring.StatePending, round)
		heir := key(fmt.Sprintf("h%d", round), keyring.StateActive, round)
		do := []func() error{
			func() error { return s.AddPending(t.Context(), pending, active) },
			func() error { return s.Activate(t.Context(), pending.KID, active, keyTime(round), keyTime(round)) },
			func() error { return s.Revoke(t.Context(), active, keyTime(round), heir) },
			func() error { return s.Revoke(t.Context(), pending.KID, keyTime(round), heir) },
			func() error { return s.Bury(t.Context(), active, keyTime(round)) },
		}
		var all sync.WaitGroup
		for i := range do {
			all.Go(func() {
				err := do[(i+round)%len(do)]()
				if err != nil && !errors.Is(err, keyring.ErrChanged) && !errors.Is(err, keyring.ErrPendingExists) {
					t.Errorf("round %d: %v", round, err)
				}
			})
		}
		all.Wait()
		active = s.wantOneActive(t)
	}
}

// wantOneActive returns the id of the active key.
func (s *keySuite) wantOneActive(t *testing.T) (kid string) {
	t.Helper()
	records, err := s.Keys(t.Context())
	s.must(t, err)
	count := make(map[keyring.State]int)
	for _, r := range records {
		count[r.State]++
		if r.State == keyring.StateActive {
			kid = r.KID
		}
		over := r.State == keyring.StateGone || r.State == keyring.StateRevoked
		if over != (len(r.Sealed) == 0) {
			t.Errorf("a key in state %s has %d sealed bytes", r.State, len(r.Sealed))
		}
	}
	if count[keyring.StateActive] != 1 || count[keyring.StatePending] > 1 {
		t.Fatalf("keys by state: %v, want one active and at most one pending", count)
	}
	return kid
}
