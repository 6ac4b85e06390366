package writ

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	wasihttp "github.com/writ-host/writ/capabilities/http"
	"github.com/writ-host/writ/capabilities/kv"
	"github.com/writ-host/writ/capabilities/spin"
	"github.com/writ-host/writ/capabilities/sql"
	"github.com/writ-host/writ/capabilities/wasi"
)

// grantedThrough says by which capabilities' grants an interface does
// anything: the interfaces that begin so, but for their version. The longest
// beginning counts.
var grantedThrough = []struct {
	interfaces   string
	capabilities []string
}{
	{"wasi:clocks/", []string{broker.Clock}},
	{"wasi:random/", []string{broker.Random}},
	{"wasi:filesystem/", []string{broker.File}},
	{"wasi:sockets/tcp", []string{broker.TCP}},
	{"wasi:sockets/udp", []string{broker.UDP}},
	{"wasi:sockets/ip-name-lookup", []string{broker.DNS}},
	{"wasi:http/outgoing-handler", []string{broker.HTTP}},
	{"wasi:keyvalue/", []string{broker.KV}},
	{"writ:sql/", []string{broker.SQL}},
	{"fermyon:spin/key-value", []string{broker.KV}},
	{"fermyon:spin/sqlite", []string{broker.SQL}},
	{"spin:sqlite/", []string{broker.SQL}},
}

// offeredByHost are the capabilities of every host, without anything behind
// them: what can be asked of them is what their interfaces say.
func offeredByHost() ([]capabilities.Capability, error) {
	http, err := wasihttp.New(wasihttp.Config{})
	if err != nil {
		return nil, fmt.Errorf("describe http: %w", err)
	}
	values, err := kv.New(kv.Config{})
	if err != nil {
		return nil, fmt.Errorf("describe kv: %w", err)
	}
	relational, err := sql.New(sql.Config{})
	if err != nil {
		return nil, fmt.Errorf("describe sql: %w", err)
	}
	return []capabilities.Capability{wasi.New(), http, values, relational, spin.New()}, nil
}

// surface is what the imports of components can lead to.
type surface struct {
	offered map[string]bool // by name without version
}

func newSurface() (*surface, error) {
	all, err := offeredByHost()
	if err != nil {
		return nil, err
	}
	s := &surface{offered: map[string]bool{}}
	for _, c := range all {
		for _, i := range c.Imports() {
			s.offered[unversioned(i.Interface.Name.String())] = true
		}
	}
	return s, nil
}

func unversioned(name string) string {
	name, _, _ = strings.Cut(name, "@")
	return name
}

// needs lists the capabilities whose grants an interface works by, nil when it
// works without. known is false for one that the host itself does not have: a
// provider may offer it, and its grants then name its functions.
func (s *surface) needs(iface string) (names []string, known bool) {
	name := unversioned(iface)
	if !s.offered[name] {
		return nil, false
	}
	longest := 0
	for _, g := range grantedThrough {
		if strings.HasPrefix(name, g.interfaces) && len(g.interfaces) > longest {
			longest, names = len(g.interfaces), g.capabilities
		}
	}
	return names, true
}

// uses reports whether anything that a component imports could use a grant.
func (s *surface) uses(imports []string, g *broker.Grant) bool {
	return slices.ContainsFunc(imports, func(i string) bool {
		needs, known := s.needs(i)
		return slices.Contains(needs, g.Capability) || !known && reachesInterface(g, i)
	})
}

// reachesInterface reports whether a grant is for functions of a third party's interface.
func reachesInterface(g *broker.Grant, iface string) bool {
	if slices.Contains(broker.Capabilities(), g.Capability) {
		return false
	}
	functions, err := broker.CanonicalPattern(iface + "#**")
	if err != nil {
		return false
	}
	some, err := broker.Overlap(functions, g.Pattern())
	return err == nil && some
}
