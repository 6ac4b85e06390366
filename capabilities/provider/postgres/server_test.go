package postgres

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/writ-host/writ/capabilities/provider"
	"github.com/writ-host/writ/capabilities/provider/upstream"
	"github.com/writ-host/writ/conformance/testserver"
)

var shared struct {
	sync.Once
	server *testserver.Postgres
	err    error
}

// TestMain also is the launcher stage and the provider's program.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "exec" || os.Args[1] == "serve") {
		child := Serve
		if os.Args[1] == "exec" {
			child = func() error { return provider.Exec(os.Args[2:]) }
		}
		if err := child(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	if shared.server != nil {
		shared.server.Stop()
	}
	os.Exit(code)
}

// settings are for the one server of all tests.
func settings(t testing.TB) Settings {
	t.Helper()
	shared.Do(func() { shared.server, shared.err = testserver.StartPostgres() })
	server := testserver.ForPostgres(t, shared.server, shared.err)
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(testserver.Password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return Settings{Server: upstream.Server{User: "postgres", Password: file, TLS: "off"}, Address: server.Address, Database: "postgres"}
}
