package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/writ-host/writ/capabilities/provider"
	"github.com/writ-host/writ/capabilities/provider/kit"
	"github.com/writ-host/writ/capabilities/sql/backend"
	"github.com/writ-host/writ/conformance/testserver"
)

// launch runs the provider as the host does, allowed to connect to some ports.
func launch(t *testing.T, s Settings, log io.Writer, ports ...uint16) *provider.Provider {
	t.Helper()
	p, err := provider.Launch(context.Background(), config(t, s, log, ports...))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func config(t *testing.T, s Settings, log io.Writer, ports ...uint16) provider.Config {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	c := provider.Config{Name: "sql", Args: []string{"serve"}, Launcher: []string{"exec"},
		Limits:  provider.Limits{Memory: 8 << 30}, // the race detector's shadow memory counts too
		Network: provider.Network{Connect: true, Ports: ports}, Readable: s.Readable(), Settings: text, StartTimeout: 4 * time.Minute, CallTimeout: time.Minute,
		Accept: []string{provider.PartFiles, provider.PartNetwork, provider.PartScope, provider.PartSyscalls, provider.PartProcesses}}
	if log != nil {
		c.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return c
}

func TestAsAProcess(t *testing.T) {
	s := settings(t)
	port, err := s.Port()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	p := launch(t, s, &log, port)
	r, err := p.SQL().Execute(context.Background(), at, backend.Statement{Text: "SELECT $1::int + 1", Parameters: []backend.Value{backend.Int(41)}})
	if err != nil || len(r.Rows.Rows) != 1 || r.Rows.Rows[0][0].Int != 42 {
		t.Errorf("answered %v: %v", r.Rows.Rows, err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if strings.Contains(log.String(), testserver.Password) {
		t.Error("the password is in the log")
	}
}

func TestConnectsToItsPortOnly(t *testing.T) {
	s := settings(t)
	var log bytes.Buffer
	p := launch(t, s, &log, 1)
	defer func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}()
	if !p.Isolation().Has(provider.PartNetwork) {
		t.Skip("this kernel's Landlock does not rule networks: use Linux 6.7 or later")
	}
	if _, err := p.SQL().Execute(context.Background(), at, backend.Statement{Text: "SELECT 1"}); !backend.Is(err, backend.Unavailable) {
		t.Errorf("another port was reached: %v", err)
	}
}

func TestPassesTheKit(t *testing.T) {
	s := settings(t)
	port, err := s.Port()
	if err != nil {
		t.Fatal(err)
	}
	results, err := kit.Run(context.Background(), kit.Config{Provider: config(t, s, nil, port),
		RuleTime: 5 * time.Minute}) // the parser is compiled anew for each process, which the race detector slows down
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	if err := kit.WriteTable(&table, results); err != nil || !kit.Passes(results) {
		t.Errorf("%v\n%s", err, table.String())
	}
}
