package writ

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"runtime/debug"
	"slices"
	"time"

	"github.com/writ-host/writ/broker"
)

// Audit is what components can reach and by what right, without running any:
// what is in it is all there is. It is what writ audit --json writes, as
// docs/audit.schema.json describes.
type Audit struct {
	Version   int        `json:"version"` // of this form: 1
	Generated time.Time  `json:"generated"`
	Writ      string     `json:"writ"` // version of the program
	Apps      []AuditApp `json:"apps"`
}

// AuditApp is one app's part of an audit.
type AuditApp struct {
	Name       string           `json:"name"`
	Path       string           `json:"path"`
	Policy     AuditPolicy      `json:"policy"`
	Ledger     *AuditLedger     `json:"ledger"` // of AddHistory
	Routes     []AuditRoute     `json:"routes"`
	Components []AuditComponent `json:"components"`
}

// AuditPolicy identifies the policy that was asked.
type AuditPolicy struct {
	Revision string   `json:"revision"` // digest of all of it, as in writ.lock
	Files    []string `json:"files"`
}

// AuditRoute is how an app is reached.
type AuditRoute struct {
	Route     string `json:"route"`   // "" when it is private
	Private   bool   `json:"private"` // reached by the app's own components alone
	Component string `json:"component"`
}

// AuditComponent is what one component can reach.
type AuditComponent struct {
	Name    string   `json:"name"`
	Source  string   `json:"source"`
	Digest  string   `json:"digest"`
	Signer  string   `json:"signer"` // "" for nobody
	Size    int      `json:"size"`   // bytes
	Tools   []string `json:"tools"`
	Exports []string `json:"exports"`
	// Grants are all that it can reach, less what Denials take away.
	Grants  []AuditGrant  `json:"grants"`
	Denials []AuditDenial `json:"denials"`
	// Missing is what it requests and is not granted.
	Missing []AuditRequest `json:"missing"`
	Imports []AuditImport  `json:"imports"`
	// Findings are what a person should look at.
	Findings []AuditFinding `json:"findings"`
}

// AuditGrant is one grant, and the place it comes from.
type AuditGrant struct {
	ID         string          `json:"id"`
	Capability string          `json:"capability"`
	Resource   string          `json:"resource"` // a pattern, in canonical form
	Operations []string        `json:"operations"`
	Limits     AuditLimits     `json:"limits"`
	TLS        string          `json:"tls"`       // "unverified", or "": certificates are verified
	Condition  *AuditCondition `json:"condition"` // null: holds at all times
	Expires    *time.Time      `json:"expires"`   // null: never
	Expired    bool            `json:"expired"`
	Reason     string          `json:"reason"`
	File       string          `json:"file"`
	Line       int             `json:"line"`
	Requested  bool            `json:"requested"` // the manifest asks for all of it
	InPart     bool            `json:"requested_in_part"`
	ByDefault  bool            `json:"by_default"`
	Unused     bool            `json:"unused"` // nothing that the component imports could use it
	DeniedBy   []string        `json:"denied_by"`
	// Since is since when hosts have had it in force as it is, and Used what came of it: null where the ledger does not say.
	Since *time.Time `json:"since"`
	Used  *AuditUse  `json:"used"`

	text string // as the ledger has it
}

// AuditLimits are the bounds of a grant; 0 is none.
type AuditLimits struct {
	CallsPerSecond int64 `json:"calls_per_second"`
	MaxBytes       int64 `json:"max_bytes"`
}

// AuditCondition is a condition that must hold at the call.
type AuditCondition struct {
	Name  string `json:"name"`
	Words string `json:"words"` // what is left of it for this component
	Rego  string `json:"rego"`
	File  string `json:"file"`
	Line  int    `json:"line"`
}

// AuditDenial is what no grant can allow.
type AuditDenial struct {
	ID         string   `json:"id"`
	Capability string   `json:"capability"`
	Resource   string   `json:"resource"`
	Operations []string `json:"operations"`
	Reason     string   `json:"reason"`
	File       string   `json:"file"`
	Line       int      `json:"line"`
}

// AuditRequest is what is asked for and not granted.
type AuditRequest struct {
	Capability string   `json:"capability"`
	Resource   string   `json:"resource"`
	Operations []string `json:"operations"` // those missing
	Reason     string   `json:"reason"`
	DeniedBy   []string `json:"denied_by"`
}

// What an import can lead to.
const (
	Reachable   = "reachable"   // by grants that are in force
	Unreachable = "unreachable" // nothing is granted: every call is denied
	GrantFree   = "needs none"  // it touches nothing that needs a grant
)

// AuditImport is an interface that a component imports.
type AuditImport struct {
	Name         string   `json:"name"`
	Access       string   `json:"access"`       // Reachable, Unreachable or GrantFree
	Capabilities []string `json:"capabilities"` // whose grants it works by
}

// Audit answers what the app's components can reach, without running anything.
func (a *App) Audit(ctx context.Context) (*AuditApp, error) {
	b := broker.New(broker.Config{})
	defer b.Close()
	source, err := a.policySource()
	if err != nil {
		return nil, err
	}
	if err := b.Load(ctx, source); err != nil {
		return nil, err
	}
	s, err := newSurface()
	if err != nil {
		return nil, err
	}
	out := &AuditApp{Name: a.Manifest.Name, Path: a.Manifest.dir, Routes: []AuditRoute{}, Components: []AuditComponent{},
		Policy: AuditPolicy{Revision: b.Digest(), Files: policyNames(source)}}
	for _, r := range a.Manifest.Triggers.HTTP {
		out.Routes = append(out.Routes, AuditRoute{Route: r.Route.Pattern, Private: r.Route.Private, Component: r.Component})
	}
	for _, c := range a.Components {
		audited, err := a.auditComponent(ctx, b, s, c)
		if err != nil {
			return nil, fmt.Errorf("component %s: %w", c.Name, err)
		}
		out.Components = append(out.Components, *audited)
	}
	return out, nil
}

