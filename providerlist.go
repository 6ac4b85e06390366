package writ

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/writ-host/writ/capabilities/provider"
	"github.com/writ-host/writ/capabilities/provider/embedded"
	"github.com/writ-host/writ/capabilities/provider/kit"
)

// ProviderReport is one provider with what it says of itself, what it may
// reach, and what holds it in on this kernel.
type ProviderReport struct {
	Name       string          `json:"name"`
	Program    string          `json:"program"`
	Describes  string          `json:"describes_itself_as"`
	Version    string          `json:"version"`
	Services   []string        `json:"services"`
	Interfaces []string        `json:"interfaces"`
	Reads      []string        `json:"reads"`
	Writes     []string        `json:"writes"`
	Ports      []string        `json:"ports"`
	Isolation  []IsolationPart `json:"isolation"`
	Error      string          `json:"error,omitempty"` // why it does not start
}

// IsolationPart is a part of the isolation; Missing is why it is not active.
type IsolationPart struct {
	Name    string `json:"name"`
	Missing string `json:"missing,omitempty"`
}

// Providers starts each provider that an app's host.toml configures, and the
// built-in store as an example of the host's own, and reports about them. path
// and configPath are as for [LoadApp], but the app itself need not be there.
func Providers(ctx context.Context, path, configPath string) ([]ProviderReport, error) {
	config, err := configFor(path, configPath)
	if err != nil {
		return nil, err
	}
	scratch, err := os.MkdirTemp("", "writ-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(scratch)
	reports := []ProviderReport{report(ctx, provider.Config{Name: "built-in", Args: []string{serveChild, embedded.Name},
		Launcher: []string{launchChild}, Accept: config.Accept, DataDir: scratch}, "writ itself")}
	for _, name := range slices.Sorted(maps.Keys(config.Providers)) {
		settings, err := config.Providers[name].withCredentials()
		if err != nil {
			return nil, err
		}
		c, err := settings.launch(name, config.Accept, nil)
		if err != nil {
			return nil, err
		}
		reports = append(reports, report(ctx, c, c.Path))
	}
	return reports, nil
}

func report(ctx context.Context, c provider.Config, program string) ProviderReport {
	r := ProviderReport{Name: c.Name, Program: program, Services: []string{}, Interfaces: []string{},
		Reads: append([]string{}, c.Readable...), Writes: []string{}, Ports: []string{}, Isolation: []IsolationPart{}}
	if c.DataDir != "" {
		r.Writes = append(r.Writes, c.DataDir)
	}
	for _, port := range c.Network.Ports {
		r.Ports = append(r.Ports, fmt.Sprint(port))
	}
	p, err := provider.Launch(ctx, c)
	if err != nil {
		r.Error = err.Error()
		return r
	}
	info := p.Info()
	r.Describes, r.Version = info.Name, info.Version
	r.Services, r.Interfaces = append(r.Services, info.Services...), append(r.Interfaces, info.Interfaces...)
	if i := p.Isolation(); i != nil {
		for _, part := range provider.Parts() {
			if i.Has(part) {
				r.Isolation = append(r.Isolation, IsolationPart{Name: part})
			} else {
				r.Isolation = append(r.Isolation, IsolationPart{Name: part, Missing: orElse(i.Missing[part], "not asked for")})
			}
		}
	}
	if err := p.Close(); err != nil {
		r.Error = err.Error()
	}
	return r
}

// ProviderTest is a provider to check with the conformance kit.
type ProviderTest struct {
	Program  string
	Args     []string
	Settings string // JSON
	Readable []string
	Ports    []uint
	Accept   []string
}

// TestProvider checks a provider's program against every rule. The program is
// taken as it is, and not pinned by anybody.
func TestProvider(ctx context.Context, t ProviderTest) ([]kit.Result, error) {
	sum, err := Pin(t.Program)
	if err != nil {
		return nil, err
	}
	settings := ProviderConfig{Path: t.Program, SHA256: sum, Args: t.Args, Readable: t.Readable}
	for _, port := range t.Ports {
		if port > 65535 {
			return nil, fmt.Errorf("port %d: want a number from 1 to 65535", port)
		}
		settings.Ports = append(settings.Ports, uint16(port))
	}
	if err := settings.complete(""); err != nil {
		return nil, err
	}
	c, err := settings.launch("test", t.Accept, nil)
	if err != nil {
		return nil, err
	}
	if t.Settings != "" {
		c.Settings = []byte(t.Settings)
		if err := c.Validate(); err != nil {
			return nil, err
		}
	}
	return kit.Run(ctx, kit.Config{Provider: c})
}
