package embedded

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/writ-host/writ/capabilities/kv/backend"
	"github.com/writ-host/writ/capabilities/provider"
)

// Name is what `writ provider serve` calls this provider.
const Name = "kv-embedded"

// file is the store's name in the data directory.
const file = "kv.db"

// Serve is the provider's whole main. It returns when the host is done with it.
func Serve() error {
	return provider.Serve(provider.Service{
		Name:       Name,
		Version:    "1",
		Interfaces: []string{"wasi:keyvalue/store@0.2.0-draft2", "wasi:keyvalue/atomics@0.2.0-draft2", "wasi:keyvalue/batch@0.2.0-draft2"},
		KeyValue:   open,
	})
}

func open(_ context.Context, settings provider.Settings) (backend.KeyValue, error) {
	if err := noSettings(settings.JSON); err != nil {
		return nil, err
	}
	if !filepath.IsAbs(settings.DataDir) {
		return nil, fmt.Errorf("configure %s: the data directory %q is not an absolute path", Name, settings.DataDir)
	}
	return Open(filepath.Join(settings.DataDir, file))
}

// noSettings refuses settings: there are none.
func noSettings(text json.RawMessage) error {
	if len(text) == 0 {
		return nil
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(text, &keys); err != nil {
		return fmt.Errorf("configure %s: settings: %w", Name, err)
	}
	for k := range keys {
		return fmt.Errorf("configure %s: unknown setting %q: it has none", Name, k)
	}
	return nil
}
