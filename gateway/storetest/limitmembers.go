package storetest

import (
	"fmt"
	"testing"
	"time"

	"faveo-gateway/gateway/limit"
)

func (s *limitSuite) remember(t *testing.T, m limit.Member, life time.Duration) {
	t.Helper()
	if err := s.Remember(t.Context(), limitGroup, m, life); err != nil {
		t.Fatalf("Remember: %v", err)
	}
}

// unless is b, which leaves out of.
func unless(b limit.Bucket, of string) limit.Bucket {
	b.Unless = limit.Member{Set: "known/" + b.Of, Of: of}
	return b
}

func memberLeftOut(t *testing.T, s *limitSuite) {
	owner, stranger := unless(accountBucket("7", slow(2)), "192.0.2.1"), unless(accountBucket("7", slow(2)), "192.0.2.2")
	pair := addressBucket("7|192.0.2.1", slow(3))
	s.remember(t, owner.Unless, time.Hour)
	s.wantTaken(t, 2, stranger)
	s.wantRefused(t, stranger)
	// The owner is not refused, and has an allowance of his own.
	s.wantTaken(t, 3, owner, pair)
	s.wantRefused(t, pair, owner)
	// Nor does he take from the bucket of the others, of another account, or of another
	// group.
	other := unless(accountBucket("8", slow(1)), "192.0.2.1")
	s.wantTaken(t, 1, other)
	s.wantRefused(t, other)
	if v, err := s.Take(t.Context(), "other", owner, owner2()); err != nil || !v.Allowed {
		t.Errorf("another group: %+v, %v", v, err)
	}
	if v, err := s.Take(t.Context(), "other", owner2()); err != nil || v.Allowed {
		t.Errorf("the member of one group is left out in another: %+v, %v", v, err)
	}
	fresh, known := accountBucket("9", slow(1)), unless(accountBucket("9", slow(1)), "192.0.2.1")
	s.remember(t, known.Unless, time.Hour)
	s.wantTaken(t, 5, known)
	s.wantTaken(t, 1, fresh)
}

// owner2 is another bucket of one.
func owner2() limit.Bucket { return unless(accountBucket("10", slow(1)), "192.0.2.1") }

func memberReturns(t *testing.T, s *limitSuite) {
	owner, stranger := unless(accountBucket("7", slow(2)), "192.0.2.1"), unless(accountBucket("7", slow(2)), "192.0.2.2")
	s.remember(t, owner.Unless, time.Hour)
	s.wantTaken(t, 2, stranger)
	for range 3 {
		s.wantTaken(t, 1, owner)
		s.giveBack(t, owner)
	}
	s.wantRefused(t, stranger)
}

func memberLeaves(t *testing.T, s *limitSuite) {
	life := 5 * s.quick(1).Every()
	member := unless(accountBucket("7", slow(1)), "192.0.2.1")
	s.remember(t, member.Unless, life)
	s.wantTaken(t, 1, member)
	// Another one ends nothing earlier, and its own renewal begins anew.
	s.remember(t, limit.Member{Set: member.Unless.Set, Of: "192.0.2.2"}, time.Millisecond)
	if s.advance != nil {
		s.pass(life - time.Microsecond)
		s.wantTaken(t, 3, member)
		s.remember(t, member.Unless, life)
		s.pass(life - time.Microsecond)
		s.wantTaken(t, 3, member)
	}
	s.pass(life)
	s.wantTaken(t, 1, member)
	s.wantRefused(t, member)
}

func membersBounded(t *testing.T, s *limitSuite) {
	member := func(n int) limit.Bucket { return unless(accountBucket("7", slow(1)), fmt.Sprintf("10.0.0.%d", n)) }
	for n := range limit.MaxMembers {
		s.remember(t, member(n).Unless, time.Hour+time.Duration(n)*time.Minute)
	}
	// A second time is no second member.
	s.remember(t, member(0).Unless, 10*time.Hour)
	const late = limit.MaxMembers
	s.remember(t, member(late).Unless, time.Minute)
	s.wantTaken(t, 1, member(late+1)) // A stranger empties the bucket.
	for n := range late + 1 {
		v := s.take(t, member(n))
		if wantIn := n != 1; v.Allowed != wantIn {
			t.Errorf("member %d is left out: %v, want %v", n, v.Allowed, wantIn)
		}
	}
}
