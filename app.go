package writ

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/host"
)

// App is an app as its files describe it: nothing of it runs yet.
type App struct {
	Manifest *Manifest
	Config   *HostConfig
	// Components are the manifest's, in the order of their names.
	Components []*AppComponent

	more     []broker.Grant // beside the grants file; see Extend
	origin   string
	path     string // that it was read from
	stamps   string // of its files, before they were read
	editions uint64 // the highest that a component of it or of those before has
}

// AppComponent is a component of an app, read and validated.
type AppComponent struct {
	Name   string
	Source string // path of the file, or where it is in a registry
	Info   *host.Info

	Signer string // who signed it, of the host's signers; "" for nobody

	bytes    []byte
	manifest ManifestComponent
	edition  uint64 // see broker.Component
}

// LoadApp reads an app: a directory with a writ.toml, a writ.toml, or a bare
// component, which is an app that requests nothing. configPath is the host's
// configuration; "" takes the host.toml beside the app, or the defaults.
func LoadApp(path, configPath string) (*App, error) {
	before := stampsOf([]string{manifestPath(path)})
	m, err := manifestFor(path)
	if err != nil {
		return nil, err
	}
	c, err := configFor(m.dir, configPath)
	if err != nil {
		return nil, err
	}
	app := &App{Manifest: m, Config: c, path: path}
	app.stamps = before + stampsOf(app.files()[1:])
	return app, app.loadComponents()
}

func (a *App) loadComponents() error {
	for _, name := range a.Manifest.componentNames() {
		component, err := loadComponent(a.Manifest, a.Config, name)
		if err != nil {
			return fmt.Errorf("component %s: %w", name, err)
		}
		a.Components = append(a.Components, component)
	}
	return errors.Join(a.checkValues(), a.checkDirectories())
}

func manifestFor(path string) (*Manifest, error) {
	if inRegistry(path) {
		return bareManifest(path), nil
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir() || filepath.Ext(path) == ".toml":
		return ReadManifest(path)
	}
	return bareManifest(path), nil
}

func configFor(dir, path string) (*HostConfig, error) {
	if path != "" {
		return ReadHostConfig(path)
	}
	beside := filepath.Join(dir, HostConfigName)
	c, err := ReadHostConfig(beside)
	if errors.Is(err, os.ErrNotExist) {
		return DefaultHostConfig(dir)
	}
	return c, err
}

func loadComponent(m *Manifest, c *HostConfig, name string) (*AppComponent, error) {
	a := &AppComponent{Name: name, Source: m.source(name), manifest: m.Components[name]}
	var err error
	if a.bytes, a.Signer, err = c.readComponent(a.Source); err != nil {
		return nil, err
	}
	if a.Info, err = host.Inspect(a.bytes, uint64(c.Limits.Component)); err != nil {
		return nil, fmt.Errorf("%s: %w", a.Source, err)
	}
	return a, a.manifest.Limits.within(c.Limits.InstanceLimits)
}

// readComponent is a component and who signed it.
func (c *HostConfig) readComponent(source string) (component []byte, signer string, err error) {
	if inRegistry(source) {
		return c.readImage(source)
	}
	if component, err = readComponentFile(source, uint64(c.Limits.Component)); err != nil {
		return nil, "", err
	}
	signer, err = c.fileSigner(source, component)
	return component, signer, err
}

// ReadComponent reads a component of at most max bytes from a file or a registry.
func ReadComponent(ctx context.Context, source string, max uint64) ([]byte, error) {
	if inRegistry(source) {
		component, _, err := Pull(ctx, source, max)
		return component, err
	}
	return readComponentFile(source, max)
}

func readComponentFile(path string, max uint64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a file", path)
	case uint64(info.Size()) > max:
		return nil, fmt.Errorf("%s has %s; a component may have %s (limits.component in %s)", path,
			humanize.IBytes(uint64(info.Size())), humanize.IBytes(max), HostConfigName)
	}
	return io.ReadAll(io.LimitReader(f, int64(max)))
}

// Extend gives a component what an operator's command line names: the Grants,
// Env and Preopens of a command, which has no others. It is before the app is served.
func (a *App) Extend(c Command) error {
	component, err := a.commandComponent(c.Component)
	if err != nil {
		return err
	}
	a.origin = c.Origin
	for _, g := range c.Grants {
		g.App, g.Component = a.Manifest.Name, component.Name
		a.more = append(a.more, g)
	}
	for _, p := range c.Preopens {
		a.Config.Directories = append(a.Config.Directories, HostDirectory{Component: component.Name, Host: p.Host, Guest: p.Guest, ReadOnly: p.ReadOnly})
	}
	values := HostComponent{Config: a.Config.Components[component.Name].Config, Environment: maps.Clone(a.Config.Components[component.Name].Environment)}
	for name, value := range c.Env {
		if values.Environment == nil {
			values.Environment = map[string]any{}
		}
		values.Environment[name] = value
	}
	if a.Config.Components = maps.Clone(a.Config.Components); a.Config.Components == nil {
		a.Config.Components = map[string]HostComponent{}
	}
	a.Config.Components[component.Name] = values
	return nil
}

// subject is the app as the policy is asked about it.
func (a *App) subject() broker.App {
	s := broker.App{Name: a.Manifest.Name}
	for _, c := range a.Components {
		s.Components = append(s.Components, c.subject())
	}
	return s
}

func (c *AppComponent) subject() broker.Component {
	imports := []string{}
	for _, i := range c.Info.World.Imports {
		imports = append(imports, i.Name)
	}
	return broker.Component{Name: c.Name, Digest: c.Info.Digest, Imports: imports,
		Labels: c.manifest.Labels, Signer: c.Signer, Requests: c.manifest.requests(), Edition: c.edition}
}

// GrantsPath is the grants file of an app, given the app's directory or the
// file itself. The file need not exist yet, the app must.
func GrantsPath(path string) (string, error) {
	if !isDir(path) {
		return path, nil
	}
	c, err := configFor(path, "")
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(c.Grants); err == nil {
		return c.Grants, nil
	}
	if _, err := os.Stat(filepath.Join(path, ManifestName)); err != nil {
		return "", fmt.Errorf("%s has neither %s nor %s: name the app's directory", path, filepath.Base(c.Grants), ManifestName)
	}
	return c.Grants, nil
}

// appsDepth is how deep below a directory apps are looked for.
const appsDepth = 3

// AppsThatRan are the directories of apps at or below a directory, not too deep,
// that have run: each has its manifest and, where its configuration says, data.
func AppsThatRan(dir string) []string {
	var ran []string
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil // what cannot be read is no app of the caller's
		}
		if name := d.Name(); path != dir && strings.HasPrefix(name, ".") {
			return fs.SkipDir
		}
		if _, err := os.Stat(filepath.Join(path, ManifestName)); err == nil {
			if c, err := configFor(path, ""); err == nil && isDir(c.Data) {
				ran = append(ran, path)
			}
		}
		if rel, _ := filepath.Rel(dir, path); strings.Count(filepath.ToSlash(rel), "/") >= appsDepth-1 {
			return fs.SkipDir
		}
		return nil
	})
	return ran
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
