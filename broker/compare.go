package broker

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Scope is what one component may do, apart from when and how it came to be.
type Scope struct {
	Grants  []*Grant
	Denials []*Denial
	// At is the time that counts for what has expired; zero is now.
	At time.Time
	// Conditions says for each `when` of the grants what is left of it for the component, as Residual.Rego.
	Conditions map[string]string
}

// Change is something that one scope allows and another does not.
type Change struct {
	Capability string
	Operations []string
	Resource   string // a pattern
	Grant      *Grant // that allows it
	// Why says in words what is wider: nothing covered it before, or something bounded it.
	Why string
}

// Prepare checks a grant that was made from data of one's own and compiles its pattern.
func (g Grant) Prepare() (*Grant, error) {
	if err := g.prepare(); err != nil {
		return nil, fmt.Errorf("grant %q: %w", g.ID, err)
	}
	return &g, nil
}

// Prepare does the same for a denial.
func (n Denial) Prepare() (*Denial, error) {
	if err := n.prepare(); err != nil {
		return nil, fmt.Errorf("denial %q: %w", n.ID, err)
	}
	return &n, nil
}

// Pattern is what the grant reaches, in canonical form.
func (g *Grant) Pattern() string { return g.pattern.text }

// Pattern is what the denial covers, in canonical form.
func (n *Denial) Pattern() string { return n.pattern.text }

// Wider lists what next allows beyond old. An empty answer is certain: next then allows nothing that old did not. It may
// list something for patterns too intricate to compare. What has expired allows nothing.
func (old Scope) Wider(next Scope) []Change {
	c := &scopeComparison{old: old, next: next, rates: map[*Grant]int64{}}
	now := next.At
	if now.IsZero() {
		now = time.Now()
	}
	for _, g := range next.Grants {
		if g.Expires.IsZero() || now.Before(g.Expires) {
			c.grant(g)
		}
	}
	slices.SortStableFunc(c.changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Capability, b.Capability), cmp.Compare(a.Resource, b.Resource))
	})
	return c.changes
}

type scopeComparison struct {
	old, next Scope
	rates     map[*Grant]int64 // what new grants together draw on an old one's rate
	changes   []Change
}

// grant sets one new grant against all that was allowed.
func (c *scopeComparison) grant(g *Grant) {
	why := map[string][]string{} // operations by reason
	leaning := map[*Grant]bool{}
	for _, op := range operationsOf(g.Capability, g.Operations) {
		if c.denied(c.next, g, op) {
			continue
		}
		by, reason := c.covered(g, op)
		for _, o := range by {
			leaning[o] = true
		}
		if reason == "" {
			reason = c.released(g, op)
		}
		if reason == "" && g.TLS == Unverified {
			reason = c.unmasked(g, op)
		}
		if reason != "" {
			why[reason] = append(why[reason], op)
		}
	}
	for o := range leaning {
		if o.Limits.CallsPerSecond == 0 {
			continue
		}
		if c.rates[o] += g.Limits.CallsPerSecond; c.rates[o] > o.Limits.CallsPerSecond {
			reason := fmt.Sprintf("together with other grants up to %d calls a second, before %d (%s)", c.rates[o], o.Limits.CallsPerSecond, o.ID)
			why[reason] = g.Operations
		}
	}
	for reason, ops := range why {
		c.changes = append(c.changes, Change{g.Capability, ops, g.pattern.text, g, reason})
	}
}

// operationsOf lists what operations name one by one. Any stays itself where operations have no end.
func operationsOf(capability string, operations []string) []string {
	return Request{Capability: capability, Operations: operations}.expand()
}

// denied reports whether a scope denies all that a grant allows for an operation.
func (c *scopeComparison) denied(s Scope, g *Grant, op string) bool {
	return includes(denialPatterns(s.Denials, g.Capability, op), g.pattern)
}

func denialPatterns(denials []*Denial, capability, op string) []*pattern {
	var all []*pattern
	for _, n := range denials {
		if n.Capability == capability && hasOperation(n.Operations, op) {
			all = append(all, n.pattern)
		}
	}
	return all
}

// covered finds the old grants that allowed all that g does for an operation, or says why there are none.
func (c *scopeComparison) covered(g *Grant, op string) (by []*Grant, why string) {
	var near []*Grant
	var bounded string
	for _, o := range c.old.Grants {
		if o.Capability != g.Capability || !hasOperation(o.Operations, op) || !overlap(o.pattern, g.pattern) {
			continue
		}
		if reason := c.looser(o, g); reason != "" {
			if bounded == "" && includes([]*pattern{o.pattern}, g.pattern) {
				bounded = reason
			}
			continue
		}
		near = append(near, o)
	}
	if by := covering(near, g.pattern); by != nil {
		return by, ""
	}
	switch {
	case bounded != "":
		return nil, bounded
	case len(near) > 0:
		return nil, fmt.Sprintf("before only part of it: %s", near[0].pattern.text)
	}
	return nil, "not reachable before"
}

