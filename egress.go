package writ

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/writ-host/writ/capabilities/http/backend"
	"github.com/writ-host/writ/capabilities/provider"
	"github.com/writ-host/writ/capabilities/provider/egress"
)

// HTTPConfig is [http] of host.toml: how components' requests are sent.
// Whether one may be sent is for grants to say.
type HTTPConfig struct {
	// Provider is a [provider.NAME] that sends them in the place of the built-in
	// one, which alone has the settings below but Enabled.
	Provider string `toml:"provider"`
	// Enabled false refuses all requests, whatever is granted; default true.
	Enabled *bool `toml:"enabled"`
	// CAFile has certificates to trust besides the system's, in PEM.
	CAFile string `toml:"ca-file"`
	// Nameserver is an address to ask instead of those in /etc/resolv.conf.
	Nameserver string `toml:"nameserver"`
	// Private are networks that are not public, where a host may be that a grant
	// names without a wildcard. A grant that names an address itself needs no
	// entry here.
	Private []netip.Prefix `toml:"private"`
	// Ports are the only ones that may be connected to; default all.
	Ports []uint16 `toml:"ports"`

	// The longest that a component may wait, and what it waits when it does not say.
	ConnectTimeout      Duration `toml:"connect-timeout"`       // default 30s
	FirstByteTimeout    Duration `toml:"first-byte-timeout"`    // default 1m
	BetweenBytesTimeout Duration `toml:"between-bytes-timeout"` // default 1m
	// MaxRequests is how many may go on at once; default 1024.
	MaxRequests int `toml:"max-requests"`
}

// complete makes paths relative to dir, and checks the rest.
func (c *HTTPConfig) complete(dir string, others map[string]ProviderConfig) error {
	if c.Provider != "" {
		if err := knownProvider(c.Provider, others); err != nil {
			return fmt.Errorf("http: %w", err)
		}
		if !reflect.DeepEqual(*c, HTTPConfig{Provider: c.Provider, Enabled: c.Enabled}) {
			return fmt.Errorf("http: the provider %s has no settings here", c.Provider)
		}
		return nil
	}
	if c.CAFile != "" && !filepath.IsAbs(c.CAFile) {
		c.CAFile = filepath.Join(dir, c.CAFile)
	}
	if err := c.settings().Validate(); err != nil {
		return fmt.Errorf("http: %w", err)
	}
	return nil
}

func (c *HTTPConfig) settings() egress.Settings {
	return egress.Settings{CAFile: c.CAFile, Nameserver: c.Nameserver, Private: c.Private, MaxRequests: c.MaxRequests,
		Connect: time.Duration(c.ConnectTimeout), FirstByte: time.Duration(c.FirstByteTimeout), BetweenBytes: time.Duration(c.BetweenBytesTimeout)}
}

// egressFiles is how many files the provider may have open: connections.
const egressFiles = 16 << 10

// openEgress starts the provider that sends requests, when a component of the
// app could make any. Without it, all are refused.
func openEgress(ctx context.Context, h *Host, others thirdParties) (backend.Egress, []io.Closer, error) {
	c := &h.app.Config.HTTP
	if c.Enabled != nil && !*c.Enabled || !h.app.sendsHTTP() {
		return nil, nil, nil
	}
	if c.Provider != "" {
		p, err := others.serving(c.Provider, "HTTP")
		if err != nil {
			return nil, nil, fmt.Errorf("http: %w", err)
		}
		return p.HTTP(), nil, nil
	}
	settings, err := c.settings().JSON()
	if err != nil {
		return nil, nil, fmt.Errorf("http: %w", err)
	}
	p, err := h.launch(ctx, provider.Config{
		Name: "http", Args: []string{serveChild, egress.Name}, Settings: settings,
		Readable: c.settings().Readable(), Network: provider.Network{Connect: true, Ports: c.ports()},
		Limits: provider.Limits{OpenFiles: egressFiles},
	})
	if err != nil {
		return nil, nil, fmt.Errorf("http: %w", err)
	}
	return p.HTTP(), []io.Closer{p}, nil
}

// ports are those of the configuration, and the name servers', which are asked
// over TCP when an answer is long.
func (c *HTTPConfig) ports() []uint16 {
	if len(c.Ports) == 0 {
		return nil
	}
	dns := uint16(53)
	if a, err := netip.ParseAddrPort(c.Nameserver); err == nil {
		dns = a.Port()
	}
	return append(slices.Clone(c.Ports), dns)
}

// sendsHTTP reports whether any component imports what sends requests.
func (a *App) sendsHTTP() bool {
	for _, c := range a.Components {
		for _, i := range c.Info.World.Imports {
			if strings.HasPrefix(i.Name, "wasi:http/outgoing-handler@") {
				return true
			}
		}
	}
	return false
}
