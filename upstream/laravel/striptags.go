package laravel

// StripTags is PHP's strip_tags without allowed tags, byte for byte: comments,
// processing instructions and PHP code go too, quotes inside a tag hide its end,
// an unclosed "<x" cuts the rest, "<" before a blank is text, and NUL bytes
// outside of tags disappear (contract section 1, names).
func StripTags(s string) string {
	t := tagStripper{s: s}
	for t.i = 0; t.i < len(s); t.i++ {
		t.step(s[t.i])
	}
	if len(t.out) == len(s) {
		return s
	}
	return string(t.out)
}

// tagState is where in the markup the stripper is.
type tagState uint8

const (
	inText tagState = iota
	inTag
	// inCode is <? … ?>.
	inCode
	// inDeclaration is <! … >.
	inDeclaration
	// inComment is <!-- … -->.
	inComment
)

// tagStripper is PHP's state machine, quirks included: each step looks at one
// byte and at the bytes before it.
type tagStripper struct {
	s     string
	i     int
	out   []byte
	state tagState
	// depth counts "<" inside a tag.
	depth int
	// quote is the quote that is open, or 0.
	quote byte
	// last is the last byte that meant something in code.
	last byte
	// parens counts "(" in code.
	parens int
	// xml is set behind <?xml, which is a tag and no code.
	xml bool
}

func (t *tagStripper) step(c byte) {
	switch t.state {
	case inText:
		t.text(c)
	case inTag:
		t.tag(c)
	case inCode:
		t.code(c)
	case inDeclaration:
		t.declaration(c)
	case inComment:
		if c == '>' && t.quote == 0 && t.before("--") {
			t.leave()
		}
	}
}

func (t *tagStripper) text(c byte) {
	switch {
	case c == 0:
	case c == '<' && !t.blankFollows():
		t.last, t.state = '<', inTag
	case c == '>' && t.depth > 0:
		t.depth--
	default:
		t.out = append(t.out, c)
	}
}

func (t *tagStripper) tag(c byte) {
	switch c {
	case '<':
		if t.quote == 0 && !t.blankFollows() {
			t.depth++
		}
	case '>':
		if t.closes() {
			t.last = '>'
			if !t.xml || !t.before("-") {
				t.leave()
				t.xml = false
			}
		}
	case '"', '\'':
		t.toggleQuote(c)
	case '!':
		if t.before("<") {
			t.last, t.state = c, inDeclaration
		}
	case '?':
		if t.before("<") {
			t.parens, t.state = 0, inCode
		}
	}
}

func (t *tagStripper) code(c byte) {
	switch c {
	case '(', ')':
		t.paren(c)
	case '>':
		if t.closes() && t.parens == 0 && t.last != '"' && t.before("?") {
			t.leave()
		}
	case '"', '\'':
		t.codeQuote(c)
	case 'l', 'L':
		// PHP asks for one byte more in front than it looks at.
		if t.i > 4 && t.beforeFold("<?xm") {
			t.state, t.xml = inTag, true
		}
	}
}

func (t *tagStripper) paren(c byte) {
	if t.last == '"' || t.last == '\'' {
		return
	}
	t.last = c
	if c == '(' {
		t.parens++
	} else {
		t.parens--
	}
}

func (t *tagStripper) codeQuote(c byte) {
	if t.before(`\`) {
		return
	}
	if t.last == c {
		t.last = 0
	} else if t.last != '\\' {
		t.last = c
	}
	t.toggleQuote(c)
}

func (t *tagStripper) declaration(c byte) {
	switch c {
	case '>':
		if t.closes() {
			t.leave()
		}
	case '"', '\'':
		if !t.before(`\`) {
			t.toggleQuote(c)
		}
	case '-':
		if t.before("!-") {
			t.state = inComment
		}
	case 'E', 'e':
		if t.i > 6 && t.beforeFold("doctyp") {
			t.state = inTag
		}
	}
}

// closes reports whether this ">" may end the markup; it closes a nested "<"
// first, and means nothing in quotes.
func (t *tagStripper) closes() bool {
	if t.depth > 0 {
		t.depth--
		return false
	}
	return t.quote == 0
}

func (t *tagStripper) leave() { t.quote, t.state = 0, inText }

func (t *tagStripper) toggleQuote(c byte) {
	switch t.quote {
	case 0:
		t.quote = c
	case c:
		t.quote = 0
	}
}

func (t *tagStripper) blankFollows() bool {
	return t.i+1 < len(t.s) && isSpace(t.s[t.i+1])
}

// before reports whether the bytes in front of the current one are w.
func (t *tagStripper) before(w string) bool {
	return t.i >= len(w) && t.s[t.i-len(w):t.i] == w
}

// beforeFold is before without regard to ASCII case; w is in lower case.
func (t *tagStripper) beforeFold(w string) bool {
	return t.i >= len(w) && lowerASCII(t.s[t.i-len(w):t.i]) == w
}
