package broker

import "context"

// SetApps asks the policy in force about other apps, and puts the answers in force as Load does. Later loads are for these
// apps too, whatever their source says. On an error nothing changes.
//
// An app may be there more than once, with components of other editions: versions that still run beside the latest, each of
// which is decided about by what it is.
func (b *Broker) SetApps(ctx context.Context, apps []App) error {
	b.loads.Lock()
	defer b.loads.Unlock()
	source := b.source
	source.Apps = apps
	if err := b.load(ctx, source); err != nil {
		return err
	}
	b.apps = apps
	return nil
}

// Of is the subject of one edition of a component. It stays the same across loads.
func (b *Broker) Of(app string, c Component) *Subject { return b.edition(app, c.Name, c.Edition) }

func (b *Broker) edition(app, component string, edition uint64) *Subject {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := subjectKey{app, component, edition}
	s := b.subjects[key]
	if s == nil {
		s = &Subject{broker: b, app: app, component: component, edition: edition, number: len(b.subjects)}
		b.subjects[key] = s
	}
	return s
}

// Subject returns the one on whose behalf the latest edition of a component calls. A component that no policy knows yet has
// no grants.
func (b *Broker) Subject(app, component string) *Subject {
	var latest uint64
	if c := b.compiled(app, component); c != nil {
		latest = c.component.Edition
	}
	return b.edition(app, component, latest)
}

// compiled is what is in force for the latest edition of a component, or nil.
func (b *Broker) compiled(app, component string) (latest *compiled) {
	for _, c := range b.state.Load().subjects {
		if c != nil && c.app == app && c.component.Name == component && (latest == nil || c.component.Edition > latest.component.Edition) {
			latest = c
		}
	}
	return latest
}
