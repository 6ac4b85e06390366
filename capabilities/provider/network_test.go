package provider_test

import (
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/writ-host/writ/capabilities/provider"
)

func TestProviderConnectsOnlyWhereItMay(t *testing.T) {
	var addresses []string
	var ports []uint16
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		addresses = append(addresses, l.Addr().String())
		ports = append(ports, uint16(l.Addr().(*net.TCPAddr).Port))
	}
	for name, test := range map[string]struct {
		network provider.Network
		want    map[string]string // attempt to error, "ok" for none
	}{
		"nothing": {provider.Network{}, map[string]string{
			"dial " + addresses[0]: "permission denied", "udp 127.0.0.1:9": "permission denied", "listen 127.0.0.1:0": "permission denied"}},
		"ports without connecting": {provider.Network{Ports: ports}, map[string]string{
			"dial " + addresses[0]: "permission denied", "udp 127.0.0.1:9": "permission denied"}},
		"all": {provider.Network{Connect: true}, map[string]string{
			"dial " + addresses[0]: "ok", "dial " + addresses[1]: "ok", "udp 127.0.0.1:9": "ok", "listen 127.0.0.1:0": "permission denied",
			"raw": "permission denied", "mptcp": "permission denied", "netlink": "permission denied", "read /etc/passwd": "permission denied"}},
		"one port": {provider.Network{Connect: true, Ports: ports[:1]}, map[string]string{
			"dial " + addresses[0]: "ok", "dial " + addresses[1]: "permission denied", "fast open " + strconv.Itoa(int(ports[1])): "operation not permitted", "dial 127.0.0.1:" + strconv.Itoa(1): "permission denied"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := accepting(config(t, "serve-probe"))
			c.Network = test.network
			p := launch(t, c)
			needs(t, p, provider.PartFiles, provider.PartNetwork, provider.PartSyscalls)
			for attempt, want := range test.want {
				if got := ask(t, p, attempt); !strings.Contains(got, want) {
					t.Errorf("%s: %s, want %s", attempt, got, want)
				}
			}
		})
	}
}
