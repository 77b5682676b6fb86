package audit

import (
	"testing"
	"testing/quick"
)

// TestNoTwoEntriesHaveOneText moves the border between neighbouring texts, and lets texts
// look like lengths.
func TestNoTwoEntriesHaveOneText(t *testing.T) {
	base := Entry{Version: version, Sequence: 1, Event: Event{Count: 1}}
	moved := func(a, b, c string, cut uint) bool {
		whole := a + b + c
		i, j := len(a), len(a)+len(b)
		k := int(cut % uint(len(whole)+1))
		one, other := base, base
		one.Reason, one.Actor, one.Subject = whole[:i], whole[i:j], whole[j:]
		other.Reason, other.Actor, other.Subject = whole[:min(i, k)], whole[min(i, k):max(j, k)], whole[max(j, k):]
		return one.Event == other.Event == (one.sum() == other.sum())
	}
	if err := quick.Check(moved, &quick.Config{MaxCount: 5000}); err != nil {
		t.Error(err)
	}
	for _, pair := range [][2]Event{
		{{Reason: "ab", Count: 1}, {Reason: "a", Actor: "b", Count: 1}},
		{{Reason: "\x00\x00\x00\x01a", Count: 1}, {Actor: "a", Count: 1}},
		{{Kind: "ab", Count: 1}, {Kind: "a", Outcome: "b", Count: 1}},
		{{Detail: "a", Count: 1}, {RequestID: "a", Count: 1}},
	} {
		one, other := base, base
		one.Event, other.Event = pair[0], pair[1]
		if one.sum() == other.sum() {
			t.Errorf("%+v and %+v have one hash", pair[0], pair[1])
		}
	}
}
