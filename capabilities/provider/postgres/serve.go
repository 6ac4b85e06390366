package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/writ-host/writ/capabilities/provider"
	"github.com/writ-host/writ/capabilities/provider/internal/held"
	"github.com/writ-host/writ/capabilities/provider/upstream"
	"github.com/writ-host/writ/capabilities/sql/backend"
)

// Name is what the host calls this provider.
const Name = "sql-postgres"

// Settings are the provider's, as JSON.
type Settings struct {
	upstream.Server
	Address  string `json:"address"`          // host:port
	Database string `json:"database"`         //
	Schema   string `json:"schema,omitempty"` // where names without a schema are; default public
	// Roles are the roles under which the statements of grants run, by their ids.
	Roles map[string]string `json:"roles,omitempty"`
}

// Serve is the provider's whole main. It returns when the host is done with it.
func Serve() error {
	return provider.Serve(provider.Service{Name: Name, Version: "1", Interfaces: []string{"writ:sql/sql@0.1.0"}, SQL: open})
}

func open(ctx context.Context, settings provider.Settings) (backend.SQL, error) {
	var s Settings
	d := json.NewDecoder(bytes.NewReader(settings.JSON))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return nil, fmt.Errorf("configure %s: settings: %w", Name, err)
	}
	return Open(ctx, s, provider.Logger())
}

// Open checks the settings and makes the parser ready. It connects when the
// first statement comes: a database that is down does not keep the host from starting.
func Open(_ context.Context, s Settings, log *slog.Logger) (*Database, error) {
	config, err := s.config()
	if err != nil {
		return nil, fmt.Errorf("configure %s: %w", Name, err)
	}
	if _, err := parse("SELECT 1"); err != nil { // which compiles it
		return nil, fmt.Errorf("configure %s: start the parser: %w", Name, err)
	}
	return &Database{pool: newPool(config, maxConnections, log), schema: s.schema(), roles: s.Roles, shares: held.NewShares(maxConnections), parses: held.NewShares(1)}, nil
}

func (s Settings) schema() string {
	if s.Schema == "" {
		return "public"
	}
	return s.Schema
}

// Validate reports what is wrong with the settings, without reading any file.
func (s Settings) Validate() error {
	if _, err := s.Port(); err != nil {
		return err
	}
	if s.Database == "" || s.User == "" {
		return errors.New("it takes a database and a user")
	}
	return s.Server.Validate()
}

// Port is the TCP port of the server.
func (s Settings) Port() (uint16, error) { return upstream.Port(s.Address) }

// config has nothing from the environment: the process has none.
func (s Settings) config() (*pgconn.Config, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	port, err := s.Port()
	if err != nil {
		return nil, err
	}
	c, err := pgconn.ParseConfig("host=unused sslmode=disable")
	if err != nil {
		return nil, err
	}
	c.Host, _, _ = net.SplitHostPort(s.Address)
	c.Port, c.Database, c.User, c.Fallbacks = port, s.Database, s.User, nil
	if c.TLSConfig, err = s.Server.Config(c.Host); err != nil {
		return nil, err
	}
	if c.Password, err = s.Secret(); err != nil {
		return nil, err
	}
	c.BuildContextWatcherHandler = watch
	c.RuntimeParams = map[string]string{
		"application_name": "writ", "client_encoding": "UTF8", "datestyle": "ISO", "timezone": "UTC", "intervalstyle": "iso_8601",
		"standard_conforming_strings": "on", "bytea_output": "hex", "extra_float_digits": "1",
		"search_path": quoteName(name{relation: s.schema()}) + ", pg_temp", "idle_in_transaction_session_timeout": "60000",
	}
	return c, nil
}
