package laravel

import "strings"

// Limits of PHP's default configuration (php.ini max_input_vars,
// max_input_nesting_level).
const (
	maxInputVars    = 1000
	maxInputNesting = 64
)

// parseForm reads a query or a urlencoded body into p as PHP's parse_str does,
// and refuses what parse_str would drop, cut, rewrite or overwrite.
func parseForm(p *Params, s string) Reason {
	count := 0
	for s != "" {
		var pair string
		pair, s, _ = strings.Cut(s, "&")
		// PHP counts empty pairs in a body, though not in a query.
		if count++; count > maxInputVars {
			return ReasonParameterCount
		}
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, ok := unescapeForm(name)
		if !ok {
			return ReasonParameterEncoding
		}
		value, ok = unescapeForm(value)
		if !ok {
			return ReasonParameterEncoding
		}
		if reason := p.insertNamed(name, textValue(value)); reason != "" {
			return reason
		}
	}
	return ""
}

// insertNamed places v under a decoded name as php_register_variable does.
func (p *Params) insertNamed(name string, v Value) Reason {
	if plainName(name) {
		return p.insert([]string{name}, v)
	}
	var room [4]string
	keys, reason := splitName(room[:0], name)
	if reason != "" {
		return reason
	}
	return p.insert(keys, v)
}

// plainName reports whether the name has no byte that means something to PHP.
func plainName(name string) bool {
	return name != "" && !strings.ContainsAny(name, " .[\x00")
}

// splitName cuts a[b][c] into its keys. PHP drops an empty name and a leading
// blank, cuts at NUL, writes "_" for a blank and a dot and for a bracket that is
// never closed, drops what follows a closing bracket, and takes "[ ]" for "[]":
// all these are refused, because the name that the client wrote is not the one
// that PHP would have.
func splitName(keys []string, name string) ([]string, Reason) {
	base, rest, brackets := strings.Cut(name, "[")
	if base == "" || strings.ContainsAny(name, "\x00") || strings.ContainsAny(base, " .") {
		return nil, ReasonParameterName
	}
	keys = append(keys, base)
	for brackets {
		key, after, closed := strings.Cut(rest, "]")
		if !closed || strings.Contains(key, "[") || blankKey(key) {
			return nil, ReasonParameterName
		}
		if keys = append(keys, key); len(keys) > maxInputNesting+1 {
			return nil, ReasonParameterDepth
		}
		if after == "" {
			return keys, ""
		}
		if after[0] != '[' {
			return nil, ReasonParameterName
		}
		rest = after[1:]
	}
	return keys, ""
}

// blankKey is a key of one blank, which PHP takes for none.
func blankKey(key string) bool {
	return len(key) == 1 && isSpace(key[0])
}

// isSpace is C's isspace in the C locale.
func isSpace(c byte) bool { return c == ' ' || (c >= '\t' && c <= '\r') }

// unescapeForm is PHP's urldecode, but false for a malformed escape and for a
// raw NUL byte, which parse_str takes for the end. Without escapes it allocates
// nothing.
func unescapeForm(s string) (string, bool) {
	plain := true
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case 0:
			return "", false
		case '+':
			plain = false
		case '%':
			if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return "", false
			}
			plain = false
		}
	}
	if plain {
		return s, true
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '+':
			b.WriteByte(' ')
		case '%':
			b.WriteByte(unhex(s[i+1])<<4 | unhex(s[i+2]))
			i += 2
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), true
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	default:
		return c - 'a' + 10
	}
}

// appendForm writes p as a query or a urlencoded body that every reader decodes
// alike: RFC 3986 unreserved bytes plain, all others escaped, indexes explicit.
func appendForm(dst []byte, p *Params) []byte {
	for i := range p.entries {
		dst = appendFormValue(dst, p.entries[i].value, nil, p.entries[i].name)
	}
	return dst
}

// appendFormValue writes one value, or all leaves of an array below the keys in
// outer and name.
func appendFormValue(dst []byte, v Value, outer []string, name string) []byte {
	if v.kind == KindArray {
		keys := append(outer[:len(outer):len(outer)], name)
		for key, element := range v.array.All() {
			dst = appendFormValue(dst, element, keys, key)
		}
		return dst
	}
	if len(dst) > 0 {
		dst = append(dst, '&')
	}
	for i, key := range outer {
		dst = appendFormKey(dst, key, i > 0)
	}
	dst = appendFormKey(dst, name, len(outer) > 0)
	dst = append(dst, '=')
	return appendEscaped(dst, v.text)
}

func appendFormKey(dst []byte, key string, bracketed bool) []byte {
	if !bracketed {
		return appendEscaped(dst, key)
	}
	dst = append(dst, "%5B"...)
	dst = appendEscaped(dst, key)
	return append(dst, "%5D"...)
}

func appendEscaped(dst []byte, s string) []byte {
	const digits = "0123456789ABCDEF"
	for i := 0; i < len(s); i++ {
		if c := s[i]; unreserved(c) {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', digits[c>>4], digits[c&15])
		}
	}
	return dst
}

// unreserved is RFC 3986 section 2.3.
func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}
