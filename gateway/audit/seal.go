package audit

import (
	"fmt"
	"strings"
)

// The reasons of an event of KindTrail, which says that its writer could not prove what
// was stored before it.
const (
	// ReasonUnknownKey: the Head is by a key that the writer does not have.
	ReasonUnknownKey = "unknown_key"
	// ReasonChanged: the Head, or the entry that it names, was changed or is gone.
	ReasonChanged = "changed"
	// ReasonCutOff: entries that the writer itself has stored are there no more.
	ReasonCutOff = "cut_off"
)

// seal makes entries of events, behind the Head and in their order.
func (k Keys) seal(h Head, events []Event) Batch {
	b := Batch{Entries: make([]Entry, len(events)), Head: Head{Last: h.Last, Start: h.Start}}
	for i, event := range events {
		e := &b.Entries[i]
		*e = Entry{
			Event: event, Version: version, Sequence: b.Head.Last.Sequence + 1,
			Previous: b.Head.Last.Hash, KeyID: k.list[0].id,
		}
		e.Hash = e.sum()
		_, e.MAC = k.sign(entryText(e.Link()))
		b.Head.Last = e.Link()
	}
	b.Head.KeyID, b.Head.MAC = k.sign(b.Head.text())
	return b
}

// judgeHead tells what the MAC of a Head says of it. A Head without a MAC is wrong, but
// that of a new trail.
func (k Keys) judgeHead(h Head) verdict {
	switch {
	case h == Head{}:
		return proved
	case h.KeyID == "":
		return wrong
	}
	return k.judge(h.KeyID, h.MAC, h.text())
}

// breach returns the reason why a writer whose own last entry is that Link cannot prove
// the Head, "" when it can.
func (k Keys) breach(h Head, own Link) string {
	isOlder := h.Last.Sequence < own.Sequence || h.Last.Sequence == own.Sequence && h.Last != own
	switch v := k.judgeHead(h); {
	case isOlder:
		return ReasonCutOff
	case v == wrong:
		return ReasonChanged
	case v == unknown:
		return ReasonUnknownKey
	}
	return ""
}

// breachEvent tells of a breach, with all that a reader with more keys needs to prove
// the Head.
func breachEvent(reason string, h Head) Event {
	return Event{
		Kind: KindTrail, Outcome: Failed, Reason: reason, Actor: "gateway", Subject: h.KeyID,
		Detail: fmt.Sprintf("%s %d %s", h.MAC, h.Start.Sequence, h.Start.Hash),
	}
}

// isBreach reports that an entry tells of a breach.
func (e *Entry) isBreach() bool { return e.Kind == KindTrail }

// breached returns the Head that an entry's breachEvent was made of; ok is false where
// it was none.
func (e *Entry) breached() (h Head, ok bool) {
	h = Head{Last: Link{Sequence: e.Sequence - 1, Hash: e.Previous}, KeyID: e.Subject}
	words := strings.Split(e.Detail, " ")
	if len(words) != 3 {
		return Head{}, false
	}
	mac, err := ParseHash(words[0])
	start, wrong := ParseHash(words[2])
	if _, none := fmt.Sscanf(words[1], "%d", &h.Start.Sequence); err != nil || wrong != nil || none != nil {
		return Head{}, false
	}
	h.MAC, h.Start.Hash = mac, start
	return h, true
}
