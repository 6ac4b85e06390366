package ledger

import (
	"slices"

	"github.com/writ-host/writ/broker"
)

// inForce is what a run was told of last: the grants and denials of each component, as entries that say they were added.
type inForce map[rule]Entry

// rule identifies a grant or denial of a component. Changed in any other way it is removed and added.
type rule struct {
	kind                     Kind
	app, component           string
	id, capability, resource string
}

// Loaded enters what came into force, and what of it is new or gone. A run begins with nothing in force. It is for
// broker.Config.OnLoad, which is told of one load at a time.
func (l *Ledger) Loaded(loaded broker.Loaded) {
	_ = l.Add(Entry{Kind: Policy, Event: Loaded, Revision: loaded.Revision, Digest: loaded.Source.Digest(), Digests: loaded.Source.Digests()})
	next := inForce{}
	for _, c := range loaded.Components {
		for _, g := range c.Grants {
			next.add(Grant, c, g)
		}
		for _, d := range c.Denials {
			next.add(Denial, c, asGrant(d))
		}
	}
	l.changed(l.inForce, next, Removed, loaded.Revision)
	l.changed(next, l.inForce, Added, loaded.Revision)
	l.inForce = next
}

// Refused enters that a change of grants or policy was not taken up.
func (l *Ledger) Refused(revision uint64, err error) {
	_ = l.Add(Entry{Kind: Policy, Event: Refused, Revision: revision, Detail: err.Error()})
}

// changed enters what is in one and not in the other, in order.
func (l *Ledger) changed(in, notIn inForce, event string, revision uint64) {
	var entries []Entry
	for r, e := range in {
		if other, ok := notIn[r]; !ok || other.Text != e.Text {
			e.Event, e.Revision = event, revision
			entries = append(entries, e)
		}
	}
	slices.SortFunc(entries, compareRules)
	for _, e := range entries {
		_ = l.Add(e)
	}
}

func compareRules(a, b Entry) int {
	return slices.Compare([]string{a.Component, string(a.Kind), a.Grant, a.Text}, []string{b.Component, string(b.Kind), b.Grant, b.Text})
}

func (f inForce) add(kind Kind, c broker.LoadedComponent, g *broker.Grant) {
	r := rule{kind, c.App, c.Component.Name, g.ID, g.Capability, g.Resource}
	f[r] = Entry{Kind: kind, App: c.App, Component: c.Component.Name, Capability: g.Capability, Resource: g.Resource, Grant: g.ID,
		Text: g.JSON(), Origin: g.Origin.String()}
}

// asGrant is a denial with the same text in grants.json.
func asGrant(d *broker.Denial) *broker.Grant {
	return &broker.Grant{ID: d.ID, App: d.App, Component: d.Component, Capability: d.Capability, Resource: d.Resource,
		Operations: d.Operations, Reason: d.Reason, Origin: d.Origin}
}
