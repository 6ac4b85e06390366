package writ

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/writ-host/writ/broker"
)

// Plan is what the components of an app request, and what of it is granted.
type Plan struct {
	App string `json:"app"`
	// SinceLock is what is new since writ.lock; null without one.
	SinceLock  *ReachDiff      `json:"since_lock"`
	Components []ComponentPlan `json:"components"`
}

// ComponentPlan is one component's part of a plan.
type ComponentPlan struct {
	Name     string        `json:"name"`
	Source   string        `json:"source"`
	Digest   string        `json:"digest"`
	Signer   string        `json:"signer"` // "" for nobody
	Size     int           `json:"size"`   // bytes
	Imports  []string      `json:"imports"`
	Exports  []string      `json:"exports"`
	Requests []RequestPlan `json:"requests"`
	// Unrequested are grants in force that the manifest does not ask for.
	Unrequested []GrantLine `json:"unrequested"`
}

// RequestPlan is one request and how far it is granted.
type RequestPlan struct {
	Capability string          `json:"capability"`
	Resource   string          `json:"resource"`
	Operations []string        `json:"operations"`
	Reason     string          `json:"reason,omitempty"`
	Coverage   broker.Coverage `json:"coverage"`
	Granted    []GrantLine     `json:"granted"`
	Missing    []string        `json:"missing"` // operations
	Denials    []GrantLine     `json:"denials"`
	// Add is the line for grants.json that would grant what is missing; null
	// when nothing is, or when a denial stands in the way.
	Add json.RawMessage `json:"add"`
}

// GrantLine is a grant or denial and the place that it comes from.
type GrantLine struct {
	ID         string   `json:"id"`
	Operations []string `json:"operations"`
	Resource   string   `json:"resource"`
	Origin     string   `json:"origin"`        // file:line
	TLS        string   `json:"tls,omitempty"` // "unverified": certificates are not verified
	Conditions []string `json:"conditions,omitempty"`
	// Of a grant that is not requested: whether every component has it, and the
	// denials that take all or some of it away.
	ByDefault    bool     `json:"by_default,omitempty"`
	DeniedBy     []string `json:"denied_by,omitempty"`
	DeniedInPart []string `json:"denied_in_part_by,omitempty"`
}

// Plan asks the policy what is granted, without running anything.
func (a *App) Plan(ctx context.Context) (*Plan, error) {
	b := broker.New(broker.Config{})
	defer b.Close()
	if err := a.loadPolicy(ctx, b); err != nil {
		return nil, err
	}
	p, err := a.planWith(b)
	if err != nil {
		return nil, err
	}
	p.SinceLock, err = a.SinceLock(ctx)
	return p, err
}

// loadPolicy reads grants and policies and puts them in force.
func (a *App) loadPolicy(ctx context.Context, b *broker.Broker) error {
	source, err := a.policySource()
	if err != nil {
		return err
	}
	return b.Load(ctx, source)
}

// policySource is what is asked about the app: its grants and policies as they are now.
func (a *App) policySource() (broker.Source, error) {
	if err := a.checkRequests(); err != nil {
		return broker.Source{}, err
	}
	source, err := a.policyFiles().Read()
	source.Apps = []broker.App{a.subject()}
	return source, err
}

func (a *App) checkRequests() error {
	for _, c := range a.Components {
		for i, r := range c.manifest.requests() {
			if err := r.Check(); err != nil {
				return fmt.Errorf("%s: component %s: request %d: %w", filepath.Join(a.Manifest.dir, ManifestName), c.Name, i+1, err)
			}
		}
	}
	return nil
}

func (a *App) planWith(b *broker.Broker) (*Plan, error) {
	p := &Plan{App: a.Manifest.Name}
	for _, c := range a.Components {
		findings, err := b.Plan(a.Manifest.Name, c.Name)
		if err != nil {
			return nil, fmt.Errorf("component %s: %w", c.Name, err)
		}
		cp := ComponentPlan{Name: c.Name, Source: c.Source, Digest: c.Info.Digest, Signer: c.Signer, Size: c.Info.Size,
			Imports: []string{}, Exports: []string{}, Requests: []RequestPlan{}, Unrequested: []GrantLine{}}
		for _, i := range c.Info.World.Imports {
			cp.Imports = append(cp.Imports, i.Name)
		}
		for _, e := range c.Info.World.Exports {
			cp.Exports = append(cp.Exports, e.Name)
		}
		used := map[string]bool{}
		for _, f := range findings {
			cp.Requests = append(cp.Requests, requestPlan(f, used))
		}
		for _, g := range b.Grants(a.Manifest.Name, c.Name) {
			if !used[g.ID] {
				cp.Unrequested = append(cp.Unrequested, unrequestedLine(g, b.Denials(a.Manifest.Name, c.Name)))
			}
		}
		p.Components = append(p.Components, cp)
	}
	return p, nil
}

