package egress

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
)

// special are the networks that are not the public internet, of the IANA
// registries of special-purpose addresses: private, loopback, link-local with
// the clouds' metadata services, shared (CGNAT), multicast, reserved, for
// documentation, and tunnels to any of those.
var special = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
	"192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
	"198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",
)

var (
	unicast  = netip.MustParsePrefix("2000::/3")     // all of IPv6 that is public
	nat64    = netip.MustParsePrefix("64:ff9b::/96") // IPv4 in its last four bytes
	loopback = prefixes("127.0.0.0/8", "::1/128")
)

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		list[i] = netip.MustParsePrefix(t)
	}
	return list
}

func contains(list []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
}

// public reports whether an address is of the public internet, in whatever form
// an IPv4 address is written.
func public(a netip.Addr) bool {
	a = a.Unmap()
	switch {
	case !a.IsValid() || a.Zone() != "":
		return false
	case a.Is4():
		return !contains(special, a)
	case nat64.Contains(a):
		b := a.As16()
		return public(netip.AddrFrom4([4]byte(b[12:])))
	case !unicast.Contains(a) || contains(special, a):
		return false
	}
	return !isatap(a) // a tunnel to the IPv4 address within
}

// isatap reports the interface identifiers of RFC 5214.
func isatap(a netip.Addr) bool {
	b := a.As16()
	return binary.BigEndian.Uint32(b[8:])&^0x02000000 == 0x00005efe
}

// reach is what one pool may connect to besides public addresses.
type reach struct {
	named   bool           // the grant names the host without a wildcard
	private []netip.Prefix // where the operator lets such a host resolve to
}

// allows reports whether a connection for host may go to an address.
func (r reach) allows(host string, to netip.Addr) bool {
	to = to.Unmap()
	switch {
	case public(to):
		return true
	case !r.named:
		return false
	case isLocalhost(host):
		return contains(loopback, to)
	}
	if literal, err := netip.ParseAddr(host); err == nil {
		return literal.Unmap() == to
	}
	return contains(r.private, to)
}

// isLocalhost reports a name that means this machine. RFC 6761, 6.3.
func isLocalhost(host string) bool {
	host = strings.TrimSuffix(host, ".")
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}
