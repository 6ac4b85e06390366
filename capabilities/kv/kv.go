package kv

import (
	"errors"
	"fmt"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/internal/wits"
	"github.com/writ-host/writ/capabilities/kv/backend"
)

// What a component may hand over, in bytes.
const (
	MaxKey   = 1 << 10
	MaxValue = 16 << 20
	MaxBatch = 32 << 20 // keys and values together
	MaxKeys  = 1 << 10  // keys in a batch
	MaxStore = 256      // a store's name
)

// Config says which stores there are.
type Config struct {
	Stores map[string]Store // by the name that components open
}

// Store is where a store is kept.
type Store struct {
	Backend backend.KeyValue
	Name    string // at the backend; empty for the name that components open
}

// Capability is key-value stores for components.
type Capability struct {
	stores  map[string]*store
	cursors *cursors
	imports []capabilities.Import
}

// store is one store, as all buckets of that name share it.
type store struct {
	name    string // that components open
	remote  string // at the backend
	backend backend.KeyValue
}

// New makes the capability.
func New(config Config) (*Capability, error) {
	c := &Capability{stores: make(map[string]*store, len(config.Stores))}
	for name, s := range config.Stores {
		if name == "" || len(name) > MaxStore {
			return nil, fmt.Errorf("key-value store %q: a name has 1 to %d bytes", name, MaxStore)
		}
		if s.Backend == nil {
			return nil, fmt.Errorf("key-value store %q has no backend", name)
		}
		remote := s.Name
		if remote == "" {
			remote = name
		}
		c.stores[name] = &store{name: name, remote: remote, backend: s.Backend}
	}
	var err error
	if c.cursors, err = newCursors(); err != nil {
		return nil, errors.Join(errors.New("key-value stores"), err)
	}
	c.imports = c.makeImports()
	return c, nil
}

// Name implements capabilities.Capability.
func (c *Capability) Name() string { return broker.KV }

// Imports implements capabilities.Capability.
func (c *Capability) Imports() []capabilities.Import { return c.imports }

func (c *Capability) makeImports() []capabilities.Import {
	return []capabilities.Import{
		{Interface: wits.Interface("wasi:keyvalue/store"), Funcs: c.storeFuncs()},
		{Interface: wits.Interface("wasi:keyvalue/atomics"), Funcs: atomicFuncs()},
		{Interface: wits.Interface("wasi:keyvalue/batch"), Funcs: batchFuncs(optionalPair)},
		{Interface: spinBatch(), Funcs: batchFuncs(pairOfOptional)},
		{Interface: wits.Interface("fermyon:spin/key-value"), Funcs: c.spinFuncs()},
	}
}
