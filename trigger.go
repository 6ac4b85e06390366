package writ

import (
	"context"
	"fmt"
	"net"

	"golang.org/x/sync/errgroup"
)

// trigger is one way of making components run: the tables [[trigger.NAME]] of
// writ.toml. A new one is a file with these functions and the type of its
// table, a field of [ManifestTriggers] for that, and a line in triggers.
type trigger struct {
	name string
	// check reports what is wrong with the tables by themselves.
	check func(*Manifest) error
	// bind puts the tables in force, for components that are compiled. It refuses
	// one that names a component which cannot serve it.
	bind func(*edition) error
	// serve has components run until the context ends, and returns when those
	// that run then have ended. Nil when runs are begun from elsewhere.
	serve func(*Host, context.Context, net.Listener) error
}

// triggers are all that there are, in the order in which they are begun.
var triggers = []trigger{
	{"http", checkRoutes, (*edition).bindRoutes, (*Host).serveHTTP},
	{"command", checkCommands, (*edition).bindCommands, nil},
	{"cron", checkCron, (*edition).bindJobs, (*Host).serveCron},
	{"keyvalue", checkWatches, (*edition).bindWatches, (*Host).serveWatches},
}

func (m *Manifest) checkTriggers() error {
	for _, t := range triggers {
		if err := t.check(m); err != nil {
			return fmt.Errorf("trigger.%s %w", t.name, err)
		}
	}
	return nil
}

// bind puts an edition's triggers in force, where there are to be any.
func (h *Host) bind(e *edition) error {
	if h.options.NoTriggers {
		return nil
	}
	for _, t := range triggers {
		if err := t.bind(e); err != nil {
			return err
		}
	}
	return nil
}

// Serve has the app's triggers run components, HTTP requests on a listener
// among them, until ctx ends, and then lets what runs finish. Without a
// listener no HTTP is served.
func (h *Host) Serve(ctx context.Context, l net.Listener) error {
	all, ctx := errgroup.WithContext(ctx)
	defer context.AfterFunc(ctx, h.drain)()
	for _, t := range triggers {
		if t.serve != nil {
			all.Go(func() error { return t.serve(h, ctx, l) })
		}
	}
	return all.Wait()
}
