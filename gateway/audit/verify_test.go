package audit_test

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"slices"
	"testing"
	"time"

	"faveo-gateway/gateway/audit"
	"faveo-gateway/gateway/storetest"
)

func TestWholeTrailIsProved(t *testing.T) {
	keys := keysOf(t, "a")
	store := filled(t, keys, 1203) // some pages, some batches
	p := verify(t, store, audit.Link{}, keys)
	wantProved(t, p, 1203)
	if last := store.Entries()[1202]; p.Last != last.Link() {
		t.Errorf("the last is %v, want %v", p.Last, last.Link())
	}
	wantProved(t, verify(t, store, p.Last, keys), 0)
	wantProved(t, verify(t, storetest.NewAudit(), audit.Link{}, keys), 0)
}

// TestPartsAddUp goes on from each part of a trail with the next.
func TestPartsAddUp(t *testing.T) {
	keys := keysOf(t, "a")
	store := filled(t, keys, 25)
	var from audit.Link
	for i, want := range []int{10, 10, 5} {
		p, err := audit.Verify(t.Context(), store, from, 10, keys)
		if err != nil || p.Checked != want || p.More != (i < 2) || p.Fault != "" {
			t.Fatalf("part %d: %+v, %v; want %d entries", i, p, err, want)
		}
		from = p.Last
	}
	if p, err := audit.Verify(t.Context(), store, audit.Link{}, 25, keys); err != nil || p.More {
		t.Errorf("as many as there are: %+v, %v", p, err)
	}
}

// TestChangeOfEveryFieldIsFound: also of fields that are added to Entry later.
func TestChangeOfEveryFieldIsFound(t *testing.T) {
	keys := keysOf(t, "a")
	store := filled(t, keys, 5)
	for _, path := range fieldsOf(reflect.TypeFor[audit.Entry](), nil) {
		entries, head := store.Entries(), headOf(t, store)
		field := reflect.ValueOf(&entries[2]).Elem().FieldByIndex(path)
		change(t, field)
		p := verify(t, fixed{head, entries}, audit.Link{}, keys)
		if p.Fault == "" || p.Checked != 2 {
			t.Errorf("field %v changed: %+v, want a fault behind two entries", path, p)
		}
	}
	for _, path := range fieldsOf(reflect.TypeFor[audit.Head](), nil) {
		head := headOf(t, store)
		change(t, reflect.ValueOf(&head).Elem().FieldByIndex(path))
		if p := verify(t, fixed{head, store.Entries()}, audit.Link{}, keys); p.Fault == "" {
			t.Errorf("field %v of the head changed: %+v, want a fault", path, p)
		}
	}
}

func fieldsOf(t reflect.Type, before []int) (paths [][]int) {
	for i := range t.NumField() {
		path := append(slices.Clone(before), i)
		if f := t.Field(i).Type; f.Kind() == reflect.Struct && f != reflect.TypeFor[time.Time]() {
			paths = append(paths, fieldsOf(f, path)...)
		} else {
			paths = append(paths, path)
		}
	}
	return paths
}

func change(t *testing.T, field reflect.Value) {
	t.Helper()
	switch value := field.Addr().Interface().(type) {
	case *time.Time:
		*value = value.Add(time.Microsecond)
	case *audit.Hash:
		value[31] ^= 1
	default:
		switch {
		case field.CanInt():
			field.SetInt(field.Int() + 1)
		case field.CanUint():
			field.SetUint(field.Uint() + 1)
		case field.Kind() == reflect.String:
			field.SetString(field.String() + "x")
		default:
			t.Fatalf("a field of the type %s", field.Type())
		}
	}
}

// fixed is a trail that is read only.
type fixed struct {
	head    audit.Head
	entries []audit.Entry
}

func (f fixed) Head(context.Context) (audit.Head, error) { return f.head, nil }

func (f fixed) After(_ context.Context, after uint64, limit int) ([]audit.Entry, error) {
	entries := slices.Clone(f.entries)
	slices.SortStableFunc(entries, func(a, b audit.Entry) int { return int(int64(a.Sequence) - int64(b.Sequence)) })
	entries = slices.DeleteFunc(entries, func(e audit.Entry) bool { return e.Sequence <= after })
	return entries[:min(limit, len(entries))], nil
}

