package sql

import (
	"fmt"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/internal/wits"
	"github.com/writ-host/writ/capabilities/sql/backend"
)

// What a component may hand over.
const (
	MaxName       = 256       // bytes of a database's name
	MaxStatement  = 64 << 10  // bytes of a statement
	MaxParameters = 1000      // in a statement
	MaxBytes      = 16 << 20  // bytes of all parameters of a statement
	MaxItems      = 100 << 10 // of all arrays among them
)

// Config says which databases there are.
type Config struct {
	Databases map[string]Database // by the name that components open
}

// Database is where a database is kept.
type Database struct {
	Backend backend.SQL
	Name    string // at the backend; empty for the name that components open
}

// Capability is databases for components.
type Capability struct {
	databases map[string]*database
	imports   []capabilities.Import
}

// database is one database, as all handles of that name share it.
type database struct {
	name    string // that components open
	remote  string // at the backend
	prefix  string // of its tables as resources
	backend backend.SQL
	plans   plans
}

// New makes the capability.
func New(config Config) (*Capability, error) {
	c := &Capability{databases: make(map[string]*database, len(config.Databases))}
	for name, d := range config.Databases {
		if name == "" || len(name) > MaxName {
			return nil, fmt.Errorf("database %q: a name has 1 to %d bytes", name, MaxName)
		}
		if d.Backend == nil {
			return nil, fmt.Errorf("database %q has no backend", name)
		}
		remote := d.Name
		if remote == "" {
			remote = name
		}
		c.databases[name] = &database{name: name, remote: remote, prefix: broker.SQLResource(name, ""), backend: d.Backend}
	}
	c.imports = []capabilities.Import{
		{Interface: wits.Interface("writ:sql/sql"), Funcs: c.funcs()},
		{Interface: wits.Interface("fermyon:spin/sqlite"), Funcs: c.spinFuncs()},
		{Interface: wits.Interface("spin:sqlite/sqlite"), Funcs: c.spin3Funcs()},
	}
	return c, nil
}

// Name implements capabilities.Capability.
func (c *Capability) Name() string { return broker.SQL }

// Imports implements capabilities.Capability.
func (c *Capability) Imports() []capabilities.Import { return c.imports }
