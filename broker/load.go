package broker

import (
	"context"
	"fmt"
	"maps"
)

// Load asks the policy about every component and puts the answers in force, all at once. On an error nothing changes: what
// was in force stays so. When it returns nil, no call is allowed any more that the new answers do not allow.
func (b *Broker) Load(ctx context.Context, source Source) error {
	b.loads.Lock()
	defer b.loads.Unlock()
	if b.apps != nil {
		source.Apps = b.apps
	}
	return b.load(ctx, source)
}

func (b *Broker) load(ctx context.Context, source Source) error {
	ctx, cancel := context.WithTimeout(ctx, b.config.LoadTimeout)
	defer cancel()
	ctx, enough := boundMemory(ctx, memoryFor(source.Grants))
	defer enough()
	p, err := newPolicy(source)
	if err != nil {
		return fmt.Errorf("load grants: %w", err)
	}
	old := b.state.Load()
	next := &state{revision: old.revision + 1, digest: p.digest}
	for _, app := range source.Apps {
		for _, c := range app.Components {
			if err := b.loadComponent(ctx, p, next, app.Name, c); err != nil {
				return fmt.Errorf("load grants of %s/%s: %w", app.Name, c.Name, err)
			}
		}
	}
	loaded := next.loaded(source)
	if b.config.Accept != nil {
		if err := b.config.Accept(ctx, loaded); err != nil {
			return fmt.Errorf("load grants: %w", err)
		}
	}
	b.putInForce(next)
	b.source = source
	if b.config.OnLoad != nil {
		b.config.OnLoad(loaded)
	}
	return nil
}

func (b *Broker) loadComponent(ctx context.Context, p *policy, next *state, app string, c Component) error {
	s := b.Of(app, c)
	if next.subject(s.number) != nil {
		return fmt.Errorf("the component is there twice")
	}
	grants, denials, err := p.grantsFor(ctx, app, c, b.config.Now())
	if err != nil {
		return err
	}
	conditions, err := b.conditionsOf(p, app, c, grants)
	if err != nil {
		return err
	}
	k := compiler{subject: s, revision: next.revision, conditions: conditions, out: &compiled{app: app, component: c, policy: p}}
	if old := b.state.Load().subject(s.number); old != nil {
		k.old = maps.Clone(old.limiters)
	}
	for len(next.subjects) <= s.number {
		next.subjects = append(next.subjects, nil)
	}
	next.subjects[s.number] = k.compile(grants, denials)
	return nil
}

// conditionsOf prepares the conditions that grants name. One that no rule defines is an error of the policy.
func (b *Broker) conditionsOf(p *policy, app string, c Component, grants []*Grant) (map[string]*condition, error) {
	conditions := map[string]*condition{}
	for _, g := range grants {
		if g.When == "" || conditions[g.When] != nil {
			continue
		}
		if !p.hasCondition(g.When) {
			return nil, fmt.Errorf("%v: grant %q: no rule defines the condition data.writ.conditions.%s", g.Origin, g.ID, g.When)
		}
		body, err := p.query(conditionRef(g.When))
		if err != nil {
			return nil, err
		}
		conditions[g.When] = &condition{p, body, appTerm(app), componentTerm(c), b.config.ConditionTimeout}
	}
	return conditions, nil
}

// Grants lists the grants in force for a component, expired ones included.
func (b *Broker) Grants(app, component string) []*Grant {
	if c := b.compiled(app, component); c != nil {
		return c.grants
	}
	return nil
}

// Denials lists the denials in force for a component.
func (b *Broker) Denials(app, component string) []*Denial {
	if c := b.compiled(app, component); c != nil {
		return c.denials
	}
	return nil
}
