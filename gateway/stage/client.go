package stage

import (
	"crypto/rand"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/labstack/echo/v4"
)

// Peers knows which peers are proxies of our own, whose word about the client
// counts. The zero value trusts nobody.
type Peers struct {
	trusted []netip.Prefix
}

// NewPeers returns Peers that trusts the given networks.
func NewPeers(trusted []netip.Prefix) Peers {
	return Peers{trusted: trusted}
}

// Extractor returns Echo's way to the client address: the first address from
// the right of X-Forwarded-For that is not a trusted proxy, and the peer's own
// when the peer is none.
func (p Peers) Extractor() echo.IPExtractor {
	if len(p.trusted) == 0 {
		return echo.ExtractIPDirect()
	}
	// Echo would trust every private network of its own accord; a client in the
	// site's network could then write any address it likes.
	options := []echo.TrustOption{
		echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false),
	}
	for _, prefix := range p.trusted {
		_, network, err := net.ParseCIDR(prefix.String())
		if err != nil {
			panic("netip.Prefix prints a CIDR that net cannot read: " + prefix.String()) // Both print RFC 4632.
		}
		options = append(options, echo.TrustIPRange(network))
	}
	return echo.ExtractIPFromXFFHeader(options...)
}

// trusts says whether the request's peer is a proxy of our own.
func (p Peers) trusts(r *http.Request) bool {
	if len(p.trusted) == 0 {
		return false
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	for _, prefix := range p.trusted {
		if prefix.Contains(peer.Addr().Unmap()) {
			return true
		}
	}
	return false
}

// secure says whether the client came by https, by the connection or by the
// word of a trusted proxy.
func (p Peers) secure(r *http.Request) bool {
	if r.TLS != nil {
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
