package faveo_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"faveo-gateway/upstream/faveo"
)

// asked is a call of Tickets or ReadTickets under way.
type asked struct {
	owner uint64
	fresh bool
	err   error
	over  bool
}

func ask(ctx context.Context, o *faveo.Objects, id uint64) *asked {
	a := new(asked)
	go func() {
		var found map[uint64]faveo.Ticket
		found, a.fresh, a.err = o.Tickets(ctx, []uint64{id})
		a.owner, a.over = found[id].Owner, true
	}()
	synctest.Wait()
	return a
}

func askAfresh(ctx context.Context, o *faveo.Objects, id uint64) *asked {
	a := new(asked)
	go func() {
		var found map[uint64]faveo.Ticket
		found, a.err = o.ReadTickets(ctx, []uint64{id})
		a.owner, a.over = found[id].Owner, true
	}()
	synctest.Wait()
	return a
}

// gated is a source whose reads wait for release.
func gated() (s *source, release func()) {
	s = newSource()
	s.gate = make(chan struct{})
	return s, func() {
		s.change(func(s *source) {
			close(s.gate)
			s.gate = nil
		})
		synctest.Wait()
	}
}

func TestSameTicketIsReadOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, release := gated()
		o := faveo.NewObjects(s, 0, nil)
		leader, other := ask(t.Context(), o, 1), ask(t.Context(), o, 2)
		joined := []*asked{ask(t.Context(), o, 1), ask(t.Context(), o, 1), ask(t.Context(), o, 1)}
		if s.reads != 2 {
			t.Errorf("%d reads, want one for each of two tickets", s.reads)
		}
		release()
		if *leader != (asked{4, true, nil, true}) || *other != (asked{5, true, nil, true}) {
			t.Errorf("the readers got %+v and %+v", *leader, *other)
		}
		for _, a := range joined {
			if *a != (asked{4, false, nil, true}) {
				t.Errorf("who joined got %+v", *a)
			}
		}
	})
}

// TestClientGoneDisturbsNobody: neither the reader's client nor a waiting one takes the others along.
func TestClientGoneDisturbsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, release := gated()
		o := faveo.NewObjects(s, 0, nil)
		ctx, cancel := context.WithCancel(t.Context())
		leader, leaving, staying := ask(ctx, o, 1), ask(ctx, o, 1), ask(t.Context(), o, 1)
		cancel()
		synctest.Wait()
		if !leaving.over || !errors.Is(leaving.err, context.Canceled) {
			t.Errorf("the client who left got %+v", *leaving)
		}
		if late := ask(ctx, o, 2); !errors.Is(late.err, context.Canceled) || s.reads != 1 {
			t.Errorf("a client who is gone got %+v after %d reads", *late, s.reads)
		}
		release()
		if leader.owner != 4 || leader.err != nil || staying.owner != 4 || staying.err != nil {
			t.Errorf("the others got %+v and %+v", *leader, *staying)
		}
	})
}

func TestJoinedFaultIsAFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, release := gated()
		s.err = errDown
		o := faveo.NewObjects(s, 0, nil)
		all := []*asked{ask(t.Context(), o, 1), ask(t.Context(), o, 1), askAfresh(t.Context(), o, 1)}
		release()
		for _, a := range all {
			if !errors.Is(a.err, errDown) || !a.over {
				t.Errorf("got %+v, want the fault", *a)
			}
		}
		if s.reads != 1 {
			t.Errorf("%d reads of a database that is down, want 1", s.reads)
		}
		s.change(func(s *source) { s.err = nil })
		if again := ask(t.Context(), o, 1); again.owner != 4 || again.err != nil || !again.fresh {
			t.Errorf("afterwards: %+v", *again)
		}
	})
}

// TestReadThatBeganBeforeIsNoRefusal: a ticket that was created, or given to the caller, while a read was under way.
func TestReadThatBeganBeforeIsNoRefusal(t *testing.T) {
	for name, id := range map[string]uint64{"created": 3, "given to another": 2} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, release := gated()
				o := faveo.NewObjects(s, 0, nil)
				early := ask(t.Context(), o, id)
				s.change(func(s *source) { s.tickets[id] = faveo.Ticket{ID: id, Owner: 4} })
				joined, afresh, second := ask(t.Context(), o, id), askAfresh(t.Context(), o, id), askAfresh(t.Context(), o, id)
				first := s.gate
				s.change(func(s *source) { s.gate = make(chan struct{}) })
				close(first)
				synctest.Wait()
				if s.reads != 2 || afresh.over || second.over {
					t.Errorf("%d reads, want the early one and one for the others", s.reads)
				}
				release()
				if early.owner == 4 || joined.owner == 4 || joined.fresh {
					t.Errorf("the early read gave %+v and %+v", *early, *joined)
				}
				if afresh.owner != 4 || second.owner != 4 {
					t.Errorf("the later ones got %+v and %+v", *afresh, *second)
				}
			})
		})
	}
}

// TestOlderReadDoesNotReplaceAYoungerOne: a list overtakes a slow read of one of its tickets.
func TestOlderReadDoesNotReplaceAYoungerOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := gated()
		slow := s.gate
		o := faveo.NewObjects(s, 0, nil)
		early := ask(t.Context(), o, 1)
		time.Sleep(time.Millisecond)
		s.change(func(s *source) { s.gate, s.tickets[1] = nil, faveo.Ticket{ID: 1, Owner: 9} })
		s.expect(t, o, []uint64{1, 2}, owners{1: 9, 2: 5}, true, 2)
		close(slow)
		synctest.Wait()
		if early.owner != 4 {
			t.Errorf("the slow one got %+v", *early)
		}
		s.expect(t, o, []uint64{1}, owners{1: 9}, false, 2)
	})
}

// panicking panics in its first read.
type panicking struct {
	*source
	calls atomic.Int32
}

func (p *panicking) Tickets(ctx context.Context, ids []uint64) (map[uint64]faveo.Ticket, error) {
	found, err := p.source.Tickets(ctx, ids)
	if p.calls.Add(1) == 1 {
		panic("boom")
	}
	return found, err
}

// TestPanicLeavesNobodyWaiting: who joined a read that panicked gets a fault, and the next caller an answer.
func TestPanicLeavesNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, release := gated()
		o := faveo.NewObjects(&panicking{source: s}, 0, nil)
		go func() {
			defer func() { _ = recover() }()
			_, _, _ = o.Tickets(t.Context(), []uint64{1})
		}()
		synctest.Wait()
		joined := ask(t.Context(), o, 1)
		release()
		if !joined.over || joined.err == nil || errors.Is(joined.err, faveo.ErrNotFound) || joined.owner != 0 {
			t.Errorf("who joined got %+v, want a fault", *joined)
		}
		s.expect(t, o, []uint64{1}, owners{1: 4}, true, 2)
	})
}
