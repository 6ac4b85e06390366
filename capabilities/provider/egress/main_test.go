package egress_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/writ-host/writ/capabilities/http/backend"
	"github.com/writ-host/writ/capabilities/provider"
	"github.com/writ-host/writ/capabilities/provider/egress"
)

// TestMain also is the launcher stage and the provider.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		var err error
		switch os.Args[1] {
		case "exec":
			err = provider.Exec(os.Args[2:])
		case "serve":
			err = egress.Serve()
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

// launch starts the provider as a process.
func launch(t testing.TB, s egress.Settings) *provider.Provider {
	t.Helper()
	settings, err := s.JSON()
	if err != nil {
		t.Fatal(err)
	}
	p, err := provider.Launch(context.Background(), provider.Config{
		Name: "http", Args: []string{"serve"}, Launcher: []string{"exec"}, Settings: settings, Readable: s.Readable(),
		Network: provider.Network{Connect: true}, HealthEvery: time.Hour, StartTimeout: time.Minute,
		Accept: []string{provider.PartFiles, provider.PartNetwork, provider.PartScope, provider.PartSyscalls, provider.PartProcesses},
	})
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

// inside is the provider without a process.
func inside(t testing.TB, s egress.Settings) backend.Egress {
	t.Helper()
	e, err := egress.New(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// ask is a request as the host makes it: the port is always there.
func ask(ctx context.Context, method, address string) *backend.Request {
	u, err := url.Parse(address)
	if err != nil {
		panic(err)
	}
	if u.Port() == "" {
		u.Host += map[string]string{"http": ":80", "https": ":443"}[u.Scheme]
	}
	if u.Path == "" {
		u.Path = "/"
	}
	r := &http.Request{Method: method, URL: u, Host: u.Host, Header: http.Header{}, Body: http.NoBody}
	return &backend.Request{Request: r.WithContext(ctx), App: "app", Component: "c", Grant: "g", Named: true}
}

// failure is the name of the error-code that a request gets, or its status.
func failure(resp *http.Response, err error) string {
	if err == nil {
		_ = resp.Body.Close()
		return fmt.Sprint(resp.StatusCode)
	}
	if e, ok := backend.AsError(err); ok {
		return e.Code.String()
	}
	return err.Error()
}

func contains(t *testing.T, got, want string) {
	t.Helper()
	if !strings.Contains(got, want) {
		t.Errorf("got %q, want %q in it", got, want)
	}
}
