package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/writ-host/writ/capabilities/provider"
	"github.com/writ-host/writ/capabilities/sql/backend"
)

// Name is what the host calls this provider.
const Name = "sql-sqlite"

// file is the database's name in the data directory.
const file = "data.db"

// Serve is the provider's whole main. It returns when the host is done with it.
func Serve() error {
	return provider.Serve(provider.Service{Name: Name, Version: "1", Interfaces: []string{"writ:sql/sql@0.1.0"}, SQL: open})
}

func open(_ context.Context, settings provider.Settings) (backend.SQL, error) {
	var none struct{}
	if len(settings.JSON) > 0 {
		if err := json.Unmarshal(settings.JSON, &none); err != nil || string(settings.JSON) != "{}" {
			return nil, fmt.Errorf("configure %s: it has no settings", Name)
		}
	}
	if !filepath.IsAbs(settings.DataDir) {
		return nil, fmt.Errorf("configure %s: the data directory %q is not an absolute path", Name, settings.DataDir)
	}
	return Open(filepath.Join(settings.DataDir, file))
}
