package faveo_test

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"faveo-gateway/upstream/faveo"
	"faveo-gateway/upstream/faveo/faveotest"
)

var errDown = errors.New("down")

// source is a database in memory. What it answers is what it holds when the read begins.
type source struct {
	mu      sync.Mutex
	tickets map[uint64]faveo.Ticket
	persons map[uint64]faveo.Affiliation
	err     error
	// gate, when set, holds reads back until it is closed.
	gate  chan struct{}
	reads int
}

func newSource() *source {
	return &source{
		tickets: map[uint64]faveo.Ticket{1: {ID: 1, Owner: 4}, 2: {ID: 2, Owner: 5}},
		persons: map[uint64]faveo.Affiliation{4: {Email: "alice@example.test"}},
	}
}

func (s *source) Tickets(ctx context.Context, ids []uint64) (map[uint64]faveo.Ticket, error) {
	s.mu.Lock()
	found, err, gate := map[uint64]faveo.Ticket{}, s.err, s.gate
	s.reads++
	for _, id := range ids {
		if ticket, ok := s.tickets[id]; ok {
			found[id] = ticket
		}
	}
	s.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	if err != nil {
		return nil, err
	}
	return found, nil
}

func (s *source) Affiliation(_ context.Context, userID uint64) (faveo.Affiliation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	a, ok := s.persons[userID]
	switch {
	case s.err != nil:
		return faveo.Affiliation{}, s.err
	case !ok:
		return faveo.Affiliation{}, faveo.ErrNotFound
	}
	return a, nil
}

func (s *source) change(do func(*source)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do(s)
}

// expect asks for tickets and compares owners, freshness and the number of reads so far.
func (s *source) expect(t *testing.T, o *faveo.Objects, ids []uint64, owners map[uint64]uint64, fresh bool, reads int) {
	t.Helper()
	found, wasFresh, err := o.Tickets(t.Context(), ids)
	got := map[uint64]uint64{}
	for id, ticket := range found {
		got[id] = ticket.Owner
	}
	if err != nil || !reflect.DeepEqual(got, owners) || wasFresh != fresh || s.reads != reads {
		t.Errorf("Tickets(%v) = %v, fresh %v, %v after %d reads, want %v, fresh %v, after %d", ids, got, wasFresh, err, s.reads, owners, fresh, reads)
	}
}

type owners = map[uint64]uint64

func TestObjectsAreRememberedForTheTTL(t *testing.T) {
	for name, test := range map[string]struct{ ttl, want time.Duration }{
		"as configured": {4 * time.Second, 4 * time.Second},
		"default":       {0, 10 * time.Second},
		"at most 10 s":  {time.Hour, 10 * time.Second},
		"nonsense":      {-time.Second, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := newSource(), &clock{now: time.Unix(1795422695, 0)}
			o := faveo.NewObjects(s, test.ttl, c.Now)
			s.expect(t, o, []uint64{1}, owners{1: 4}, true, 1)
			s.change(func(s *source) { s.tickets[1] = faveo.Ticket{ID: 1, Owner: 9} })
			c.advance(test.want - 1)
			s.expect(t, o, []uint64{1}, owners{1: 4}, false, 1)
			c.advance(1)
			s.expect(t, o, []uint64{1}, owners{1: 9}, true, 2)
		})
	}
}

// TestAgeCountsFromTheBeginningOfTheRead: a slow database makes nothing older than it may be.
func TestAgeCountsFromTheBeginningOfTheRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSource()
		s.gate = make(chan struct{})
		o := faveo.NewObjects(s, 10*time.Second, nil)
		time.AfterFunc(8*time.Second, func() { close(s.gate) })
		s.expect(t, o, []uint64{1}, owners{1: 4}, true, 1)
		time.Sleep(2*time.Second - 1)
		s.expect(t, o, []uint64{1}, owners{1: 4}, false, 1)
		time.Sleep(time.Nanosecond)
		s.expect(t, o, []uint64{1}, owners{1: 4}, true, 2)
	})
}

