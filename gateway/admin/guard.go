package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/labstack/echo/v4"
)

// guard stands before everything below /admin, what exists and what does not.
func (h *Handler) guard(next echo.HandlerFunc) echo.HandlerFunc {
	// The order is a contract: see the package comment.
	checks := []func(*http.Request) error{h.checkEnabled, h.checkHost, checkSite, h.checkToken}
	return func(c echo.Context) error {
		r := c.Request()
		if !isGuarded(r.URL.Path) {
			return next(c)
		}
		for _, check := range checks {
			if err := check(r); err != nil {
				return err
			}
		}
		return next(c)
	}
}

// isGuarded judges the decoded path, so that no spelling leads around the guard.
func isGuarded(path string) bool { return path == "/admin" || strings.HasPrefix(path, "/admin/") }

func (h *Handler) checkEnabled(*http.Request) error {
	if !h.enabled {
		return apiIsOff
	}
	return nil
}

// hostNames are the names that the listener goes by, besides IP addresses.
func hostNames(o Options) map[string]bool {
	names := map[string]bool{"localhost": true}
	for _, name := range append([]string{o.ListenHost}, o.Hosts...) {
		if name != "" {
			names[name] = true
		}
	}
	return names
}

// checkHost refuses names that somebody else may have pointed at this machine: a
// page from there would be of the same origin as the API. An address cannot be
// rebound.
func (h *Handler) checkHost(r *http.Request) error {
	name := hostOf(r.Host)
	if _, err := netip.ParseAddr(name); err != nil && !h.hosts[strings.ToLower(name)] {
		return foreignHost
	}
	return nil
}

// hostOf takes the port and the brackets off (RFC 9110 section 7.2).
func hostOf(authority string) string {
	if host, _, err := net.SplitHostPort(authority); err == nil {
		return host
	}
	if inner, bracketed := strings.CutPrefix(authority, "["); bracketed {
		return strings.TrimSuffix(inner, "]")
	}
	return authority
}

// checkSite refuses what a browser sends for a page. Programs send neither header;
// a person who types the address sends the value none.
func checkSite(r *http.Request) error {
	if len(r.Header.Values(echo.HeaderOrigin)) > 0 {
		return foreignSite
	}
	for _, site := range r.Header.Values("Sec-Fetch-Site") {
		if site != "none" && site != "same-origin" {
			return foreignSite
		}
	}
	return nil
}

// checkToken wants the token in the one Authorization header (RFC 6750 section
// 2.1). Digests are compared, so that the time says nothing about the length
// either.
func (h *Handler) checkToken(r *http.Request) error {
	values := r.Header.Values(echo.HeaderAuthorization)
	if len(values) == 0 {
		return tokenNotProvided
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if len(values) > 1 || !strings.EqualFold(scheme, "Bearer") {
		return tokenInvalid
	}
	if !h.isToken(token) {
		return tokenInvalid
	}
	return nil
}

// isToken compares in a time that tells nothing of the token.
func (h *Handler) isToken(text string) bool {
	given := sha256.Sum256([]byte(text))
	return subtle.ConstantTimeCompare(given[:], h.token[:]) == 1
}
