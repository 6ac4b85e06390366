package writ

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/broker/ledger"
)

// UsedAudit sets the grants that are in force against what the ledger tells of
// their use. Keys and paths are redacted there, so what it can say of resources
// is the part that is not: stores, hosts, databases and tables, names.
type UsedAudit struct {
	App     string       `json:"app"`
	Since   time.Time    `json:"since,omitzero"` // the ledger's first entry
	Grants  []UsedGrant  `json:"grants"`
	Denials []UsedDenial `json:"denials"`
}

// UsedGrant is one grant of a component, and its use.
type UsedGrant struct {
	Component  string            `json:"component"`
	ID         string            `json:"id"`
	Capability string            `json:"capability"`
	Resource   string            `json:"resource"`
	Operations []string          `json:"operations"`
	Origin     string            `json:"origin"`
	Since      time.Time         `json:"since,omitzero"` // in force with this text; zero when the ledger does not know it
	Last       time.Time         `json:"last,omitzero"`  // zero when it was never used
	Count      uint64            `json:"count"`
	Used       map[string]uint64 `json:"used"`   // calls by operation
	Unused     []string          `json:"unused"` // operations that are granted and were never used
	// Resources are the classes that were used, where they are narrower than the grant.
	Resources []string `json:"resources"`

	grant *broker.Grant
	use   *ledger.GrantUse
}

// UsedDenial is a kind of call that was denied.
type UsedDenial struct {
	Component  string    `json:"component"`
	Capability string    `json:"capability"`
	Operation  string    `json:"operation"`
	Resource   string    `json:"resource"` // redacted
	Reason     string    `json:"reason"`
	Count      uint64    `json:"count"`
	Last       time.Time `json:"last"`
}

