package writ

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/custom"
	"github.com/writ-host/writ/capabilities/provider"
	"github.com/writ-host/writ/wit"
)

// ProviderConfig is [provider.NAME] in host.toml: a third party's provider, of
// interfaces of its own or of what stores, databases and HTTP are served by.
type ProviderConfig struct {
	Path     string         `toml:"path"`   // the program, relative to the file
	SHA256   string         `toml:"sha256"` // what it must be; writ provider pin writes it
	Args     []string       `toml:"args"`
	Settings map[string]any `toml:"settings"` // for the provider to read
	Data     string         `toml:"data"`     // the one directory that it may write; default none
	Readable []string       `toml:"readable"` // further files and directories that it may read and run
	Ports    []uint16       `toml:"ports"`    // TCP ports that it may connect to
	// CallTimeout bounds one call; default 5s.
	CallTimeout Duration       `toml:"call-timeout"`
	Limits      ProviderLimits `toml:"limits"`
}

// ProviderLimits bounds a provider's process.
type ProviderLimits struct {
	Memory    Size   `toml:"memory"`     // private writable memory; default 1GiB
	OpenFiles uint64 `toml:"open-files"` // default 1024
	FileSize  Size   `toml:"file-size"`  // that a file may grow to; default no bound
}

// complete makes paths absolute, and checks.
func (p *ProviderConfig) complete(dir string) error {
	if p.Path == "" {
		return fmt.Errorf("no path: want the provider's program")
	}
	paths := []*string{&p.Path, &p.Data}
	for i := range p.Readable {
		paths = append(paths, &p.Readable[i])
	}
	if err := beside(dir, paths...); err != nil {
		return err
	}
	if p.SHA256 == "" {
		return fmt.Errorf("no sha256: the program must be pinned; writ provider pin %s prints it", p.Path)
	}
	if slices.Contains(p.Ports, 0) {
		return fmt.Errorf("ports: want numbers from 1 to 65535")
	}
	_, err := p.launch("check", nil, nil)
	return err
}

// withCredentials is the provider's configuration with the credentials of now:
// in the files that it may read, and in the texts of its settings.
func (p ProviderConfig) withCredentials() (*ProviderConfig, error) {
	p.Readable = slices.Clone(p.Readable)
	for i := range p.Readable {
		if err := fillIn(&p.Readable[i]); err != nil {
			return nil, err
		}
	}
	p.Settings = maps.Clone(p.Settings)
	for key, v := range p.Settings {
		if text, ok := v.(string); ok {
			if err := fillIn(&text); err != nil {
				return nil, fmt.Errorf("settings.%s: %w", key, err)
			}
			p.Settings[key] = text
		}
	}
	return &p, nil
}

// launch is how the provider is started.
func (p *ProviderConfig) launch(name string, accept []string, log *slog.Logger) (provider.Config, error) {
	c := provider.Config{
		Name: name, Path: p.Path, SHA256: p.SHA256, Args: p.Args, Launcher: []string{launchChild},
		DataDir: p.Data, Readable: p.Readable, Network: provider.Network{Connect: len(p.Ports) > 0, Ports: p.Ports},
		Limits:      provider.Limits{Memory: uint64(p.Limits.Memory), OpenFiles: p.Limits.OpenFiles, FileSize: uint64(p.Limits.FileSize)},
		CallTimeout: time.Duration(p.CallTimeout), Accept: accept, Log: log,
	}
	var err error
	if len(p.Settings) > 0 {
		if c.Settings, err = json.Marshal(p.Settings); err != nil {
			return c, fmt.Errorf("settings: %w", err)
		}
	}
	return c, c.Validate()
}

// completeProviders checks all of them.
func (c *HostConfig) completeProviders(dir string) error {
	for _, name := range slices.Sorted(maps.Keys(c.Providers)) {
		if !validName.MatchString(name) {
			return fmt.Errorf("provider %q: want lower-case letters, digits and hyphens, starting with a letter", name)
		}
		if slices.Contains(builtIn, name) {
			return fmt.Errorf("provider.%s: a built-in provider has this name", name)
		}
		p := c.Providers[name]
		if err := p.complete(dir); err != nil {
			return fmt.Errorf("provider.%s: %w", name, err)
		}
		c.Providers[name] = p
	}
	return nil
}

