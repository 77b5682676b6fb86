package cli

import (
	"testing"
	"time"
)

// TestAge is short, and never longer than what it tells of.
func TestAge(t *testing.T) {
	const day = 24 * time.Hour
	for d, want := range map[time.Duration]string{
		-time.Hour: "0s", 0: "0s", 999 * time.Millisecond: "0s", time.Minute - 1: "59s",
		time.Minute: "1m", time.Hour - 1: "59m", time.Hour: "1h", time.Hour + 59*time.Second: "1h", 3*time.Hour + 4*time.Minute: "3h4m",
		day - 1: "23h59m", day: "1d", day + 59*time.Minute: "1d", 3*day + 4*time.Hour: "3d4h", 400 * day: "400d",
	} {
		if got := age(d); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
}

// TestDistance tells the past from the time to come, and neither from never.
func TestDistance(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	for _, try := range []struct {
		at   time.Time
		want string
	}{
		{time.Time{}, "-"},
		{now, "now"},
		{now.Add(-time.Hour), "1h ago"},
		{now.Add(time.Hour), "in 1h"},
		{now.Add(time.Hour).In(time.FixedZone("", 7200)), "in 1h"},
	} {
		if got := distance(now, try.at); got != try.want {
			t.Errorf("%v: got %q, want %q", try.at, got, try.want)
		}
	}
}