// looser says what bounds an old grant and a new one less.
func (c *scopeComparison) looser(old, next *Grant) string {
	switch was, is := old.Limits, next.Limits; {
	case was.MaxBytes != 0 && (is.MaxBytes == 0 || is.MaxBytes > was.MaxBytes):
		return fmt.Sprintf("before at most %d bytes a call", was.MaxBytes)
	case was.CallsPerSecond != 0 && (is.CallsPerSecond == 0 || is.CallsPerSecond > was.CallsPerSecond):
		return fmt.Sprintf("before at most %d calls a second", was.CallsPerSecond)
	case !old.Expires.IsZero() && (next.Expires.IsZero() || next.Expires.After(old.Expires)):
		return "before only until " + old.Expires.UTC().Format("2006-01-02 15:04 MST")
	case old.TLS == "" && next.TLS == Unverified:
		return "before with certificates verified"
	case old.When != "" && next.When == "":
		return "before only when " + old.When
	case old.When != "" && c.old.Conditions[old.When] != c.next.Conditions[next.When]:
		return "before under another condition (" + old.When + ")"
	}
	return ""
}

// unmasked names an old grant that verified certificates where g does not, and counted before it, and does not any more.
func (c *scopeComparison) unmasked(g *Grant, op string) string {
	back := &scopeComparison{old: c.next.verified(), next: c.old.verified()}
	for _, v := range back.next.Grants {
		ops := []string{op}
		if op == Any {
			ops = operationsOf(v.Capability, v.Operations)
		}
		if v.Capability != g.Capability || !overlap(v.pattern, g.pattern) {
			continue
		}
		for _, o := range ops {
			if !hasOperation(v.Operations, o) {
				continue
			}
			if by, _ := back.covered(v, o); by == nil {
				return fmt.Sprintf("before with certificates verified on %s by %s", v.pattern.text, v.ID)
			}
		}
	}
	return ""
}

// verified is where the scope's grants that verify certificates count before others: whether they allow or not.
func (s Scope) verified() Scope {
	var grants []*Grant
	for _, g := range s.Grants {
		if g.TLS != Unverified {
			counts := *g
			counts.Limits, counts.When = Limits{}, ""
			grants = append(grants, &counts)
		}
	}
	s.Grants = grants
	return s
}

// released names an old denial that took away some of what g allows, and does not any more.
func (c *scopeComparison) released(g *Grant, op string) string {
	for _, n := range c.old.Denials {
		denied := []string{op}
		if op == Any {
			denied = n.Operations
		}
		if n.Capability != g.Capability || !overlap(n.pattern, g.pattern) {
			continue
		}
		for _, d := range denied {
			if hasOperation(n.Operations, d) && !includes(denialPatterns(c.next.Denials, n.Capability, d), n.pattern) {
				return fmt.Sprintf("before denied on %s by %s", n.pattern.text, n.ID)
			}
		}
	}
	return ""
}

// Overlap reports whether some resource matches both patterns. A false answer is certain.
func Overlap(a, b string) (bool, error) {
	pa, pb, err := twoPatterns(a, b)
	return err == nil && overlap(pa, pb), err
}

// Includes reports whether every resource that matches inner also matches outer. A true answer is certain.
func Includes(outer, inner string) (bool, error) {
	po, pi, err := twoPatterns(outer, inner)
	return err == nil && includes([]*pattern{po}, pi), err
}

func twoPatterns(a, b string) (*pattern, *pattern, error) {
	ca, err := CanonicalPattern(a)
	if err != nil {
		return nil, nil, err
	}
	cb, err := CanonicalPattern(b)
	if err != nil {
		return nil, nil, err
	}
	return compilePattern(ca), compilePattern(cb), nil
}

// CapabilitiesOf lists the built-in capabilities whose resources begin as the text of a resource or pattern does.
func CapabilitiesOf(resource string) []string {
	scheme, _, _ := strings.Cut(resource, ":")
	var names []string
	for _, name := range Capabilities() {
		if slices.Contains(builtins[name].schemes, strings.ToLower(scheme)) {
			names = append(names, name)
		}
	}
	return names
}

// Requested reports whether requests ask for all that a grant allows, and whether they ask for some of it.
func Requested(g *Grant, requests []Request) (all, some bool) {
	all = true
	for _, op := range operationsOf(g.Capability, g.Operations) {
		var asked []*pattern
		for _, r := range requests {
			p, err := parsePattern(r.Capability, r.Resource)
			if err != nil || r.Capability != g.Capability || !hasOperation(r.Operations, op) || !overlap(p, g.pattern) {
				continue
			}
			some = true
			asked = append(asked, p)
		}
		all = all && includes(asked, g.pattern)
	}
	return all && some, some
}

// Takes reports whether a denial may take something of a grant away.
func (n *Denial) Takes(g *Grant) bool {
	return n.Capability == g.Capability && overlap(n.pattern, g.pattern) &&
		slices.ContainsFunc(operationsOf(g.Capability, g.Operations), func(op string) bool { return op == Any || hasOperation(n.Operations, op) })
}

// TakesAll reports whether a denial leaves nothing of a grant.
func (n *Denial) TakesAll(g *Grant) bool {
	return n.Capability == g.Capability && includes([]*pattern{n.pattern}, g.pattern) &&
		!slices.ContainsFunc(operationsOf(g.Capability, g.Operations), func(op string) bool { return !hasOperation(n.Operations, op) })
}
