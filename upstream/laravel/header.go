package laravel

import "net/http"

// plainLength says whether the header names no length or one in digits. net/http sees
// to that in HTTP/1.1. In HTTP/2, whose frames bound a body, it takes the first of two
// and reads as 0 what is none.
func plainLength(values []string) bool {
	if len(values) != 1 {
		return len(values) == 0
	}
	for i := range len(values[0]) {
		if c := values[0][i]; c < '0' || c > '9' {
			return false
		}
	}
	return values[0] != ""
}

// readHeaders refuses what would give PHP a second method, a second content type
// or a second framing. PHP's server interfaces fold "-", "_", "." and case into
// one name, and some web servers pass such spellings on.
func readHeaders(h http.Header) Reason {
	if len(h["Content-Type"]) > 1 {
		return ReasonContentType
	}
	for name := range h {
		var reason Reason
		switch len(name) {
		case 12:
			reason = foldedReason(name, "Content-Type")
		case 13:
			reason = foldedReason(name, "X-Http-Method")
		case 14:
			reason = foldedReason(name, "Content-Length")
		case 16:
			reason = foldedReason(name, "Content-Encoding")
		case 17:
			if reason = foldedReason(name, "X-Method-Override"); reason == "" {
				reason = foldedReason(name, "Transfer-Encoding")
			}
		case 22:
			reason = foldedReason(name, "X-Http-Method-Override")
		}
		if reason != "" {
			return reason
		}
	}
	return ""
}

// foldedReason is why a header that PHP takes for canonical is refused: always
// when it overrides the method, else when it is another spelling.
func foldedReason(name, canonical string) Reason {
	switch {
	case !foldedIs(name, canonical):
		return ""
	case canonical[0] == 'X':
		return ReasonMethodOverride
	case name != canonical:
		return ReasonHeaderSpelling
	default:
		return ""
	}
}

// foldedIs reports whether PHP gives both names one key in $_SERVER.
func foldedIs(name, canonical string) bool {
	if len(name) != len(canonical) {
		return false
	}
	for i := 0; i < len(name); i++ {
		if foldHeaderByte(name[i]) != foldHeaderByte(canonical[i]) {
			return false
		}
	}
	return true
}

func foldHeaderByte(c byte) byte {
	switch {
	case 'A' <= c && c <= 'Z':
		return c + 'a' - 'A'
	case isAlnum(c):
		return c
	default:
		return '_'
	}
}
