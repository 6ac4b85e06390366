package broker

import (
	"cmp"
	"slices"
	"time"
)

// Coverage says how far a request is granted.
type Coverage string

const (
	Full    Coverage = "granted"
	Partial Coverage = "partly granted"
	None    Coverage = "denied"
)

// Finding sets one request of a component against its grants.
type Finding struct {
	Request  Request
	Coverage Coverage
	// Granted lists for each operation that is granted on all of the requested resources the grants that together do so.
	Granted []GrantedOperation
	// Missing lists the operations that are not. Some of the resources may be granted even so: then Coverage is not None.
	Missing []string
	// Denials that take away some of what was requested.
	Denials []*Denial
	// Suggestion is the grant that would cover what is missing, nil when nothing is or when a denial stands in the way.
	Suggestion *Grant
}

// GrantedOperation is one operation, and the grants that allow it.
type GrantedOperation struct {
	Operation string
	Grants    []*Grant
}

// Plan sets the requests of a component against what is in force for it.
func (b *Broker) Plan(app, component string) ([]Finding, error) {
	c := b.compiled(app, component)
	if c == nil {
		return nil, nil
	}
	findings := make([]Finding, 0, len(c.component.Requests))
	for _, r := range c.component.Requests {
		f, err := c.plan(r, b.config.Now())
		if err != nil {
			return nil, err
		}
		if f.Suggestion != nil {
			f.Suggestion.App, f.Suggestion.Component = app, component
			f.Suggestion.ID = b.freeID(app, component, r.Capability)
		}
		findings = append(findings, f)
	}
	return findings, nil
}

func (b *Broker) freeID(app, component, capability string) string {
	f := &GrantFile{Grants: b.Grants(app, component), Denials: b.Denials(app, component)}
	return f.newID(Grant{App: app, Component: component, Capability: capability})
}

// Check reports whether a request could be granted at all: its capability, operations and pattern have a meaning.
func (r Request) Check() error {
	_, err := checkScope("request", r.Capability, r.Resource, r.Operations)
	return err
}

func (c *compiled) plan(r Request, now time.Time) (Finding, error) {
	want, err := checkScope("request", r.Capability, r.Resource, r.Operations)
	if err != nil {
		return Finding{}, err
	}
	f := Finding{Request: r, Denials: c.denialsOf(want, r)}
	some := false
	for _, op := range r.expand() {
		near := c.grantsNear(want, r.Capability, op, now)
		some = some || len(near) > 0
		if by := covering(near, want); by != nil && !denies(f.Denials, op) {
			f.Granted = append(f.Granted, GrantedOperation{op, by})
		} else {
			f.Missing = append(f.Missing, op)
		}
	}
	f.Coverage = Full
	if len(f.Missing) > 0 {
		f.Coverage = None
		if some && !deniedWhole(f.Denials, want) {
			f.Coverage = Partial
		}
	}
	if len(f.Missing) > 0 && len(f.Denials) == 0 {
		f.Suggestion = &Grant{Capability: r.Capability, Resource: r.Resource, Operations: f.Missing, Reason: r.Reason}
	}
	return f, nil
}

// expand lists the operations asked for. Any stays one for HTTP, whose methods have no end.
func (r Request) expand() []string {
	if slices.Contains(r.Operations, Any) && r.Capability != HTTP {
		return Operations(r.Capability)
	}
	return r.Operations
}

// maxUnion bounds the grants that are set together against one request.
const maxUnion = 16

// grantsNear lists the live grants of an operation that allow some of the resources, the likeliest to cover all first.
func (c *compiled) grantsNear(want *pattern, capability, op string, now time.Time) []*Grant {
	var near []*Grant
	for _, g := range c.grants {
		live := g.Expires.IsZero() || now.Before(g.Expires)
		if g.Capability == capability && live && hasOperation(g.Operations, op) && overlap(g.pattern, want) {
			near = append(near, g)
		}
	}
	slices.SortStableFunc(near, func(a, b *Grant) int {
		return cmp.Compare(a.strings(), b.strings())
	})
	return near
}

// strings counts what is attached to a grant: the ones that allow without conditions are told of first, and those that
// verify TLS before those that do not, since they count.
func (g *Grant) strings() int {
	n := 0
	if g.TLS == Unverified {
		n = 4 // more than all that is below
	}
	for _, attached := range []bool{g.When != "", !g.Expires.IsZero(), g.Limits != Limits{}} {
		if attached {
			n++
		}
	}
	return n
}

func hasOperation(operations []string, op string) bool {
	return slices.Contains(operations, op) || slices.Contains(operations, Any)
}

// covering finds one grant that covers all of a pattern, or failing that several that do so together.
func covering(near []*Grant, want *pattern) []*Grant {
	var together []*pattern
	for i, g := range near {
		if includes([]*pattern{g.pattern}, want) {
			return []*Grant{g}
		}
		if i < maxUnion {
			together = append(together, g.pattern)
		}
	}
	if len(together) > 1 && includes(together, want) {
		return slices.Clone(near[:len(together)])
	}
	return nil
}

func (c *compiled) denialsOf(want *pattern, r Request) []*Denial {
	var found []*Denial
	for _, n := range c.denials {
		common := slices.ContainsFunc(r.expand(), func(op string) bool { return op == Any || hasOperation(n.Operations, op) })
		if n.Capability == r.Capability && common && overlap(n.pattern, want) {
			found = append(found, n)
		}
	}
	return found
}

func denies(denials []*Denial, op string) bool {
	return slices.ContainsFunc(denials, func(n *Denial) bool { return op == Any || hasOperation(n.Operations, op) })
}

// deniedWhole reports whether a denial leaves nothing of what was requested.
func deniedWhole(denials []*Denial, want *pattern) bool {
	return slices.ContainsFunc(denials, func(n *Denial) bool {
		return slices.Contains(n.Operations, Any) && includes([]*pattern{n.pattern}, want)
	})
}
