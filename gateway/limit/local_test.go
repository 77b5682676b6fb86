package limit_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"faveo-gateway/gateway/limit"
	"faveo-gateway/gateway/storetest"
)

func TestLocal(t *testing.T) {
	storetest.TestLimitStore(t, func(*testing.T) (limit.Store, func(time.Duration)) {
		clock := storetest.NewClock()
		return limit.NewLocal(limit.LocalOptions{Now: clock.Now}), clock.Advance
	})
}

// newLocal returns a Local of that size, and its clock.
func newLocal(buckets, sets int) (*limit.Local, *storetest.Clock) {
	clock := storetest.NewClock()
	return limit.NewLocal(limit.LocalOptions{Buckets: buckets, Sets: sets, Now: clock.Now}), clock
}

func account(of any, r limit.Rate) limit.Bucket {
	return limit.Bucket{Name: limit.NameAccount, Of: fmt.Sprint(of), Rate: r, Listed: true}
}

// take takes, and reports whether that was allowed.
func take(t testing.TB, s limit.Source, buckets ...limit.Bucket) bool {
	t.Helper()
	v, err := s.Take(t.Context(), "login", buckets...)
	if err != nil {
		t.Fatalf("Take: %v", err)
	}
	return v.Allowed
}

// takes takes so many times, and returns how many were allowed.
func takes(t testing.TB, s limit.Source, times int, buckets ...limit.Bucket) (allowed int) {
	t.Helper()
	for range times {
		if take(t, s, buckets...) {
			allowed++
		}
	}
	return allowed
}

var tenAQuarter = limit.Rate{Count: 10, Per: 15 * time.Minute}

// TestFloodRefillsNoBucket has an attacker lock an account out, and then make a
// hundred times more buckets than are remembered, so that the first is forgotten.
func TestFloodRefillsNoBucket(t *testing.T) {
	local, _ := newLocal(100, 100)
	victim := account("victim", tenAQuarter)
	if n := takes(t, local, 20, victim); n != 10 {
		t.Fatalf("%d takes, want 10", n)
	}
	for i := range 10_000 {
		take(t, local, account(i, tenAQuarter))
		if i%1000 == 0 && take(t, local, victim) {
			t.Fatalf("after %d other buckets the victim's was full again", i)
		}
	}
	if n := local.Known(limit.NameAccount); n != 100 {
		t.Errorf("%d buckets are remembered, want 100", n)
	}
	if take(t, local, victim) {
		t.Error("the bucket was full again after the flood")
	}
}

// TestTurnsRefillNoBucket has an attacker fill the memory with empty buckets, and then
// attack many accounts in turn, each of which makes the last one be forgotten.
func TestTurnsRefillNoBucket(t *testing.T) {
	local, clock := newLocal(50, 50)
	for i := range 50 {
		takes(t, local, 10, account(fmt.Sprint("full-", i), tenAQuarter))
	}
	allowed := 0
	for i := range 10_000 {
		allowed += takes(t, local, 1, account(i%7, tenAQuarter))
	}
	if allowed > 10 {
		t.Errorf("%d takes of accounts that were not remembered, want those of one bucket, 10", allowed)
	}
	// It fades by itself.
	clock.Advance(15 * time.Minute)
	if n := takes(t, local, 20, account(1, tenAQuarter)); n != 10 {
		t.Errorf("%d takes a quarter of an hour later, want 10", n)
	}
}

// TestOverflowLocksNobodyOutForLong: one who is not remembered, and whose rate is
// faster than those that fill the memory, waits for his own rate.
func TestOverflowLocksNobodyOutForLong(t *testing.T) {
	local, clock := newLocal(10, 10)
	for i := range 20 {
		takes(t, local, 10, account(i, limit.Rate{Count: 10, Per: 24 * time.Hour}))
	}
	quick := account("quick", limit.Rate{Count: 10, Per: 10 * time.Second})
	if take(t, local, quick) {
		t.Error("what is not known is fuller than what was forgotten")
	}
	clock.Advance(time.Second)
	if !take(t, local, quick) {
		t.Error("nothing came back within a second")
	}
}

// TestFloodOfOneNameLeavesOthersAlone: addresses do not crowd out accounts.
func TestFloodOfOneNameLeavesOthersAlone(t *testing.T) {
	local, _ := newLocal(10, 10)
	for i := range 100 {
		takes(t, local, 10, limit.Bucket{Name: limit.NameAddress, Of: fmt.Sprint(i), Rate: tenAQuarter})
	}
	if n := takes(t, local, 20, account("7", tenAQuarter)); n != 10 {
		t.Errorf("%d takes, want 10", n)
	}
}

// TestForgottenNeverMoreGenerous: with room for three, the takes of each of twenty
// buckets stay within its rate.
func TestForgottenNeverMoreGenerous(t *testing.T) {
	random := newRandom(t)
	local, clock := newLocal(3, 3)
	rates := []limit.Rate{{Count: 1, Per: time.Second}, {Count: 3, Per: 7 * time.Second}, {Count: 5, Per: time.Minute}}
	allowed := make([][]time.Time, 20)
	for range 6_000 {
		clock.Advance(time.Duration(random.IntN(300)) * time.Millisecond)
		of := random.IntN(len(allowed))
		if r := rates[of%len(rates)]; take(t, local, account(of, r)) {
			if wait := waitFor(r, allowed[of], clock.Now()); wait > 0 {
				t.Fatalf("bucket %d let one through %v too early", of, wait)
			}
			allowed[of] = append(allowed[of], clock.Now())
		}
	}
}

// TestFullBucketsAreForgotten: the memory shrinks after a rush.
func TestFullBucketsAreForgotten(t *testing.T) {
	local, clock := newLocal(1000, 10)
	for i := range 1000 {
		take(t, local, account(i, tenAQuarter))
	}
	clock.Advance(15 * time.Minute)
	for i := range 1000 {
		take(t, local, account(fmt.Sprint("new-", i), tenAQuarter))
		take(t, local, account(fmt.Sprint("new-", i), tenAQuarter))
		clock.Advance(2 * time.Minute)
	}
	if n := local.Known(limit.NameAccount); n > 3 {
		t.Errorf("%d buckets are remembered, want those that are not full", n)
	}
}

// TestForgottenSet: who is no member any more is counted like everybody.
func TestForgottenSet(t *testing.T) {
	local, _ := newLocal(10, 2)
	for _, set := range []string{"a", "b", "a", "c"} {
		if err := local.Remember(t.Context(), "login", limit.Member{Set: set, Of: "x"}, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	for set, want := range map[string]int{"a": 15, "b": 10, "c": 15} {
		b := account(set, tenAQuarter)
		b.Unless = limit.Member{Set: set, Of: "x"}
		if n := takes(t, local, 15, b); n != want {
			t.Errorf("set %s: %d takes, want %d", set, n, want)
		}
	}
}

// newRandom returns a source whose seed is in the log.
func newRandom(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}
