// Command journal is a key-value provider of a third party: stores in memory,
// with every write in a file that is read again at the start. A host names it in
// host.toml as [provider.journal], and as the provider of a store.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/writ-host/writ/capabilities/kv/backend"
	"github.com/writ-host/writ/capabilities/provider"
)

func main() {
	err := provider.Serve(provider.Service{
		Name:       "journal",
		Version:    "1.0.0",
		Interfaces: []string{"wasi:keyvalue/store@0.2.0-draft2", "wasi:keyvalue/atomics@0.2.0-draft2", "wasi:keyvalue/batch@0.2.0-draft2"},
		KeyValue: func(_ context.Context, s provider.Settings) (backend.KeyValue, error) {
			if err := s.Decode(&struct{}{}); err != nil {
				return nil, err
			}
			if s.DataDir == "" {
				return nil, errors.New("it has no directory to write: set provider.journal.data in host.toml")
			}
			return open(filepath.Join(s.DataDir, "journal"))
		},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
