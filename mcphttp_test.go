package writ_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/writ-host/writ"
)

const token = "a-token-that-is-long-enough"

// bearing sends a token with each request; "" sends none.
type bearing string

func (b bearing) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if b != "" {
		r.Header.Set("Authorization", "Bearer "+string(b))
	}
	return http.DefaultTransport.RoundTrip(r)
}

// serveTools serves an app's tools by HTTP, and returns where.
func serveTools(t *testing.T, path string) (url string) {
	t.Helper()
	app, err := writ.LoadApp(path, "")
	if err != nil {
		t.Fatal(err)
	}
	app.Config.Data = t.TempDir()
	s := serveWith(t, app, writ.Options{NoTriggers: true})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.host.ServeMCPOverHTTP(ctx, l, token) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		s.end(t)
	})
	return "http://" + l.Addr().String() + "/" + writ.ToolsPath
}

func TestToolsOverHTTP(t *testing.T) {
	dir := appDir(t, map[string]string{"writ.toml": toolApp, "grants.json": toolGrants,
		"nightly.wasm": "examples/nightly/nightly.wasm", "small.wasm": "testdata/small.wasm"})
	url := serveTools(t, dir)
	session, err := mcp.NewClient(&mcp.Implementation{Name: "agent"}, nil).Connect(t.Context(),
		&mcp.StreamableClientTransport{Endpoint: url, HTTPClient: &http.Client{Transport: bearing(token)}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	a := &agent{ClientSession: session}
	tools, err := a.ListTools(t.Context(), nil)
	if err != nil || len(tools.Tools) < 2 {
		t.Fatal(tools, err)
	}
	trim := func() (string, bool) { return a.call(t, "nightly_housekeeping_trim", `{"keep": 10}`) }
	if text, failed := trim(); failed || text != `{"result":{"ok":0}}` {
		t.Errorf("granted: %s, %v", text, failed)
	}
	writeFile(t, filepath.Join(dir, "grants.json"), `{"grants": []}`)
	eventually(t, "a tool whose grant is revoked is denied", func() bool {
		text, failed := trim()
		return failed && strings.Contains(text, "denied")
	})
}

// Whoever has no token, and pages that a browser shows, are not let in.
func TestToolsAreNotForEveryone(t *testing.T) {
	url := serveTools(t, "testdata/small.wasm")
	const initialize = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"agent","version":"1"}}}`
	for name, c := range map[string]struct {
		token  bearing
		change func(*http.Request)
		body   string
		status int
	}{
		"with the token":      {token, func(*http.Request) {}, initialize, 200},
		"without":             {"", func(*http.Request) {}, initialize, 401},
		"with a part of it":   {bearing(token[:8]), func(*http.Request) {}, initialize, 401},
		"by another scheme":   {"", func(r *http.Request) { r.Header.Set("Authorization", "Basic "+token) }, initialize, 401},
		"by a name":           {token, func(r *http.Request) { r.Host = "rebound.example" }, initialize, 403},
		"from another origin": {token, func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, initialize, 403},
		"elsewhere":           {token, func(r *http.Request) { r.URL.Path = "/" }, initialize, 404},
		"too large":           {token, func(*http.Request) {}, `{"jsonrpc":"2.0","id":1,"method":"` + strings.Repeat("x", 5<<20), 413},
		"no session to keep":  {token, func(r *http.Request) { r.Method = "GET" }, "", 405},
		"no JSON":             {token, func(*http.Request) {}, "x", 400},
	} {
		r, err := http.NewRequestWithContext(t.Context(), "POST", url, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "application/json, text/event-stream")
		c.change(r)
		resp, err := (&http.Client{Transport: c.token}).Do(r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		resp.Body.Close()
		if resp.StatusCode != c.status {
			t.Errorf("%s: status %d, %s; want %d", name, resp.StatusCode, text, c.status)
		}
	}
}

func TestToolsForOtherMachinesWantAToken(t *testing.T) {
	everywhere := &net.TCPAddr{IP: net.IPv4zero, Port: 3001}
	for _, c := range []struct {
		addr  net.Addr
		token string
		ok    bool
	}{
		{everywhere, "", false}, {everywhere, token, true}, {&net.TCPAddr{IP: net.ParseIP("192.0.2.1"), Port: 1}, "", false},
		{&net.TCPAddr{IP: net.IPv6loopback, Port: 1}, "", true}, {&net.UnixAddr{Net: "unix", Name: "s"}, "", true},
	} {
		if err := writ.CheckTools(c.addr, c.token); (err == nil) != c.ok {
			t.Errorf("%v with %q: %v", c.addr, c.token, err)
		}
	}
}

func TestReadToken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	for text, want := range map[string]string{token + "\n": token, token: token, "short": "", token + " x": "", strings.Repeat("x", 5000): "", token + "\n" + token: ""} {
		writeFile(t, path, text)
		if got, err := writ.ReadToken(path); got != want || (err == nil) != (want != "") {
			t.Errorf("%.40q: %q, %v", text, got, err)
		}
	}
}
