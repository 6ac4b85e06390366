package writ

import (
	"fmt"

	"github.com/writ-host/writ/capabilities/kv"
	"github.com/writ-host/writ/host"
)

// KeyValueWatch is [[trigger.keyvalue]] in writ.toml: a component that is told
// of what becomes of a store's keys, by wasi:keyvalue/watcher.
type KeyValueWatch struct {
	Store     string `toml:"store"`  // default "default"
	Prefix    string `toml:"prefix"` // of the keys; default every key
	Component string `toml:"component"`
}

// maxWatches bounds what one manifest watches.
const maxWatches = 64

// defaultStore is the key-value store that every host has.
const defaultStore = "default"

// watch is a KeyValueWatch that can be begun.
type watch struct {
	KeyValueWatch
	runner          *runner
	onSet, onDelete *host.Func
}

func checkWatches(m *Manifest) error {
	if len(m.Triggers.KeyValue) > maxWatches {
		return fmt.Errorf("%d: there may be %d", len(m.Triggers.KeyValue), maxWatches)
	}
	for i := range m.Triggers.KeyValue {
		w := &m.Triggers.KeyValue[i]
		setDefault(&w.Store, defaultStore)
		if err := m.has(w.Component); err != nil {
			return fmt.Errorf("%d: %w", i+1, err)
		}
		if len(w.Prefix) > kv.MaxKey {
			return fmt.Errorf("%d: prefix has %d bytes, and a key has %d at most", i+1, len(w.Prefix), kv.MaxKey)
		}
	}
	return nil
}

// bindWatches sets the watches against the components that they run.
func (e *edition) bindWatches() error {
	for _, w := range e.app.Manifest.Triggers.KeyValue {
		bound := &watch{KeyValueWatch: w, runner: e.runners[w.Component]}
		if err := bound.bind(e.host.values); err != nil {
			return fmt.Errorf("trigger.keyvalue: component %s: %w", w.Component, err)
		}
		e.watches = append(e.watches, bound)
	}
	return nil
}

func (w *watch) bind(values *kv.Capability) (err error) {
	if !values.Has(w.Store) {
		return fmt.Errorf("there is no key-value store %q: host.toml would have [kv.%s]", w.Store, w.Store)
	}
	watcher := kv.Watcher().Name.String()
	if w.onSet, err = w.runner.prepared.Func(watcher, "on-set"); err != nil {
		return err
	}
	w.onDelete, err = w.runner.prepared.Func(watcher, "on-delete")
	return err
}
