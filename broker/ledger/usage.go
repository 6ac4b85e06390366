package ledger

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"
)

// Usage is what grants were used for, and what was denied, as far as a ledger tells.
type Usage struct {
	Since      time.Time   // the ledger's first entry; zero when there is none
	Checkpoint *Checkpoint // that covers all of it
	Grants     map[GrantKey]*GrantUse
	Denials    map[DenialKey]*Use
}

// GrantKey is one text of a grant of a component: a grant that was changed is another.
type GrantKey struct{ App, Component, ID, Text string }

// DenialKey is a kind of denied call. The resource is redacted.
type DenialKey struct{ App, Component, Capability, Operation, Resource, Reason string }

// Use counts calls.
type Use struct {
	Count uint64    `json:"count"`
	Last  time.Time `json:"last"`
}

func (u *Use) add(e *Entry) {
	u.Count += e.Count
	if e.Time.After(u.Last) {
		u.Last = e.Time
	}
}

// GrantUse is what a grant was used for.
type GrantUse struct {
	Since time.Time // when it was first in force with this text
	// Unbroken is since when every run had it, zero when the one that loaded a policy last has not.
	Unbroken time.Time
	Use      // of all of it
	Classes  map[Class]*Use
}

// Class is an operation and a class of resources, as a pattern: the grant's own, or a narrower one where the grant leaves
// open what the ledger shows.
type Class struct{ Operation, Resource string }

// period is the text of a grant from a revision of a run on.
type period struct {
	revision uint64
	text     string
}

type grantIn struct{ run, app, component, id string }

// telling is a Usage on the way.
type telling struct {
	*Usage
	texts map[grantIn][]period
	uses  []Entry // until it is known which text they are about: decisions may be entered before the change they follow
	runs  map[string]*having
	last  *having // that loaded a policy
}

// having is what a run has in force, and what the one that loaded a policy before it had.
type having struct{ now, before map[*GrantUse]bool }

// Usage reads the whole ledger. An app's name selects that app; "" is all.
func (r *Reader) Usage(ctx context.Context, app string) (*Usage, error) {
	c, err := r.Checkpoint()
	if err != nil {
		return nil, err
	}
	u := &Usage{Checkpoint: c, Grants: map[GrantKey]*GrantUse{}, Denials: map[DenialKey]*Use{}}
	t := telling{Usage: u, texts: map[grantIn][]period{}, runs: map[string]*having{}, last: &having{}}
	for e, err := range r.Entries(ctx, 0, c.Size) {
		if err != nil {
			return nil, err
		}
		if u.Since.IsZero() {
			u.Since = e.Time
		}
		if app == "" || e.App == app || e.App == "" {
			t.tell(&e.Entry)
		}
	}
	t.end()
	return u, nil
}

func (t *telling) tell(e *Entry) {
	switch {
	case e.Kind == Policy && e.Event == Loaded:
		t.last = t.run(e.Run)
	case e.Kind == Host && e.Event == Stopped:
		delete(t.runs, e.Run)
	case e.Kind == Grant && e.Event == Added:
		t.added(e)
	case e.Kind == Grant && e.Event == Removed:
		t.removed(e)
	case e.Kind == Decision && e.Verdict == Allow:
		t.uses = append(t.uses, *e)
		t.settle()
	case e.Kind == Decision:
		t.denied(e)
	}
}

// end counts the uses that still wait, and looks at what the run that loaded a policy last has.
func (t *telling) end() {
	for i := range t.uses {
		t.used(&t.uses[i])
	}
	for _, g := range t.Grants {
		if !t.last.now[g] {
			g.Unbroken = time.Time{}
		}
	}
}

// run is what a run has in force: at first nothing, and what it has is entered after its first policy.
func (t *telling) run(name string) *having {
	if t.runs[name] == nil {
		t.runs[name] = &having{map[*GrantUse]bool{}, t.last.now}
	}
	return t.runs[name]
}

func keyOf(e *Entry) GrantKey { return GrantKey{e.App, e.Component, e.Grant, e.Text} }

func (t *telling) added(e *Entry) {
	in := grantIn{e.Run, e.App, e.Component, e.Grant}
	t.texts[in] = append(t.texts[in], period{e.Revision, e.Text})
	g, run := t.grant(keyOf(e), e.Time), t.run(e.Run)
	if g.Unbroken.IsZero() || !run.before[g] {
		g.Unbroken = e.Time
	}
	run.now[g] = true
}

func (t *telling) removed(e *Entry) {
	if g := t.Grants[keyOf(e)]; g != nil {
		delete(t.run(e.Run).now, g)
		g.Unbroken = time.Time{}
	}
}

func (t *telling) grant(key GrantKey, since time.Time) *GrantUse {
	g := t.Grants[key]
	if g == nil {
		g = &GrantUse{Since: since, Classes: map[Class]*Use{}}
		t.Grants[key] = g
	}
	return g
}

// maxUnsettled bounds the uses that wait for the change before them.
const maxUnsettled = 4096

func (t *telling) settle() {
	if len(t.uses) < maxUnsettled {
		return
	}
	half := len(t.uses) / 2
	for i := range t.uses[:half] {
		t.used(&t.uses[i])
	}
	t.uses = slices.Clone(t.uses[half:])
}

// used counts an allow for the text that its grant had at its revision.
func (t *telling) used(e *Entry) {
	text := ""
	for _, p := range t.texts[grantIn{e.Run, e.App, e.Component, e.Grant}] {
		if p.revision <= e.Revision {
			text = p.text
		}
	}
	g := t.grant(GrantKey{e.App, e.Component, e.Grant, text}, e.Time)
	g.add(e)
	class := Class{e.Operation, e.Resource}
	if g.Classes[class] == nil {
		g.Classes[class] = &Use{}
	}
	g.Classes[class].add(e)
}

func (t *telling) denied(e *Entry) {
	key := DenialKey{e.App, e.Component, e.Capability, e.Operation, e.Resource, e.Reason}
	if t.Denials[key] == nil {
		t.Denials[key] = &Use{}
	}
	t.Denials[key].add(e)
}

// Operations are those that were used, in order.
func (g *GrantUse) Operations() []string {
	used := map[string]bool{}
	for c := range g.Classes {
		used[c.Operation] = true
	}
	return slices.Sorted(maps.Keys(used))
}

// Resources are the classes that were used with an operation, in order; "" is any.
func (g *GrantUse) Resources(operation string) []string {
	used := map[string]bool{}
	for c := range g.Classes {
		if operation == "" || c.Operation == operation {
			used[c.Resource] = true
		}
	}
	return slices.Sorted(maps.Keys(used))
}

// Compare orders denials for people.
func (k DenialKey) Compare(other DenialKey) int {
	return cmp.Or(cmp.Compare(k.Component, other.Component), cmp.Compare(k.Capability, other.Capability),
		cmp.Compare(k.Resource, other.Resource), cmp.Compare(k.Operation, other.Operation))
}
