package sockets

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
)

// maxNames bounds the addresses that an instance's lookups are remembered for.
const maxNames = 1024

// state is what the package keeps for one instance.
type state struct {
	names map[netip.Addr][]string // what looked-up addresses were found under
}

type stateKey struct{}

func stateOf(i *capabilities.Instance) *state {
	return capabilities.State(i, stateKey{}, func() *state { return &state{names: map[netip.Addr][]string{}} })
}

// remember notes that a lookup of a name gave an address.
func (s *state) remember(name string, a netip.Addr) {
	if slices.Contains(s.names[a], name) || s.names[a] == nil && len(s.names) >= maxNames || len(s.names[a]) >= maxNames {
		return
	}
	s.names[a] = append(s.names[a], name)
}

// mayCreate asks whether there is anything that a socket could be for.
func mayCreate(ctx context.Context, i *capabilities.Instance, capability string) error {
	if !i.Allowed(ctx, capability, capabilities.Access{Resource: capability + "://", Reach: true}) {
		return errAccessDenied
	}
	return nil
}

// mayBind asks for a local address.
func mayBind(ctx context.Context, i *capabilities.Instance, capability string, a netip.AddrPort) error {
	r, err := endpoint(capability, a.Addr().WithZone("").String(), a.Port())
	if err != nil || !i.Allowed(ctx, capability, capabilities.Access{Operation: broker.Bind, Resource: r}) {
		return errAccessDenied
	}
	return nil
}

// mayConnect asks for a remote address: as itself, or as one of the names for
// which a lookup gave it. A denial of the address holds whatever its names.
func mayConnect(ctx context.Context, i *capabilities.Instance, capability string, a netip.AddrPort) error {
	var accesses []capabilities.Access
	add := func(host string) {
		if r, err := endpoint(capability, host, a.Port()); err == nil {
			accesses = append(accesses, capabilities.Access{Operation: broker.Connect, Resource: r})
		}
	}
	addr := a.Addr().WithZone("")
	add(addr.String())
	for _, name := range stateOf(i).names[addr] {
		if trusted(name, addr) {
			add(name)
		}
	}
	if len(accesses) == 0 || !i.Allowed(ctx, capability, i.Choose(capability, accesses)) {
		return errAccessDenied
	}
	return nil
}

// trusted says whether a name may stand for an address. Whoever answers for a
// name could else send its users to this machine, or to the cloud's metadata.
func trusted(name string, a netip.Addr) bool {
	switch {
	case a.IsLoopback():
		return name == "localhost" || strings.HasSuffix(name, ".localhost")
	case a.IsLinkLocalUnicast(), a.IsUnspecified(), a.IsMulticast():
		return false
	}
	return true
}

func endpoint(capability, host string, port uint16) (string, error) {
	if capability == broker.UDP {
		return broker.UDPResource(host, port)
	}
	return broker.TCPResource(host, port)
}
