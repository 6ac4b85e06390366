package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/writ-host/writ"
	"github.com/writ-host/writ/broker"
)

// spinNote is something of a spin.toml that was left out or needs a hand.
type spinNote struct {
	line int
	text string
}

// spinImport is what becomes of a spin.toml.
type spinImport struct {
	spin *spinManifest
	dir  string // of spin.toml, without symbolic links
	into string // of what is written, absolute

	app         string
	names       map[string]string // of components, by those in spin.toml
	components  []*importedComponent
	triggers    []string // as they are written
	directories []writ.HostDirectory
	denials     []broker.Denial
	stores      []string
	databases   []string
	notes       []spinNote
	size        int // how much the components name, so far
}

// importedComponent is one component as it comes to be.
type importedComponent struct {
	all   *spinImport
	place []string // in spin.toml
	spin  spinComponent

	name        string
	source      string
	environment map[string]string
	config      map[string]string // the developer's values
	values      map[string]string // variables of writ's environment with the operator's
	asks        []broker.Grant    // what is requested, and granted
}

// maxImported bounds the components of an app, what all of them name, and the requests of each.
const maxImported = 2048

var errTooMany = fmt.Errorf("it has more components or resources than the %d that are read", maxImported)

// size is how much a component names.
func (c *spinComponent) size() int {
	return len(c.Variables) + len(c.Environment) + len(c.Files) + len(c.ExcludeFiles) + len(c.HTTPHosts) + len(c.OutboundHosts) +
		len(c.Stores) + len(c.Databases) + len(c.Models) + len(c.Dependencies) + len(c.Profile)
}

func (s *spinImport) note(line int, format string, args ...any) {
	s.notes = append(s.notes, spinNote{line, fmt.Sprintf(format, args...)})
}

// note tells of a part of the component, by its path.
func (c *importedComponent) note(text string, path ...string) {
	c.all.note(c.all.spin.places.line(append(slices.Clone(c.place), path...)...), "component %s: %s", c.name, text)
}

// ask requests and grants something, unless it is no resource.
func (c *importedComponent) ask(capability, resource, reason string, operations ...string) error {
	if _, err := broker.CanonicalPattern(resource); err != nil {
		return err
	}
	if slices.ContainsFunc(c.asks, func(a broker.Grant) bool { return a.Capability == capability && a.Resource == resource }) {
		return nil // named twice, or in two ways
	}
	c.asks = append(c.asks, broker.Grant{Capability: capability, Resource: resource, Operations: operations, Reason: reason})
	return nil
}

// translate makes writ's files of a spin.toml.
func translate(spin *spinManifest, notes []spinNote, dir, into string) (*spinImport, error) {
	s := &spinImport{spin: spin, dir: dir, into: into, notes: notes, names: map[string]string{}}
	s.app = s.named(spin.Application.Name, "app", "application", "name")
	if err := s.addComponents(); err != nil {
		return nil, err
	}
	if err := s.addTriggers(); err != nil {
		return nil, err
	}
	for kind := range spin.Application.Trigger {
		s.note(spin.places.line("application", "trigger", kind), "settings of all triggers of kind %s have no place here", kind)
	}
	slices.SortStableFunc(s.notes, func(a, b spinNote) int { return cmp.Compare(a.line, b.line) })
	if len(s.components) == 0 {
		return nil, errors.New("it has no component")
	}
	return s, nil
}

var (
	writName    = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)
	notWritName = regexp.MustCompile(`[^a-z0-9-]+`)
)

// named is a name that writ takes, close to one of Spin's.
func (s *spinImport) named(name, otherwise string, place ...string) string {
	ours := strings.Trim(notWritName.ReplaceAllString(strings.ToLower(name), "-"), "-")
	if !writName.MatchString(ours) {
		ours = otherwise
	}
	if ours != name {
		s.note(s.spin.places.line(place...), "%q is named %s here", name, ours)
	}
	return ours
}

func (s *spinImport) addComponents() error {
	ids := slices.Collect(maps.Keys(s.spin.Component))
	slices.SortFunc(ids, func(a, b string) int {
		return cmp.Or(cmp.Compare(s.spin.places.line("component", a), s.spin.places.line("component", b)), strings.Compare(a, b))
	})
	for _, id := range ids {
		c, err := s.addComponent(id, s.spin.Component[id], "component", id)
		if err != nil {
			return err
		}
		s.names[id] = c.name
	}
	return nil
}

func (s *spinImport) addComponent(id string, spin spinComponent, place ...string) (*importedComponent, error) {
	if len(s.components) >= maxImported {
		return nil, errTooMany
	}
	if s.size += spin.size(); s.size > maxImported {
		return nil, errTooMany
	}
	c := &importedComponent{all: s, place: place, spin: spin, environment: map[string]string{}, config: map[string]string{}, values: map[string]string{}}
	c.name = s.named(id, "component-"+strconv.Itoa(len(s.components)+1), place...)
	if slices.ContainsFunc(s.components, func(o *importedComponent) bool { return o.name == c.name }) {
		return nil, fmt.Errorf("two components would both be named %s: rename one", c.name)
	}
	c.setSource()
	for _, add := range []func() error{c.addEnvironment, c.addVariables, c.addStores, c.addHosts, c.addFiles} {
		if err := add(); err != nil {
			return nil, err
		}
	}
	c.noteOthers()
	s.components = append(s.components, c)
	return c, nil
}

