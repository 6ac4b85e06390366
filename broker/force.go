package broker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
)

// Loaded is what a Load put in force.
type Loaded struct {
	Revision   uint64
	Source     Source
	Components []LoadedComponent
}

// LoadedComponent is what one component is granted and denied, the grants that every component has included.
type LoadedComponent struct {
	App       string
	Component Component
	Grants    []*Grant
	Denials   []*Denial

	conditions map[string]*condition
}

// Scope is what the component may do, to be set against another.
func (c LoadedComponent) Scope(ctx context.Context) (Scope, error) {
	s := Scope{Grants: c.Grants, Denials: c.Denials, Conditions: map[string]string{}}
	all, err := residuals(ctx, c.conditions)
	for _, r := range all {
		s.Conditions[r.Name] = r.Rego
	}
	return s, err
}

// putInForce makes a state the one that decisions are made from. Suspension outlasts it.
func (b *Broker) putInForce(next *state) {
	b.swaps.Lock()
	defer b.swaps.Unlock()
	next.suspended = b.state.Load().suspended
	b.state.Store(next)
}

// Suspend makes every decision a denial with the reason Suspended, until Resume. When it returns, nothing is allowed any
// more, on open handles neither.
func (b *Broker) Suspend() { b.suspend(true) }

// Resume ends a suspension: what is in force counts again.
func (b *Broker) Resume() { b.suspend(false) }

func (b *Broker) suspend(on bool) {
	b.swaps.Lock()
	defer b.swaps.Unlock()
	next := *b.state.Load()
	next.suspended = on
	b.state.Store(&next)
}

// loaded lists what the state holds for the components of a source.
func (st *state) loaded(source Source) Loaded {
	l := Loaded{Revision: st.revision, Source: source}
	for _, c := range st.subjects {
		if c != nil {
			l.Components = append(l.Components, LoadedComponent{App: c.app, Component: c.component, Grants: c.grants, Denials: c.denials, conditions: c.conditions})
		}
	}
	return l
}

// Digests are the SHA-256 digests of what the source was read from, by name of the file.
func (s Source) Digests() map[string]string {
	digests := map[string]string{}
	for name, text := range s.Modules {
		digests[name] = digest([]byte(text))
	}
	if s.Grants != nil {
		digests[s.Grants.Name] = digest(s.Grants.data)
	}
	return digests
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}
