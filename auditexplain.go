package writ

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/writ-host/writ/broker"
)

// Explain says why a call is denied under the grants and policy as they are now.
func (a *App) Explain(ctx context.Context, component string, call broker.Call) (*broker.Explanation, error) {
	b := broker.New(broker.Config{})
	defer b.Close()
	if err := a.loadPolicy(ctx, b); err != nil {
		return nil, err
	}
	return b.Explain(ctx, a.Manifest.Name, component, call)
}

// WriteExplanation writes why a denied call was denied, for a person. The
// denial may be older than what the explanation is of.
func WriteExplanation(w io.Writer, d *KeptDenial, e *broker.Explanation) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s of %s may not %s %s\n", d.Component, d.App, printableText(d.Operation), printableText(d.Resource))
	if d.ID != "" {
		why := d.Reason
		if d.Short != why {
			why += "; " + d.Short
		}
		fmt.Fprintf(&b, "denied at %s: %s\n", localTime(d.Time), printableText(why))
	}
	switch {
	case e.Allowed:
		fmt.Fprintf(&b, "\nit would be allowed now, by %s (%s)\n", e.Grant.ID, e.Grant.Origin)
		if e.Grant.TLS == broker.Unverified {
			fmt.Fprintf(&b, "  %s\n", tlsUnverified)
		}
	case e.Denial != nil:
		fmt.Fprintf(&b, "\n%s (%s) denies %s on %s\n  no grant can allow it as long as that is there\n", e.Denial.ID, e.Denial.Origin,
			strings.Join(e.Denial.Operations, ", "), e.Denial.Pattern())
	default:
		writeNearest(&b, e)
	}
	writeRules(&b, e)
	if e.Opens && !e.Allowed {
		fmt.Fprintf(&b, "\nany grant of capability %s that reaches below %s would allow it: writ plan prints those for what the app requests\n", d.Capability, d.Resource)
	}
	if e.Smallest != nil {
		g := e.Smallest
		fmt.Fprintf(&b, "\nthe smallest grant that would allow it\n  %s\n  writ grant add --app %s --component %s %s %s %s\n", g.JSON(),
			g.App, g.Component, g.Capability, shellQuote(g.Resource), strings.Join(g.Operations, " "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeNearest(b *strings.Builder, e *broker.Explanation) {
	if len(e.Nearest) == 0 {
		b.WriteString("\nno grant is of this capability\n")
		return
	}
	b.WriteString("\nthe nearest grants\n")
	for _, s := range e.Nearest {
		fmt.Fprintf(b, "  %s (%s): %s\n", s.Grant.ID, s.Grant.Origin, s.Why)
	}
}

func writeRules(b *strings.Builder, e *broker.Explanation) {
	if len(e.Rules) == 0 {
		return
	}
	b.WriteString("\nthe rules that mattered\n")
	for _, r := range e.Rules {
		if r.Held > 0 {
			fmt.Fprintf(b, "  %s  %s holds\n", r.Origin, r.Name)
			continue
		}
		fmt.Fprintf(b, "  %s  %s gives nothing\n", r.Origin, r.Name)
		for _, f := range r.Failed {
			fmt.Fprintf(b, "    line %d: %s", f.Line, f.Text)
			if len(f.Values) > 0 {
				fmt.Fprintf(b, "    (%s)", strings.Join(f.Values, ", "))
			}
			b.WriteByte('\n')
		}
	}
}

// shellQuote makes a text one word of a shell's.
func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
