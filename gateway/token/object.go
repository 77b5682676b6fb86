package token

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// maxDepth bounds how deep claims that nobody reads may nest.
const maxDepth = 8

// object holds the members of a JSON object: string, json.Number, bool, nil,
// or nested for arrays and objects, whose content was checked and dropped.
type object map[string]any

// nested stands for an array or object.
type nested struct{}

// readObject reads text as exactly one JSON object (RFC 8259) in valid UTF-8,
// with nothing after it. Names are compared after their escapes are resolved
// and exactly, so "iss", "\u0069ss" and "ISS" cannot stand beside one another
// unnoticed. RFC 7515 section 4 and RFC 7519 section 4 leave duplicates to the
// reader; two readers choosing differently is an attack, so they are refused,
// at every depth.
//
// The standard library judges the syntax. What it found valid is then walked
// by hand, because its own walk knows nothing of duplicates or costs a hundred
// allocations.
func readObject(text []byte) (object, Reason) {
	if !utf8.Valid(text) || !json.Valid(text) {
		return nil, ReasonJSON
	}
	w := walk{text: text}
	if w.next() != '{' {
		return nil, ReasonJSON
	}
	return w.members(1)
}

// walk steps through valid JSON. It relies on the validity: it never runs past
// the end, because every value, string and bracket in the text is complete.
type walk struct {
	text []byte
	at   int
}

// next skips white space and returns the byte that follows, without taking it.
func (w *walk) next() byte {
	for {
		switch c := w.text[w.at]; c {
		case ' ', '\t', '\r', '\n':
			w.at++
		default:
			return c
		}
	}
}

// more takes an opening bracket or a comma and reports whether an element
// follows; it takes the closing bracket when none does.
func (w *walk) more() bool {
	c := w.next()
	w.at++
	switch c {
	case '}', ']':
		return false
	case ',':
		return true
	}
	if c = w.next(); c == '}' || c == ']' {
		w.at++
		return false
	}
	return true
}

// members reads the object that begins here.
func (w *walk) members(depth int) (object, Reason) {
	members := make(object, 12)
	for w.more() {
		w.next()
		name, reason := w.str()
		if reason != "" {
			return nil, reason
		}
		if _, twice := members[name]; twice {
			return nil, ReasonDuplicateMember
		}
		w.next()
		w.at++ // the colon
		if members[name], reason = w.value(depth); reason != "" {
			return nil, reason
		}
	}
	return members, ""
}

// value reads the value that begins here, inside a bracket at depth.
func (w *walk) value(depth int) (any, Reason) {
	switch c := w.next(); {
	case c == '"':
		return w.str()
	case c != '{' && c != '[':
		return w.literal(), ""
	case depth >= maxDepth:
		return nil, ReasonJSON
	case c == '{':
		_, reason := w.members(depth + 1)
		return nested{}, reason
	}
	for w.more() {
		if _, reason := w.value(depth + 1); reason != "" {
			return nil, reason
		}
	}
	return nested{}, ""
}

// str reads the string that begins here.
func (w *walk) str() (string, Reason) {
	start := w.at
	for w.at++; w.text[w.at] != '"'; w.at++ {
		if w.text[w.at] == '\\' {
			w.at++
		}
	}
	w.at++
	quoted := w.text[start:w.at]
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1]), ""
	}
	var text string
	if err := json.Unmarshal(quoted, &text); err != nil {
		return "", ReasonJSON
	}
	return text, ""
}

// literal reads the number, true, false or null that begins here.
func (w *walk) literal() any {
	start := w.at
	for w.at < len(w.text) && bytes.IndexByte([]byte(" \t\r\n,]}"), w.text[w.at]) < 0 {
		w.at++
	}
	switch text := string(w.text[start:w.at]); text {
	case "true":
		return true
	case "false":
		return false
	case "null":
		return nil
	default:
		return json.Number(text)
	}
}
