package sockets

import (
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/writ-host/writ/wit"
)

// family is an ip-address-family.
type family uint32

const (
	ipv4 family = iota
	ipv6
)

func (f family) domain() int {
	if f == ipv4 {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// addressOf reads an ip-socket-address.
func addressOf(v wit.Value) netip.AddrPort {
	payload, _ := v.Payload()
	fields := payload.Items()
	port := uint16(fields[0].Uint())
	if family(v.Case()) == ipv4 {
		var b [4]byte
		for i, n := range members(fields[1]) {
			b[i] = byte(n)
		}
		return netip.AddrPortFrom(netip.AddrFrom4(b), port)
	}
	var b [16]byte
	for i, n := range members(fields[2]) {
		b[2*i], b[2*i+1] = byte(n>>8), byte(n)
	}
	addr := netip.AddrFrom16(b)
	if scope := fields[3].Uint(); scope != 0 {
		addr = addr.WithZone(strconv.FormatUint(scope, 10))
	}
	return netip.AddrPortFrom(addr, port)
}

func members(tuple wit.Value) []uint64 {
	list := make([]uint64, 0, 8)
	for _, item := range tuple.Items() {
		list = append(list, item.Uint())
	}
	return list
}

// ipValue is an ip-address.
func ipValue(a netip.Addr) wit.Value {
	if a.Is4() {
		b := a.As4()
		v := wit.Tuple(wit.U8(b[0]), wit.U8(b[1]), wit.U8(b[2]), wit.U8(b[3]))
		return wit.Variant(uint32(ipv4), &v)
	}
	b := a.As16()
	groups := make([]wit.Value, 8)
	for i := range groups {
		groups[i] = wit.U16(uint16(b[2*i])<<8 | uint16(b[2*i+1]))
	}
	v := wit.Tuple(groups...)
	return wit.Variant(uint32(ipv6), &v)
}

// addressValue is an ip-socket-address.
func addressValue(a netip.AddrPort) wit.Value {
	ip, _ := ipValue(a.Addr().WithZone("")).Payload()
	if a.Addr().Is4() {
		v := wit.Record(wit.U16(a.Port()), ip)
		return wit.Variant(uint32(ipv4), &v)
	}
	v := wit.Record(wit.U16(a.Port()), wit.U32(0), ip, wit.U32(uint32(scope(a.Addr()))))
	return wit.Variant(uint32(ipv6), &v)
}

func scope(a netip.Addr) uint64 {
	n, _ := strconv.ParseUint(a.Zone(), 10, 32)
	return n
}

// systemAddress is the address as the system takes it.
func systemAddress(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16(), ZoneId: uint32(scope(a.Addr()))}
}

func fromSystem(sa unix.Sockaddr) (netip.AddrPort, error) {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port)), nil
	case *unix.SockaddrInet6:
		addr := netip.AddrFrom16(sa.Addr)
		if sa.ZoneId != 0 {
			addr = addr.WithZone(strconv.FormatUint(uint64(sa.ZoneId), 10))
		}
		return netip.AddrPortFrom(addr, uint16(sa.Port)), nil
	}
	return netip.AddrPort{}, errUnknown
}

// fits refuses an address of the other family, and one of the old family in
// the clothes of the new, under which it would escape what is denied.
func (f family) fits(a netip.AddrPort) error {
	if a.Addr().Is4() != (f == ipv4) || a.Addr().Is4In6() {
		return errInvalidArgument
	}
	return nil
}

// remote refuses what nothing can be sent to.
func (f family) remote(a netip.AddrPort) error {
	if err := f.fits(a); err != nil {
		return err
	}
	if a.Port() == 0 || a.Addr().IsUnspecified() {
		return errInvalidArgument
	}
	return nil
}

func unicast(a netip.Addr) bool {
	return !a.IsMulticast() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}
