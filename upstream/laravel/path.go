package laravel

import "strings"

// maxEscapeLevels is how often a web path is unescaped in search of an API path.
const maxEscapeLevels = 3

// readPath splits the path of the target below the base path and checks it. API
// paths must be canonical; web paths must not be an API path in disguise.
func readPath(path string) (api bool, reason Reason) {
	if strings.HasPrefix(path, "/api/") {
		return true, apiPath(path)
	}
	return false, webPath(path)
}

// apiPath takes "/api/" and then segments of [A-Za-z0-9_.-], none of them empty,
// "." or "..", and no index.php: everything that PHP, nginx or Apache would
// decode, fold, collapse or resolve is refused, never cleaned.
func apiPath(path string) Reason {
	segment := 1
	for i := 1; i <= len(path); i++ {
		if i < len(path) && path[i] != '/' {
			if reason := apiByte(path[i]); reason != "" {
				return reason
			}
			continue
		}
		switch path[segment:i] {
		case "":
			return ReasonPathSlashes
		case ".", "..":
			return ReasonPathDots
		}
		segment = i + 1
	}
	// Web servers and Symfony look for the script's name in a path and may drop
	// what is in front of it.
	if strings.Contains(path, ".") && strings.Contains(lowerASCII(path), "index.php") {
		return ReasonPathScript
	}
	return ""
}

func apiByte(c byte) Reason {
	switch {
	case isAlnum(c) || c == '_' || c == '-' || c == '.':
		return ""
	case c == '%':
		return ReasonPathEncoding
	case c < ' ' || c == 0x7F:
		return ReasonPathControl
	default:
		return ReasonPathByte
	}
}

// webPath refuses a path that has dot segments or control bytes, or that shows
// an API path (a segment "api" and another behind it, at any depth) in any case,
// after unescaping it up to three times. Depth does not matter because Faveo
// may be installed in a folder, or behind any script of its public folder.
func webPath(path string) Reason {
	for level := 0; ; level++ {
		if reason := webPathLevel(path); reason != "" {
			return reason
		}
		if strings.IndexByte(path, '%') < 0 {
			return ""
		}
		plain, changed, ok := unescapePath(path)
		switch {
		case !ok && level == 0, changed && level == maxEscapeLevels:
			return ReasonPathEncoding
		case !changed:
			return ""
		}
		path = plain
	}
}

// webPathLevel looks at one reading of a web path.
func webPathLevel(path string) Reason {
	for i := 0; i < len(path); i++ {
		if path[i] < ' ' || path[i] == 0x7F {
			return ReasonPathControl
		}
	}
	inAPI, script := false, containsFold(path, ".php")
	for rest, more := path, true; more; {
		end := strings.IndexAny(rest, `/\`)
		segment := rest
		if more = end >= 0; more {
			segment, rest = rest[:end], rest[end+1:]
		}
		name, _, _ := strings.Cut(segment, ";")
		switch {
		case segment == "":
			continue
		case name == "." || name == "..":
			return ReasonPathDots
		case inAPI:
			return ReasonPathAlias
		}
		// Windows drops dots and blanks at the end of a name.
		name = strings.TrimRight(name, ". ")
		inAPI = strings.EqualFold(name, "api") || (script && hasSuffixFold(name, "api"))
	}
	return ""
}

// hasSuffixFold finds "api" at the end of a segment. Old Symfony takes the name of
// the script for a plain prefix of the path, or cuts as many bytes as it has, so
// that /index.phpapi/v1 is /api/v1 for Faveo up to v1.11.
func hasSuffixFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}

func containsFold(s, part string) bool {
	for i := 0; i+len(part) <= len(s); i++ {
		if strings.EqualFold(s[i:i+len(part)], part) {
			return true
		}
	}
	return false
}

// unescapePath is rawurldecode; malformed escapes stay and make ok false.
func unescapePath(s string) (plain string, changed, ok bool) {
	b := make([]byte, 0, len(s))
	ok = true
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b = append(b, s[i])
			continue
		}
		if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
			ok = false
			b = append(b, '%')
			continue
		}
		b = append(b, unhex(s[i+1])<<4|unhex(s[i+2]))
		i += 2
		changed = true
	}
	return string(b), changed, ok
}

// cutBase removes the base path, which has no slash at its end. What is not below
// it byte for byte is outside, however it is spelled.
func cutBase(path, base string) (string, bool) {
	rest, ok := strings.CutPrefix(path, base)
	switch {
	case !ok:
		return "", false
	case rest == "":
		return "/", base != ""
	default:
		return rest, rest[0] == '/'
	}
}

// escapeWebPath escapes the bytes that net/url does not accept in a path as they
// are, and no other, so that the path is sent as it came.
func escapeWebPath(path string) string {
	const digits = "0123456789ABCDEF"
	for i := 0; i < len(path); i++ {
		if !urlPathByte(path[i]) {
			b := append(make([]byte, 0, len(path)+16), path[:i]...)
			for ; i < len(path); i++ {
				if c := path[i]; urlPathByte(c) {
					b = append(b, c)
				} else {
					b = append(b, '%', digits[c>>4], digits[c&15])
				}
			}
			return string(b)
		}
	}
	return path
}

// urlPathByte is what net/url keeps in a RawPath.
func urlPathByte(c byte) bool {
	return unreserved(c) || strings.IndexByte("!$&'()*+,;=:@/[]%", c) >= 0
}
