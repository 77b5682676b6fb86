package limit_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"faveo-gateway/gateway/limit"
)

// waitFor says, without GCRA, how long somebody has to wait who comes now after others
// were let in. It is the whole of what a Rate promises: of any takes that were let in,
// however they are chosen, the last of Count + k in a row comes at least k intervals
// after the first.
func waitFor(r limit.Rate, allowed []time.Time, now time.Time) (wait time.Duration) {
	for i, first := range allowed {
		inARow := len(allowed) - i + 1 // From first to the new one.
		if k := inARow - r.Count; k > 0 {
			wait = max(wait, first.Add(time.Duration(k)*r.Every()).Sub(now))
		}
	}
	return wait
}

// randomRate is anything from once a minute to a few thousand a second.
func randomRate(random *rand.Rand) limit.Rate {
	for {
		per := time.Duration(1+random.IntN(60_000)) * time.Millisecond
		if r := (limit.Rate{Count: 1 + random.IntN(20), Per: per}); random.IntN(2) == 0 || r.Per%time.Duration(r.Count) != 0 {
			return r
		}
	}
}

// TestTakesFollowTheRate holds random takes to waitFor: who is let in need not have
// waited, who is refused must, and exactly as long as he is told.
func TestTakesFollowTheRate(t *testing.T) {
	random := newRandom(t)
	for range 200 {
		local, clock := newLocal(10, 10)
		r := randomRate(random)
		b := account("7", r)
		var allowed []time.Time
		for range 200 {
			// Mostly at about the pace of the rate, sometimes in a rush, sometimes rarely.
			pace := int64(r.Every()) * int64(1+random.IntN(4)) / int64(1+random.IntN(8))
			clock.Advance(time.Duration(random.Int64N(pace + 1)).Truncate(time.Microsecond))
			want := waitFor(r, allowed, clock.Now())
			v, err := local.Take(t.Context(), "login", b)
			if err != nil || v.Allowed != (want == 0) || v.RetryAfter != want {
				t.Fatalf("%v: verdict %+v, %v; want to wait for %v", r, v, err, want)
			}
			if v.Allowed {
				allowed = append(allowed, clock.Now())
				if isLast := waitFor(r, allowed, clock.Now()) > 0; isLast != (len(v.Emptied) == 1) {
					t.Fatalf("%v: emptied %+v, want %v", r, v.Emptied, isLast)
				}
			}
		}
	}
}

// TestReturnsNeverOverfill takes and returns at random: at no time are there more than
// Count, and what was neither taken nor returned comes back as it always does.
func TestReturnsNeverOverfill(t *testing.T) {
	random := newRandom(t)
	for range 200 {
		local, clock := newLocal(10, 10)
		r := randomRate(random)
		b := account("7", r)
		for range 50 {
			for range random.IntN(2 * r.Count) {
				if random.IntN(2) == 0 {
					take(t, local, b)
				} else if err := local.Return(t.Context(), "login", b); err != nil {
					t.Fatal(err)
				}
				clock.Advance(time.Duration(random.Int64N(int64(r.Every()))))
			}
			if n := takes(t, local, 2*r.Count, b); n > r.Count {
				t.Fatalf("%v: %d at once", r, n)
			}
			clock.Advance(r.Every() * time.Duration(r.Count))
			if n := takes(t, local, 2*r.Count, b); n != r.Count {
				t.Fatalf("%v: %d when it must be full", r, n)
			}
			for range r.Count {
				if err := local.Return(t.Context(), "login", b); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}