// The built-in providers, as host.toml names them.
const (
	embeddedProvider = "embedded"
	redisProvider    = "redis"
	sqliteProvider   = "sqlite"
	postgresProvider = "postgres"
)

var builtIn = []string{embeddedProvider, redisProvider, sqliteProvider, postgresProvider}

// knownProvider refuses a name that is neither one of some built-in providers' nor
// a third party's.
func knownProvider(name string, others map[string]ProviderConfig, ours ...string) error {
	if _, ok := others[name]; ok || slices.Contains(ours, name) {
		return nil
	}
	return fmt.Errorf("there is no provider %q; there are %s", name, strings.Join(append(ours, "those of [provider.NAME]"), ", "))
}

// thirdParties are the third parties' providers that run, by name.
type thirdParties map[string]*provider.Provider

// openThirdParties starts the third parties' providers.
func openThirdParties(ctx context.Context, h *Host) (thirdParties, []io.Closer, error) {
	all, closers, config := thirdParties{}, []io.Closer{}, h.app.Config
	for _, name := range slices.Sorted(maps.Keys(config.Providers)) {
		settings, err := config.Providers[name].withCredentials()
		if err != nil {
			return nil, closers, fmt.Errorf("provider %s: %w", name, err)
		}
		c, err := settings.launch(name, config.Accept, h.log)
		if err != nil {
			return nil, closers, fmt.Errorf("provider %s: %w", name, err)
		}
		if all[name], err = h.launch(ctx, c); err != nil {
			return nil, closers, err
		}
		closers = append(closers, all[name])
	}
	return all, closers, nil
}

// serving is a provider that serves one of the protocol's services.
func (t thirdParties) serving(name, service string) (*provider.Provider, error) {
	p := t[name]
	if p == nil {
		return nil, fmt.Errorf("there is no provider %q", name)
	}
	if info := p.Info(); !info.Offers(service) {
		return nil, fmt.Errorf("the provider %s does not serve %s: it serves %s", name, service, strings.Join(info.Services, " and "))
	}
	return p, nil
}

// bind links the interfaces of their own that they offer.
func (t thirdParties) bind() (all []capabilities.Capability, closers []io.Closer, err error) {
	for _, name := range slices.Sorted(maps.Keys(t)) {
		info := t[name].Info()
		if !info.Offers("Custom") {
			continue
		}
		bound, err := custom.New(custom.Config{Provider: name, Files: info.WIT, Interfaces: info.Interfaces, Backend: t[name].Custom()})
		if err != nil {
			return nil, closers, err
		}
		closers = append(closers, bound)
		all = append(all, bound)
	}
	return all, closers, nil
}

// checkDistinct refuses two providers of one interface. Both may have the same
// one that holds only types, and one of them may have one with several types.
func checkDistinct(all []capabilities.Capability) error {
	var seen []*wit.Interface
	for _, c := range all {
		for _, i := range c.Imports() {
			for _, other := range seen {
				if i.Interface.Name.Compatible(other.Name) && !sameTypes(i.Interface, other) {
					return fmt.Errorf("capability %s offers %s, and %s is offered already", c.Name(), i.Interface.Name, other.Name)
				}
			}
		}
		for _, i := range c.Imports() {
			seen = append(seen, i.Interface)
		}
	}
	return nil
}

func sameTypes(a, b *wit.Interface) bool {
	if len(a.Funcs)+len(b.Funcs) > 0 {
		return false
	}
	return slices.EqualFunc(a.Types, b.Types, func(x, y wit.TypeDef) bool {
		return x.Name == y.Name && x.Type != nil && y.Type != nil && wit.Equal(x.Type, y.Type)
	})
}