// UsedAudit reads the app's ledger and the grants that its policy answers now.
// Grants that every component has by default are left out.
func (a *App) UsedAudit(ctx context.Context, r *ledger.Reader) (*UsedAudit, error) {
	b := broker.New(broker.Config{})
	defer b.Close()
	if err := a.loadPolicy(ctx, b); err != nil {
		return nil, err
	}
	usage, err := r.Usage(ctx, a.Manifest.Name)
	if err != nil {
		return nil, err
	}
	u := &UsedAudit{App: a.Manifest.Name, Since: usage.Since, Grants: []UsedGrant{}, Denials: []UsedDenial{}}
	for _, c := range a.Components {
		for _, g := range b.Grants(a.Manifest.Name, c.Name) {
			if g.Origin.File == broker.DefaultPolicy {
				continue
			}
			key := ledger.GrantKey{App: a.Manifest.Name, Component: c.Name, ID: g.ID, Text: g.JSON()}
			u.Grants = append(u.Grants, usedGrant(c.Name, g, usage.Grants[key]))
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(usage.Denials), ledger.DenialKey.Compare) {
		use := usage.Denials[k]
		u.Denials = append(u.Denials, UsedDenial{k.Component, k.Capability, k.Operation, k.Resource, k.Reason, use.Count, use.Last})
	}
	return u, nil
}

func usedGrant(component string, g *broker.Grant, use *ledger.GrantUse) UsedGrant {
	u := UsedGrant{Component: component, ID: g.ID, Capability: g.Capability, Resource: g.Resource, Operations: g.Operations,
		Origin: g.Origin.String(), Used: map[string]uint64{}, Unused: []string{}, Resources: []string{}, grant: g, use: use}
	if use == nil {
		u.Unused = append(u.Unused, g.Operations...)
		return u
	}
	u.Since, u.Last, u.Count = use.Since, use.Last, use.Count
	for class, n := range use.Classes {
		u.Used[class.Operation] += n.Count
	}
	for _, o := range g.Operations {
		if o != broker.Any && u.Used[o] == 0 {
			u.Unused = append(u.Unused, o)
		}
	}
	for _, class := range use.Resources("") {
		if narrower, err := broker.Within(g.Resource, class); err == nil && narrower != g.Resource {
			u.Resources = append(u.Resources, narrower)
		}
	}
	return u
}

// maxSuggested bounds the resources that a grant is split into.
const maxSuggested = 32

// Suggest is the narrowest grants that would have allowed what the ledger
// tells of, in the form of grants.json: without the grants and operations that
// were never used, and with the resources that were. What was denied stays so.
func (u *UsedAudit) Suggest() ([]byte, error) {
	lines := []string{}
	for _, g := range u.Grants {
		for i, n := range g.narrowed() {
			n.Component = g.Component
			if i > 0 {
				n.ID = fmt.Sprintf("%s-%d", n.ID, i+1)
			}
			lines = append(lines, n.JSON())
		}
	}
	text := "{\n  \"grants\": [\n    " + strings.Join(lines, ",\n    ") + "\n  ]\n}\n"
	if len(lines) == 0 {
		text = broker.EmptyGrants
	}
	if _, err := broker.ParseGrants("suggestion", []byte(text)); err != nil {
		return nil, fmt.Errorf("suggest grants: %w", err)
	}
	return []byte(text), nil
}

// narrowed is what is left of a grant: one for each set of operations that were
// used with the same resource.
func (u *UsedGrant) narrowed() []broker.Grant {
	if u.use == nil || u.Count == 0 {
		return nil
	}
	classes := u.use.Resources("")
	if len(classes) > maxSuggested {
		classes = []string{u.Resource}
	}
	var out []broker.Grant
	for _, class := range classes {
		g := *u.grant
		resource, err := broker.Within(g.Resource, class)
		if err != nil {
			resource = g.Resource
		}
		g.Resource, g.Operations = resource, u.operationsOn(class)
		out = append(out, g)
	}
	return out
}

// operationsOn are those that were used with a class of resources, or with any when it is the whole grant.
func (u *UsedGrant) operationsOn(class string) (operations []string) {
	if class == u.Resource {
		class = ""
	}
	for _, o := range u.use.Operations() {
		if class == "" || slices.Contains(u.use.Resources(o), class) {
			operations = append(operations, o)
		}
	}
	return operations
}

// WriteText writes the audit for a person.
func (u *UsedAudit) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "app %s", u.App)
	if !u.Since.IsZero() {
		fmt.Fprintf(&b, ", as its ledger tells since %s", localTime(u.Since))
	}
	b.WriteByte('\n')
	for _, g := range u.Grants {
		g.writeText(&b)
	}
	if len(u.Denials) > 0 {
		b.WriteString("\ndenied\n")
	}
	for _, d := range u.Denials {
		fmt.Fprintf(&b, "  %s  %s %s %s  ×%d, last %s: %s\n", d.Component, d.Capability, printableText(d.Operation), printableText(d.Resource), d.Count, localTime(d.Last), d.Reason)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (u *UsedGrant) writeText(b *strings.Builder) {
	fmt.Fprintf(b, "\n%s  %s  %s %s  %s  (%s)\n", u.Component, u.ID, u.Capability, strings.Join(u.Operations, ","), u.Resource, u.Origin)
	switch {
	case u.Since.IsZero():
		b.WriteString("  not in the ledger: no host ran with it\n")
		return
	case u.Count == 0:
		fmt.Fprintf(b, "  NEVER USED since %s\n", localTime(u.Since))
		return
	}
	fmt.Fprintf(b, "  used %d times since %s, last %s:", u.Count, localTime(u.Since), localTime(u.Last))
	for _, o := range slices.Sorted(maps.Keys(u.Used)) {
		fmt.Fprintf(b, " %s ×%d", printableText(o), u.Used[o])
	}
	b.WriteByte('\n')
	if len(u.Unused) > 0 {
		fmt.Fprintf(b, "  NEVER USED: %s\n", strings.Join(u.Unused, ", "))
	}
	for _, r := range u.Resources {
		fmt.Fprintf(b, "  used only on %s\n", printableText(r))
	}
}

func localTime(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }

// printableText keeps control characters that guests chose off the terminal.
func printableText(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}
