package redis

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/writ-host/writ/capabilities/kv/backend"
	"github.com/writ-host/writ/capabilities/provider"
	"github.com/writ-host/writ/capabilities/provider/upstream"
	"github.com/writ-host/writ/conformance/testserver"
)

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
	os.Exit(m.Run())
}

var at = backend.Caller{Store: "s", App: "app", Component: "c", Grant: "g"}

// plain are settings for servers without TLS and users.
func plain(nodes ...*testserver.Redis) Settings {
	s := Settings{Server: upstream.Server{TLS: "off"}}
	if len(nodes) == 1 {
		s.Address = nodes[0].Address
		return s
	}
	for _, r := range nodes {
		s.Cluster = append(s.Cluster, r.Address)
	}
	return s
}

func open1(t *testing.T, s Settings) *Store {
	t.Helper()
	store, err := Open(s, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// config runs the provider as the host does.
func config(t *testing.T, s Settings) provider.Config {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	ports, err := s.Ports()
	if err != nil {
		t.Fatal(err)
	}
	return provider.Config{Name: "kv", Args: []string{"serve"}, Launcher: []string{"exec"}, Settings: text,
		StartTimeout: time.Minute, CallTimeout: time.Minute, // on any machine
		Limits:  provider.Limits{Memory: 8 << 30}, // the race detector's shadow memory counts too
		Network: provider.Network{Connect: true, Ports: ports}, Readable: s.Readable(),
		Accept: []string{provider.PartFiles, provider.PartNetwork, provider.PartScope, provider.PartSyscalls, provider.PartProcesses}}
}

func set(t *testing.T, s backend.KeyValue, at backend.Caller, key, value string) {
	t.Helper()
	if err := s.Set(context.Background(), at, key, []byte(value)); err != nil {
		t.Fatalf("set %q: %v", key, err)
	}
}

// get is a value, or "absent".
func get(t *testing.T, s backend.KeyValue, at backend.Caller, key string) string {
	t.Helper()
	e, err := s.Get(context.Background(), at, key)
	if err != nil {
		t.Fatalf("get %q: %v", key, err)
	}
	if !e.Found {
		return "absent"
	}
	return string(e.Value)
}

// is reports whether an error is of a kind.
func is(err error, code backend.Code) bool {
	return err != nil && backend.AsError(err).Code == code
}
