package proxy

import (
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// fit refuses what must not be sent on whoever asks.
func fit(r *http.Request) error {
	switch {
	case r.Method == http.MethodConnect || r.Method == http.MethodTrace:
		return fmt.Errorf("%w: method %s", ErrBadRequest, r.Method)
	case !validHost(r.Host):
		// Faveo builds the URLs of its pages and mails from it.
		return fmt.Errorf("%w: host %q", ErrBadRequest, r.Host)
	}
	return nil
}

// validHost reports whether s is a host with an optional port: a name of
// letters, digits, "-", "_" and single dots, an IPv4 address, or an IPv6
// address in brackets without a zone. net/http lets far more through (RFC 3986
// section 3.2.2 allows "%", "'", "(", ";" in names), which PHP then refuses
// with an error page of its own.
func validHost(s string) bool {
	name, port := s, ""
	if i := strings.LastIndexByte(s, ':'); i >= 0 && i > strings.LastIndexByte(s, ']') {
		name, port = s[:i], s[i+1:]
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || len(port) > 5 {
			return false
		}
	}
	if inner, ok := strings.CutPrefix(name, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		a, err := netip.ParseAddr(inner)
		return ok && err == nil && a.Is6() && a.Zone() == ""
	}
	return validName(name)
}

func validName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	dot := true // As if one stood before the name, so that it cannot begin with one.
	for i := range len(s) {
		if s[i] == '.' {
			if dot {
				return false
			}
			dot = true
			continue
		}
		if !isLetter(s[i]) && !isDigit(s[i]) && s[i] != '-' && s[i] != '_' {
			return false
		}
		dot = false
	}
	return true
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
