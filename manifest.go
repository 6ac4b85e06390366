package writ

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/writ-host/writ/broker"
)

// ManifestName is the file that makes a directory an app.
const ManifestName = "writ.toml"

// Manifest is writ.toml: what an app is, and what its components request.
type Manifest struct {
	Name       string                       `toml:"name"`
	Components map[string]ManifestComponent `toml:"component"`
	Triggers   ManifestTriggers             `toml:"trigger"`

	dir  string // what sources are relative to
	bare bool   // of a component alone, without a file of its own
}

// ManifestComponent is one component of an app.
type ManifestComponent struct {
	Source      string            `toml:"source"` // path, relative to the manifest, or one that begins with [RegistryScheme]
	Labels      map[string]string `toml:"labels"` // for policies to read
	Environment map[string]string `toml:"environment"`
	Config      map[string]string `toml:"config"`
	Requests    []ManifestRequest `toml:"request"`
	Limits      InstanceLimits    `toml:"limits"`
	// Instances says how long an instance lasts: [PerRequest], the default, or [Reuse].
	Instances string `toml:"instances"`
}

// ManifestRequest is what a component asks for. It is never a grant.
type ManifestRequest struct {
	Capability string   `toml:"capability"`
	Resource   string   `toml:"resource"` // a pattern
	Operations []string `toml:"operations"`
	Reason     string   `toml:"reason"`
}

// ManifestTriggers says what makes components run.
type ManifestTriggers struct {
	HTTP     []HTTPRoute     `toml:"http"`
	Cron     []CronJob       `toml:"cron"`
	Command  []CommandEntry  `toml:"command"`
	KeyValue []KeyValueWatch `toml:"keyvalue"`
}

// ReadManifest reads writ.toml, given its path or its directory's.
func ReadManifest(path string) (*Manifest, error) {
	if isDir(path) {
		spins := filepath.Join(path, spinManifest)
		path = filepath.Join(path, ManifestName)
		if !isFile(path) && isFile(spins) {
			path = spins
		}
	}
	if filepath.Base(path) == spinManifest {
		return nil, fmt.Errorf("%s: %w", path, ErrSpin)
	}
	m := &Manifest{dir: filepath.Dir(path)}
	text, err := readTOMLText(path, m)
	if err != nil {
		return nil, err
	}
	m.locateRoutes(text)
	if err := m.validate(); err != nil {
		var at *manifestError
		if errors.As(err, &at) && at.line > 0 {
			path = fmt.Sprintf("%s:%d", path, at.line)
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// spinManifest is the name of what Spin has in the place of writ.toml.
const spinManifest = "spin.toml"

// ErrSpin is of an app that has a manifest for Spin and none for writ.
var ErrSpin = errors.New("this is a manifest for Spin; writ has another, " + ManifestName)

// bareManifest is the app of a single component without a manifest: served at
// every path, requesting nothing.
func bareManifest(source string) *Manifest {
	base := filepath.Base(source)
	name, dir := nameOf(base[:len(base)-len(filepath.Ext(base))]), filepath.Dir(source)
	if inRegistry(source) {
		base, _, _ = strings.Cut(base, "@")
		base, _, _ = strings.Cut(base, ":")
		name, base, dir = nameOf(base), source, "."
	}
	return &Manifest{
		Name:       name,
		Components: map[string]ManifestComponent{name: {Source: base}},
		Triggers:   ManifestTriggers{HTTP: []HTTPRoute{{Route: HTTPPath{Pattern: "/..."}, Component: name}}},
		dir:        dir,
		bare:       true,
	}
}

var (
	validName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)
	notInName = regexp.MustCompile(`[^a-z0-9-]+`)
)

// nameOf makes a valid name of a file's.
func nameOf(s string) string {
	s = notInName.ReplaceAllString(s, "-")
	if !validName.MatchString(s) {
		return "app"
	}
	return s
}

func (m *Manifest) validate() error {
	if !validName.MatchString(m.Name) {
		return fmt.Errorf("name %q: want lower-case letters, digits and hyphens, starting with a letter", m.Name)
	}
	if len(m.Components) == 0 {
		return fmt.Errorf("no component: add [component.NAME] with a source")
	}
	for _, name := range m.componentNames() {
		if err := m.Components[name].validate(name); err != nil {
			return fmt.Errorf("component %s: %w", name, err)
		}
	}
	return m.checkTriggers()
}

func (c ManifestComponent) validate(name string) error {
	if !validName.MatchString(name) {
		return fmt.Errorf("name %q: want lower-case letters, digits and hyphens, starting with a letter", name)
	}
	if c.Source == "" {
		return fmt.Errorf("no source: add source = \"FILE.wasm\"")
	}
	for i, r := range c.Requests {
		if r.Capability == "" || r.Resource == "" || len(r.Operations) == 0 {
			return fmt.Errorf("request %d: capability, resource and operations are all needed", i+1)
		}
	}
	return c.checkReuse()
}

// has refuses a component that is not there.
func (m *Manifest) has(component string) error {
	if _, ok := m.Components[component]; !ok {
		return fmt.Errorf("component %q is not in the manifest, which has %v", component, m.componentNames())
	}
	return nil
}

func (m *Manifest) componentNames() []string { return slices.Sorted(maps.Keys(m.Components)) }

// source is the path of a component's file, or where it is in a registry.
func (m *Manifest) source(name string) string {
	s := m.Components[name].Source
	if filepath.IsAbs(s) || inRegistry(s) {
		return s
	}
	return filepath.Join(m.dir, s)
}

func (c ManifestComponent) requests() []broker.Request {
	requests := make([]broker.Request, len(c.Requests))
	for i, r := range c.Requests {
		requests[i] = broker.Request{Capability: r.Capability, Resource: r.Resource, Operations: r.Operations, Reason: r.Reason}
	}
	return requests
}
