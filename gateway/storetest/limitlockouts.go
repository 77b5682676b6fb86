package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"faveo-gateway/gateway/limit"
)

// locked returns the lockouts without their times, "name of", in their order.
func (s *limitSuite) locked(t *testing.T, most int) (locked []string, more bool) {
	t.Helper()
	found, more, err := s.Locked(t.Context(), limitGroup, most)
	if err != nil {
		t.Fatalf("Locked: %v", err)
	}
	for i, o := range found {
		if o.Until.Location() != time.UTC || !o.Until.Equal(o.Until.Truncate(time.Millisecond)) {
			t.Errorf("until %v, want whole milliseconds of UTC", o.Until)
		}
		if i > 0 && o.Until.After(found[i-1].Until) {
			t.Errorf("%+v after %+v", o, found[i-1])
		}
		locked = append(locked, fmt.Sprintf("%s %s", o.Name, o.Of))
	}
	return locked, more
}

func (s *limitSuite) wantLocked(t *testing.T, want ...string) {
	t.Helper()
	if locked, more := s.locked(t, 100); !slices.Equal(locked, want) || more {
		t.Errorf("lockouts %q, more %v, want %q", locked, more, want)
	}
}

func (s *limitSuite) clear(t *testing.T, want int, match func(limit.Lockout) bool) {
	t.Helper()
	if n, err := s.Clear(t.Context(), limitGroup, match); n != want || err != nil {
		t.Errorf("Clear = %d, %v, want %d", n, err, want)
	}
}

func lockoutEnds(t *testing.T, s *limitSuite) {
	b := accountBucket("7", s.quick(2))
	if s.advance == nil {
		b.Rate.Per *= 5 // What is to be seen in between needs some time.
	}
	s.wantLocked(t)
	s.wantTaken(t, 1, b)
	s.wantLocked(t)
	s.wantTaken(t, 1, b)
	s.wantLocked(t, "account 7")
	v := s.wantRefused(t, b)
	s.wantLocked(t, "account 7")
	before, _, err := s.Locked(t.Context(), limitGroup, 1)
	if err != nil || len(before) != 1 {
		t.Fatalf("Locked = %+v, %v", before, err)
	}
	s.pass(v.RetryAfter)
	s.wantLocked(t)
	// The next one locks again, for longer.
	s.wantTaken(t, 1, b)
	after, _, err := s.Locked(t.Context(), limitGroup, 1)
	if err != nil || len(after) != 1 || !after[0].Until.After(before[0].Until) {
		t.Errorf("Locked = %+v, %v, before %+v", after, err, before)
	}
}

func lockoutsOrdered(t *testing.T, s *limitSuite) {
	var want []string
	for n := 9; n > 0; n-- {
		b := accountBucket(fmt.Sprint(n), limit.Rate{Count: 1, Per: time.Duration(n) * time.Hour})
		s.wantTaken(t, 1, b)
		want = append(want, fmt.Sprintf("account %d", n))
	}
	s.wantLocked(t, want...)
	for _, most := range []int{1, 8, 9} {
		locked, more := s.locked(t, most)
		if !slices.Equal(locked, want[:most]) || more != (most < 9) {
			t.Errorf("at most %d: %q, more %v", most, locked, more)
		}
	}
	if other, _, err := s.Locked(t.Context(), "other", 5); err != nil || len(other) != 0 {
		t.Errorf("another group: %+v, %v", other, err)
	}
}

func lockoutReturned(t *testing.T, s *limitSuite) {
	one, two := accountBucket("1", slow(1)), accountBucket("2", slow(2))
	s.wantTaken(t, 1, one, two)
	s.wantTaken(t, 1, two)
	s.giveBack(t, two)
	s.wantLocked(t, "account 1")
	s.giveBack(t, one, two)
	s.wantLocked(t)
	s.wantTaken(t, 1, one, two)
}

func unlisted(t *testing.T, s *limitSuite) {
	b := addressBucket("192.0.2.1", slow(1))
	if v := s.take(t, b); len(v.Emptied) != 0 {
		t.Errorf("emptied %+v", v.Emptied)
	}
	s.wantRefused(t, b)
	s.wantLocked(t)
	s.clear(t, 0, func(limit.Lockout) bool { return true })
	s.wantRefused(t, b)
}

func clearsMatching(t *testing.T, s *limitSuite) {
	seven, eight, nine := accountBucket("7", slow(1)), accountBucket("8:8", slow(1)), accountBucket("9", slow(2))
	pair := limit.Bucket{Name: limit.NamePair, Of: "7|192.0.2.1", Rate: slow(1), Listed: true}
	s.wantTaken(t, 1, seven, eight, nine, pair)
	var asked []string
	s.clear(t, 2, func(o limit.Lockout) bool {
		asked = append(asked, fmt.Sprintf("%s %s", o.Name, o.Of))
		if time.Until(o.Until) < time.Hour && s.advance == nil {
			t.Errorf("%+v, want a day", o)
		}
		return o.Of == "8:8" || o.Name == limit.NamePair
	})
	slices.Sort(asked)
	if want := []string{"account 7", "account 8:8", "pair 7|192.0.2.1"}; !slices.Equal(slices.Compact(asked), want) {
		t.Errorf("asked about %q, want %q", asked, want)
	}
	s.wantLocked(t, "account 7")
	s.wantRefused(t, seven)
	s.wantTaken(t, 1, eight, pair)
	s.wantTaken(t, 1, nine) // It was not empty, and holds the one that was left.
	s.wantRefused(t, nine)
	s.clear(t, 4, func(limit.Lockout) bool { return true })
	s.clear(t, 0, func(limit.Lockout) bool { return true })
	s.wantLocked(t)
	s.wantTaken(t, 2, nine)
}

func clearsMany(t *testing.T, s *limitSuite) {
	const many = 1500
	for n := range many {
		s.wantTaken(t, 1, accountBucket(fmt.Sprintf("%s%d", strings.Repeat("x", 60), n), slow(1)))
	}
	if locked, more := s.locked(t, many-1); len(locked) != many-1 || !more {
		t.Errorf("%d lockouts, more %v, want %d", len(locked), more, many-1)
	}
	s.clear(t, many/2, func(o limit.Lockout) bool { return (o.Of[len(o.Of)-1]-'0')%2 == 0 })
	if locked, _ := s.locked(t, many); len(locked) != many/2 {
		t.Errorf("%d lockouts after half of %d were cleared", len(locked), many)
	}
	s.clear(t, many/2, func(limit.Lockout) bool { return true })
	s.wantLocked(t)
}