// TestNewTicketIsVisibleAtOnce: nobody can make a ticket invisible by asking for it before it exists.
func TestNewTicketIsVisibleAtOnce(t *testing.T) {
	s := newSource()
	o := faveo.NewObjects(s, 0, nil)
	s.expect(t, o, []uint64{3}, owners{}, true, 1)
	s.expect(t, o, []uint64{3}, owners{}, true, 2)
	s.expect(t, o, []uint64{3, 1}, owners{1: 4}, true, 3)
	s.change(func(s *source) { s.tickets[3] = faveo.Ticket{ID: 3, Owner: 4} })
	s.expect(t, o, []uint64{3}, owners{3: 4}, true, 4)
	if a, err := o.Affiliation(t.Context(), 6); !errors.Is(err, faveo.ErrNotFound) {
		t.Errorf("Affiliation(6) = %v, %v, want ErrNotFound", a, err)
	}
	s.change(func(s *source) { s.persons[6] = faveo.Affiliation{Email: "new@example.test"} })
	expectAffiliation(t, o, 6, faveo.Affiliation{Email: "new@example.test"})
}

// TestFaultIsNoAnswer: a database that fails is never remembered and never an absent object.
func TestFaultIsNoAnswer(t *testing.T) {
	s := newSource()
	o := faveo.NewObjects(s, 0, nil)
	s.err = errDown
	for name, call := range map[string]func() error{
		"one ticket":       func() error { _, _, err := o.Tickets(t.Context(), []uint64{1}); return err },
		"a missing ticket": func() error { _, _, err := o.Tickets(t.Context(), []uint64{3}); return err },
		"a list":           func() error { _, _, err := o.Tickets(t.Context(), []uint64{1, 3}); return err },
		"afresh":           func() error { _, err := o.ReadTickets(t.Context(), []uint64{1}); return err },
		"a person":         func() error { _, err := o.Affiliation(t.Context(), 4); return err },
	} {
		if err := call(); !errors.Is(err, errDown) || errors.Is(err, faveo.ErrNotFound) {
			t.Errorf("%s: %v, want the fault", name, err)
		}
	}
	s.err = nil
	s.expect(t, o, []uint64{1}, owners{1: 4}, true, 6)
	expectAffiliation(t, o, 4, faveo.Affiliation{Email: "alice@example.test"})
}

func TestListsAreRememberedWholeOrNot(t *testing.T) {
	s := newSource()
	o := faveo.NewObjects(s, 0, nil)
	s.expect(t, o, nil, owners{}, true, 1)
	s.expect(t, o, []uint64{1}, owners{1: 4}, true, 2)
	s.expect(t, o, []uint64{1, 2}, owners{1: 4, 2: 5}, true, 3)
	s.expect(t, o, []uint64{2, 1, 2}, owners{1: 4, 2: 5}, false, 3)
	s.expect(t, o, []uint64{2}, owners{2: 5}, false, 3)
	s.expect(t, o, []uint64{1, 2, 3}, owners{1: 4, 2: 5}, true, 4)
	many := make([]uint64, faveo.MaxTickets+1)
	for i := range many {
		many[i] = 1 // All of them in memory.
	}
	if found, _, err := o.Tickets(t.Context(), many); !errors.Is(err, faveo.ErrTooManyIDs) || found != nil {
		t.Errorf("%d ids: %v, %v, want ErrTooManyIDs", len(many), found, err)
	}
}

// TestReadTicketsPassesTheMemory: a refusal rests on what holds now.
func TestReadTicketsPassesTheMemory(t *testing.T) {
	s := newSource()
	o := faveo.NewObjects(s, 0, nil)
	s.expect(t, o, []uint64{1, 2}, owners{1: 4, 2: 5}, true, 1)
	s.change(func(s *source) { s.tickets[1] = faveo.Ticket{ID: 1, Owner: 9}; delete(s.tickets, 2) })
	for _, ids := range [][]uint64{{1}, {1, 2}, {2}} {
		found, err := o.ReadTickets(t.Context(), ids)
		if err != nil || found[1].Owner == 4 || len(found) > 1 {
			t.Errorf("ReadTickets(%v) = %v, %v", ids, found, err)
		}
	}
	s.expect(t, o, []uint64{1}, owners{1: 9}, false, 4)
}

