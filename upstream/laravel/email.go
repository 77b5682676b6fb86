package laravel

import (
	"regexp"
	"strings"
)

// maxEmail is the longest address that PHP looks at, in bytes.
const maxEmail = 320

// FilterEmail reports whether PHP 8.2's FILTER_VALIDATE_EMAIL, without flags,
// takes s for an e-mail address. It decides whether a login name is looked up as
// an address (contract section 1). ASCII only, a dot in the domain, no blanks.
//
// PHP's rule is one regular expression with lookaheads; this is the same
// language, read from left to right. One difference is known: PHP gives up, and
// says no, when an address with dozens of quotation marks makes the expression
// backtrack beyond its limit.
func FilterEmail(s string) bool {
	if len(s) > maxEmail || !emailLengths(s) {
		return false
	}
	domain, ok := emailLocalPart(s)
	if !ok {
		return false
	}
	if strings.HasPrefix(domain, "[") {
		return emailLiteral(domain)
	}
	return emailDomain(domain)
}

// emailLengths keeps the two lookaheads that bound the address to 254 and its
// local part to 64 characters, where an escaped pair is one character and
// quotation marks around a character are not counted, one on each side.
func emailLengths(s string) bool {
	count, quotes := 0, 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			quotes++
			continue
		case quotes > 2 || (count == 0 && quotes > 1):
			return true
		case s[i] == '@' && count >= 65 && quotes <= 1:
			return false
		case s[i] == '\\' && (i+1 == len(s) || s[i+1] == 0x7F || s[i+1] >= 0x80):
			return true
		case s[i] == '\\':
			i++
		}
		quotes = 0
		if count++; count >= 255 {
			return false
		}
	}
	return true
}

// emailLocalPart reads atoms and quoted strings with dots between them up to "@"
// and returns what follows.
func emailLocalPart(s string) (domain string, ok bool) {
	for {
		n := emailAtom(s)
		if n == 0 {
			n = emailQuoted(s)
		}
		if n == 0 || n == len(s) {
			return "", false
		}
		switch s[n] {
		case '@':
			return s[n+1:], true
		case '.':
			s = s[n+1:]
		default:
			return "", false
		}
	}
}

func emailAtom(s string) int {
	n := 0
	for n < len(s) && isAtomByte(s[n]) {
		n++
	}
	return n
}

func isAtomByte(c byte) bool {
	return isAlnum(c) || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

// emailQuoted returns the length of the quoted string that s begins with, or 0.
func emailQuoted(s string) int {
	if s == "" || s[0] != '"' {
		return 0
	}
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			if i++; i == len(s) || s[i] > 0x7F {
				return 0
			}
		case c == 0 || c == '\t' || c == '\n' || c == '\r' || c == ' ' || c > 0x7F:
			return 0
		}
	}
	return 0
}

// emailDomain takes two or more labels of at most 63 bytes, the last of which
// begins with a letter.
func emailDomain(s string) bool {
	labels := 0
	for {
		label, rest, more := strings.Cut(s, ".")
		if !emailLabel(label) {
			return false
		}
		if labels++; !more {
			return labels > 1 && isLetter(label[0])
		}
		s = rest
	}
}

func emailLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if !isAlnum(s[i]) && s[i] != '-' {
			return false
		}
	}
	return true
}

// The forms of an address literal between its brackets. These are constants of
// the language, never changed.
var (
	emailIPv6Full  = regexp.MustCompile(`(?i)^IPv6:[a-f0-9]{1,4}(:[a-f0-9]{1,4}){7}$`)
	emailIPv6Short = regexp.MustCompile(`(?i)^IPv6:([a-f0-9]{1,4}(:[a-f0-9]{1,4}){0,5})?::([a-f0-9]{1,4}(:[a-f0-9]{1,4}){0,5})?$`)
	emailIPv4      = regexp.MustCompile(`(?i)^(IPv6:[a-f0-9]{1,4}(:[a-f0-9]{1,4}){5}:)?` + emailOctets + `$`)
	emailMixed     = regexp.MustCompile(`(?i)^IPv6:([a-f0-9]{1,4}(:[a-f0-9]{1,4}){0,3})?::([a-f0-9]{1,4}(:[a-f0-9]{1,4}){0,3}:)?` + emailOctets + `$`)
)

const (
	emailOctet  = `(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])`
	emailOctets = emailOctet + `(\.` + emailOctet + `){3}`
)

// emailLiteral takes [address]. The compressed forms may not name too many
// groups: PHP counts hex digits in front of ":" and, for a pure IPv6 address, "]".
func emailLiteral(s string) bool {
	inner, closed := strings.CutSuffix(s[1:], "]")
	if !closed {
		return false
	}
	return emailIPv6Full.MatchString(inner) || emailIPv4.MatchString(inner) ||
		(emailIPv6Short.MatchString(inner) && hexBefore(s[6:], ":]") < 7) ||
		(emailMixed.MatchString(inner) && hexBefore(s[6:], ":") < 5)
}

// hexBefore counts the hex digits that stand in front of one of the marks.
func hexBefore(s, marks string) int {
	n := 0
	for i := 1; i < len(s); i++ {
		if isHex(s[i-1]) && strings.IndexByte(marks, s[i]) >= 0 {
			n++
		}
	}
	return n
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func isAlnum(c byte) bool { return isLetter(c) || '0' <= c && c <= '9' }

func lowerASCII(s string) string {
	for i := 0; i < len(s); i++ {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if 'A' <= b[i] && b[i] <= 'Z' {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}
