package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"faveo-gateway/gateway/limit"
)

// OpenLimits opens an empty store for one test, which also ends it. advance moves the
// clock that the store counts by, also backwards; it is nil for a store whose time
// cannot be moved, for which the tests wait.
type OpenLimits func(t *testing.T) (store limit.Store, advance func(time.Duration))

// TestLimitStore tests the contract of limit.Store. Stores that open returns must not
// see each other's buckets.
func TestLimitStore(t *testing.T, open OpenLimits) {
	cases := []struct {
		name string
		test func(*testing.T, *limitSuite)
	}{
		{"a bucket gives its count at once and no more", countAtOnce},
		{"one comes back after each interval and not before", comesBack},
		{"a bucket that was left alone is full and not fuller", fullNotFuller},
		{"one is taken from each bucket or none", allOrNothing},
		{"of several that refuse the one that refuses longest is named", longestNamed},
		{"a refused take changes nothing", refusedIsFree},
		{"what limits nothing is always full", limitsNothing},
		{"another rate counts at once", otherRate},
		{"what is returned can be taken again", returned},
		{"a full bucket takes nothing back", returnToFull},
		{"groups, names and owners do not share a bucket", limitsApart},
		{"what cannot be is refused and changes nothing", limitsMalformed},
		{"a clock that is turned back locks nobody out and lets nobody in", clockBack},
		{"a member is left out of one bucket and draws from the others", memberLeftOut},
		{"what a member did not take is not given back", memberReturns},
		{"a member leaves when its time is over", memberLeaves},
		{"a set keeps the new member and those that stay longest", membersBounded},
		{"an empty listed bucket is a lockout until one comes back", lockoutEnds},
		{"the longest lockouts come first, and there may be more", lockoutsOrdered},
		{"a bucket that gets one back is no lockout", lockoutReturned},
		{"what is not listed is no lockout", unlisted},
		{"clear fills what matches", clearsMatching},
		{"clear goes through many", clearsMany},
		{"of 500 at once a bucket of 15 lets 15 through", parallelTakes},
		{"parallel takes of two buckets get both or none", parallelBoth},
		{"parallel takes that are returned leave the bucket full", parallelReturns},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			store, advance := open(t)
			c.test(t, &limitSuite{Store: store, advance: advance})
		})
	}
}

type limitSuite struct {
	limit.Store
	advance func(time.Duration)
}

// limitGroup is the group of most tests.
const limitGroup = "login"

// slow is a rate of which nothing comes back during a test.
func slow(n int) limit.Rate { return limit.Rate{Count: n, Per: time.Duration(n) * 12 * time.Hour} }

// quick is a rate of which one comes back in a time that a test can wait for.
func (s *limitSuite) quick(n int) limit.Rate {
	every := 90 * time.Second
	if s.advance == nil {
		every = 300 * time.Millisecond
	}
	return limit.Rate{Count: n, Per: time.Duration(n) * every}
}

// pass lets time pass.
func (s *limitSuite) pass(d time.Duration) {
	if s.advance != nil {
		s.advance(d)
		return
	}
	time.Sleep(d) // The clock of a real server is what is tested.
}

func accountBucket(of string, r limit.Rate) limit.Bucket {
	return limit.Bucket{Name: limit.NameAccount, Of: of, Rate: r, Listed: true}
}

func addressBucket(of string, r limit.Rate) limit.Bucket {
	return limit.Bucket{Name: limit.NameAddress, Of: of, Rate: r}
}

func (s *limitSuite) take(t *testing.T, buckets ...limit.Bucket) limit.Verdict {
	t.Helper()
	v, err := s.Take(t.Context(), limitGroup, buckets...)
	if err != nil {
		t.Fatalf("Take: %v", err)
	}
	if v.Allowed != (v.By == "") || v.Allowed != (v.RetryAfter == 0) || v.RetryAfter < 0 || (!v.Allowed && len(v.Emptied) > 0) {
		t.Errorf("a verdict that cannot be: %+v", v)
	}
	return v
}

// wantTaken takes so many times, and wants all of them to be allowed.
func (s *limitSuite) wantTaken(t *testing.T, times int, buckets ...limit.Bucket) {
	t.Helper()
	for i := range times {
		if v := s.take(t, buckets...); !v.Allowed {
			t.Fatalf("take %d of %d was refused: %+v", i+1, times, v)
		}
	}
}

// wantRefused wants a take to be refused, for at most the time in which one comes back.
func (s *limitSuite) wantRefused(t *testing.T, by limit.Bucket, buckets ...limit.Bucket) limit.Verdict {
	t.Helper()
	v := s.take(t, append(buckets, by)...)
	if v.Allowed || v.By != by.Name || v.RetryAfter > by.Rate.Every() {
		t.Fatalf("verdict %+v, want refused by %s for at most %v", v, by.Name, by.Rate.Every())
	}
	return v
}

