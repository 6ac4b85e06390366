package sockets

import (
	"net/netip"
	"testing"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/wit"
)

func (g *guest) lookup(name string) (list []string) {
	g.t.Helper()
	l := g.must("resolve-addresses", network, wit.String(name))
	defer drop(l)
	g.wait("resolve-address-stream", l)
	for {
		v := g.must("[method]resolve-address-stream.resolve-next-address", l)
		ip, ok := v.Payload()
		if !ok {
			return list
		}
		numbers, _ := ip.Payload()
		if family(ip.Case()) == ipv4 {
			m := members(numbers)
			list = append(list, netip.AddrFrom4([4]byte{byte(m[0]), byte(m[1]), byte(m[2]), byte(m[3])}).String())
		}
	}
}

// A grant of a name is for the addresses that a lookup gave, and for no others.
func TestGrantOfANameIsForWhatItsLookupGave(t *testing.T) {
	_, address := listen(t)
	g := newGuest(t, "tcp tcp://localhost:"+port(address)+" connect", "dns dns://localhost resolve")
	if _, code := g.connect(address); code != "access-denied" {
		t.Errorf("before the lookup: %q", code)
	}
	if list := g.lookup("LOCALHOST."); len(list) == 0 || list[0] != "127.0.0.1" {
		t.Fatalf("localhost is %v", list)
	}
	if _, code := g.connect(address); code != "" {
		t.Errorf("after the lookup: %q", code)
	}
	if _, code := g.connect("127.0.0.3:" + port(address)); code != "access-denied" {
		t.Errorf("an address that it did not give: %q", code)
	}
	g.want("access-denied", "resolve-addresses", network, wit.String("example.com"))
	g.want("invalid-argument", "resolve-addresses", network, wit.String("exa mple"))
	g.want("invalid-argument", "resolve-addresses", network, wit.String("*"))
	if list := g.lookup("192.0.2.1"); len(list) != 1 || list[0] != "192.0.2.1" {
		t.Errorf("an address is %v", list)
	}
	stranger := newGuest(t, "tcp tcp://localhost:"+port(address)+" connect")
	if _, code := stranger.connect(address); code != "access-denied" {
		t.Errorf("another instance's lookup counts: %q", code)
	}
}

func TestDenialOfAnAddressHoldsForItsNames(t *testing.T) {
	_, address := listen(t)
	g := newGuest(t, "tcp tcp://localhost:* connect", "dns dns://localhost resolve", "!tcp tcp://127.0.0.1:* connect")
	g.lookup("localhost")
	if _, code := g.connect(address); code != "access-denied" {
		t.Errorf("code %q", code)
	}
}

// Whoever answers for a name must not make it this machine's own address.
func TestNamesThatRebind(t *testing.T) {
	_, address := listen(t)
	g := newGuest(t, "tcp tcp://example.com:* connect")
	for _, a := range []string{"127.0.0.1", "169.254.169.254", "192.0.2.7"} {
		stateOf(g.instance).remember("example.com", netip.MustParseAddr(a))
	}
	if _, code := g.connect(address); code != "access-denied" {
		t.Errorf("loopback: %q", code)
	}
	s := g.must("create-tcp-socket", wit.Enum(0))
	g.want("access-denied", tcp+"start-connect", s, network, at("169.254.169.254:80"))
	if err := mayConnect(t.Context(), g.instance, broker.TCP, netip.MustParseAddrPort("192.0.2.7:443")); err != nil {
		t.Errorf("an address of the name: %v", err)
	}
}
