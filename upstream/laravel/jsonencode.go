package laravel

import (
	"errors"
	"unicode/utf16"
	"unicode/utf8"
)

// ErrInvalidUTF8 is text that json_encode refuses ("Malformed UTF-8
// characters"). Test for it with errors.Is.
var ErrInvalidUTF8 = errors.New("text is not valid UTF-8")

// AppendJSONString appends s, with its quotes, as PHP's json_encode writes it
// without flags: "/" as "\/", everything outside ASCII as \u and four lower case
// hex digits, a surrogate pair above U+FFFF, the short escapes for \b \f \n \r
// \t; DEL and HTML's characters stay (contract section 1). The error is
// ErrInvalidUTF8, and dst is then returned as it was.
func AppendJSONString(dst []byte, s string) ([]byte, error) {
	out := append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			out = appendJSONByte(out, c)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			return dst, ErrInvalidUTF8
		}
		if r > 0xFFFF {
			high, low := utf16.EncodeRune(r)
			out = appendUnicode(appendUnicode(out, high), low)
		} else {
			out = appendUnicode(out, r)
		}
		i += size
	}
	return append(out, '"'), nil
}

func appendJSONByte(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\', '/':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	if c < ' ' {
		return appendUnicode(dst, rune(c))
	}
	return append(dst, c)
}

func appendUnicode(dst []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	return append(dst, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}

// appendJSON writes p as the object or list that it was. All text in it came out
// of parseJSON, so it is UTF-8; the error is for a caller that breaks this.
func appendJSON(dst []byte, p *Params) ([]byte, error) {
	open, end := byte('{'), byte('}')
	if p.list {
		open, end = '[', ']'
	}
	dst = append(dst, open)
	var err error
	for i := range p.entries {
		if i > 0 {
			dst = append(dst, ',')
		}
		if !p.list {
			if dst, err = AppendJSONString(dst, p.entries[i].name); err != nil {
				return nil, err
			}
			dst = append(dst, ':')
		}
		if dst, err = appendJSONValue(dst, p.entries[i].value); err != nil {
			return nil, err
		}
	}
	return append(dst, end), nil
}

func appendJSONValue(dst []byte, v Value) ([]byte, error) {
	switch v.kind {
	case KindText:
		return AppendJSONString(dst, v.text)
	case KindArray:
		return appendJSON(dst, v.array)
	case KindBool, KindNumber:
		return append(dst, v.text...), nil
	default:
		return append(dst, "null"...), nil
	}
}