// exhaust takes until it is refused, which must be after so many times, or a few more
// where time passes by itself.
func (s *limitSuite) exhaust(t *testing.T, times int, b limit.Bucket) limit.Verdict {
	t.Helper()
	began := time.Now()
	for taken := 0; ; taken++ {
		v := s.take(t, b)
		if v.Allowed {
			continue
		}
		most := times
		if s.advance == nil {
			most += 1 + int(time.Since(began)/b.Rate.Every())
		}
		if taken < times || taken > most {
			t.Fatalf("%d were taken, want %d", taken, times)
		}
		if v.By != b.Name || v.RetryAfter > b.Rate.Every() {
			t.Fatalf("verdict %+v, want refused for at most %v", v, b.Rate.Every())
		}
		return v
	}
}

func (s *limitSuite) giveBack(t *testing.T, buckets ...limit.Bucket) {
	t.Helper()
	if err := s.Return(t.Context(), limitGroup, buckets...); err != nil {
		t.Fatalf("Return: %v", err)
	}
}

func countAtOnce(t *testing.T, s *limitSuite) {
	for _, n := range []int{1, 3, 15} {
		b := accountBucket(fmt.Sprint("count-", n), slow(n))
		for i := range n {
			v := s.take(t, b)
			if !v.Allowed {
				t.Fatalf("take %d of %d was refused: %+v", i+1, n, v)
			}
			if last := i == n-1; last != slices.Equal(v.Emptied, []limit.Bucket{b}) || last != (len(v.Emptied) > 0) {
				t.Errorf("take %d of %d emptied %+v", i+1, n, v.Emptied)
			}
		}
		v := s.wantRefused(t, b)
		if least := b.Rate.Every() - time.Minute; v.RetryAfter < least {
			t.Errorf("the next of %d comes back in %v, want more than %v", n, v.RetryAfter, least)
		}
	}
}

func comesBack(t *testing.T, s *limitSuite) {
	b := accountBucket("7", s.quick(3))
	v := s.exhaust(t, 3, b)
	for range 3 {
		if s.advance != nil {
			if v.RetryAfter != b.Rate.Every() {
				t.Errorf("one comes back in %v, want %v", v.RetryAfter, b.Rate.Every())
			}
			s.pass(v.RetryAfter - time.Microsecond)
			if v = s.wantRefused(t, b); v.RetryAfter != time.Microsecond {
				t.Errorf("a microsecond before it is %v", v.RetryAfter)
			}
		}
		s.pass(v.RetryAfter)
		v = s.exhaust(t, 1, b)
	}
}

func fullNotFuller(t *testing.T, s *limitSuite) {
	b := accountBucket("7", s.quick(2))
	s.exhaust(t, 2, b)
	s.pass(3 * b.Rate.Every())
	s.exhaust(t, 2, b)
}

func allOrNothing(t *testing.T, s *limitSuite) {
	narrow, wide := accountBucket("narrow", slow(2)), addressBucket("wide", slow(3))
	s.wantTaken(t, 2, wide, narrow)
	for range 5 {
		s.wantRefused(t, narrow, wide)
	}
	s.wantTaken(t, 1, wide)
	s.wantRefused(t, wide)
}

func longestNamed(t *testing.T, s *limitSuite) {
	short, long := accountBucket("7", slow(1)), addressBucket("192.0.2.1", slow(1))
	short.Rate.Per /= 2
	s.wantTaken(t, 1, short, long)
	s.wantRefused(t, long, short)
	if v := s.take(t, long, short); v.By != long.Name {
		t.Errorf("in the other order %s is named", v.By)
	}
}

func refusedIsFree(t *testing.T, s *limitSuite) {
	b := accountBucket("7", s.quick(2))
	v := s.exhaust(t, 2, b)
	for range 50 {
		v = s.exhaust(t, 0, b)
	}
	s.pass(v.RetryAfter)
	s.exhaust(t, 1, b)
}

func limitsNothing(t *testing.T, s *limitSuite) {
	off, unset := accountBucket("off", limit.Rate{Off: true}), addressBucket("unset", limit.Rate{})
	s.wantTaken(t, 20, off, unset)
	s.giveBack(t, off, unset)
	s.wantTaken(t, 1)
	b := accountBucket("7", slow(1))
	s.wantTaken(t, 1, off, b)
	s.wantRefused(t, b, unset)
}

func otherRate(t *testing.T, s *limitSuite) {
	b := accountBucket("7", slow(30))
	s.wantTaken(t, 30, b)
	// Who had to wait for days waits for minutes.
	b.Rate = s.quick(2)
	v := s.exhaust(t, 0, b)
	for range 3 {
		s.pass(v.RetryAfter)
		v = s.exhaust(t, 1, b)
	}
}

func returned(t *testing.T, s *limitSuite) {
	narrow, wide := accountBucket("7", slow(2)), addressBucket("192.0.2.1", slow(5))
	for range 10 {
		s.wantTaken(t, 1, narrow, wide)
		s.giveBack(t, narrow, wide)
	}
	s.wantTaken(t, 2, narrow, wide)
	s.wantRefused(t, narrow, wide)
	s.giveBack(t, narrow)
	s.wantTaken(t, 1, narrow, wide)
	s.wantRefused(t, narrow, wide)
}

