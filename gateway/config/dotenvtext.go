package config

import (
	"errors"
	"strings"
)

// dotenvState is where dotenvText is in a value.
type dotenvState int

const (
	dotenvBegin dotenvState = iota
	dotenvUnquoted
	dotenvSingle
	dotenvDouble
	dotenvEscape
	dotenvAfter // only blanks and a comment may follow
)

const dotenvSpace = " \t\n\v\f\r"

// dotenvText takes the quotes, escapes and the comment from a trimmed value. The
// references are the places in text of each $ that may begin one.
func dotenvText(raw string) (text string, references []int, err error) {
	var b strings.Builder
	state := dotenvBegin
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		space := strings.IndexByte(dotenvSpace, c) >= 0
		switch {
		case state == dotenvBegin && c == '\'':
			state = dotenvSingle
		case state == dotenvBegin && c == '"':
			state = dotenvDouble
		case state != dotenvSingle && state != dotenvDouble && state != dotenvEscape && c == '#':
			return b.String(), references, nil
		case state == dotenvBegin && space: // a form feed, which PHP's trim leaves
			return "", nil, errors.New("the value begins with a control character")
		case state == dotenvBegin, state == dotenvUnquoted && !space:
			if c == '$' {
				references = append(references, b.Len())
			}
			b.WriteByte(c)
			state = dotenvUnquoted
		case state == dotenvUnquoted:
			state = dotenvAfter
		case state == dotenvSingle && c == '\'', state == dotenvDouble && c == '"':
			state = dotenvAfter
		case state == dotenvDouble && c == '\\':
			state = dotenvEscape
		case state == dotenvSingle, state == dotenvDouble:
			if c == '$' && state == dotenvDouble {
				references = append(references, b.Len())
			}
			b.WriteByte(c)
		case state == dotenvEscape:
			escaped, ok := dotenvUnescape(c)
			if !ok {
				return "", nil, errors.New("the value contains an unknown escape")
			}
			b.WriteByte(escaped)
			state = dotenvDouble
		case !space:
			return "", nil, errors.New("text follows the value; put a value with blanks in double quotes")
		}
	}
	switch state {
	case dotenvSingle, dotenvDouble, dotenvEscape:
		return "", nil, errors.New("a quote is never closed")
	}
	return b.String(), references, nil
}

func dotenvUnescape(c byte) (byte, bool) {
	switch c {
	case '"', '\\', '$':
		return c, true
	case 'f':
		return '\f', true
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	case 'v':
		return '\v', true
	}
	return 0, false
}
