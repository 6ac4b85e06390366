package egress

import (
	"net/netip"
	"testing"
)

func TestPublic(t *testing.T) {
	for text, want := range map[string]bool{
		"1.1.1.1": true, "8.8.8.8": true, "100.63.255.255": true, "100.128.0.0": true, "172.15.255.255": true, "172.32.0.1": true,
		"0.0.0.0": false, "0.1.2.3": false, "10.0.0.1": false, "100.64.0.1": false, "127.0.0.1": false, "127.255.255.254": false,
		"169.254.169.254": false, "169.254.170.2": false, "172.16.0.1": false, "172.31.255.255": false, "192.0.0.8": false,
		"192.0.0.192": false, "192.168.1.1": false, "198.18.0.1": false, "203.0.113.7": false, "224.0.0.1": false,
		"239.255.255.250": false, "240.0.0.1": false, "255.255.255.255": false, "192.88.99.1": false, "100.100.100.200": false,

		"2606:4700:4700::1111": true, "2a00:1450:4001::1": true,
		"::": false, "::1": false, "fe80::1": false, "fc00::1": false, "fd00:ec2::254": false, "fd20:ce::254": false, "ff02::1": false,
		"::ffff:127.0.0.1": false, "::ffff:169.254.169.254": false, "::ffff:8.8.8.8": true, "::127.0.0.1": false, "::8.8.8.8": false,
		"64:ff9b::8.8.8.8": true, "64:ff9b::169.254.169.254": false, "64:ff9b::10.0.0.1": false, "64:ff9b:1::8.8.8.8": false,
		"2002:7f00:1::": false, "2002:a9fe:a9fe::1": false, "2002:808:808::1": false, "2001:0:5ef5:79fb::1": false,
		"2001:db8::1": false, "3fff::1": false, "fec0::1": false, "100::1": false, "5f00::1": false, "4000::1": false,
		"2a00:1450::5efe:10.0.0.1": false, "2a00:1450::200:5efe:10.0.0.1": false,
	} {
		if got := public(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	if public(netip.MustParseAddr("fe80::1%eth0")) || public(netip.Addr{}) {
		t.Error("an address with a zone, or none, is public")
	}
}

func TestReach(t *testing.T) {
	private := prefixes("10.1.0.0/16")
	for _, test := range []struct {
		host, to string
		named    bool
		want     bool
	}{
		{"api.example.com", "8.8.8.8", false, true},
		{"api.example.com", "127.0.0.1", true, false}, // a name that someone else may point anywhere
		{"api.example.com", "169.254.169.254", true, false},
		{"api.example.com", "10.2.0.1", true, false},
		{"api.example.com", "10.1.2.3", true, true}, // where the operator lets names resolve to
		{"api.example.com", "10.1.2.3", false, false},
		{"api.example.com", "::ffff:10.1.2.3", true, true},
		{"127.0.0.1", "127.0.0.1", true, true},
		{"127.0.0.1", "::ffff:127.0.0.1", true, true},
		{"127.0.0.1", "127.0.0.2", true, false},
		{"127.0.0.1", "127.0.0.1", false, false},
		{"169.254.169.254", "169.254.169.254", true, true},
		{"10.1.2.3", "10.1.2.3", false, false},
		{"::1", "::1", true, true},
		{"::1", "::1", false, false},
		{"localhost", "127.0.0.1", true, true},
		{"app.localhost", "::1", true, true},
		{"localhost", "10.1.2.3", true, false},
		{"localhost", "127.0.0.1", false, false},
		{"notlocalhost", "127.0.0.1", true, false},
	} {
		r := reach{named: test.named, private: private}
		if got := r.allows(test.host, netip.MustParseAddr(test.to)); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

func FuzzPublic(f *testing.F) {
	for _, seed := range []string{"127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2606:4700::1"} {
		b := netip.MustParseAddr(seed).As16()
		f.Add(b[:])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, ok := netip.AddrFromSlice(b)
		if !ok || !public(a) {
			return
		}
		// What the standard library knows not to be public is not.
		if a = a.Unmap(); a.IsPrivate() || a.IsLoopback() || a.IsMulticast() || a.IsUnspecified() || a.IsLinkLocalUnicast() || !a.IsGlobalUnicast() {
			t.Errorf("%s is public", a)
		}
	})
}
