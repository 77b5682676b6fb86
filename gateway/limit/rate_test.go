package limit_test

import (
	"testing"
	"time"

	"faveo-gateway/gateway/limit"
)

func TestParseRate(t *testing.T) {
	for text, want := range map[string]limit.Rate{
		"60/1m": {Count: 60, Per: time.Minute}, "1/1ms": {Count: 1, Per: time.Millisecond}, "10/1h30m": {Count: 10, Per: 90 * time.Minute},
		"1000000/1s": {Count: 1_000_000, Per: time.Second}, "5/720h": {Count: 5, Per: 720 * time.Hour}, "off": {Off: true},
	} {
		got, err := limit.ParseRate(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%q: %+v (%q), %v", text, got, got, err)
		}
		if got.IsZero() || got.Limits() == got.Off {
			t.Errorf("%q: IsZero %v, Limits %v", text, got.IsZero(), got.Limits())
		}
	}
	for _, text := range []string{
		"", "/", "60", "60/", "/1m", "60/1", "60/m", "0/1m", "-1/1m", "+1/1m", "01/1m", " 60/1m", "60 /1m", "60/ 1m", "1.5/1m", "1e3/1m", "Off", "none",
		"60/0s", "60/-1m", "1/999us", "1/721h", "1000001/1h", "1000000/999ms", "60/1m/2", "99999999999999999999/1m", "1/99999999999999h",
	} {
		if got, err := limit.ParseRate(text); err == nil {
			t.Errorf("%q was read as %+v", text, got)
		}
	}
}

func TestRateNotSet(t *testing.T) {
	var none limit.Rate
	other := limit.Rate{Count: 1, Per: time.Second}
	if !none.IsZero() || none.Limits() || none.String() != "" || none.Or(other) != other || other.Or(none) != other {
		t.Errorf("%+v, %q, or %v", none, none, none.Or(other))
	}
	if off := (limit.Rate{Off: true}); off.Or(other) != off {
		t.Errorf("off or %v is %v", other, off.Or(other))
	}
}

// TestEvery: rounding never makes a rate faster.
func TestEvery(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"60/1m": time.Second, "1/1h": time.Hour, "3/1s": 333_334 * time.Microsecond, "7/1ms": 143 * time.Microsecond, "1000000/1s": time.Microsecond,
	} {
		r, err := limit.ParseRate(text)
		if err != nil || r.Every() != want {
			t.Errorf("%s: one every %v, %v, want %v", text, r.Every(), err, want)
		}
	}
}

func FuzzParseRate(f *testing.F) {
	for _, text := range []string{"60/1m", "off", "1/1h0m0s", "10/0.5h", "1/1m1us", "3/1.000000001s"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := limit.ParseRate(text)
		if err != nil {
			if r != (limit.Rate{}) {
				t.Errorf("%q: %+v beside %v", text, r, err)
			}
			return
		}
		if again, err := limit.ParseRate(r.String()); err != nil || again != r {
			t.Errorf("%q is %+v, and its text %q is %+v, %v", text, r, r, again, err)
		}
		if r.Limits() && (r.Every() < time.Microsecond || r.Every()*time.Duration(r.Count) < r.Per) {
			t.Errorf("%q: one every %v", text, r.Every())
		}
	})
}
