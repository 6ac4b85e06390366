package writ

import (
	"fmt"
	"path/filepath"

	"github.com/writ-host/writ/capabilities"
)

// HostDirectory is a [[directory]] of host.toml: a directory of the host that a
// component finds open. What it may do there is for grants to say, which name
// files by their path on the host; without one the directory is not there.
type HostDirectory struct {
	Component string `toml:"component"`
	Host      string `toml:"host"`  // path, relative to host.toml
	Guest     string `toml:"guest"` // path as the component has it; default Host
	ReadOnly  bool   `toml:"read-only"`
}

// complete makes the path absolute, and checks the rest.
func (d *HostDirectory) complete(dir string) error {
	switch {
	case !validName.MatchString(d.Component):
		return fmt.Errorf("component %q: name the component that finds it open", d.Component)
	case d.Host == "":
		return fmt.Errorf("no host: add host = \"PATH\"")
	}
	setDefault(&d.Guest, d.Host)
	if !filepath.IsAbs(d.Host) {
		d.Host = filepath.Join(dir, d.Host)
	}
	var err error
	d.Host, err = filepath.Abs(d.Host)
	return err
}

func (c *HostConfig) completeDirectories(dir string) error {
	seen := map[[2]string]bool{}
	for i := range c.Directories {
		d := &c.Directories[i]
		if err := d.complete(dir); err != nil {
			return fmt.Errorf("directory %d: %w", i+1, err)
		}
		key := [2]string{d.Component, d.Guest}
		if seen[key] {
			return fmt.Errorf("directory %d: component %s has another at %s", i+1, d.Component, d.Guest)
		}
		seen[key] = true
	}
	return nil
}

// checkDirectories reports directories that no component could use.
func (a *App) checkDirectories() error {
	if a.Manifest.bare {
		return nil // host.toml beside it may be another app's
	}
	for i, d := range a.Config.Directories {
		if _, ok := a.Manifest.Components[d.Component]; !ok {
			return fmt.Errorf("%s: directory %d: component %q is not in the app, which has %v", HostConfigName, i+1, d.Component, a.Manifest.componentNames())
		}
		if !isDir(d.Host) {
			return fmt.Errorf("%s: directory %d: %s is not a directory", HostConfigName, i+1, d.Host)
		}
	}
	return nil
}

// preopens are the directories that a component finds open.
func (c *HostConfig) preopens(component string) (list []capabilities.Preopen) {
	for _, d := range c.Directories {
		if d.Component == component {
			list = append(list, capabilities.Preopen{Guest: d.Guest, Host: d.Host, ReadOnly: d.ReadOnly})
		}
	}
	return list
}
