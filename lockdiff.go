package writ

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/writ-host/writ/broker"
)

// ReachDiff is how what an app is and may do differs between two locks.
type ReachDiff struct {
	PolicyChanged bool            `json:"policy_changed"`
	Components    []ComponentDiff `json:"components"` // those that differ
}

// ComponentDiff is how one component differs.
type ComponentDiff struct {
	Name       string        `json:"name"`
	Added      bool          `json:"added"`
	Removed    bool          `json:"removed"`
	OldDigest  string        `json:"old_digest"`
	NewDigest  string        `json:"new_digest"`
	NewImports []string      `json:"new_imports"`
	OldImports []string      `json:"old_imports"` // no longer imported
	Requests   []LockRequest `json:"new_requests"`
	Wider      []ReachChange `json:"wider"`    // becomes reachable
	Narrower   []ReachChange `json:"narrower"` // stops being reachable
}

// ReachChange is something that becomes reachable, or stops being so.
type ReachChange struct {
	Capability string   `json:"capability"`
	Operations []string `json:"operations"`
	Resource   string   `json:"resource"`
	Grant      string   `json:"grant"`
	TLS        string   `json:"tls,omitempty"` // of the grant: "unverified", or "" where certificates are verified
	Why        string   `json:"why"`
}

// DiffLocks sets a lock against a later one.
func DiffLocks(old, next *Lock) (*ReachDiff, error) {
	d := &ReachDiff{PolicyChanged: old.Policy != next.Policy, Components: []ComponentDiff{}}
	var names []string
	for _, l := range []*Lock{old, next} {
		for _, c := range l.Components {
			names = append(names, c.Name)
		}
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		c, err := diffComponent(name, old.App, next.App, old.component(name), next.component(name))
		if err != nil {
			return nil, fmt.Errorf("component %s: %w", name, err)
		}
		if c.differs() {
			d.Components = append(d.Components, *c)
		}
	}
	return d, nil
}

func diffComponent(name, oldApp, nextApp string, old, next *LockComponent) (*ComponentDiff, error) {
	before, err := old.scope(oldApp)
	if err != nil {
		return nil, err
	}
	after, err := next.scope(nextApp)
	if err != nil {
		return nil, err
	}
	d := &ComponentDiff{Name: name, Added: old == nil, Removed: next == nil, NewImports: []string{}, OldImports: []string{}, Requests: []LockRequest{},
		Wider: reachChanges(before.Wider(after)), Narrower: reachChanges(after.Wider(before))}
	for i := range d.Narrower {
		d.Narrower[i].Why = strings.ReplaceAll(d.Narrower[i].Why, "before", "now")
	}
	if old == nil {
		old = &LockComponent{}
	}
	if next == nil {
		next = &LockComponent{}
	}
	d.OldDigest, d.NewDigest = old.Digest, next.Digest
	d.NewImports = append(d.NewImports, without(next.Imports, old.Imports)...)
	d.OldImports = append(d.OldImports, without(old.Imports, next.Imports)...)
	for _, r := range next.Requests {
		if !slices.ContainsFunc(old.Requests, func(o LockRequest) bool { return o.asksFor(r) }) {
			d.Requests = append(d.Requests, r)
		}
	}
	return d, nil
}

// asksFor reports whether a request asked for all of another.
func (r LockRequest) asksFor(o LockRequest) bool {
	all, err := broker.Includes(r.Resource, o.Resource)
	return r.Capability == o.Capability && err == nil && all &&
		(slices.Contains(r.Operations, broker.Any) || len(without(o.Operations, r.Operations)) == 0)
}

func without(list, less []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(less, s) })
}

func reachChanges(changes []broker.Change) []ReachChange {
	out := []ReachChange{}
	for _, c := range changes {
		out = append(out, ReachChange{c.Capability, c.Operations, c.Resource, c.Grant.ID, c.Grant.TLS, c.Why})
	}
	return out
}

func (d *ComponentDiff) differs() bool {
	return d.Added || d.Removed || d.OldDigest != d.NewDigest || len(d.NewImports)+len(d.OldImports)+len(d.Requests)+len(d.Wider)+len(d.Narrower) > 0
}