func returnToFull(t *testing.T, s *limitSuite) {
	b := accountBucket("7", slow(2))
	for range 5 {
		s.giveBack(t, b)
	}
	s.wantTaken(t, 1, b)
	for range 5 {
		s.giveBack(t, b)
	}
	s.wantTaken(t, 2, b)
	s.wantRefused(t, b)
}

func limitsApart(t *testing.T, s *limitSuite) {
	b := accountBucket("7", slow(1))
	s.wantTaken(t, 1, b)
	for name, other := range map[string]limit.Bucket{
		"another owner": accountBucket("8", slow(1)), "another name": addressBucket("7", slow(1)), "an owner with a colon": accountBucket("7:", slow(1)),
	} {
		if v := s.take(t, other); !v.Allowed {
			t.Errorf("%s: %+v", name, v)
		}
	}
	if v, err := s.Take(t.Context(), "login2", b); err != nil || !v.Allowed {
		t.Errorf("another group: %+v, %v", v, err)
	}
	s.wantRefused(t, b)
}

func limitsMalformed(t *testing.T, s *limitSuite) {
	good := accountBucket("7", slow(2))
	with := func(change func(*limit.Bucket)) limit.Bucket {
		b := good
		change(&b)
		return b
	}
	for name, bad := range map[string]limit.Bucket{
		"unknown name": with(func(b *limit.Bucket) { b.Name = "other" }),
		"no owner":     with(func(b *limit.Bucket) { b.Of = "" }),
		"long owner":   with(func(b *limit.Bucket) { b.Of = strings.Repeat("x", 129) }),
		"brace":        with(func(b *limit.Bucket) { b.Of = "}{" }),
		"line break":   with(func(b *limit.Bucket) { b.Of = "a\nb" }),
		"no ASCII":     with(func(b *limit.Bucket) { b.Of = "é" }),
		"no time":      with(func(b *limit.Bucket) { b.Rate = limit.Rate{Count: 1} }),
		"less than one": with(func(b *limit.Bucket) {
			b.Rate.Count = -1
		}),
		"too fast":       with(func(b *limit.Bucket) { b.Rate = limit.Rate{Count: 1_000_000, Per: time.Millisecond} }),
		"member of none": with(func(b *limit.Bucket) { b.Unless = limit.Member{Of: "x"} }),
		"nobody of a set": with(func(b *limit.Bucket) {
			b.Unless = limit.Member{Set: "x"}
		}),
		"twice": good,
	} {
		_, take := s.Take(t.Context(), limitGroup, good, bad)
		for _, err := range []error{take, s.Return(t.Context(), limitGroup, good, bad)} {
			if !errors.Is(err, limit.ErrMalformed) {
				t.Errorf("%s: %v, want ErrMalformed", name, err)
			}
		}
	}
	member := limit.Member{Set: "a", Of: "b"}
	_, take := s.Take(t.Context(), "a b", good)
	_, _, list := s.Locked(t.Context(), limitGroup, 0)
	_, _, listOf := s.Locked(t.Context(), "", 1)
	_, clearOf := s.Clear(t.Context(), "{}", func(limit.Lockout) bool { return true })
	for name, err := range map[string]error{
		"Take": take, "Locked 0": list, "Locked of no group": listOf, "Clear": clearOf,
		"no life":        s.Remember(t.Context(), limitGroup, member, 0),
		"a long life":    s.Remember(t.Context(), limitGroup, member, 1<<62),
		"no set":         s.Remember(t.Context(), limitGroup, limit.Member{Of: "b"}, time.Hour),
		"no member":      s.Remember(t.Context(), limitGroup, limit.Member{Set: "a"}, time.Hour),
		"no such group":  s.Remember(t.Context(), "", member, time.Hour),
		"Return, groups": s.Return(t.Context(), "", good),
	} {
		if !errors.Is(err, limit.ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
	s.wantTaken(t, 2, good)
	s.wantRefused(t, good)
}

func clockBack(t *testing.T, s *limitSuite) {
	if s.advance == nil {
		t.Skip("this store's time cannot be moved")
	}
	b := accountBucket("7", s.quick(3))
	s.wantTaken(t, 2, b)
	s.advance(-24 * time.Hour)
	for range 3 {
		// The bucket is empty, and fills from now on.
		v := s.wantRefused(t, b)
		if locked, _, err := s.Locked(t.Context(), limitGroup, 5); err != nil || len(locked) != 1 {
			t.Errorf("lockouts %+v, %v, want one", locked, err)
		}
		s.pass(v.RetryAfter)
		s.wantTaken(t, 1, b)
	}
	s.pass(3 * b.Rate.Every())
	s.wantTaken(t, 3, b)
	s.wantRefused(t, b)
}