// requestPlan also marks the grants that serve the request.
func requestPlan(f broker.Finding, used map[string]bool) RequestPlan {
	r := RequestPlan{Capability: f.Request.Capability, Resource: f.Request.Resource, Operations: f.Request.Operations,
		Reason: f.Request.Reason, Coverage: f.Coverage, Granted: []GrantLine{}, Missing: append([]string{}, f.Missing...), Denials: []GrantLine{}}
	lines := map[string]int{}
	for _, granted := range f.Granted {
		for _, g := range granted.Grants {
			used[g.ID] = true
			at, ok := lines[g.ID]
			if !ok {
				at = len(r.Granted)
				lines[g.ID] = at
				r.Granted = append(r.Granted, grantLine(g, nil))
			}
			r.Granted[at].Operations = append(r.Granted[at].Operations, granted.Operation)
		}
	}
	for _, d := range f.Denials {
		r.Denials = append(r.Denials, GrantLine{ID: d.ID, Operations: d.Operations, Resource: d.Resource, Origin: d.Origin.String()})
	}
	if f.Suggestion != nil {
		r.Add = json.RawMessage(f.Suggestion.JSON())
	}
	return r
}

func grantLine(g *broker.Grant, operations []string) GrantLine {
	l := GrantLine{ID: g.ID, Operations: operations, Resource: g.Resource, Origin: g.Origin.String(), TLS: g.TLS}
	if g.TLS == broker.Unverified {
		l.Conditions = append(l.Conditions, tlsUnverified)
	}
	if g.When != "" {
		l.Conditions = append(l.Conditions, "when "+g.When)
	}
	switch until := g.Expires.Format("2006-01-02 15:04 MST"); {
	case g.Expires.IsZero():
	case time.Now().Before(g.Expires):
		l.Conditions = append(l.Conditions, "until "+until)
	default:
		l.Conditions = append(l.Conditions, "expired on "+until)
	}
	if n := g.Limits.CallsPerSecond; n != 0 {
		l.Conditions = append(l.Conditions, fmt.Sprintf("%d calls a second", n))
	}
	if n := g.Limits.MaxBytes; n != 0 {
		l.Conditions = append(l.Conditions, humanize.IBytes(uint64(n))+" a call")
	}
	return l
}

// unrequestedLine is a grant that the manifest does not ask for.
func unrequestedLine(g *broker.Grant, denials []*broker.Denial) GrantLine {
	l := grantLine(g, g.Operations)
	l.ByDefault = g.Origin.File == broker.DefaultPolicy
	for _, n := range denials {
		switch {
		case n.TakesAll(g):
			l.DeniedBy = append(l.DeniedBy, n.ID)
		case n.Takes(g):
			l.DeniedInPart = append(l.DeniedInPart, n.ID)
		}
	}
	return l
}

// Granted says whether every request is granted in full.
func (p *Plan) Granted() bool {
	for _, c := range p.Components {
		for _, r := range c.Requests {
			if r.Coverage != broker.Full {
				return false
			}
		}
	}
	return true
}

// WriteText writes the plan for a person.
func (p *Plan) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "app %s\n", p.App)
	for _, c := range p.Components {
		c.writeText(&b)
	}
	if d := p.SinceLock; d != nil && len(d.Components) > 0 {
		fmt.Fprintf(&b, "\nsince %s\n", LockName)
		for _, c := range d.Components {
			c.writeText(&b)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (c *ComponentPlan) writeText(b *strings.Builder) {
	fmt.Fprintf(b, "\ncomponent %s  %s  %s\n  %s\n", c.Name, c.Source, humanize.IBytes(uint64(c.Size)), c.Digest)
	writeSigner(b, c.Signer)
	fmt.Fprintf(b, "  imports %s\n", orNothing(c.Imports))
	if len(c.Requests) == 0 {
		b.WriteString("  requests nothing\n")
	}
	for _, r := range c.Requests {
		fmt.Fprintf(b, "  requests %s  %s  %s\n", r.Capability, strings.Join(r.Operations, ", "), r.Resource)
		for _, g := range r.Granted {
			g.writeText(b, "granted ")
		}
		for _, d := range r.Denials {
			d.writeText(b, "denied  ")
		}
		if len(r.Missing) > 0 {
			fmt.Fprintf(b, "    missing  %s\n", strings.Join(r.Missing, ", "))
		}
		if r.Add != nil {
			fmt.Fprintf(b, "    to grant it, add to grants.json: %s\n", r.Add)
		}
	}
	for _, g := range c.Unrequested {
		g.writeUnrequested(b)
	}
}

// writeSigner says who signed a component, if somebody did.
func writeSigner(b *strings.Builder, name string) {
	if name != "" {
		fmt.Fprintf(b, "  signed by %s\n", name)
	}
}

func (l GrantLine) writeUnrequested(b *strings.Builder) {
	l.Operations = append([]string{}, l.Operations...)
	l.Operations[len(l.Operations)-1] += "  " + l.Resource
	switch {
	case len(l.DeniedBy) > 0:
		l.Conditions = []string{"which " + strings.Join(l.DeniedBy, ", ") + " denies"}
	case len(l.DeniedInPart) > 0:
		l.Conditions = append(l.Conditions, "less what "+strings.Join(l.DeniedInPart, ", ")+" denies")
	}
	if l.ByDefault {
		l.writeText(b, "every component has ")
		return
	}
	l.writeText(b, "not requested, but granted ")
}

func (l GrantLine) writeText(b *strings.Builder, what string) {
	fmt.Fprintf(b, "    %s %s  by %s  (%s)", what, strings.Join(l.Operations, ", "), l.ID, l.Origin)
	for _, c := range l.Conditions {
		fmt.Fprintf(b, ", %s", c)
	}
	b.WriteByte('\n')
}

func orNothing(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, " ")
}
