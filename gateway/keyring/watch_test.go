package keyring

import (
	"strings"
	"testing"
	"time"
)

// seconds is a time of the tests.
func seconds(s int) time.Time { return planStart.Add(time.Duration(s) * time.Second) }

// seenAt is a view of these replicas, registered at that time.
func seenAt(s int, ids ...string) View {
	v := View{Now: seconds(s)}
	for _, id := range ids {
		v.Replicas = append(v.Replicas, Replica{ID: id, Host: "host-" + id, ExpiresAt: seconds(s).Add(lease)})
	}
	return v
}

func TestWatch(t *testing.T) {
	const early = "has not watched the others for 15s"
	every3 := func(from, to int, ids ...string) (views []View) {
		for s := from; s <= to; s += 3 {
			views = append(views, seenAt(s, ids...))
		}
		return views
	}
	for name, tt := range map[string]struct {
		views []View // the last one is in doubt or not
		doubt string
	}{
		"nothing was seen but this":    {[]View{seenAt(0, "a")}, early},
		"a moment before a lease":      {append(every3(0, 12, "a", "b"), View{Now: seconds(15).Add(-time.Millisecond)}), early},
		"after a lease":                {every3(0, 15, "a", "b"), ""},
		"somebody came":                {append(every3(0, 15, "a"), seenAt(18, "a", "b")), ""},
		"somebody is missing":          {append(every3(0, 15, "a", "b"), seenAt(18, "a")), "perhaps still running: host-b (b)"},
		"everybody is missing":         {append(every3(0, 15, "a", "b", "c"), seenAt(18, "a")), "host-b (b), host-c (c)"},
		"missing, and about to expire": {append(every3(0, 15, "a", "b"), every3(18, 29, "a")...), "host-b (b)"},
		"missing, and expired":         {append(every3(0, 15, "a", "b"), every3(18, 30, "a")...), ""},
		"missing, and back":            {append(every3(0, 15, "a", "b"), seenAt(18, "a"), seenAt(21, "a", "b")), ""},
		"a gap in the watch":           {append(every3(0, 15, "a", "b"), seenAt(21, "a", "b")), early},
		"a gap that is none":           {append(every3(0, 15, "a", "b"), seenAt(20, "a", "b")), ""},
		"a lease after a gap":          {append(every3(0, 15, "a", "b"), every3(99, 114, "a", "b")...), ""},
		"the clock was set back":       {append(every3(1000, 1015, "a", "b"), seenAt(0, "a")), early},
		"a lease after it was set back": {
			append(every3(1000, 1015, "a", "b"), every3(0, 15, "a")...), "",
		},
		"set back, and everybody is there": {append(every3(1000, 1015, "a", "b"), every3(0, 15, "a", "b")...), ""},
		"set far ahead":                    {append(every3(0, 15, "a", "b"), seenAt(99999, "a")), early},
	} {
		t.Run(name, func(t *testing.T) {
			var w watch
			for _, v := range tt.views {
				w.see(v)
			}
			got := w.doubt(tt.views[len(tt.views)-1])
			if (got == "") != (tt.doubt == "") || !strings.Contains(got, tt.doubt) {
				t.Errorf("doubt is %q, want %q", got, tt.doubt)
			}
		})
	}
	var w watch
	if got := w.doubt(seenAt(99, "a")); !strings.Contains(got, early) {
		t.Errorf("doubt before anything was seen is %q, want %q", got, early)
	}
}
