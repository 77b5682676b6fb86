package storetest

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"faveo-gateway/gateway/audit"
)

// TestAuditStore tests the contract of audit.Store. open returns the empty store of one
// test twice, as two replicas have it open; it also ends it.
func TestAuditStore(t *testing.T, open func(*testing.T) (one, other audit.Store)) {
	cases := []struct {
		name string
		test func(*testing.T, *auditSuite)
	}{
		{"a new trail is empty", auditNew},
		{"what was appended is read as it was", auditReadBack},
		{"entries are read behind a number, as many as wanted", auditPages},
		{"a batch that is stored is not stored again", auditUnsure},
		{"a batch that is not stored is, when repeated", auditUnsureOfNothing},
		{"an empty batch changes nothing", auditNothing},
		{"what was pruned is gone, and the trail goes on", auditPruned},
		{"nothing is pruned against the will of seal", auditNotPruned},
		{"a caller who is gone appends nothing", auditGone},
		{"all who append at once make one chain", auditRaces},
		{"whoever prunes meanwhile breaks nothing", auditPruneRaces},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			one, other := open(t)
			c.test(t, &auditSuite{Store: one, other: other})
		})
	}
}

type auditSuite struct {
	audit.Store
	other audit.Store
}

// auditHash is a hash that is told apart by one byte.
func auditHash(b byte) (h audit.Hash) {
	for i := range h {
		h[i] = b
	}
	return h
}

// auditEntry is an entry with everything in it. A store does not know whether it holds.
func auditEntry(sequence uint64) audit.Entry {
	return audit.Entry{
		Event: audit.Event{
			Time: time.UnixMicro(1795422901123456 + int64(sequence)).UTC(), Kind: audit.KindLogin, Outcome: audit.Refused,
			Reason: "invalid_credentials", Actor: "user", UserID: 1<<63 - 1, Subject: "' OR 1=1; -- \\ \"%_", Address: "2001:db8::1",
			Agent: strings.Repeat("é", 100), RequestID: " trailing blanks  ", Detail: strings.Repeat("😀", 50), Count: 1 << 40,
		},
		Version: 1, Sequence: sequence, Previous: auditHash(byte(sequence - 1)), KeyID: "0a1b2c3d",
		Hash: auditHash(byte(sequence)), MAC: audit.Hash{0, 1, 0xff},
	}
}

// auditBatch is a seal of n entries.
func auditBatch(n int) func(audit.Head) audit.Batch {
	return func(h audit.Head) audit.Batch {
		b := audit.Batch{Head: audit.Head{Start: h.Start, KeyID: "0a1b2c3d", MAC: auditHash(byte(n))}}
		for i := range n {
			b.Entries = append(b.Entries, auditEntry(h.Last.Sequence+1+uint64(i)))
			b.Head.Last = b.Entries[i].Link()
		}
		return b
	}
}

// neverSealed is a seal that must not be called.
func neverSealed(t *testing.T) func(audit.Head) audit.Batch {
	return func(audit.Head) audit.Batch {
		t.Error("seal is called for a batch that is stored")
		return audit.Batch{}
	}
}

func (s *auditSuite) add(t *testing.T, n int) {
	t.Helper()
	if err := s.Append(t.Context(), audit.Link{}, auditBatch(n)); err != nil {
		t.Fatalf("Append: %v", err)
	}
}

// want reads through the other store.
func (s *auditSuite) want(t *testing.T, after uint64, limit int, numbers ...uint64) {
	t.Helper()
	got, err := s.other.After(t.Context(), after, limit)
	if err != nil {
		t.Fatalf("After: %v", err)
	}
	var want []audit.Entry
	for _, n := range numbers {
		want = append(want, auditEntry(n))
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("behind %d are %+v\nwant %+v", after, got, want)
	}
}

func (s *auditSuite) wantHead(t *testing.T, last, start uint64) {
	t.Helper()
	h, err := s.other.Head(t.Context())
	if err != nil {
		t.Fatalf("Head: %v", err)
	}
	link := func(n uint64) audit.Link { return audit.Link{Sequence: n, Hash: auditHash(byte(n))} }
	if h.Last != link(last) || h.Start != link(start) {
		t.Errorf("the trail ends with %d and begins behind %d, want %d and %d", h.Last.Sequence, h.Start.Sequence, last, start)
	}
}

func auditNew(t *testing.T, s *auditSuite) {
	s.want(t, 0, 10)
	if h, err := s.Head(t.Context()); err != nil || h != (audit.Head{}) {
		t.Errorf("Head: %+v, %v; want the zero Head", h, err)
	}
}

func auditReadBack(t *testing.T, s *auditSuite) {
	s.add(t, 2)
	s.want(t, 0, 10, 1, 2)
	s.wantHead(t, 2, 0)
	h, err := s.Head(t.Context())
	if want := auditBatch(2)(audit.Head{}).Head; err != nil || h != want {
		t.Errorf("Head: %+v, %v; want %+v", h, err, want)
	}
	err = s.other.Append(t.Context(), audit.Link{}, func(got audit.Head) audit.Batch {
		if got != h {
			t.Errorf("sealed behind %+v, want %+v", got, h)
		}
		return auditBatch(257)(got)
	})
	if err != nil {
		t.Fatalf("Append: %v", err)
	}
	s.want(t, 258, 10, 259)
}

func auditPages(t *testing.T, s *auditSuite) {
	s.add(t, 5)
	s.want(t, 0, 2, 1, 2)
	s.want(t, 2, 2, 3, 4)
	s.want(t, 4, 2, 5)
	s.want(t, 5, 2)
	s.want(t, 1<<40, 2)
}

