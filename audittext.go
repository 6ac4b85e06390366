package writ

import (
	"fmt"
	"io"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/writ-host/writ/broker"
)

// tlsUnverified is how a grant that does not verify certificates is told of, so that nobody reads past it.
const tlsUnverified = "TLS CERTIFICATES ARE NOT VERIFIED"

// Bounds says in words what bounds a grant beside its resources and operations, and first what it does not hold to.
func (g AuditGrant) Bounds() []string {
	var b []string
	if g.TLS == broker.Unverified {
		b = append(b, tlsUnverified)
	}
	if n := g.Limits.CallsPerSecond; n != 0 {
		b = append(b, fmt.Sprintf("%d calls a second", n))
	}
	if n := g.Limits.MaxBytes; n != 0 {
		b = append(b, humanize.IBytes(uint64(n))+" a call")
	}
	switch {
	case g.Condition == nil:
	case g.Condition.Words == "never" || g.Condition.Words == "always":
		b = append(b, fmt.Sprintf("its condition %s %s holds", g.Condition.Name, g.Condition.Words))
	default:
		b = append(b, "only when "+g.Condition.Words)
	}
	switch {
	case g.Expired:
		b = append(b, "expired on "+g.Expires.Format(auditTime))
	case g.Expires != nil:
		b = append(b, "until "+g.Expires.Format(auditTime))
	}
	if len(g.DeniedBy) > 0 {
		b = append(b, "less what "+strings.Join(g.DeniedBy, ", ")+" denies")
	}
	return b
}

// WriteText writes the audit for a person at a terminal.
func (a *Audit) WriteText(w io.Writer) error {
	var b strings.Builder
	for i, app := range a.Apps {
		if i > 0 {
			b.WriteByte('\n')
		}
		app.writeText(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (a *AuditApp) writeText(b *strings.Builder) {
	fmt.Fprintf(b, "app %s  %s\npolicy %s\n", a.Name, a.Path, a.Policy.Revision)
	for _, f := range a.Policy.Files {
		fmt.Fprintf(b, "  %s\n", f)
	}
	if a.Ledger != nil {
		fmt.Fprintf(b, "ledger %s\n", a.Ledger)
	}
	for _, c := range a.Components {
		fmt.Fprintf(b, "\ncomponent %s  %s  %s\n  %s\n", c.Name, c.Source, humanize.IBytes(uint64(c.Size)), c.Digest)
		writeSigner(b, c.Signer)
		for _, r := range a.Routes {
			if r.Component == c.Name {
				fmt.Fprintf(b, "  serves %s\n", r)
			}
		}
		c.writeText(b, a.History)
	}
}

// String is whom the route is for.
func (r AuditRoute) String() string {
	if r.Private {
		return "the app's other components alone"
	}
	return "HTTP at " + r.Route
}

func (c *AuditComponent) writeText(b *strings.Builder, history func(AuditGrant) string) {
	b.WriteString("  can reach\n")
	if len(c.Grants) == 0 {
		b.WriteString("    nothing\n")
	}
	for _, g := range c.Grants {
		fmt.Fprintf(b, "    %s  %s  %s\n      by %s (%s)", g.Capability, strings.Join(g.Operations, ", "), g.Resource, g.ID, broker.Origin{File: g.File, Line: g.Line})
		if g.Reason != "" {
			fmt.Fprintf(b, ": %s", g.Reason)
		}
		b.WriteByte('\n')
		for _, bound := range g.Bounds() {
			fmt.Fprintf(b, "      %s\n", bound)
		}
		if h := history(g); h != "" {
			fmt.Fprintf(b, "      %s\n", h)
		}
	}
	for _, n := range c.Denials {
		fmt.Fprintf(b, "    never %s  %s  %s\n      by %s (%s)\n", n.Capability, strings.Join(n.Operations, ", "), n.Resource, n.ID, broker.Origin{File: n.File, Line: n.Line})
	}
	c.writeImports(b, Unreachable, "  imports, and every call is denied")
	c.writeImports(b, GrantFree, "  imports what needs no grant")
	if len(c.Findings) > 0 {
		b.WriteString("  to look at\n")
	}
	for _, f := range c.Findings {
		fmt.Fprintf(b, "    %s  %s\n", f.Rule, f.Message)
	}
}

func (c *AuditComponent) writeImports(b *strings.Builder, access, title string) {
	for _, i := range c.Imports {
		if i.Access != access {
			continue
		}
		if title != "" {
			fmt.Fprintln(b, title)
			title = ""
		}
		fmt.Fprintf(b, "    %s\n", i.Name)
	}
}