// setSource says where the component is. What is not a file here becomes one
// beside the manifest, for somebody to put there.
func (c *importedComponent) setSource() {
	c.source = c.name + ".wasm"
	switch source := c.spin.Source.(type) {
	case string:
		path, err := c.all.within(source)
		if err == nil {
			path, err = filepath.Rel(c.all.into, path)
		}
		if err != nil {
			c.note(fmt.Sprintf("source %q: %v; put the file beside %s as %s", source, err, writ.ManifestName, c.source), "source")
			return
		}
		c.source = path
	case map[string]any:
		if url, ok := source["url"].(string); ok {
			c.note(fmt.Sprintf("source: fetch %s, whose digest should be %v, and put it beside %s as %s", url, source["digest"], writ.ManifestName, c.source), "source")
			return
		}
		c.note(fmt.Sprintf("source: find out where package %v, version %v, of registry %v is, and write oci://HOST/NAME:VERSION, or put the file beside %s as %s",
			source["package"], source["version"], source["registry"], writ.ManifestName, c.source), "source")
	default:
		c.note("it has no source: put a file beside "+writ.ManifestName+" as "+c.source, "source")
	}
}

func (c *importedComponent) addEnvironment() error {
	for _, name := range slices.Sorted(maps.Keys(c.spin.Environment)) {
		if err := c.ask(broker.Env, broker.EnvResource(name), "environment of spin.toml", broker.Read); err != nil {
			c.note(fmt.Sprintf("environment variable %q: %v", name, err), "environment", name)
			continue
		}
		c.environment[name] = c.spin.Environment[name]
	}
	return nil
}

// storeName is what may name a store or a database, whose data is kept under it.
var storeName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)

func (c *importedComponent) addStores() error {
	for i, name := range c.spin.Stores {
		if !storeName.MatchString(name) {
			c.note(fmt.Sprintf("key-value store %q: want letters, digits, hyphens and underscores", name), "key_value_stores", strconv.Itoa(i))
			continue
		}
		if err := c.ask(broker.KV, broker.KVStore(name)+"**", "key_value_stores of spin.toml",
			broker.Get, broker.Set, broker.Delete, broker.Exists, broker.List, broker.Increment, broker.CAS); err != nil {
			return err
		}
		c.all.stores = append(c.all.stores, name)
	}
	for i, name := range c.spin.Databases {
		if !storeName.MatchString(name) {
			c.note(fmt.Sprintf("SQLite database %q: want letters, digits, hyphens and underscores", name), "sqlite_databases", strconv.Itoa(i))
			continue
		}
		if err := c.ask(broker.SQL, broker.SQLResource(name, "")+"**", "sqlite_databases of spin.toml",
			broker.Select, broker.Insert, broker.Update, broker.Delete, broker.DDL); err != nil {
			return err
		}
		c.all.databases = append(c.all.databases, name)
	}
	return nil
}

// noteOthers tells of what has no counterpart.
func (c *importedComponent) noteOthers() {
	for i, model := range c.spin.Models {
		c.note(fmt.Sprintf("ai_models: there is no model %q here: reach one by HTTP", model), "ai_models", strconv.Itoa(i))
	}
	for _, name := range slices.Sorted(maps.Keys(c.spin.Dependencies)) {
		c.note(fmt.Sprintf("dependency %q: compose the components first, for example by wac plug", name), "dependencies", name)
	}
	for _, name := range slices.Sorted(maps.Keys(c.spin.Profile)) {
		c.note(fmt.Sprintf("profile %s: there are no profiles: the values outside of it were taken", name), "profile", name)
	}
	if b := c.spin.Build; b != nil {
		where := ""
		if b.Workdir != "" {
			where = " in " + b.Workdir
		}
		c.note(fmt.Sprintf("build: writ builds nothing: run %v%s before", b.Command, where), "build")
	}
}

// within is a path below the directory of spin.toml, wherever symbolic links lead.
func (s *spinImport) within(path string) (string, error) {
	if !filepath.IsLocal(path) {
		return "", errors.New("it is not below the directory of spin.toml")
	}
	full := filepath.Join(s.dir, path)
	real, err := filepath.EvalSymlinks(full)
	if err != nil {
		return full, nil // not there, yet
	}
	if rel, err := filepath.Rel(s.dir, real); err != nil || !filepath.IsLocal(rel) {
		return "", errors.New("a symbolic link leads out of the directory of spin.toml")
	}
	return real, nil
}
