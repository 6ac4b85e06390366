package postgres

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/writ-host/writ/capabilities/provider/upstream"
	"github.com/writ-host/writ/capabilities/sql/backend"
	"github.com/writ-host/writ/conformance/testserver"
)

// As a process it speaks TLS with a server that it knows, under a user and a
// password of its own, and nobody reads the password anywhere.
func TestTLS(t *testing.T) {
	ours, others := testserver.NewAuthority(t), testserver.NewAuthority(t)
	certificate, key := ours.Issue(t, "localhost", net.IPv4(127, 0, 0, 1))
	started, err := testserver.StartPostgres(certificate, key)
	server := testserver.ForPostgres(t, started, err)
	t.Cleanup(server.Stop)
	const secret = "s3cret of shop"
	if _, err := server.Exec("CREATE ROLE shop LOGIN PASSWORD '" + secret + "'"); err != nil {
		t.Fatal(err)
	}
	good := Settings{Server: upstream.Server{User: "shop", Password: passwordFile(t, secret), Roots: ours.Roots}, Address: server.Address, Database: "postgres"}
	for _, test := range []struct {
		what   string
		change func(*Settings)
		works  bool
		log    string
	}{
		{"as it should be", func(*Settings) {}, true, ""},
		{"by name", func(s *Settings) { s.Address = strings.Replace(s.Address, "127.0.0.1", "localhost", 1) }, true, ""},
		{"without TLS", func(s *Settings) { s.TLS, s.Roots = "off", "" }, false, "no encryption"},
		{"trusting somebody else", func(s *Settings) { s.Roots = others.Roots }, false, "unknown authority"},
		{"trusting the system", func(s *Settings) { s.Roots = "" }, false, "certificate"},
		{"with a wrong password", func(s *Settings) { s.Password = passwordFile(t, "wr0ng") }, false, "password authentication failed"},
		{"as nobody", func(s *Settings) { s.User = "nobody" }, false, "password authentication failed"},
		{"to no database", func(s *Settings) { s.Database = "nothing" }, false, "does not exist"},
	} {
		t.Run(test.what, func(t *testing.T) {
			s := good
			test.change(&s)
			said := &bytes.Buffer{}
			err := selectOne(t, s, said)
			if (err == nil) != test.works || err != nil && !backend.Is(err, backend.Unavailable) {
				t.Errorf("%v", err)
			}
			// The operator is told why, and components are not.
			if log := said.String(); !strings.Contains(log, test.log) || strings.Contains(log, secret) || strings.Contains(log, "wr0ng") {
				t.Errorf("want %q, and the log says %s", test.log, log)
			}
			if err != nil && (strings.Contains(err.Error(), "shop") || strings.Contains(err.Error(), "nothing") || strings.Contains(err.Error(), "127.0.0.1")) {
				t.Errorf("components are told %q", err)
			}
		})
	}
}

func passwordFile(t *testing.T, password string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// selectOne runs a statement in a process of its own, which has ended when it returns.
func selectOne(t *testing.T, s Settings, log *bytes.Buffer) error {
	t.Helper()
	port, err := s.Port()
	if err != nil {
		t.Fatal(err)
	}
	p := launch(t, s, log, port)
	_, err = p.SQL().Execute(context.Background(), at, backend.Statement{Text: "SELECT 1"})
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	return err
}
