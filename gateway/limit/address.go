package limit

import "net/netip"

// unknownAddress is the address of everybody who has none.
const unknownAddress = "unknown"

// nat64 is where translators put the addresses of IPv4 (RFC 6052 section 2.1).
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// NetworkOf returns what of an address stands for whoever has it. An IPv4 address is
// itself, a /32, also where IPv6 carries it: mapped, or translated by NAT64, which would
// have all of IPv4 in one network. Any other IPv6 address is its /64, because whoever
// has one address of it has all. A zone does not count. For text that is no address,
// such as none at all or one with a port, it is the zero Prefix.
func NetworkOf(text string) netip.Prefix {
	if text == "" {
		return netip.Prefix{} // Without an error that would have to be made.
	}
	address, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}
	}
	address = address.WithZone("").Unmap()
	if nat64.Contains(address) {
		bytes := address.As16()
		address = netip.AddrFrom4([4]byte(bytes[12:]))
	}
	bits := 64
	if address.Is4() {
		bits = 32
	}
	return netip.PrefixFrom(address, bits).Masked()
}

// AddressOf returns whose bucket an address draws from, as a Bucket.Of: its NetworkOf,
// written "192.0.2.1" or "2001:db8:1:2::/64". Text that is no address is "unknown": one
// bucket for all of them, never none.
func AddressOf(text string) string {
	network := NetworkOf(text)
	switch {
	case !network.IsValid():
		return unknownAddress
	case network.Addr().Is4():
		return network.Addr().String()
	default:
		return network.String()
	}
}
