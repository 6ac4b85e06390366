package writ

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/writ-host/writ/broker"
)

// LockName is the file beside the manifest that pins what an app is and may do.
const LockName = "writ.lock"

// Lock is writ.lock: the components of an app by digest, and what each may
// reach under the policy that was asked. It is made to be reviewed: equal apps
// have equal locks, and where a grant is written is no part of it.
type Lock struct {
	Version    int             `toml:"version"` // 1
	App        string          `toml:"app"`
	Policy     string          `toml:"policy"` // revision: the digest of all of it
	Components []LockComponent `toml:"component"`
}

// LockComponent is one component's part of a lock.
type LockComponent struct {
	Name     string        `toml:"name"`
	Digest   string        `toml:"digest"`
	Imports  []string      `toml:"imports,multiline"`
	Requests []LockRequest `toml:"request,omitempty"`
	Grants   []LockGrant   `toml:"grant,omitempty"`
	Denials  []LockDenial  `toml:"denial,omitempty"`
}

// LockRequest is what a component asks for.
type LockRequest struct {
	Capability string   `toml:"capability"`
	Resource   string   `toml:"resource"`
	Operations []string `toml:"operations"`
}

// LockGrant is what a component may do.
type LockGrant struct {
	ID             string   `toml:"id"`
	Capability     string   `toml:"capability"`
	Resource       string   `toml:"resource"` // canonical
	Operations     []string `toml:"operations"`
	CallsPerSecond int64    `toml:"calls-per-second,omitempty"`
	MaxBytes       int64    `toml:"max-bytes,omitempty"`
	TLS            string   `toml:"tls,omitempty"` // broker.Unverified, or ""
	When           string   `toml:"when,omitempty"`
	// Condition is what is left of When for this component, in Rego: a lock
	// notices when a condition of the same name comes to mean something else.
	Condition string     `toml:"condition,multiline,omitempty"`
	Expires   *time.Time `toml:"expires,omitempty"`
}

// LockDenial is what no grant of the component can allow.
type LockDenial struct {
	ID         string   `toml:"id"`
	Capability string   `toml:"capability"`
	Resource   string   `toml:"resource"`
	Operations []string `toml:"operations"`
}

// Lock asks the policy what the app may do now.
func (a *App) Lock(ctx context.Context) (*Lock, error) {
	b := broker.New(broker.Config{})
	defer b.Close()
	if err := a.loadPolicy(ctx, b); err != nil {
		return nil, err
	}
	l := &Lock{Version: 1, App: a.Manifest.Name, Policy: b.Digest()}
	for _, c := range a.subject().Components {
		residuals, err := b.Conditions(ctx, l.App, c.Name)
		if err != nil {
			return nil, fmt.Errorf("component %s: %w", c.Name, err)
		}
		l.Components = append(l.Components, lockComponent(c, b.Grants(l.App, c.Name), b.Denials(l.App, c.Name), residuals))
	}
	return l, nil
}

func lockComponent(c broker.Component, grants []*broker.Grant, denials []*broker.Denial, residuals []broker.Residual) LockComponent {
	conditions := map[string]string{}
	for _, r := range residuals {
		conditions[r.Name] = r.Rego
	}
	l := LockComponent{Name: c.Name, Digest: c.Digest, Imports: slices.Sorted(slices.Values(c.Imports))}
	for _, r := range c.Requests {
		l.Requests = append(l.Requests, LockRequest{r.Capability, r.Resource, r.Operations})
	}
	for _, g := range grants {
		locked := LockGrant{ID: g.ID, Capability: g.Capability, Resource: g.Pattern(), Operations: slices.Sorted(slices.Values(g.Operations)),
			CallsPerSecond: g.Limits.CallsPerSecond, MaxBytes: g.Limits.MaxBytes, TLS: g.TLS, When: g.When, Condition: conditions[g.When]}
		if !g.Expires.IsZero() {
			at := g.Expires.UTC()
			locked.Expires = &at
		}
		l.Grants = append(l.Grants, locked)
	}
	for _, n := range denials {
		l.Denials = append(l.Denials, LockDenial{n.ID, n.Capability, n.Pattern(), slices.Sorted(slices.Values(n.Operations))})
	}
	slices.SortFunc(l.Grants, func(a, b LockGrant) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(l.Denials, func(a, b LockDenial) int { return strings.Compare(a.ID, b.ID) })
	return l
}

const lockHead = "# Written by writ lock. writ up --locked refuses other components, and grants beyond these.\n"

// Text is the content of the file.
func (l *Lock) Text() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(lockHead)
	e := toml.NewEncoder(&b)
	if err := e.Encode(l); err != nil {
		return nil, fmt.Errorf("write a lock: %w", err)
	}
	return b.Bytes(), nil
}

// LockPath is where the lock of the app is.
func (a *App) LockPath() string { return filepath.Join(a.Manifest.dir, LockName) }

// Write puts the lock in place of the one at path.
func (l *Lock) Write(path string) error {
	text, err := l.Text()
	if err != nil {
		return err
	}
	beside := path + ".new"
	if err := os.WriteFile(beside, text, 0o644); err != nil {
		return err
	}
	return os.Rename(beside, path)
}

// ReadLock reads a writ.lock.
func ReadLock(path string) (*Lock, error) {
	l := &Lock{}
	if err := readTOML(path, l); err != nil {
		return nil, err
	}
	if l.Version != 1 {
		return nil, fmt.Errorf("%s: version %d: this writ reads version 1", path, l.Version)
	}
	for _, c := range l.Components {
		if _, err := c.scope(l.App); err != nil {
			return nil, fmt.Errorf("%s: component %s: %w", path, c.Name, err)
		}
	}
	return l, nil
}

func (l *Lock) component(name string) *LockComponent {
	for i := range l.Components {
		if l.Components[i].Name == name {
			return &l.Components[i]
		}
	}
	return nil
}

// scope is what the lock allows a component, checked as grants are. Nil allows nothing.
func (c *LockComponent) scope(app string) (broker.Scope, error) {
	s := broker.Scope{Conditions: map[string]string{}}
	if c == nil {
		return s, nil
	}
	for _, g := range c.Grants {
		grant := broker.Grant{ID: g.ID, App: app, Component: c.Name, Capability: g.Capability, Resource: g.Resource,
			Operations: g.Operations, TLS: g.TLS, When: g.When, Limits: broker.Limits{CallsPerSecond: g.CallsPerSecond, MaxBytes: g.MaxBytes}}
		if g.Expires != nil {
			grant.Expires = *g.Expires
		}
		ready, err := grant.Prepare()
		if err != nil {
			return s, err
		}
		s.Grants = append(s.Grants, ready)
		if g.When != "" {
			s.Conditions[g.When] = g.Condition
		}
	}
	for _, n := range c.Denials {
		ready, err := broker.Denial{ID: n.ID, Capability: n.Capability, Resource: n.Resource, Operations: n.Operations}.Prepare()
		if err != nil {
			return s, err
		}
		s.Denials = append(s.Denials, ready)
	}
	return s, nil
}