// TestRefusalsCostTheSame: refusing as the doc comment says takes one read, for a missing ticket as for a foreign one,
// the first time and later.
func TestRefusalsCostTheSame(t *testing.T) {
	s := newSource()
	o := faveo.NewObjects(s, 0, nil)
	refuse := func(ids ...uint64) int {
		before := s.reads
		if _, fresh, err := o.Tickets(t.Context(), ids); err != nil {
			t.Fatal(err)
		} else if !fresh {
			if _, err := o.ReadTickets(t.Context(), ids); err != nil {
				t.Fatal(err)
			}
		}
		return s.reads - before
	}
	for round := range 3 {
		for name, ids := range map[string][]uint64{"foreign": {2}, "missing": {3}, "own and foreign": {1, 2}, "own and missing": {1, 3}} {
			if n := refuse(ids...); n != 1 {
				t.Errorf("round %d, %s: %d reads, want 1", round, name, n)
			}
		}
	}
}

func TestLargeTicketsAreNotRemembered(t *testing.T) {
	s := newSource()
	s.tickets[7] = faveo.Ticket{ID: 7, Owner: 4, Collaborators: make([]uint64, 2000)}
	o := faveo.NewObjects(s, 0, nil)
	s.expect(t, o, []uint64{7}, owners{7: 4}, true, 1)
	s.expect(t, o, []uint64{7}, owners{7: 4}, true, 2)
}

// TestMemoryIsBounded: who walks through all ids pushes others out and fills nothing.
func TestMemoryIsBounded(t *testing.T) {
	s := newSource()
	o := faveo.NewObjects(s, 0, func() time.Time { return time.Time{} })
	for id := uint64(1); id <= 10000; id++ {
		s.tickets[id] = faveo.Ticket{ID: id, Owner: 4}
		s.expect(t, o, []uint64{id}, owners{id: 4}, true, int(id))
	}
	s.expect(t, o, []uint64{10000}, owners{10000: 4}, false, 10000)
	s.expect(t, o, []uint64{1}, owners{1: 4}, true, 10001)
}

func TestWarmLookupAllocatesNothing(t *testing.T) {
	o := faveo.NewObjects(newSource(), 0, nil)
	ids, ctx := []uint64{1}, t.Context()
	allocations := testing.AllocsPerRun(100, func() {
		if _, _, err := o.Tickets(ctx, ids); err != nil {
			t.Fatal(err)
		}
		if _, err := o.Affiliation(ctx, 4); err != nil {
			t.Fatal(err)
		}
	})
	if allocations > 0 {
		t.Errorf("%v allocations, want none", allocations)
	}
}

// TestObjectsOfTheDatabase runs the memory over MariaDB from many sides.
func TestObjectsOfTheDatabase(t *testing.T) {
	d := faveotest.New(t)
	o := faveo.NewObjects(open(t, d, faveo.Options{}), time.Millisecond, nil)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for n := range uint64(100) {
				id := (n+uint64(i))%14 + 1 // 13 and 14 are missing.
				found, fresh, err := o.Tickets(t.Context(), []uint64{id})
				if err == nil && !fresh && n%2 == 0 {
					found, err = o.ReadTickets(t.Context(), []uint64{id})
				}
				if err != nil || (found[id].ID == id) != (id <= 12) || len(found) > 1 {
					t.Errorf("ticket %d: %v, %v", id, found, err)
				}
				if a, err := o.Affiliation(t.Context(), 2); err != nil || a.Email != "sam@example.test" {
					t.Errorf("Affiliation = %v, %v", a, err)
				}
			}
		})
	}
	group.Wait()
}

func BenchmarkObjects(b *testing.B) {
	o := faveo.NewObjects(newSource(), 0, nil)
	ids, ctx := []uint64{1}, b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := o.Tickets(ctx, ids); err != nil {
			b.Fatal(err)
		}
	}
}
