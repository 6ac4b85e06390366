package writ

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/writ-host/writ/host"
)

// Side is one side of a comparison.
type Side struct {
	Path      string // a lock, an app; with an App, also a policy directory, a grants.json or a .wasm
	App       string // the app that a policy or a component's version is meant for
	Component string // the component that a version is of; "" for an app's only one
	Config    string // the host's configuration, as for LoadApp
}

// Lock reads or makes the lock of a side.
func (s Side) Lock(ctx context.Context) (*Lock, error) {
	if filepath.Ext(s.Path) == ".lock" {
		return ReadLock(s.Path)
	}
	path := s.Path
	if s.App != "" {
		path = s.App
	}
	app, err := LoadApp(path, s.Config)
	if err != nil {
		return nil, err
	}
	if s.App != "" {
		if err := s.replace(app); err != nil {
			return nil, err
		}
	}
	return app.Lock(ctx)
}

// replace puts what the side is about in the place of the app's own.
func (s Side) replace(app *App) error {
	switch ext := filepath.Ext(s.Path); {
	case ext == ".wasm" || inRegistry(s.Path):
		return app.replaceComponent(s.Component, s.Path)
	case ext == ".json":
		app.Config.Grants = s.Path
		_, err := os.Stat(s.Path)
		return err
	case isDir(s.Path):
		app.Config.Policies, app.Config.Policy = s.Path, PolicyConfig{}
		grants := filepath.Join(s.Path, "grants.json")
		if _, err := os.Stat(grants); err == nil {
			app.Config.Grants = grants
		}
		return nil
	}
	return fmt.Errorf("%s is neither a policy directory, a grants.json nor a .wasm", s.Path)
}

// replaceComponent takes another version of a component.
func (a *App) replaceComponent(name, path string) error {
	if name == "" && len(a.Components) == 1 {
		name = a.Components[0].Name
	}
	for _, c := range a.Components {
		if c.Name != name {
			continue
		}
		bytes, signer, err := a.Config.readComponent(path)
		if err != nil {
			return err
		}
		if c.Info, err = host.Inspect(bytes, uint64(a.Config.Limits.Component)); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		c.Source, c.bytes, c.Signer = path, bytes, signer
		return nil
	}
	if name == "" {
		return errors.New("the app has several components: name the one with --component")
	}
	return fmt.Errorf("the app has no component %q", name)
}

// SinceLock compares the app with its lock; nil when it has none.
func (a *App) SinceLock(ctx context.Context) (*ReachDiff, error) {
	old, err := ReadLock(a.LockPath())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	now, err := a.Lock(ctx)
	if err != nil {
		return nil, err
	}
	return DiffLocks(old, now)
}
