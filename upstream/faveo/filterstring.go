package faveo

// plain returns how many bytes at the beginning of p are characters of a string that need no further look: no quote, no
// backslash, no control character, nothing beyond ASCII.
func (s *scanner) plain(p []byte) int {
	n := 0
	for n < len(p) && p[n] >= ' ' && p[n] < 0x80 && p[n] != '"' && p[n] != '\\' {
		n++
	}
	if s.inName {
		s.keep(p[:n])
	}
	return n
}

// keep appends to the name, as far as it may still be one that is looked for.
func (s *scanner) keep(p []byte) {
	s.name = append(s.name, p[:min(len(p), maxName-len(s.name))]...)
}

// inString takes a byte that plain has left.
func (s *scanner) inString(b byte) (event, error) {
	switch {
	case b == '"' && s.inName:
		s.state = beforeColon
		return nameRead, nil
	case b == '"':
		s.state = afterValue
		return valueEnded, nil
	case b == '\\':
		s.state = inEscape
	case b >= 0x80:
		return endOfChunk, s.beginRune(b)
	default:
		return endOfChunk, errSyntax // A control character, RFC 8259 section 7.
	}
	if s.inName {
		s.keep([]byte{b})
	}
	return endOfChunk, nil
}

// inCharacter takes the rest of an escape or of an UTF-8 sequence.
func (s *scanner) inCharacter(b byte) error {
	if s.inName {
		s.keep([]byte{b})
	}
	switch s.state {
	case inEscape:
		switch b {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			s.state = inString
		case 'u':
			s.state, s.pending = inHex, 4
		default:
			return errSyntax
		}
		return nil
	case inHex:
		if _, ok := hexDigit(b); !ok {
			return errSyntax
		}
	case inRune:
		if b < s.low || b > s.high {
			return errSyntax
		}
		s.low, s.high = 0x80, 0xBF
	}
	if s.pending--; s.pending == 0 {
		s.state = inString
	}
	return nil
}

// beginRune takes the first byte of an UTF-8 sequence. A reader that drops or replaces what is not UTF-8 could see
// another name than the one compared.
func (s *scanner) beginRune(b byte) error {
	s.low, s.high = 0x80, 0xBF
	switch {
	case b >= 0xC2 && b <= 0xDF:
		s.pending = 1
	case b >= 0xE0 && b <= 0xEF:
		s.pending = 2
	case b >= 0xF0 && b <= 0xF4:
		s.pending = 3
	default:
		return errSyntax
	}
	switch b { // No overlong forms, no surrogates, nothing beyond U+10FFFF.
	case 0xE0:
		s.low = 0xA0
	case 0xED:
		s.high = 0x9F
	case 0xF0:
		s.low = 0x90
	case 0xF4:
		s.high = 0x8F
	}
	s.state = inRune
	if s.inName {
		s.keep([]byte{b})
	}
	return nil
}

// is reports whether the name last read is want, which is of ASCII letters in lower case and "_", after unescaping and in
// any case of letters: some readers (encoding/json among them) match names so.
func (s *scanner) is(want string) bool {
	rest := s.name
	for i := range len(want) {
		r, size := character(rest)
		if size == 0 || fold(r) != rune(want[i]) {
			return false
		}
		rest = rest[size:]
	}
	return len(rest) == 0
}

// character decodes the first character of a name as written; the size 0 stands for the end and for all that has no
// place in a name of ASCII letters.
func character(p []byte) (r rune, size int) {
	switch {
	case len(p) == 0:
		return 0, 0
	case p[0] == '\\':
		return escaped(p)
	case p[0] < 0x80:
		return rune(p[0]), 1
	case len(p) >= 2 && string(p[:2]) == "\u017f":
		return '\u017f', 2
	case len(p) >= 3 && string(p[:3]) == "\u212a":
		return '\u212a', 3
	}
	return 0, 0
}

// escaped decodes \uXXXX. The two-letter escapes stand for no letter.
func escaped(p []byte) (r rune, size int) {
	if len(p) < 6 || p[1] != 'u' {
		return 0, 0
	}
	for _, b := range p[2:6] {
		digit, _ := hexDigit(b)
		r = r<<4 | digit
	}
	return r, 6
}

func hexDigit(b byte) (rune, bool) {
	switch {
	case '0' <= b && b <= '9':
		return rune(b - '0'), true
	case 'a' <= b|0x20 && b|0x20 <= 'f':
		return rune(b|0x20-'a') + 10, true
	}
	return 0, false
}

// fold maps what equals an ASCII letter under Unicode's simple case folding to that letter in lower case.
func fold(r rune) rune {
	switch {
	case 'A' <= r && r <= 'Z':
		return r + 'a' - 'A'
	case r == '\u017f': // Long s.
		return 's'
	case r == '\u212a': // The sign of the kelvin.
		return 'k'
	}
	return r
}
