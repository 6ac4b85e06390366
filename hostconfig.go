package writ

import (
	"crypto"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// HostConfigName is the operator's file beside the manifest.
const HostConfigName = "host.toml"

// HostConfig is host.toml: where state lives and what apps may use at most.
// Every field has a default, so the file is optional.
type HostConfig struct {
	Listen string    `toml:"listen"` // address to serve HTTP on, or unix:PATH; default 127.0.0.1:3000
	TLS    TLSConfig `toml:"tls"`
	// TrustedProxies are addresses, networks or "unix" of peers who may say for
	// whom they ask, and continue traces; default nobody.
	TrustedProxies []string `toml:"trusted-proxies"`
	// ProxyHeaders is what they say it in: ProxyXForwarded (default) or ProxyForwarded.
	ProxyHeaders string `toml:"proxy-headers"`
	Data         string `toml:"data"` // directory for state; default .writ, relative to the file
	// Cache is where compiled components are kept; default the user's cache directory.
	Cache    string `toml:"cache"`
	Grants   string `toml:"grants"`   // default grants.json
	Policies string `toml:"policies"` // directory of *.rego; default policies, when it exists
	// Policy says where an organisation's policy comes from, in the place of Policies.
	Policy PolicyConfig `toml:"policy"`
	// Shadow is a second policy, to be compared with the one in force.
	Shadow ShadowConfig `toml:"shadow"`
	Limits HostLimits   `toml:"limits"`
	// KV are the key-value stores by the name guests open; default one named "default".
	KV map[string]KVStore `toml:"kv"`
	// SQL are the databases by the name guests open; default one named "default", in SQLite.
	SQL map[string]Database `toml:"sql"`
	// Directories are those of this machine that components find open.
	Directories []HostDirectory `toml:"directory"`
	// Components are values that components get of the operator, by their names.
	Components map[string]HostComponent `toml:"component"`
	// HTTP is how components' requests are sent.
	HTTP HTTPConfig `toml:"http"`
	// Providers are third parties' providers of interfaces of their own, by name.
	Providers map[string]ProviderConfig `toml:"provider"`
	// Accept names parts of the providers' isolation that may be missing on
	// this kernel; without it a provider that cannot be held in does not start.
	Accept []string `toml:"accept-missing"`
	// Health is how soon a provider that does nothing is noticed.
	Health ProviderHealth `toml:"provider-health"`
	Ledger LedgerConfig   `toml:"ledger"`
	// Signers are those whose signatures of components count: by name, the file
	// of a public key.
	Signers map[string]string `toml:"signers"`
	// Telemetry is what the operator can watch.
	Telemetry TelemetryConfig `toml:"telemetry"`

	signers map[string]crypto.PublicKey // of Signers
	dir     string                      // that paths are relative to
}

// ProviderHealth is [provider-health] of host.toml, for all providers.
type ProviderHealth struct {
	Every   Duration `toml:"every"`   // between two questions; default 1s
	Timeout Duration `toml:"timeout"` // for an answer; default 1s, and five times that for one that is busy
}

// HostLimits are caps for every component, and bounds of the whole host.
type HostLimits struct {
	InstanceLimits
	RunTime Duration `toml:"run-time"` // of one run of a job; default 1h
	ServerLimits
	Component   Size     `toml:"component"`    // of one component's file; default 256MiB
	CompileTime Duration `toml:"compile-time"` // of one component; default 10m
	// Output is what one instance may print to each of its streams; default 1MiB.
	Output Size `toml:"output"`
	// OutputRate is what the instances of one component may print in a second,
	// with four times as much at once; default 1MiB.
	OutputRate Size `toml:"output-rate"`
	// CompileMemory is the address space of one compilation; default 8GiB.
	CompileMemory Size `toml:"compile-memory"`
}

// DefaultHostConfig is the configuration without a host.toml, for an app in dir.
func DefaultHostConfig(dir string) (*HostConfig, error) {
	c := &HostConfig{}
	return c, c.complete(dir)
}

// ReadHostConfig reads a host.toml.
func ReadHostConfig(path string) (*HostConfig, error) {
	c := &HostConfig{}
	if err := readTOML(path, c); err != nil {
		return nil, err
	}
	if err := c.complete(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// complete fills in defaults, makes paths relative to dir, and checks the rest.
func (c *HostConfig) complete(dir string) error {
	c.dir = dir
	for _, d := range []struct {
		field *string
		value string
	}{{&c.Listen, "127.0.0.1:3000"}, {&c.Data, ".writ"}, {&c.Grants, "grants.json"}, {&c.Policies, "policies"}} {
		setDefault(d.field, d.value)
	}
	for _, path := range []*string{&c.Data, &c.Grants, &c.Policies} {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(dir, *path)
		}
	}
	for _, path := range []*string{&c.TLS.Certificate, &c.TLS.Key, &c.Cache} {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(dir, *path)
		}
	}
	if path, ok := strings.CutPrefix(c.Listen, unixAddress); ok && !filepath.IsAbs(path) {
		c.Listen = unixAddress + filepath.Join(dir, path)
	}
	l := &c.Limits
	l.InstanceLimits = l.or(defaultInstanceLimits)
	setDefault(&l.RunTime, Duration(time.Hour))
	l.ServerLimits = l.ServerLimits.withDefaults()
	setDefault(&l.Component, 256<<20)
	setDefault(&l.Output, 1<<20)
	setDefault(&l.OutputRate, 1<<20)
	setDefault(&l.CompileTime, Duration(10*time.Minute))
	setDefault(&l.CompileMemory, 8<<30)
	if c.KV == nil {
		c.KV = map[string]KVStore{"default": {Provider: "embedded"}}
	}
	if c.SQL == nil {
		c.SQL = map[string]Database{"default": {Provider: "sqlite"}}
	}
	if err := c.completeProviders(dir); err != nil {
		return err
	}
	for name, store := range c.KV {
		if err := store.complete(dir, c.Providers); err != nil {
			return fmt.Errorf("kv.%s: %w", name, err)
		}
		c.KV[name] = store
	}
	for name, database := range c.SQL {
		if err := database.complete(dir, c.Providers); err != nil {
			return fmt.Errorf("sql.%s: %w", name, err)
		}
		c.SQL[name] = database
	}
	if err := errors.Join(c.Policy.complete(dir), c.Shadow.complete(dir), c.HTTP.complete(dir, c.Providers), c.Telemetry.complete(dir), c.completeDirectories(dir), c.completeSigners(dir)); err != nil {
		return err
	}
	return c.validate()
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (c *HostConfig) validate() error {
	_, _, err := net.SplitHostPort(c.Listen)
	if err != nil && !strings.HasPrefix(c.Listen, unixAddress) {
		return fmt.Errorf("listen %q: want an address such as 127.0.0.1:3000, or unix:PATH", c.Listen)
	}
	if (c.TLS.Certificate == "") != (c.TLS.Key == "") {
		return fmt.Errorf("tls: certificate and key go together")
	}
	if _, err := c.proxies(); err != nil {
		return err
	}
	if err := errors.Join(c.Limits.InstanceLimits.validate(), c.Limits.ServerLimits.validate()); err != nil {
		return err
	}
	return nil
}

// DefaultCache is where compiled code is kept when the configuration does not
// say: it may be deleted at any time.
func DefaultCache() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a directory for compiled code (set cache in %s): %w", HostConfigName, err)
	}
	return filepath.Join(dir, "writ"), nil
}
