package provider

import (
	"fmt"
	"net"
	"slices"
	"strconv"

	pb "github.com/writ-host/writ/proto/writ/provider/v1"

	"github.com/writ-host/writ/wit"
)

// Info is what a provider says of itself.
type Info struct {
	Name       string
	Version    string
	Services   []string
	Interfaces []string
	// SettingsSchema is the JSON schema of its settings, empty for no settings.
	SettingsSchema []byte
	WIT            []wit.File     // of the interfaces that it offers through Custom
	Resources      []ResourceKind // what grants for it are about
	Files          []string       // what it has to read
	Hosts          []string       // what it has to connect to, host:port
}

// ResourceKind says how one kind of resource is named in grants.
type ResourceKind struct {
	Pattern     string
	Operations  []string
	Description string
}

// Offers reports whether the provider serves a service of the protocol.
func (i *Info) Offers(service string) bool { return slices.Contains(i.Services, service) }

// What a provider may say of itself.
const (
	maxDescribed = 4 << 20 // bytes of all that it says
	maxListed    = 1024    // entries of each list
)

// readInfo takes up a description. It checks sizes, and not whether it is true.
func readInfo(d *pb.DescribeResponse) (Info, error) {
	i := Info{Name: d.GetName(), Version: d.GetVersion(), Services: d.GetServices(), Interfaces: d.GetInterfaces(),
		SettingsSchema: d.GetSettingsSchemaJson(), Files: d.GetFiles(), Hosts: d.GetHosts()}
	for _, f := range d.GetWit() {
		i.WIT = append(i.WIT, wit.File{Name: f.GetName(), Text: f.GetText()})
	}
	for _, r := range d.GetResources() {
		i.Resources = append(i.Resources, ResourceKind{Pattern: r.GetPattern(), Operations: r.GetOperations(), Description: r.GetDescription()})
	}
	if size := i.size(); size > maxDescribed {
		return Info{}, fmt.Errorf("it describes itself in %d bytes, and %d are the most", size, maxDescribed)
	}
	for what, n := range map[string]int{"services": len(i.Services), "interfaces": len(i.Interfaces), "WIT files": len(i.WIT),
		"kinds of resource": len(i.Resources), "files": len(i.Files), "hosts": len(i.Hosts)} {
		if n > maxListed {
			return Info{}, fmt.Errorf("it describes %d %s, and %d are the most", n, what, maxListed)
		}
	}
	for _, h := range i.Hosts {
		if _, err := portOf(h); err != nil {
			return Info{}, err
		}
	}
	return i, nil
}

func (i *Info) size() int {
	n := len(i.Name) + len(i.Version) + len(i.SettingsSchema)
	for _, list := range [][]string{i.Services, i.Interfaces, i.Files, i.Hosts} {
		for _, s := range list {
			n += len(s)
		}
	}
	for _, f := range i.WIT {
		n += len(f.Name) + len(f.Text)
	}
	for _, r := range i.Resources {
		n += len(r.Pattern) + len(r.Description)
		for _, o := range r.Operations {
			n += len(o)
		}
	}
	return n
}

// portOf is the port of a host that a provider declares.
func portOf(host string) (uint16, error) {
	_, port, err := net.SplitHostPort(host)
	if err != nil {
		return 0, fmt.Errorf("it declares the host %q: want host:port", host)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("it declares the host %q: want a port from 1 to 65535", host)
	}
	return uint16(n), nil
}

// sameInterfaces reports whether a provider that was started again still
// offers what components were linked to.
func (i *Info) sameInterfaces(was Info) bool {
	return slices.Equal(i.Interfaces, was.Interfaces) && slices.Equal(i.WIT, was.WIT) && slices.Equal(i.Services, was.Services)
}