func headOf(t *testing.T, r audit.Reader) audit.Head {
	t.Helper()
	h, err := r.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// resealed seals the events of entries anew from the one at index first on, with other
// keys, and returns the head that they make.
func resealed(entries []audit.Entry, first int, with audit.Keys) ([]audit.Entry, audit.Head) {
	var h audit.Head
	if first > 0 {
		h.Last = entries[first-1].Link()
	}
	var events []audit.Event
	for _, e := range entries[first:] {
		events = append(events, e.Event)
	}
	b := audit.Seal(with, h, events)
	return append(slices.Clone(entries[:first]), b.Entries...), b.Head
}

// TestAttacksByWhoCanWrite changes, as somebody without the keys, what is stored: five
// entries.
func TestAttacksByWhoCanWrite(t *testing.T) {
	keys := keysOf(t, "a")
	strangers := keysOf(t, "of a stranger")
	type trail = []audit.Entry
	for name, test := range map[string]struct {
		attack func(*audit.Head, trail) trail
		want   audit.Fault
		at     uint64
	}{
		"the first taken out": {func(_ *audit.Head, e trail) trail { return e[1:] }, audit.FaultMissing, 2},
		"one taken out":       {func(_ *audit.Head, e trail) trail { return slices.Delete(e, 2, 3) }, audit.FaultMissing, 4},
		"one taken out and the rest moved up": {func(h *audit.Head, e trail) trail {
			e = slices.Delete(e, 2, 3)
			e[2].Sequence, e[3].Sequence = 3, 4
			h.Last.Sequence = 4
			return e
		}, audit.FaultChanged, 3},
		"the last taken out": {func(_ *audit.Head, e trail) trail { return e[:4] }, audit.FaultEnd, 5},
		"the last taken out of the head too": {func(h *audit.Head, e trail) trail {
			h.Last, h.KeyID, h.MAC = e[3].Link(), e[3].KeyID, e[3].MAC
			return e[:4]
		}, audit.FaultHead, 4},
		"all taken out": {func(*audit.Head, trail) trail { return nil }, audit.FaultEnd, 1},
		"the first taken out as if pruned": {func(h *audit.Head, e trail) trail {
			h.Start = e[1].Link()
			return e[2:]
		}, audit.FaultHead, 5},
		"all taken out as if pruned": {func(h *audit.Head, e trail) trail {
			h.Start = h.Last
			return nil
		}, audit.FaultHead, 5},
		"the head taken out": {func(h *audit.Head, e trail) trail {
			*h = audit.Head{}
			return e
		}, audit.FaultBehind, 1},
		"two swapped": {func(_ *audit.Head, e trail) trail {
			e[1].Sequence, e[2].Sequence = 3, 2
			return e
		}, audit.FaultChanged, 2},
		"one doubled": {func(_ *audit.Head, e trail) trail { return slices.Insert(e, 2, e[1]) }, audit.FaultPosition, 2},
		"one put in behind the end": {func(_ *audit.Head, e trail) trail {
			more := e[4]
			more.Sequence, more.Previous = 6, more.Hash
			return append(e, more)
		}, audit.FaultBehind, 6},
		"one put in": {func(_ *audit.Head, e trail) trail {
			made, _ := resealed(slices.Insert(slices.Clone(e), 2, e[1]), 2, strangers)
			return append(slices.Clone(made[:3]), e[3:]...)
		}, audit.FaultPrevious, 4},
		"rewritten from the third on by another key": {func(h *audit.Head, e trail) trail {
			e, *h = resealed(e, 2, strangers)
			return e
		}, audit.FaultHeadKey, 5},
		"rewritten under the name of our key": {func(_ *audit.Head, e trail) trail {
			id := e[2].KeyID
			e, _ = resealed(e, 2, strangers)
			e[2].KeyID = id
			return e
		}, audit.FaultChanged, 3},
		"rewritten from the third on, the head as it was": {func(_ *audit.Head, e trail) trail {
			e, _ = resealed(e, 2, strangers)
			return e
		}, audit.FaultHead, 5},
		"made anew by another key": {func(h *audit.Head, e trail) trail {
			e, *h = resealed(e[3:], 0, strangers)
			return e
		}, audit.FaultHeadKey, 2},
	} {
		t.Run(name, func(t *testing.T) {
			store := filled(t, keys, 5)
			head, entries := headOf(t, store), store.Entries()
			entries = test.attack(&head, entries)
			wantFault(t, verify(t, fixed{head, entries}, audit.Link{}, keys), test.want, test.at)
		})
	}
}

// TestTrailThatWasSetBackIsFoundByWhoNotedItsEnd: the store shows an older state, head
// and all, which no key tells from a trail that never went further.
func TestTrailThatWasSetBackIsFoundByWhoNotedItsEnd(t *testing.T) {
	keys := keysOf(t, "a")
	store := filled(t, keys, 3)
	older := fixed{headOf(t, store), store.Entries()}
	write(t, store, keys, 2)
	noted := headOf(t, store).Last
	wantProved(t, verify(t, older, audit.Link{}, keys), 3)
	wantFault(t, verify(t, older, noted, keys), audit.FaultEnd, 5)

	// The same, and then gone on with something else to the same length.
	other := storetest.NewAudit()
	other.Tamper(func(h *audit.Head, _ []audit.Entry) []audit.Entry {
		*h = older.head
		return older.entries
	})
	trail := newTrail(t, other, keys, audit.Options{})
	for range 2 {
		trail.Record(audit.Event{Kind: audit.KindReuse, Outcome: audit.Refused})
	}
	if err := run(t, trail).stop(time.Minute); err != nil {
		t.Fatal(err)
	}
	wantFault(t, verify(t, other, noted, keys), audit.FaultChanged, 5)
	write(t, other, keys, 1)
	wantFault(t, verify(t, other, noted, keys), audit.FaultPrevious, 6)
}

// TestUnknownKeyHidesNothing: somebody rewrites the end with a key that nobody has, head
// and all, so that nothing is wrong that can be proved, and waits for the gateway to go
// on.
func TestUnknownKeyHidesNothing(t *testing.T) {
	keys := keysOf(t, "a")
	store := filled(t, keys, 5)
	store.Tamper(func(h *audit.Head, e []audit.Entry) []audit.Entry {
		e[3].Detail = "nothing of interest"
		e, *h = resealed(e, 3, keysOf(t, "of a stranger"))
		return e
	})
	if p := verify(t, store, audit.Link{}, keys); p.Fault != audit.FaultHeadKey || p.Unproved != 2 || p.Checked != 5 {
		t.Errorf("before the gateway goes on: %+v, want the last two unproved", p)
	}
	write(t, store, keys, 2)
	write(t, store, keys, 2)
	p := verify(t, store, audit.Link{}, keys)
	wantFault(t, p, audit.FaultKey, 6)
	if p.Unproved != 2 {
		t.Errorf("%d are unproved, want the two that were rewritten", p.Unproved)
	}
	if e := store.Entries()[5]; e.Kind != audit.KindTrail || e.Reason != audit.ReasonUnknownKey || e.Actor != "gateway" {
		t.Errorf("the gateway wrote %+v", e.Event)
	}
	// What was honestly written behind can be proved by itself.
	breach := store.Entries()[5]
	wantProved(t, verify(t, store, breach.Link(), keys), 4)
}

// TestTrailsBeginningCutOffUnderAnUnknownKeyIsFound: the entries that are left all hold.
func TestTrailsBeginningCutOffUnderAnUnknownKeyIsFound(t *testing.T) {
	keys := keysOf(t, "a")
	store := filled(t, keys, 5)
	store.Tamper(func(h *audit.Head, e []audit.Entry) []audit.Entry {
		h.Start, h.KeyID = e[1].Link(), "00000000"
		return e[2:]
	})
	wantFault(t, verify(t, store, audit.Link{}, keys), audit.FaultHeadKey, 5)
	write(t, store, keys, 1)
	wantFault(t, verify(t, store, audit.Link{}, keys), audit.FaultKey, 6)
}

// TestNewKeyOnOneReplicaAfterTheOther: for a while one of two signs with a key that the
// other one does not have yet.
func TestNewKeyOnOneReplicaAfterTheOther(t *testing.T) {
	before, after := keysOf(t, "old"), keysOf(t, "new", "old")
	store := filled(t, before, 2)
	write(t, store, after, 2)  // proves what stands before
	write(t, store, before, 2) // cannot, and says so
	write(t, store, after, 2)
	wantProved(t, verify(t, store, audit.Link{}, after), 9)
	wantFault(t, verify(t, store, audit.Link{}, before), audit.FaultKey, 5)
	// The old key is not needed once the new one has signed behind it.
	only := keysOf(t, "new")
	wantFault(t, verify(t, store, audit.Link{}, keysOf(t, "other")), audit.FaultKey, 5)
	p := verify(t, store, audit.Link{}, only)
	wantProved(t, p, 9)
}

// TestAllKeysReplacedAtOnce, as when state.encryption_keys are set for the first time.
func TestAllKeysReplacedAtOnce(t *testing.T) {
	store := filled(t, keysOf(t, "old"), 3)
	write(t, store, keysOf(t, "new"), 3)
	wantFault(t, verify(t, store, audit.Link{}, keysOf(t, "new")), audit.FaultKey, 4)
	wantProved(t, verify(t, store, audit.Link{}, keysOf(t, "new", "old")), 7)
}

// TestBreachEntryCannotBeExplainedAway: the head was changed before the breach, under a
// key that is known later.
func TestBreachEntryCannotBeExplainedAway(t *testing.T) {
	old, keys := keysOf(t, "old"), keysOf(t, "new")
	store := filled(t, old, 3)
	store.Tamper(func(h *audit.Head, e []audit.Entry) []audit.Entry {
		h.Start = e[0].Link()
		return e[1:]
	})
	write(t, store, keys, 1)
	wantFault(t, verify(t, store, audit.Link{}, keysOf(t, "new", "old")), audit.FaultBreach, 4)
}

// TestAppendedMeanwhile and pruned meanwhile: neither is a fault.
func TestChangedWhileItIsVerified(t *testing.T) {
	keys := keysOf(t, "a")
	store := filled(t, keys, 3)
	grows := &meanwhile{Audit: store, do: func() { write(t, store, keys, 2) }}
	wantProved(t, verify(t, grows, audit.Link{}, keys), 3)

	pruner := audit.NewPruner(store, keys, time.Hour, slog.New(slog.DiscardHandler), func() time.Time { return moment.Add(time.Hour + 2*time.Second) })
	shrinks := &meanwhile{Audit: store, do: func() {
		if n, err := pruner.Prune(t.Context()); err != nil || n != 2 {
			t.Errorf("pruned %d, %v; want 2", n, err)
		}
	}}
	wantProved(t, verify(t, shrinks, audit.Link{}, keys), 3)
}

// meanwhile does something behind the first answer.
type meanwhile struct {
	*storetest.Audit
	do func()
}

func (m *meanwhile) Head(ctx context.Context) (audit.Head, error) {
	h, err := m.Audit.Head(ctx)
	if m.do != nil {
		do := m.do
		m.do = nil
		do()
	}
	return h, err
}

func TestUnreadableTrailIsNoVerdict(t *testing.T) {
	keys, fault := keysOf(t, "a"), errors.New("down")
	store := filled(t, keys, 3)
	store.Fail(fault)
	if p, err := audit.Verify(t.Context(), store, audit.Link{}, 0, keys); !errors.Is(err, fault) || p != (audit.Proof{}) {
		t.Errorf("%+v, %v; want the fault and no proof", p, err)
	}
}

func TestTail(t *testing.T) {
	store := filled(t, keysOf(t, "a"), 5)
	for limit, want := range map[int]int{0: 0, 2: 2, 5: 5, 9: 5} {
		got, err := audit.Tail(t.Context(), store, limit)
		if err != nil || len(got) != want || want > 0 && got[want-1].Sequence != 5 {
			t.Errorf("the last %d: %+v, %v", limit, got, err)
		}
	}
}
