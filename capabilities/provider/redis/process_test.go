package redis

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/writ-host/writ/capabilities/kv/backend"
	"github.com/writ-host/writ/capabilities/provider"
	"github.com/writ-host/writ/capabilities/provider/upstream"
	"github.com/writ-host/writ/conformance/testserver"
)

// As a process it reads its secrets and connects to its port, by a name too,
// and to no other.
func TestAsAProcess(t *testing.T) {
	t.Parallel()
	ours := testserver.NewAuthority(t)
	certificate, key := ours.Issue(t, "localhost", net.IPv4(127, 0, 0, 1))
	server := testserver.StartRedis(t, "--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", ours.Roots, "--requirepass", "s3cret")
	s := Settings{Address: strings.Replace(server.Address, "127.0.0.1", "localhost", 1)}
	s.Roots, s.Password = ours.Roots, filepath.Join(t.TempDir(), "password")
	s.Certificate, s.Key = ours.Issue(t, "host")
	if err := os.WriteFile(s.Password, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	c := config(t, s)
	c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	p, err := provider.Launch(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	set(t, p.KeyValue(), at, "k", "v")
	if got := get(t, p.KeyValue(), at, "k"); got != "v" {
		t.Errorf("there is %q", got)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if strings.Contains(log.String(), "s3cret") {
		t.Error("the password is in the log")
	}

	// The operator is told of a server that does not know it, and components are told less.
	if err := os.WriteFile(s.Password, []byte("wr0ng\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err = provider.Launch(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	if _, err := p.KeyValue().Get(context.Background(), at, "k"); !is(err, backend.Unavailable) || strings.Contains(err.Error(), "WRONGPASS") {
		t.Errorf("with a wrong password: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if said := log.String(); !strings.Contains(said, "level=WARN") || !strings.Contains(said, "WRONGPASS") || strings.Contains(said, "wr0ng") {
		t.Errorf("the log says %s", said)
	}

	c.Network.Ports = []uint16{1}
	if p, err = provider.Launch(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if !p.Isolation().Has(provider.PartNetwork) {
		t.Skip("this kernel's Landlock does not rule networks: use Linux 6.7 or later")
	}
	if _, err := p.KeyValue().Get(context.Background(), at, "k"); !is(err, backend.Unavailable) {
		t.Errorf("another port was reached: %v", err)
	}
}

func TestSettings(t *testing.T) {
	for _, s := range []Settings{
		{}, {Address: "nowhere"}, {Address: "a:0"}, {Address: ":6379"}, {Address: "a:1", Cluster: []string{"b:1"}}, {Cluster: []string{"a:1", "b"}},
		{Address: "a:1", Database: -1}, {Cluster: []string{"a:1"}, Database: 1}, {Address: "a:1", Prefix: "a{b"}, {Address: "a:1", Namespace: "a/b"},
		{Address: "a:1", Partitions: 257}, {Address: "a:1", Server: upstream.Server{TLS: "maybe"}},
		{Address: "a:1", Server: upstream.Server{Certificate: "c"}}, {Address: "a:1", Server: upstream.Server{TLS: "off", Roots: "r"}},
		{Address: "a:1", Server: upstream.Server{TLS: "off"}, TLSName: "a"}, {Address: "a:1", Server: upstream.Server{User: "u"}},
		{Address: "a:1", Server: upstream.Server{Password: "/nowhere/at/all"}}, {Address: "a:1", Server: upstream.Server{Roots: "/dev/null"}},
	} {
		if _, err := Open(s, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%+v was taken", s)
		}
	}
	if _, err := open(context.Background(), provider.Settings{JSON: []byte(`{"address":"a:1","no":1}`)}); err == nil {
		t.Error("an unknown setting was taken")
	}
}
