package faveo

// numberMayEnd reports whether the number under way is one already.
func (s *scanner) numberMayEnd() bool {
	switch s.state {
	case afterZero, inInteger, inFraction, inExponent:
		return true
	}
	return false
}

// inLiteral takes a byte of true, false or null.
func (s *scanner) inLiteral(b byte) (event, error) {
	if b != s.literal[0] {
		return endOfChunk, errSyntax
	}
	if s.literal = s.literal[1:]; s.literal != "" {
		return endOfChunk, nil
	}
	s.state = afterValue
	return valueEnded, nil
}

// number takes a byte of a number, RFC 8259 section 6, and reports whether it is one.
func (s *scanner) number(b byte) bool {
	digit := '0' <= b && b <= '9'
	next := s.state
	switch s.state {
	case afterMinus:
		next = inInteger
		if b == '0' {
			next = afterZero
		}
	case inInteger, afterZero:
		switch {
		case b == '.':
			next, digit = afterPoint, true
		case b|0x20 == 'e':
			next, digit = afterE, true
		case s.state == afterZero:
			return false
		}
	case afterPoint:
		next = inFraction
	case inFraction:
		if b|0x20 == 'e' {
			next, digit = afterE, true
		}
	case afterE:
		next = inExponent
		if b == '+' || b == '-' {
			next, digit = afterSign, true
		}
	case afterSign:
		next = inExponent
	}
	if digit {
		s.state = next
	}
	return digit
}
