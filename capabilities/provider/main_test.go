package provider_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/writ-host/writ/capabilities/kv/backend"
	"github.com/writ-host/writ/capabilities/provider"
	"github.com/writ-host/writ/capabilities/provider/egress"
	"github.com/writ-host/writ/capabilities/provider/embedded"
	"github.com/writ-host/writ/capabilities/provider/sqlite"
)

// TestMain also is the launcher stage and the providers' programs: the tests
// run against real processes, which are this binary once more.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		var err error
		switch os.Args[1] {
		case "exec":
			err = provider.Exec(os.Args[2:])
		case "serve-embedded":
			err = embedded.Serve()
		case "serve-probe":
			err = serveProbe()
		case "serve-hostile":
			serveHostile(os.Args[2])
		case "serve-every":
			err = serveEvery()
		case "serve-echo":
			provider.ServeEcho()
		case "serve-sqlite":
			err = sqlite.Serve()
		case "serve-egress":
			err = egress.Serve()
		case "serve-socket":
			err = serveSocket(os.Args[2])
		case "host":
			err = beHost(os.Args[2])
		default:
			os.Exit(m.Run())
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func config(t testing.TB, serve string) provider.Config {
	return provider.Config{
		Name: "test", Args: []string{serve}, Launcher: []string{"exec"},
		DataDir: filepath.Join(t.TempDir(), "data"), StartTimeout: time.Minute, CallTimeout: time.Minute, HealthEvery: time.Hour,
	}
}

func launch(t testing.TB, c provider.Config) *provider.Provider {
	t.Helper()
	p, err := provider.Launch(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

var at = backend.Caller{Store: "s", App: "app", Component: "c", Grant: "g"}

func sig(t testing.TB, p *provider.Provider, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(p.PID(), s); err != nil {
		t.Fatal(err)
	}
}
