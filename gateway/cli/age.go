package cli

import (
	"strconv"
	"time"
)

// age is a duration in its two largest units: 42s, 12m, 3h4m, 25d6h.
func age(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Minute:
		return whole(d, time.Second, "s")
	case d < time.Hour:
		return whole(d, time.Minute, "m")
	case d < 24*time.Hour:
		return whole(d, time.Hour, "h") + rest(d%time.Hour, time.Minute, "m")
	default:
		return whole(d, 24*time.Hour, "d") + rest(d%(24*time.Hour), time.Hour, "h")
	}
}

func whole(d, unit time.Duration, name string) string {
	return strconv.FormatInt(int64(d/unit), 10) + name
}

// rest is whole, and nothing when it would be zero.
func rest(d, unit time.Duration, name string) string {
	if d < unit {
		return ""
	}
	return whole(d, unit, name)
}

// stamp is a time of a table, "-" for one that has not come.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

// distance says how far a time is from now: "in 3h", "3h ago"; "now" is within a
// second, which is as fine as the gateway tells its time.
func distance(now, t time.Time) string {
	switch {
	case t.IsZero():
		return "-"
	case t.Sub(now).Abs() < time.Second:
		return "now"
	case t.After(now):
		return "in " + age(t.Sub(now))
	default:
		return age(now.Sub(t)) + " ago"
	}
}

// since is the age of what began then, "-" when it did not.
func since(now, t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return age(now.Sub(t))
}

// when is a time and how far it is.
func when(now, t time.Time) string { return stamp(t) + " (" + distance(now, t) + ")" }
