package session

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The bounds of the texts that a client chooses, in bytes.
const (
	maxAddress = 64
	maxAgent   = 256
)

// clean makes a text of a client's choosing fit for lists and logs: valid
// UTF-8, at most limit bytes, cut between characters. Whatever does not print
// (line breaks, terminal escapes, marks that turn the writing direction) is a
// space. Its work is bounded by limit, not by the text.
func clean(text string, limit int) string {
	var b strings.Builder
	for _, r := range text {
		if !unicode.IsPrint(r) {
			r = ' '
		}
		if b.Len()+utf8.RuneLen(r) > limit {
			break
		}
		b.WriteRune(r)
	}
	return strings.TrimSpace(b.String())
}
