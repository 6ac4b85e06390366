package kv

import (
	"context"

	"github.com/writ-host/writ/capabilities/internal/wits"
	"github.com/writ-host/writ/capabilities/kv/backend"
	"github.com/writ-host/writ/wit"
)

// Watcher is the interface with which a component is told of changes.
func Watcher() *wit.Interface { return wits.Interface("wasi:keyvalue/watcher") }

// Has reports whether there is a store of a name.
func (c *Capability) Has(store string) bool { return c.stores[store] != nil }

// Bucket is a store as [Watcher]'s functions are given it.
func (c *Capability) Bucket(store string) wit.Value {
	return wit.NewOwn(wits.Interface("wasi:keyvalue/store").Resource("bucket"), &bucket{c.stores[store]})
}

// Watch tells of a store's changes, as [backend.Watcher] does. It asks nobody:
// whoever passes a change on asks for its key.
func (c *Capability) Watch(ctx context.Context, store, app, component, prefix string, ready func() error, each func([]backend.Change) error) error {
	s := c.stores[store]
	if s == nil {
		return backend.Errorf(backend.NoSuchStore, "there is no key-value store %q", store)
	}
	w, ok := s.backend.(backend.Watcher)
	if !ok {
		return backend.Errorf(backend.Unimplemented, "key-value store %q cannot tell of changes", store)
	}
	at := backend.Caller{Store: s.remote, App: app, Component: component}
	return w.Watch(ctx, at, prefix, ready, each)
}
