package writ

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/broker/ledger"
)

// Deployment tells of one attempt to take up another version of an app.
type Deployment struct {
	// Changed are the components that are new or other than before, with their digests.
	Changed map[string]string
	Removed []string
	Err     error // why it was not taken up: what was served is served on
}

// ErrUnchanged is of a reload that finds what is served already.
var ErrUnchanged = errors.New("nothing has changed")

// maxEditions is how many versions of an app may be live at once: what is
// served, and those whose last requests still run.
const maxEditions = 8

// Reload takes up the app's files as they are now. Components are compiled
// while the version before serves on. Requests that run finish on the version
// that they began with; those that come later have the new one. On an error
// what was served is served on. host.toml is not read again.
func (h *Host) Reload(ctx context.Context) error {
	h.reloading.Lock()
	defer h.reloading.Unlock()
	d, err := h.deploy(ctx)
	if errors.Is(err, ErrUnchanged) {
		return err
	}
	d.Err = err
	h.deployed(d)
	return err
}

func (h *Host) deploy(ctx context.Context) (d Deployment, err error) {
	app, err := h.app.again()
	if err != nil {
		return d, err
	}
	old := h.edition.Load()
	app.number(old.app)
	if d = old.app.changed(app); len(d.Changed)+len(d.Removed) == 0 && reflect.DeepEqual(app.Manifest, old.app.Manifest) {
		return d, ErrUnchanged
	}
	if err := h.canServe(app); err != nil {
		return d, err
	}
	if err := h.fewerEditions(ctx); err != nil {
		return d, err
	}
	e, err := h.newEdition(ctx, app)
	if err != nil {
		return d, err
	}
	if err := errors.Join(h.bind(e), ctx.Err()); err != nil {
		e.leave()
		return d, err
	}
	if err := h.setApps(ctx, app); err != nil {
		e.leave()
		return d, err
	}
	h.edition.Store(e)
	old.leave()
	return d, nil
}

// again reads the app's files once more, under the same configuration.
func (a *App) again() (*App, error) {
	m, err := manifestFor(a.path)
	if err != nil {
		return nil, err
	}
	next := &App{Manifest: m, Config: a.Config, path: a.path}
	return next, next.loadComponents()
}

// number gives each component that is another one than before an edition of its own.
func (a *App) number(old *App) {
	for _, c := range a.Components {
		c.edition = a.latest(old) + 1
		for _, o := range old.Components {
			if c.sameSubject(o) {
				c.edition = o.edition
			}
		}
	}
}

func (a *App) latest(old *App) (n uint64) {
	for _, o := range old.Components {
		n = max(n, o.edition, old.editions)
	}
	a.editions = n + 1
	return n
}

// sameSubject reports whether a policy would be told the same of both.
func (c *AppComponent) sameSubject(o *AppComponent) bool {
	a, b := c.subject(), o.subject()
	b.Edition = a.Edition
	return reflect.DeepEqual(a, b)
}

// changed is what another version of the app has that this one does not, and
// the other way round.
func (a *App) changed(next *App) Deployment {
	d := Deployment{Changed: map[string]string{}}
	before := map[string]*AppComponent{}
	for _, c := range a.Components {
		before[c.Name] = c
	}
	for _, c := range next.Components {
		if o := before[c.Name]; o == nil || o.Info.Digest != c.Info.Digest || o.Signer != c.Signer || !reflect.DeepEqual(o.manifest, c.manifest) {
			d.Changed[c.Name] = c.Info.Digest
		}
		delete(before, c.Name)
	}
	for name := range before {
		d.Removed = append(d.Removed, name)
	}
	return d
}

// canServe refuses what needs more than was started.
func (h *Host) canServe(app *App) error {
	switch {
	case app.Manifest.Name != h.app.Manifest.Name:
		return fmt.Errorf("the app is now named %s: start the host again for another app", app.Manifest.Name)
	case app.sendsHTTP() && !h.app.sendsHTTP() && (app.Config.HTTP.Enabled == nil || *app.Config.HTTP.Enabled):
		return errors.New("it sends requests, which the app did not when the host was started: start it again")
	case app.usesDatabases() && !h.app.usesDatabases():
		return errors.New("it uses databases, which the app did not when the host was started: start it again")
	}
	return app.checkRequests()
}

// fewerEditions waits until there is room for one more version.
func (h *Host) fewerEditions(ctx context.Context) error {
	for h.live.Load() >= maxEditions {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}

// setApps has the policy asked about a new version before it is served, and
// further about those whose requests still run.
func (h *Host) setApps(ctx context.Context, app *App) error {
	apps := []broker.App{app.subject()}
	seen := map[string]bool{}
	note := func(c broker.Component) bool {
		key := fmt.Sprint(c.Name, " ", c.Edition)
		known := seen[key]
		seen[key] = true
		return known
	}
	for _, c := range apps[0].Components {
		note(c)
	}
	h.all.Range(func(e, _ any) bool {
		older := broker.App{Name: app.Manifest.Name}
		for _, c := range e.(*edition).app.subject().Components {
			if e.(*edition).app != app && !note(c) {
				older.Components = append(older.Components, c)
			}
		}
		if len(older.Components) > 0 {
			apps = append(apps, older)
		}
		return true
	})
	if err := h.broker.SetApps(ctx, apps); err != nil {
		return err
	}
	return h.setShadowApps(ctx, apps)
}

// deployed tells of another version, or why there is none.
func (h *Host) deployed(d Deployment) {
	name := h.app.Manifest.Name
	if d.Err != nil {
		h.log.Error("the new version of the app is not taken up; the last good one is served on", "app", name, "error", d.Err)
		h.record(ledger.Entry{Kind: ledger.Component, Event: ledger.Refused, App: name, Detail: d.Err.Error()})
	} else {
		h.log.Info("a new version of the app is served", "app", name, "changed", d.Changed, "removed", d.Removed)
		for _, c := range h.edition.Load().app.Components {
			if d.Changed[c.Name] != "" {
				h.recordComponent(c)
			}
		}
		for _, component := range d.Removed {
			h.record(ledger.Entry{Kind: ledger.Component, Event: ledger.Removed, App: name, Component: component})
		}
	}
	if h.options.OnDeploy != nil {
		h.options.OnDeploy(d)
	}
}
