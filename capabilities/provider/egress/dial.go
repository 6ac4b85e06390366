package egress

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"

	"github.com/writ-host/writ/capabilities/http/backend"
)

// dialer connects to a host, which it resolves once: each address is checked
// when the socket for it is there and before it connects, so what is checked
// is what is connected to.
func (e *Egress) dialer(r reach) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		d := net.Dialer{
			Timeout:        e.settings.Connect,
			Resolver:       e.resolver,
			ControlContext: func(_ context.Context, _, to string, _ syscall.RawConn) error { return r.control(host, to) },
		}
		if isLocalhost(host) {
			return dialLoopback(ctx, &d, network, port)
		}
		if !strings.Contains(host, ".") {
			named := d
			named.Resolver = hostsFile
			c, err := named.DialContext(ctx, network, address)
			if unknown := (*net.DNSError)(nil); !errors.As(err, &unknown) {
				return c, err
			}
		}
		return d.DialContext(ctx, network, net.JoinHostPort(rooted(host), port))
	}
}

// dialLoopback connects to this machine without asking for its name, which a
// resolver may not know, or know as another's. RFC 6761, 6.3.
func dialLoopback(ctx context.Context, d *net.Dialer, network, port string) (net.Conn, error) {
	c, err := d.DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
	if err == nil {
		return c, nil
	}
	if c, other := d.DialContext(ctx, network, net.JoinHostPort("::1", port)); other == nil {
		return c, nil
	}
	return nil, err
}

// rooted makes a name one that no search list is applied to.
func rooted(host string) string {
	if _, err := netip.ParseAddr(host); err == nil {
		return host
	}
	return host + "."
}

// control refuses an address, given with its port, that is out of reach.
func (r reach) control(host, to string) error {
	a, err := netip.ParseAddrPort(to)
	if err != nil {
		return backend.Errorf(backend.DestinationIPProhibited, "%s is no address", to)
	}
	if !r.allows(host, a.Addr()) {
		return backend.Errorf(backend.DestinationIPProhibited, "%s is at %s, which is not public", host, a.Addr())
	}
	return nil
}

// hostsFile knows the names in /etc/hosts and asks nobody. Where a rooted name has
// no other dot, Go does not find it there.
var hostsFile = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
	return nil, errors.New("name servers are asked elsewhere")
}}

// resolver is Go's own, which needs files and sockets only.
func newResolver(nameserver string) *net.Resolver {
	r := &net.Resolver{PreferGo: true}
	if nameserver != "" {
		r.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, nameserver)
		}
	}
	return r
}