// Widens reports whether anything becomes reachable.
func (d *ReachDiff) Widens() bool {
	return slices.ContainsFunc(d.Components, func(c ComponentDiff) bool { return len(c.Wider) > 0 })
}

// WriteText writes the differences for a person.
func (d *ReachDiff) WriteText(w io.Writer) error {
	var b strings.Builder
	for _, c := range d.Components {
		c.writeText(&b)
	}
	switch {
	case d.Widens():
	case len(d.Components) > 0:
		b.WriteString("nothing becomes reachable\n")
	case d.PolicyChanged:
		b.WriteString("the policy is another, and allows the same\n")
	default:
		b.WriteString("no difference\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (d *ComponentDiff) writeText(b *strings.Builder) {
	switch {
	case d.Added:
		fmt.Fprintf(b, "component %s is new  %s\n", d.Name, d.NewDigest)
	case d.Removed:
		fmt.Fprintf(b, "component %s is gone  %s\n", d.Name, d.OldDigest)
	case d.OldDigest != d.NewDigest:
		fmt.Fprintf(b, "component %s  %s\n  was  %s\n", d.Name, d.NewDigest, d.OldDigest)
	default:
		fmt.Fprintf(b, "component %s\n", d.Name)
	}
	d.writeAsks(b)
	for _, c := range d.Wider {
		c.writeText(b, "+ can reach")
	}
	for _, c := range d.Narrower {
		c.writeText(b, "- could reach")
	}
}

func (c ReachChange) writeText(b *strings.Builder, what string) {
	fmt.Fprintf(b, "  %s  %s  %s  %s\n      by %s; %s\n", what, c.Capability, strings.Join(c.Operations, ", "), c.Resource, c.Grant, c.Why)
	if c.TLS == broker.Unverified {
		fmt.Fprintf(b, "      %s\n", tlsUnverified)
	}
}

// writeAsks writes what the component newly asks for.
func (d *ComponentDiff) writeAsks(b *strings.Builder) {
	for _, i := range d.NewImports {
		fmt.Fprintf(b, "  newly imports  %s\n", i)
	}
	for _, i := range d.OldImports {
		fmt.Fprintf(b, "  no longer imports  %s\n", i)
	}
	for _, r := range d.Requests {
		fmt.Fprintf(b, "  newly requests  %s  %s  %s\n", r.Capability, strings.Join(r.Operations, ", "), r.Resource)
	}
}

// ErrWider is what a locked host's refusals wrap.
var ErrWider = errors.New("wider than " + LockName)

// Accept refuses what the lock does not pin: a component of another digest, or
// one that the lock does not know, and whatever it could newly reach. It is
// for [broker.Config].
func (l *Lock) Accept(ctx context.Context, next broker.Loaded) error {
	for _, c := range next.Components {
		if err := l.acceptComponent(ctx, c); err != nil {
			return fmt.Errorf("component %s: %w", c.Component.Name, err)
		}
	}
	return nil
}

func (l *Lock) acceptComponent(ctx context.Context, c broker.LoadedComponent) error {
	locked := l.component(c.Component.Name)
	switch {
	case c.App != l.App:
		return fmt.Errorf("%w: it is of app %q, and the lock of %q", ErrWider, c.App, l.App)
	case locked == nil:
		return fmt.Errorf("%w: it is not in the lock", ErrWider)
	case locked.Digest != c.Component.Digest:
		return fmt.Errorf("%w: its digest is %s, and in the lock %s", ErrWider, c.Component.Digest, locked.Digest)
	}
	before, err := locked.scope(l.App)
	if err != nil {
		return err
	}
	after, err := c.Scope(ctx)
	if err != nil {
		return err
	}
	changes := before.Wider(after)
	if len(changes) == 0 {
		return nil
	}
	first := changes[0]
	text := fmt.Sprintf("%s would allow %s on %s: %s", first.Grant.ID, strings.Join(first.Operations, ", "), first.Resource, first.Why)
	if first.Grant.TLS == broker.Unverified {
		text += "; " + tlsUnverified
	}
	if n := len(changes) - 1; n > 0 {
		text += fmt.Sprintf(" (and %d more)", n)
	}
	return fmt.Errorf("%w: %s", ErrWider, text)
}
