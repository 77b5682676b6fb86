package policy

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// pattern is a path pattern, anchored at both ends: "/api/v1/plugin/{id:int}",
// "/api/v1/plugin/**". A trailing ** stands for any number of segments, none
// included.
type pattern struct {
	text     string
	segments []segment
	rest     bool // ends in **
	// fixed is the text of the first segments, of which fixes many are literal: they
	// are compared at once.
	fixed string
	fixes int
}

// segment is one segment of a pattern: a literal, or a typed capture.
type segment struct {
	literal string // empty for a capture
	name    string // of a capture
	kind    captureKind
}

// captureKind is the type of a capture.
type captureKind string

const (
	// captureInt is a decimal number without sign or leading zeros that fits an
	// int64: one number has one spelling.
	captureInt captureKind = "int"
	// captureWord is 1 to 128 ASCII letters, digits, "-" and "_".
	captureWord captureKind = "word"

	maxWord = 128
)

// matches reports whether text is a value of the type.
func (k captureKind) matches(text string) bool {
	if k == captureInt {
		if text == "" || (text[0] == '0' && len(text) > 1) || text[0] < '0' || text[0] > '9' {
			return false
		}
		_, err := strconv.ParseInt(text, 10, 64)
		return err == nil
	}
	return text != "" && len(text) <= maxWord && !strings.ContainsFunc(text, func(r rune) bool {
		return !isAlphanumeric(r) && r != '-' && r != '_'
	})
}

func isAlphanumeric(r rune) bool {
	return '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

// parsePattern reads a pattern.
func parsePattern(text string) (pattern, error) {
	p := pattern{text: text}
	path, found := strings.CutPrefix(text, "/")
	if !found {
		return p, errors.New("path must begin with /")
	}
	path, p.rest = cutRest(path)
	for part := range strings.SplitSeq(path, "/") {
		s, err := parseSegment(part)
		if err != nil {
			return p, err
		}
		if s.name != "" && slices.ContainsFunc(p.segments, func(t segment) bool { return t.name == s.name }) {
			return p, fmt.Errorf("capture {%s} is named twice", s.name)
		}
		p.segments = append(p.segments, s)
	}
	if p.segments[0].literal != "api" {
		return p, errors.New("path must be /api or below it: other paths are the web UI, about which the policy is not asked")
	}
	for p.fixes < len(p.segments) && p.segments[p.fixes].name == "" {
		p.fixed += "/" + p.segments[p.fixes].literal
		p.fixes++
	}
	return p, nil
}

// cutRest removes a trailing **.
func cutRest(path string) (before string, found bool) {
	return strings.CutSuffix(path, "/**")
}

// parseSegment reads one segment of a pattern.
func parseSegment(part string) (segment, error) {
	if inner, found := strings.CutPrefix(part, "{"); found {
		return parseCapture(inner, part)
	}
	switch {
	case part == "":
		return segment{}, errors.New("path has an empty segment")
	case part == "**":
		return segment{}, errors.New("** may only be the last segment")
	case part == "." || part == "..":
		return segment{}, fmt.Errorf("path has the segment %q, which no canonical path has", part)
	case strings.ContainsFunc(part, func(r rune) bool { return !isAlphanumeric(r) && !strings.ContainsRune("-._~", r) }):
		return segment{}, fmt.Errorf(`segment %q: only letters, digits and "-._~", {name:int}, {name:word} or a last **`, part)
	}
	return segment{literal: part}, nil
}

// parseCapture reads what follows the brace of a capture.
func parseCapture(inner, part string) (segment, error) {
	inner, closed := strings.CutSuffix(inner, "}")
	name, kind, typed := strings.Cut(inner, ":")
	switch {
	case !closed || !typed:
		return segment{}, fmt.Errorf("segment %q: a capture is written {name:int} or {name:word}", part)
	case !isCaptureName(name):
		return segment{}, fmt.Errorf(`capture %q: the name is a letter, then letters, digits and "_", all lower case`, part)
	case kind != string(captureInt) && kind != string(captureWord):
		return segment{}, fmt.Errorf("capture %q: unknown type %q, want int or word", part, kind)
	}
	return segment{name: name, kind: captureKind(kind)}, nil
}

func isCaptureName(name string) bool {
	if name == "" || name[0] < 'a' || name[0] > 'z' {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return r != '_' && (!isAlphanumeric(r) || 'A' <= r && r <= 'Z')
	})
}

// literal reports whether p matches exactly the path p.text.
func (p pattern) literal() bool {
	return !p.rest && !slices.ContainsFunc(p.segments, func(s segment) bool { return s.name != "" })
}

// matches reports whether a segment of a path is one of s.
func (s segment) matches(text string) bool {
	if s.name == "" {
		return s.literal == text
	}
	return s.kind.matches(text)
}

// matches reports whether p matches a whole path.
func (p pattern) matches(path string) bool {
	rest, found := strings.CutPrefix(path, p.fixed)
	if !found {
		return false
	}
	rest, more := strings.CutPrefix(rest, "/")
	if !more && rest != "" {
		return false // A segment goes on where the pattern's ends.
	}
	for _, s := range p.segments[p.fixes:] {
		if !more {
			return false
		}
		var part string
		part, rest, more = strings.Cut(rest, "/")
		if !s.matches(part) {
			return false
		}
	}
	return !more || p.rest
}

// capture returns the segment of a path that p matches for a capture's name,
// and its type.
func (p pattern) capture(path, name string) (text string, kind captureKind, found bool) {
	rest := strings.TrimPrefix(path, "/")
	for _, s := range p.segments {
		var part string
		part, rest, _ = strings.Cut(rest, "/")
		if s.name == name && name != "" {
			return part, s.kind, true
		}
	}
	return "", "", false
}

// covers reports whether p matches every path that other matches.
func (p pattern) covers(other pattern) bool {
	if len(other.segments) < len(p.segments) {
		return false
	}
	for i, s := range p.segments {
		if !s.covers(other.segments[i]) {
			return false
		}
	}
	return p.rest || (len(other.segments) == len(p.segments) && !other.rest)
}

// covers reports whether s matches everything that other matches.
func (s segment) covers(other segment) bool {
	switch {
	case s.name == "":
		return other.name == "" && s.literal == other.literal
	case other.name == "":
		return s.kind.matches(other.literal)
	default:
		return s.kind == other.kind || s.kind == captureWord // every int is a word
	}
}

// wellFormed reports whether a path can be matched at all: it begins with a
// slash and has no empty, "." or ".." segment, backslash or control character.
func wellFormed(path string) bool {
	if path == "" || path[0] != '/' {
		return false
	}
	start := 1
	for i := 1; i <= len(path); i++ {
		if i == len(path) || path[i] == '/' {
			if part := path[start:i]; part == "" || part == "." || part == ".." {
				return false
			}
			start = i + 1
			continue
		}
		if c := path[i]; c < ' ' || c == 0x7f || c == '\\' {
			return false
		}
	}
	return true
}
