package proxy

import (
	"bufio"
	"bytes"
	"io"
)

// errorName is how the first member of Faveo's error messages begins.
const errorName = `"error"`

// beginsError reports whether a text begins like an error message of Faveo, and
// whether that can be known yet.
func beginsError(head []byte) (is, known bool) {
	rest := bytes.TrimLeft(head, blanks)
	if len(rest) == 0 {
		return false, false
	}
	if rest[0] != '{' {
		return false, true
	}
	rest = bytes.TrimLeft(rest[1:], blanks)
	n := min(len(rest), len(errorName))
	if string(rest[:n]) != errorName[:n] {
		return false, true
	}
	return n == len(errorName), n == len(errorName)
}

// concealer takes out of an error message where in PHP's source it was raised.
//
// Faveo answers an exception in most of its handlers with
//
//	{"error":"message","file":"/var/www/faveo/app/…","line":666}
//
// (contract, ROUTES.md). Of an object that begins with the member error the
// members file and line are left out, with the comma before them; every other
// byte of it, and every other text, goes through as it is. That is hygiene and
// no boundary: it follows strings and brackets and judges no grammar, and the
// message itself may still hold SQL.
type concealer struct {
	src     *bufio.Reader
	state   concealState
	matched int    // of errorName
	depth   int    // of open brackets, 1 inside the message
	quoted  bool   // inside a string
	escaped bool   // after a backslash in it
	name    int    // where in held the name begins, 0 before
	held    []byte // a comma and what follows it while that may be left out
	out     []byte // released and not yet returned
	room    [32]byte
}

// concealState says what the next byte belongs to.
type concealState uint8

const (
	beforeMessage concealState = iota // blanks, then the opening brace
	firstName                         // blanks, then errorName
	inMessage                         // values and nested ones
	nextName                          // held: a comma, blanks and a name
	leftOut                           // a member that goes no further
	elsewhere                         // another text, or after the message
)

func newConcealer(r io.Reader) io.Reader {
	return &concealer{src: bufio.NewReader(r)}
}

// Read implements io.Reader. It waits for the source only when it has nothing
// to return.
func (c *concealer) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if len(c.out) > 0 {
			copied := copy(p[n:], c.out)
			c.out = c.out[copied:]
			n += copied
			continue
		}
		if n > 0 && c.src.Buffered() == 0 {
			return n, nil
		}
		if c.state == elsewhere {
			copied, err := c.src.Read(p[n:])
			return n + copied, err
		}
		b, err := c.src.ReadByte()
		if err != nil {
			if len(c.held) == 0 {
				return n, err
			}
			c.release(elsewhere) // The source says the same again after that.
			continue
		}
		c.next(b)
	}
	return n, nil
}

// next takes one byte. out is empty before.
func (c *concealer) next(b byte) {
	switch c.state {
	case beforeMessage:
		c.emit(b)
		if b == '{' {
			c.state = firstName
		} else if !isBlank(b) {
			c.state = elsewhere
		}
	case firstName:
		c.emit(b)
		if c.matched == 0 && isBlank(b) {
			return
		}
		if b != errorName[c.matched] {
			c.state = elsewhere
			return
		}
		if c.matched++; c.matched == len(errorName) {
			c.state, c.depth = inMessage, 1
		}
	case nextName:
		c.nextInName(b)
	default:
		c.nextInMember(b)
	}
}

// nextInMember follows the value of a member to the comma or brace after it.
func (c *concealer) nextInMember(b byte) {
	switch {
	case c.escaped:
		c.escaped = false
	case c.quoted:
		c.escaped, c.quoted = b == '\\', b != '"'
	case b == '"':
		c.quoted = true
	case b == '{' || b == '[':
		c.depth++
	case b == '}' || b == ']':
		c.depth--
	case b == ',' && c.depth == 1:
		c.state, c.name, c.held = nextName, 0, append(c.room[:0], b)
		return
	}
	if c.depth == 0 {
		c.state = elsewhere
	}
	if c.state != leftOut {
		c.emit(b)
	}
}

// nextInName holds the name of a member back until it is known.
func (c *concealer) nextInName(b byte) {
	c.held = append(c.held, b)
	switch {
	case c.name == 0 && b == '"':
		c.name = len(c.held)
	case c.name == 0 && !isBlank(b):
		c.release(elsewhere)
	case c.name > 0 && b == '"':
		switch string(c.held[c.name : len(c.held)-1]) {
		case "file", "line":
			c.state, c.held = leftOut, nil
		default:
			c.release(inMessage)
		}
	case b == '\\' || len(c.held) == len(c.room): // Neither of the two.
		c.quoted, c.escaped = c.name > 0, b == '\\'
		c.release(inMessage)
	}
}

func (c *concealer) emit(b byte) { c.out = append(c.room[:0], b) }

// release lets what was held go on.
func (c *concealer) release(s concealState) {
	c.state, c.out, c.held = s, c.held, nil
}

func isBlank(b byte) bool { return b == ' ' || b == '\t' || b == '\r' || b == '\n' }
