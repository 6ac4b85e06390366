package writ

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/writ-host/writ/capabilities/provider"
	"github.com/writ-host/writ/capabilities/provider/postgres"
	"github.com/writ-host/writ/capabilities/provider/sqlite"
	"github.com/writ-host/writ/capabilities/sql"
)

// Database says which provider serves a database. All but Provider is for
// "postgres"; paths are relative to the host's configuration.
type Database struct {
	Provider string `toml:"provider"` // "sqlite", "postgres", or a [provider.NAME]
	Address  string `toml:"address"`  // host:port
	Database string `toml:"database"` // name at the server
	Schema   string `toml:"schema"`   // where tables without a schema are; default public
	ServerConfig
	// Roles are the database's roles under which statements run, by the id of the
	// grant that covers all of a statement.
	Roles map[string]string `toml:"roles"`
}

// complete makes paths relative to dir, and checks the rest. others are the
// names of third parties' providers.
func (d *Database) complete(dir string, others map[string]ProviderConfig) error {
	if err := beside(dir, d.paths()...); err != nil {
		return err
	}
	if d.Provider == postgresProvider {
		settings := d.postgres()
		return settings.Validate()
	}
	if err := knownProvider(d.Provider, others, sqliteProvider, postgresProvider); err != nil {
		return err
	}
	if !reflect.DeepEqual(*d, Database{Provider: d.Provider}) {
		return fmt.Errorf("the provider %s has no settings here", d.Provider)
	}
	return nil
}

func (d *Database) postgres() postgres.Settings {
	return postgres.Settings{Server: d.server(), Address: d.Address, Database: d.Database, Schema: d.Schema, Roles: d.Roles}
}

// openDatabases starts one provider for each database, if the app uses any.
func openDatabases(ctx context.Context, h *Host, others thirdParties) (map[string]sql.Database, []io.Closer, error) {
	app, databases, closers := h.app, map[string]sql.Database{}, []io.Closer{}
	if !app.usesDatabases() {
		return databases, closers, nil
	}
	for _, name := range slices.Sorted(maps.Keys(app.Config.SQL)) {
		p, closer, err := h.databaseProvider(ctx, name, others)
		if err != nil {
			return nil, closers, fmt.Errorf("database %s: %w", name, err)
		}
		closers = append(closers, closer...)
		databases[name] = sql.Database{Backend: p.SQL()}
	}
	return databases, closers, nil
}

// databaseProvider is what serves a database, with what ends it if nothing else does.
func (h *Host) databaseProvider(ctx context.Context, name string, others thirdParties) (*provider.Provider, []io.Closer, error) {
	d := h.app.Config.SQL[name]
	if !slices.Contains(builtIn, d.Provider) {
		p, err := others.serving(d.Provider, "SQL")
		return p, nil, err
	}
	c, err := d.launch(name, h.app.statePath("sql", name))
	if err != nil {
		return nil, nil, err
	}
	p, err := h.launch(ctx, c)
	return p, []io.Closer{p}, err
}

// launch is how a database's built-in provider is started.
func (d Database) launch(name, dir string) (c provider.Config, err error) {
	c = provider.Config{Name: "sql." + name, Args: []string{serveChild, sqlite.Name}}
	if d.Provider == sqliteProvider {
		c.DataDir, err = filepath.Abs(dir)
		return c, err
	}
	if err := fillIn(d.paths()...); err != nil {
		return c, err
	}
	settings := d.postgres()
	port, err := settings.Port()
	if err != nil {
		return c, err
	}
	c.Args = []string{serveChild, postgres.Name}
	c.Network = provider.Network{Connect: true, Ports: []uint16{port}}
	c.Readable = settings.Readable()
	c.StartTimeout, c.Limits.Memory = time.Minute, postgresMemory // it compiles PostgreSQL's parser
	c.Settings, err = json.Marshal(settings)
	return c, err
}

// usesDatabases reports whether a component imports what opens databases.
func (a *App) usesDatabases() bool {
	return a.importsFrom("writ:sql/") || a.importsFrom("fermyon:spin/sqlite") || a.importsFrom("spin:sqlite/")
}

// importsFrom reports whether a component imports an interface whose name has a prefix.
func (a *App) importsFrom(prefix string) bool {
	for _, c := range a.Components {
		for _, i := range c.Info.World.Imports {
			if strings.HasPrefix(i.Name, prefix) {
				return true
			}
		}
	}
	return false
}

// postgresMemory is what compiling the parser takes, and results of 8 MiB on
// all connections.
const postgresMemory = 2 << 30
