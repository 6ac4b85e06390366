package kit_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/writ-host/writ/capabilities/provider"
	"github.com/writ-host/writ/capabilities/provider/egress"
	"github.com/writ-host/writ/capabilities/provider/embedded"
	"github.com/writ-host/writ/capabilities/provider/kit"
	"github.com/writ-host/writ/capabilities/provider/sqlite"
)

// TestMain also is the launcher stage and the providers under test.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 || strings.HasPrefix(os.Args[1], "-") {
		os.Exit(m.Run())
	}
	var err error
	switch os.Args[1] {
	case "exec":
		err = provider.Exec(os.Args[2:])
	case "embedded":
		err = embedded.Serve()
	case "sqlite":
		err = sqlite.Serve()
	case "egress":
		err = egress.Serve()
	case "broken-store":
		err = serveBrokenStore(os.Args[2])
	case "broken-database":
		err = serveBrokenDatabase(os.Args[2])
	case "broken-courier":
		err = serveBrokenCourier(os.Args[2])
	case "broken-wire":
		serveBrokenWire(os.Args[2])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func config(args ...string) provider.Config {
	return provider.Config{Name: "test", Args: args, Launcher: []string{"exec"}, StartTimeout: time.Minute,
		Accept: []string{provider.PartFiles, provider.PartNetwork, provider.PartScope, provider.PartSyscalls, provider.PartProcesses}}
}

func run(t *testing.T, args ...string) []kit.Result {
	t.Helper()
	results, err := kit.Run(context.Background(), kit.Config{Provider: config(args...)})
	if err != nil {
		t.Fatal(err)
	}
	return results
}

func table(results []kit.Result) string {
	var b strings.Builder
	_ = kit.WriteTable(&b, results)
	return b.String()
}

func TestTheBuiltInProvidersPass(t *testing.T) {
	for _, name := range []string{"embedded", "sqlite", "egress"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			results := run(t, name)
			if !kit.Passes(results) {
				t.Errorf("\n%s", table(results))
			}
			t.Logf("\n%s", table(results))
		})
	}
}
