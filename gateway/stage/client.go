package stage

import (
	"crypto/rand"
	"net/http"
	"net/netip"
	"strings"

	"github.com/labstack/echo/v4"
)

// Peers knows which peers are proxies of our own, whose word about the client
// counts. The zero value trusts nobody.
type Peers struct {
	trusted []netip.Prefix
	overTLS bool
}

// NewPeers returns Peers that trusts the given networks.
func NewPeers(trusted []netip.Prefix) Peers {
	return Peers{trusted: trusted}
}

// OverTLS returns p for a listener that speaks TLS only. What a request says of its own
// scheme, as those of HTTP/2 do, does not count there.
func (p Peers) OverTLS(on bool) Peers {
	p.overTLS = on
	return p
}

// Extractor returns the way to the client's address: the first address from the right
// of X-Forwarded-For that is not a trusted proxy, and the peer's own when the peer is
// none. Where a trusted proxy names a client that cannot be read, such as "unknown", it
// is "": nobody's address, and not that of the proxy, which may be good for more.
func (p Peers) Extractor() echo.IPExtractor {
	return func(r *http.Request) string {
		address, known := addressIn(r.RemoteAddr)
		forwarded := strings.Join(r.Header[echo.HeaderXForwardedFor], ",")
		for known && forwarded != "" && p.contain(address) {
			var last string
			forwarded, last = cutLast(forwarded)
			address, known = addressIn(last)
		}
		if !known {
			return ""
		}
		return address.String()
	}
}

// cutLast cuts the last element off a list.
func cutLast(list string) (before, last string) {
	i := strings.LastIndexByte(list, ',')
	return list[:max(i, 0)], list[i+1:]
}

// addressIn reads an address, with or without a port and brackets. IPv4 in IPv6 is
// IPv4, and a zone, which means something to another machine only, is left out.
func addressIn(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	if with, err := netip.ParseAddrPort(text); err == nil {
		return with.Addr().Unmap().WithZone(""), true
	}
	if inner, bracketed := strings.CutPrefix(text, "["); bracketed {
		text = strings.TrimSuffix(inner, "]")
	}
	address, err := netip.ParseAddr(text)
	return address.Unmap().WithZone(""), err == nil
}

// trusts says whether the request's peer is a proxy of our own.
func (p Peers) trusts(r *http.Request) bool {
	if len(p.trusted) == 0 {
		return false
	}
	peer, known := addressIn(r.RemoteAddr)
	return known && p.contain(peer)
}

func (p Peers) contain(address netip.Addr) bool {
	for _, prefix := range p.trusted {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// secure says whether the client came by https, by the connection or by the
// word of a trusted proxy.
func (p Peers) secure(r *http.Request) bool {
	if p.overTLS || r.TLS != nil {
		return true
	}
	return p.trusts(r) && strings.EqualFold(r.Header.Get(echo.HeaderXForwardedProto), "https")
}

// requestID keeps a trusted proxy's id and mints one for everybody else, so
// that no client can choose what the log says.
func (p Peers) requestID(r *http.Request) string {
	if id := r.Header.Get(echo.HeaderXRequestID); id != "" && p.trusts(r) && wellFormedID(id) {
		return id
	}
	return rand.Text()
}

// wellFormedID accepts what common proxies mint: up to 64 letters, digits and
// `-_.:=+/`.
func wellFormedID(id string) bool {
	if len(id) > 64 {
		return false
	}
	for i := range len(id) {
		c := id[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && strings.IndexByte("-_.:=+/", c) < 0 {
			return false
		}
	}
	return true
}
