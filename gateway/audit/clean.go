package audit

import (
	"math"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// maxText bounds every text of an event, in bytes.
const maxText = 200

// clean returns the event as it is stored: what is hashed has one form, and nothing
// that somebody made up can be refused by a store, where it would hold up all others.
func (e Event) clean(now func() time.Time) Event {
	if e.Time.IsZero() {
		e.Time = now()
	}
	e.Time = time.UnixMicro(e.Time.UnixMicro()).UTC()
	e.Kind, e.Outcome = Kind(clean(string(e.Kind))), Outcome(clean(string(e.Outcome)))
	for _, text := range []*string{&e.Reason, &e.Actor, &e.Subject, &e.Address, &e.Agent, &e.RequestID, &e.Detail} {
		*text = clean(*text)
	}
	if e.UserID > math.MaxInt64 { // No account's, and more than SQLite holds.
		e.UserID = 0
	}
	e.Count = max(e.Count, 1)
	return e
}

// clean returns text with at most maxText bytes, cut between characters, and with
// U+FFFD for whatever does not print: line breaks, terminal escapes, marks that turn
// the writing direction, bytes that are no UTF-8. Its work is bounded by maxText, and
// what it returns does not keep a long text in memory.
func clean(text string) string {
	if len(text) <= maxText && isPlain(text) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if !unicode.IsPrint(r) {
			r = utf8.RuneError
		}
		if b.Len()+utf8.RuneLen(r) > maxText {
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}

// isPlain reports whether text is printable ASCII.
func isPlain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}
