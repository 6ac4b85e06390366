package writ_test

import (
	"encoding/json"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/writ-host/writ"
)

// agent is a client of an app's tools.
type agent struct {
	*mcp.ClientSession
	served *served
}

func startAgent(t *testing.T, path string) *agent {
	t.Helper()
	app, err := writ.LoadApp(path, "")
	if err != nil {
		t.Fatal(err)
	}
	app.Config.Data = t.TempDir()
	s := serveWith(t, app, writ.Options{NoTriggers: true})
	in, toHost := io.Pipe()
	fromHost, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- s.host.ServeMCP(t.Context(), in, out) }()
	session, err := mcp.NewClient(&mcp.Implementation{Name: "agent"}, nil).Connect(t.Context(), &mcp.IOTransport{Reader: fromHost, Writer: toHost}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := session.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		s.end(t)
	})
	return &agent{session, s}
}

// call is what a tool gave, as text, and whether it failed.
func (a *agent) call(t *testing.T, name, arguments string) (text string, failed bool) {
	t.Helper()
	r, err := a.CallTool(t.Context(), &mcp.CallToolParams{Name: name, Arguments: json.RawMessage(arguments)})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range r.Content {
		text += c.(*mcp.TextContent).Text
	}
	return text, r.IsError
}

func TestToolsOfABareComponent(t *testing.T) {
	a := startAgent(t, "testdata/small.wasm")
	tools, err := a.ListTools(t.Context(), nil)
	if err != nil || len(tools.Tools) == 0 {
		t.Fatal(tools, err)
	}
	var greet *mcp.Tool
	for _, tool := range tools.Tools {
		if tool.Name == "greetings_greet" {
			greet = tool
		}
	}
	if greet == nil {
		t.Fatalf("there is no tool greetings_greet in %v", tools.Tools)
	}
	if want := "test:small/greetings@1.0.0, of component small: greet: func(times: u32) -> string"; greet.Description != want {
		t.Errorf("described as %q; want %q", greet.Description, want)
	}
	schema, _ := json.Marshal(greet.InputSchema)
	if want := `"properties":{"times":{"maximum":4294967295,"minimum":0,"type":"integer"}}`; !strings.Contains(string(schema), want) {
		t.Errorf("input %s; want %s", schema, want)
	}
	if text, failed := a.call(t, "greetings_greet", `{"times": 2}`); failed || !strings.Contains(text, `{"result":"`) {
		t.Errorf("%s, %v", text, failed)
	}
	for arguments, want := range map[string]string{
		`{"times": -1}`:           "arguments: .times: want u32, and -1 is none",
		`{}`:                      "arguments: .times: it is missing",
		`{"times": 1, "more": 1}`: `arguments: there is no field "more"`,
	} {
		if text, failed := a.call(t, "greetings_greet", arguments); !failed || !strings.Contains(text, want) {
			t.Errorf("%s: %s, %v; want %q", arguments, text, failed, want)
		}
	}
}

const toolApp = `name = "tools"
[component.nightly]
source = "nightly.wasm"
[component.small]
source = "small.wasm"
`

const toolGrants = `{"grants": [{"id": "keep", "app": "tools", "component": "nightly", "capability": "kv",
	"resource": "kv://default/guestbook/**", "operations": ["get", "exists", "delete"]}]}`

// A tool reaches what its component was granted, from one call to the next, and
// the ledger has the calls.
func TestToolsReachWhatIsGranted(t *testing.T) {
	dir := appDir(t, map[string]string{"writ.toml": toolApp, "grants.json": toolGrants,
		"nightly.wasm": "examples/nightly/nightly.wasm", "small.wasm": "testdata/small.wasm"})
	a := startAgent(t, dir)
	trim := func() (string, bool) { return a.call(t, "nightly_housekeeping_trim", `{"keep": 10}`) }
	if text, failed := trim(); failed || text != `{"result":{"ok":0}}` {
		t.Errorf("granted: %s, %v", text, failed)
	}
	writeFile(t, filepath.Join(dir, "grants.json"), `{"grants": []}`)
	eventually(t, "a tool whose grant is revoked is denied", func() bool {
		text, failed := trim()
		return failed && strings.Contains(text, "denied")
	})
	if text, failed := a.call(t, "small_greetings_greet", `{"times": 1}`); failed {
		t.Errorf("what needs no grant failed: %s", text)
	}
}