func auditUnsure(t *testing.T, s *auditSuite) {
	s.add(t, 3)
	s.add(t, 2)
	for _, n := range []uint64{3, 5} {
		stored := audit.Link{Sequence: n, Hash: auditHash(byte(n))}
		if err := s.other.Append(t.Context(), stored, neverSealed(t)); err != nil {
			t.Errorf("Append: %v", err)
		}
	}
	s.want(t, 0, 10, 1, 2, 3, 4, 5)
}

func auditUnsureOfNothing(t *testing.T, s *auditSuite) {
	s.add(t, 3)
	for _, lost := range []audit.Link{
		{Sequence: 3, Hash: auditHash(9)}, // somebody else's has its place
		{Sequence: 7, Hash: auditHash(7)},
	} {
		if err := s.Append(t.Context(), lost, auditBatch(1)); err != nil {
			t.Errorf("Append: %v", err)
		}
	}
	s.want(t, 0, 10, 1, 2, 3, 4, 5)
}

func auditNothing(t *testing.T, s *auditSuite) {
	s.add(t, 1)
	if err := s.Append(t.Context(), audit.Link{}, func(audit.Head) audit.Batch { return audit.Batch{} }); err != nil {
		t.Errorf("Append: %v", err)
	}
	s.want(t, 0, 10, 1)
	s.wantHead(t, 1, 0)
}

// pruneTo is a seal that begins behind the entry of that number.
func pruneTo(n uint64) func(audit.Head) (audit.Head, bool) {
	return func(h audit.Head) (audit.Head, bool) {
		h.Start, h.MAC = audit.Link{Sequence: n, Hash: auditHash(byte(n))}, auditHash(byte(100+n))
		return h, true
	}
}

func auditPruned(t *testing.T, s *auditSuite) {
	s.add(t, 5)
	if err := s.Prune(t.Context(), pruneTo(3)); err != nil {
		t.Fatalf("Prune: %v", err)
	}
	s.want(t, 0, 10, 4, 5)
	s.wantHead(t, 5, 3)
	s.add(t, 1)
	s.wantHead(t, 6, 3)
	if err := s.Prune(t.Context(), pruneTo(6)); err != nil {
		t.Fatalf("Prune: %v", err)
	}
	s.want(t, 0, 10)
	s.add(t, 1)
	s.want(t, 0, 10, 7)
}

func auditNotPruned(t *testing.T, s *auditSuite) {
	s.add(t, 2)
	err := s.Prune(t.Context(), func(h audit.Head) (audit.Head, bool) {
		h.Start = h.Last
		return h, false
	})
	if err != nil {
		t.Errorf("Prune: %v", err)
	}
	s.want(t, 0, 10, 1, 2)
	s.wantHead(t, 2, 0)
}

func auditGone(t *testing.T, s *auditSuite) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Append(ctx, audit.Link{}, auditBatch(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("Append: %v, want context.Canceled", err)
	}
	s.want(t, 0, 10)
	s.wantHead(t, 0, 0)
}

func auditKeys(t *testing.T) audit.Keys {
	t.Helper()
	keys, err := audit.NewKeys("the secret of the test")
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// auditWrite writes n events as a replica does.
func auditWrite(t *testing.T, store audit.Store, keys audit.Keys, n int) {
	t.Helper()
	trail, err := audit.New(audit.Options{Sink: store, Keys: keys, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Error(err)
		return
	}
	for i := range n {
		trail.Record(audit.Event{Kind: audit.KindSessionEnded, Outcome: audit.Success, Detail: strconv.Itoa(i)})
	}
	var running sync.WaitGroup
	running.Go(func() { _ = trail.Run(t.Context()) })
	if err := trail.Close(t.Context()); err != nil {
		t.Errorf("Close: %v", err)
	}
	running.Wait()
}

func auditRaces(t *testing.T, s *auditSuite) {
	const batches = 20
	keys := auditKeys(t)
	var all sync.WaitGroup
	for _, store := range []audit.Store{s.Store, s.other} {
		all.Go(func() {
			for range batches {
				auditWrite(t, store, keys, 3)
			}
		})
	}
	all.Wait()
	p, err := audit.Verify(t.Context(), s, audit.Link{}, 0, keys)
	if want := 2 * 3 * batches; err != nil || p.Fault != "" || p.Checked != want || p.Unproved != 0 {
		t.Errorf("Verify: %+v, %v; want %d entries and no fault", p, err, want)
	}
}

func auditPruneRaces(t *testing.T, s *auditSuite) {
	const batches = 20
	keys := auditKeys(t)
	var all sync.WaitGroup
	later := func() time.Time { return time.Now().Add(2 * time.Hour) }
	for _, store := range []audit.Store{s.Store, s.other} {
		all.Go(func() {
			for range batches {
				auditWrite(t, store, keys, 3)
				p := audit.NewPruner(store, keys, time.Hour, slog.New(slog.DiscardHandler), later)
				if _, err := p.Prune(t.Context()); err != nil {
					t.Errorf("Prune: %v", err)
				}
				if p, err := audit.Verify(t.Context(), store, audit.Link{}, 0, keys); err != nil || p.Fault != "" {
					t.Errorf("Verify: %+v, %v", p, err)
				}
			}
		})
	}
	all.Wait()
	if h, err := s.Head(t.Context()); err != nil || h.Last.Sequence != 2*3*batches || h.Start != h.Last {
		t.Errorf("the head is %+v, %v", h, err)
	}
}
