package laravel

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	// maxJSONNesting is json_decode's default depth as it counts: 511 arrays in
	// each other parse, 512 do not.
	maxJSONNesting = 511
	// maxJSONValues bounds the memory that one body can claim. PHP has no such
	// limit; no call of Faveo's comes near it.
	maxJSONValues = 10_000
)

// parseJSON reads a body into p as (array) json_decode($body, true) does, for
// an object. Anything that PHP does not parse, and anything that is not an
// object, leaves p empty: the request is then rebuilt without a body, so PHP finds
// the same nothing. Numbers keep their text. A name twice in one object, and NUL
// in a name, are refused: other readers keep the first, the last or none.
func parseJSON(p *Params, s string) Reason {
	d := jsonReader{s: s}
	d.space()
	v, ok := d.value(0)
	d.space()
	if !ok || d.i != len(s) || v.kind != KindArray || v.array.list {
		return d.overflow()
	}
	if d.reason != "" {
		return d.reason
	}
	*p = *v.array
	return ""
}

// jsonReader is a strict RFC 8259 parser over s.
type jsonReader struct {
	s      string
	i      int
	values int
	// reason is the first ambiguity met; it counts only if the whole text parses.
	reason Reason
}

// overflow is the reason of a text whose parsing was given up for its size; a
// text that PHP would not parse either has none.
func (d *jsonReader) overflow() Reason {
	if d.values > maxJSONValues {
		return ReasonParameterCount
	}
	return ""
}

func (d *jsonReader) space() {
	for d.i < len(d.s) && (d.s[d.i] == ' ' || d.s[d.i] == '\t' || d.s[d.i] == '\n' || d.s[d.i] == '\r') {
		d.i++
	}
}

// next consumes c.
func (d *jsonReader) next(c byte) bool {
	if d.i < len(d.s) && d.s[d.i] == c {
		d.i++
		return true
	}
	return false
}

func (d *jsonReader) word(w string) bool {
	if strings.HasPrefix(d.s[d.i:], w) {
		d.i += len(w)
		return true
	}
	return false
}

// value reads one value inside depth arrays and objects.
func (d *jsonReader) value(depth int) (Value, bool) {
	if d.values++; d.values > maxJSONValues || d.i >= len(d.s) {
		return Value{}, false
	}
	switch c := d.s[d.i]; c {
	case '{':
		return d.object(depth + 1)
	case '[':
		return d.array(depth + 1)
	case '"':
		text, ok := d.text()
		return textValue(text), ok
	case 't':
		return boolValue("true"), d.word("true")
	case 'f':
		return boolValue("false"), d.word("false")
	case 'n':
		return Value{}, d.word("null")
	default:
		return d.number()
	}
}

func (d *jsonReader) object(depth int) (Value, bool) {
	p := &Params{}
	d.i++
	d.space()
	if depth > maxJSONNesting || d.next('}') {
		return arrayValue(p), depth <= maxJSONNesting
	}
	for {
		if !d.member(p, depth) {
			return Value{}, false
		}
		if d.next(',') {
			d.space()
			continue
		}
		return arrayValue(p), d.next('}')
	}
}

// member reads one name and value and the blanks behind it.
func (d *jsonReader) member(p *Params, depth int) bool {
	if d.i >= len(d.s) || d.s[d.i] != '"' {
		return false
	}
	name, ok := d.text()
	d.space()
	if !ok || !d.next(':') {
		return false
	}
	d.space()
	v, ok := d.value(depth)
	d.space()
	if !ok {
		return false
	}
	if p.find(name) >= 0 || strings.IndexByte(name, 0) >= 0 {
		d.reason = ReasonJSONName
		return true
	}
	p.add(name, v)
	return true
}

func (d *jsonReader) array(depth int) (Value, bool) {
	p := &Params{list: true}
	d.i++
	d.space()
	if depth > maxJSONNesting || d.next(']') {
		return arrayValue(p), depth <= maxJSONNesting
	}
	for {
		v, ok := d.value(depth)
		d.space()
		if !ok {
			return Value{}, false
		}
		p.entries = append(p.entries, entry{value: v, times: 1})
		if d.next(',') {
			d.space()
			continue
		}
		return arrayValue(p), d.next(']')
	}
}

// number reads RFC 8259 section 6.
func (d *jsonReader) number() (Value, bool) {
	start := d.i
	d.next('-')
	if !d.next('0') && !d.digits() {
		return Value{}, false
	}
	if d.next('.') && !d.digits() {
		return Value{}, false
	}
	if d.next('e') || d.next('E') {
		if !d.next('+') {
			d.next('-')
		}
		if !d.digits() {
			return Value{}, false
		}
	}
	return numberValue(d.s[start:d.i]), true
}

func (d *jsonReader) digits() bool {
	start := d.i
	for d.i < len(d.s) && '0' <= d.s[d.i] && d.s[d.i] <= '9' {
		d.i++
	}
	return d.i > start
}

// text reads a string at its opening quote. Without escapes it is a part of s.
func (d *jsonReader) text() (string, bool) {
	d.i++
	start := d.i
	for d.i < len(d.s) {
		switch c := d.s[d.i]; {
		case c == '"':
			text := d.s[start:d.i]
			d.i++
			return text, utf8.ValidString(text)
		case c == '\\':
			return d.escapedText(start)
		case c < ' ':
			return "", false
		default:
			d.i++
		}
	}
	return "", false
}

// escapedText goes on with text at its first backslash.
func (d *jsonReader) escapedText(start int) (string, bool) {
	b := append(make([]byte, 0, 2*(d.i-start)+16), d.s[start:d.i]...)
	for d.i < len(d.s) {
		c := d.s[d.i]
		d.i++
		switch {
		case c == '"':
			return string(b), utf8.Valid(b)
		case c < ' ':
			return "", false
		case c != '\\':
			b = append(b, c)
		default:
			r, ok := d.escape()
			if !ok {
				return "", false
			}
			b = utf8.AppendRune(b, r)
		}
	}
	return "", false
}

// escape reads what follows a backslash. A surrogate without its other half is
// no text (JSON_ERROR_UTF16).
func (d *jsonReader) escape() (rune, bool) {
	if d.i >= len(d.s) {
		return 0, false
	}
	c := d.s[d.i]
	d.i++
	switch c {
	case '"', '\\', '/':
		return rune(c), true
	case 'b':
		return '\b', true
	case 'f':
		return '\f', true
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	case 'u':
		return d.unicode()
	default:
		return 0, false
	}
}

func (d *jsonReader) unicode() (rune, bool) {
	r, ok := d.hex4()
	if !ok || !utf16.IsSurrogate(r) {
		return r, ok
	}
	if !d.word(`\u`) {
		return 0, false
	}
	low, ok := d.hex4()
	r = utf16.DecodeRune(r, low)
	return r, ok && r != utf8.RuneError
}

func (d *jsonReader) hex4() (rune, bool) {
	if d.i+4 > len(d.s) {
		return 0, false
	}
	var r rune
	for _, c := range []byte(d.s[d.i : d.i+4]) {
		if !isHex(c) {
			return 0, false
		}
		r = r<<4 | rune(unhex(c))
	}
	d.i += 4
	return r, true
}
