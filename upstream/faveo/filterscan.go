package faveo

import "errors"

// maxDepth is how deep values may lie in each other: PHP's json_encode goes no deeper.
const maxDepth = 512

var (
	errSyntax = errors.New("not JSON")
	errDepth  = errors.New("nested too deeply")
)

// scanner follows a JSON text that comes in pieces and tells where values and names begin and end. The zero value
// stands before the text. It accepts what RFC 8259 does, in valid UTF-8, down to maxDepth.
type scanner struct {
	state  scanState
	depth  int // of open objects and arrays
	object [maxDepth/64 + 1]uint64
	offset int64 // of all bytes taken

	inName  bool   // the string is a member's name
	name    []byte // what was between the quotes, as written; see is
	room    [maxName]byte
	pending int    // bytes that a \u escape or an UTF-8 sequence still needs
	low     byte   // the least and the greatest next byte of that sequence,
	high    byte   // RFC 3629 section 4
	literal string // what is left of true, false or null
}

// maxName is more than the longest spelling of a name that a filter looks for, six bytes for each letter.
const maxName = 6*len(internalNotes) + 1

// event is why scan has stopped.
type event uint8

const (
	endOfChunk  event = iota // all bytes were taken
	nameRead                 // the closing quote of a name was taken; name and depth are those of its object
	valueBegins              // the next byte is the first of a value; depth counts what it lies in
	valueEnded               // the last byte of a value was taken; depth is that of its beginning
)

// scanState is what the next byte belongs to.
type scanState uint8

const (
	beforeValue  scanState = iota
	firstByte              // of a value
	firstElement           // or the end of an array
	firstMember            // or the end of an object
	nextMember
	beforeColon
	afterValue
	inString
	inEscape
	inHex
	inRune
	inLiteral
	afterMinus
	afterZero
	inInteger
	afterPoint
	inFraction
	afterE
	afterSign
	inExponent
)

// complete reports whether the text may end here.
func (s *scanner) complete() bool {
	return s.depth == 0 && (s.state == afterValue || s.numberMayEnd())
}

// scan takes bytes of p up to the next event and returns how many. A number ends only where something else follows, so
// that one at the end of the text has no valueEnded.
func (s *scanner) scan(p []byte) (n int, e event, err error) {
	defer func() { s.offset += int64(n) }()
	for n < len(p) {
		switch s.state {
		case inString:
			n += s.plain(p[n:])
			if n == len(p) {
				return n, endOfChunk, nil
			}
			if e, err = s.inString(p[n]); err != nil {
				return n, endOfChunk, err
			}
			n++
			if e != endOfChunk {
				return n, e, nil
			}
			continue
		case inEscape, inHex, inRune:
			err = s.inCharacter(p[n])
		case beforeValue, firstElement, firstMember, nextMember, beforeColon, afterValue:
			if isBlank(p[n]) {
				n++
				continue
			}
			e, err = s.structure(p[n])
			if err == nil && e == valueBegins {
				return n, e, nil
			}
		case firstByte:
			err = s.begin(p[n])
		case inLiteral:
			e, err = s.inLiteral(p[n])
		default:
			if !s.number(p[n]) {
				if !s.numberMayEnd() {
					return n, endOfChunk, errSyntax
				}
				s.state = afterValue
				return n, valueEnded, nil
			}
		}
		if err != nil {
			return n, endOfChunk, err
		}
		n++
		if e != endOfChunk {
			return n, e, nil
		}
	}
	return n, endOfChunk, nil
}

// structure takes what stands between values. For valueBegins the byte is not taken.
func (s *scanner) structure(b byte) (event, error) {
	switch s.state {
	case beforeValue:
		s.state = firstByte
		return valueBegins, nil
	case firstElement:
		if b == ']' {
			return s.end()
		}
		s.state = firstByte
		return valueBegins, nil
	case firstMember:
		if b == '}' {
			return s.end()
		}
		return s.member(b)
	case nextMember:
		return s.member(b)
	case beforeColon:
		if b == ':' {
			s.state = beforeValue
			return endOfChunk, nil
		}
	case afterValue:
		return s.afterValue(b)
	}
	return endOfChunk, errSyntax
}

func (s *scanner) afterValue(b byte) (event, error) {
	inObject := s.isObject()
	switch {
	case s.depth == 0:
	case b == ',' && inObject:
		s.state = nextMember
		return endOfChunk, nil
	case b == ',':
		s.state = beforeValue
		return endOfChunk, nil
	case b == '}' && inObject, b == ']' && !inObject:
		return s.end()
	}
	return endOfChunk, errSyntax
}

func (s *scanner) member(b byte) (event, error) {
	if b != '"' {
		return endOfChunk, errSyntax
	}
	s.state, s.inName, s.name = inString, true, s.room[:0]
	return endOfChunk, nil
}

// begin takes the first byte of a value.
func (s *scanner) begin(b byte) error {
	switch b {
	case '{':
		return s.open(firstMember, true)
	case '[':
		return s.open(firstElement, false)
	case '"':
		s.state, s.inName = inString, false
	case 't':
		s.state, s.literal = inLiteral, "true"[1:]
	case 'f':
		s.state, s.literal = inLiteral, "false"[1:]
	case 'n':
		s.state, s.literal = inLiteral, "null"[1:]
	case '-':
		s.state = afterMinus
	case '0':
		s.state = afterZero
	default:
		if b < '1' || b > '9' {
			return errSyntax
		}
		s.state = inInteger
	}
	return nil
}

func (s *scanner) open(next scanState, object bool) error {
	if s.depth == maxDepth {
		return errDepth
	}
	s.depth++
	word, bit := s.depth/64, uint64(1)<<(s.depth%64)
	s.object[word] &^= bit
	if object {
		s.object[word] |= bit
	}
	s.state = next
	return nil
}

func (s *scanner) isObject() bool {
	return s.object[s.depth/64]&(1<<(s.depth%64)) != 0
}

// end takes the bracket that closes an object or array.
func (s *scanner) end() (event, error) {
	s.depth--
	s.state = afterValue
	return valueEnded, nil
}

func isBlank(b byte) bool { return b == ' ' || b == '\n' || b == '\r' || b == '\t' }