// policyNames lists the files of a policy. Without a file of its own it is the default.
func policyNames(s broker.Source) []string {
	names := slices.Sorted(maps.Keys(s.Modules))
	if s.UsesDefault() {
		names = append(names, broker.DefaultPolicy)
	}
	if s.Grants != nil {
		names = append(names, s.Grants.Name)
	}
	return names
}

// auditing is the work on one component.
type auditing struct {
	surface    *surface
	imports    []string
	conditions map[string]broker.Residual
	requests   []broker.Request
	denials    []*broker.Denial
	now        time.Time
}

func (a *App) auditComponent(ctx context.Context, b *broker.Broker, s *surface, c *AppComponent) (*AuditComponent, error) {
	findings, err := b.Plan(a.Manifest.Name, c.Name)
	if err != nil {
		return nil, err
	}
	residuals, err := b.Conditions(ctx, a.Manifest.Name, c.Name)
	if err != nil {
		return nil, err
	}
	w := &auditing{surface: s, conditions: map[string]broker.Residual{}, requests: c.manifest.requests(),
		denials: b.Denials(a.Manifest.Name, c.Name), now: time.Now()}
	for _, r := range residuals {
		w.conditions[r.Name] = r
	}
	out := &AuditComponent{Name: c.Name, Source: c.Source, Digest: c.Info.Digest, Signer: c.Signer, Size: c.Info.Size, Tools: append([]string{}, c.Info.Tools...),
		Exports: []string{}, Grants: []AuditGrant{}, Denials: []AuditDenial{}, Missing: []AuditRequest{}, Imports: []AuditImport{}, Findings: []AuditFinding{}}
	for _, e := range c.Info.World.Exports {
		out.Exports = append(out.Exports, e.Name)
	}
	for _, i := range c.Info.World.Imports {
		w.imports = append(w.imports, i.Name)
	}
	out.Missing = missing(findings)
	grants := b.Grants(a.Manifest.Name, c.Name)
	for _, g := range grants {
		out.Grants = append(out.Grants, w.grant(g))
	}
	for _, n := range w.denials {
		out.Denials = append(out.Denials, AuditDenial{n.ID, n.Capability, n.Pattern(), n.Operations, n.Reason, n.Origin.File, n.Origin.Line})
	}
	for _, i := range w.imports {
		out.Imports = append(out.Imports, w.imported(i, grants))
	}
	out.find(filepath.Join(a.Manifest.dir, ManifestName))
	return out, nil
}

// missing lists what requests lack.
func missing(findings []broker.Finding) []AuditRequest {
	missing := []AuditRequest{}
	for _, f := range findings {
		if len(f.Missing) == 0 {
			continue
		}
		r := AuditRequest{f.Request.Capability, f.Request.Resource, f.Missing, f.Request.Reason, []string{}}
		for _, n := range f.Denials {
			r.DeniedBy = append(r.DeniedBy, n.ID)
		}
		missing = append(missing, r)
	}
	return missing
}

func (w *auditing) grant(g *broker.Grant) AuditGrant {
	out := AuditGrant{ID: g.ID, Capability: g.Capability, Resource: g.Pattern(), Operations: g.Operations,
		Limits: AuditLimits(g.Limits), TLS: g.TLS, Reason: g.Reason, File: g.Origin.File, Line: g.Origin.Line,
		ByDefault: g.Origin.File == broker.DefaultPolicy,
		Unused:    !w.surface.uses(w.imports, g), DeniedBy: []string{}, text: g.JSON()}
	out.Requested, out.InPart = broker.Requested(g, w.requests)
	if !g.Expires.IsZero() {
		at := g.Expires.UTC()
		out.Expires, out.Expired = &at, !w.now.Before(at)
	}
	if r, ok := w.conditions[g.When]; ok {
		out.Condition = &AuditCondition{r.Name, r.Words, r.Rego, r.Origin.File, r.Origin.Line}
	}
	for _, n := range w.denials {
		if n.Takes(g) {
			out.DeniedBy = append(out.DeniedBy, n.ID)
		}
	}
	return out
}

// imported says what an interface can lead to under the grants in force.
func (w *auditing) imported(name string, grants []*broker.Grant) AuditImport {
	needs, known := w.surface.needs(name)
	i := AuditImport{Name: name, Access: GrantFree, Capabilities: append([]string{}, needs...)}
	if known && len(needs) == 0 {
		return i
	}
	i.Access = Unreachable
	for _, g := range grants {
		live := g.Expires.IsZero() || w.now.Before(g.Expires)
		serves := slices.Contains(needs, g.Capability) || !known && reachesInterface(g, name)
		if live && serves && !slices.ContainsFunc(w.denials, func(n *broker.Denial) bool { return n.TakesAll(g) }) {
			i.Access = Reachable
			return i
		}
	}
	return i
}

// NewAudit audits several apps, without what their ledgers tell: AddHistory adds it.
func NewAudit(ctx context.Context, apps []*App) (*Audit, error) {
	out := &Audit{Version: 1, Generated: time.Now().UTC().Truncate(time.Second), Writ: programVersion(), Apps: []AuditApp{}}
	for _, a := range apps {
		audited, err := a.Audit(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", a.Manifest.dir, err)
		}
		out.Apps = append(out.Apps, *audited)
	}
	return out, nil
}

func programVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
