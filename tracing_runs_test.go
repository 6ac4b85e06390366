package writ_test

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/writ-host/writ"
)

// tracedDir has an app's directory send its spans to a collector.
func tracedDir(t *testing.T, c *collector, dir string) {
	t.Helper()
	writeFile(t, filepath.Join(dir, writ.HostConfigName), "[telemetry.traces]\nendpoint = \""+c.endpoint+"\"\n")
}

// nightlyApp is the housekeeping of examples/nightly, with what it was granted.
func nightlyApp(t *testing.T, c *collector) (dir string) {
	t.Helper()
	dir = appDir(t, map[string]string{"grants.json": readFile(t, "examples/nightly/grants.json"), "nightly.wasm": "examples/nightly/nightly.wasm",
		"writ.toml": "name = \"nightly\"\n[component.housekeeping]\nsource = \"nightly.wasm\"\n[[trigger.command]]\nname = \"trim\"\ncomponent = \"housekeeping\"\n"})
	tracedDir(t, c, dir)
	return dir
}

// spanFailed reports whether a span says that what it is of failed, and how.
func spanFailed(s *trace.Span) (how string, so bool) {
	return s.Status.GetMessage(), s.Status.GetCode() == trace.Status_STATUS_CODE_ERROR
}

// TestTracesOfCommands: a process that ends at once has sent its spans before.
func TestTracesOfCommands(t *testing.T) {
	c := overHTTP(t)
	dir := nightlyApp(t, c)
	if code, out, errs := outcome(t, runCommand(t, dir, "10"), ""); code != 0 || out != "dropped 0 messages\n" {
		t.Fatalf("%d %q\n%s", code, out, errs)
	}
	root := "command housekeeping"
	span := c.find(t, root)
	wants(t, span, map[string]string{"writ.app": "nightly", "writ.component": "housekeeping"})
	if how, so := spanFailed(span); so || len(span.ParentSpanId) > 0 {
		t.Errorf("%s of %x: %s", span.Name, span.ParentSpanId, how)
	}
	wants(t, c.find(t, root+" > instance housekeeping"), map[string]string{"writ.instance": "1"})
	wants(t, c.find(t, root+" > instance housekeeping > kv bucket.get"), map[string]string{"writ.grant": "housekeeping-kv", "writ.resource": "kv://default/~"})
	wants(t, c.find(t, root+" > instance housekeeping > kv bucket.get > provider kv.default"), map[string]string{"writ.provider": "kv.default"})
	if strings.Contains(c.text(), "guestbook/") {
		t.Errorf("spans tell of keys:\n%s", c.text())
	}
}

// TestTracesOfFailures: what a function answers counts as well as how it ended.
func TestTracesOfFailures(t *testing.T) {
	c := overGRPC(t)
	dir := nightlyApp(t, c)
	if code, _, errs := outcome(t, runCommand(t, dir, "many"), ""); code != 1 || !strings.Contains(errs, "usage: nightly") {
		t.Fatalf("%d\n%s", code, errs)
	}
	if how, so := spanFailed(c.find(t, "command housekeeping")); !so || how != "error" {
		t.Errorf("failed %v, %q", so, how)
	}
}

func TestTracesOfTools(t *testing.T) {
	c := overHTTP(t)
	a := startAgent(t, nightlyApp(t, c))
	if text, failed := a.call(t, "housekeeping_trim", `{"keep": 10}`); failed {
		t.Fatal(text)
	}
	root := "tool housekeeping_trim"
	wants(t, c.find(t, root), map[string]string{"writ.app": "nightly", "writ.component": "housekeeping"})
	c.find(t, root+" > instance housekeeping > kv bucket.get > provider kv.default")
}

// TestTracesOfMCP is the same of the process that an agent starts, which ends when the agent leaves.
func TestTracesOfMCP(t *testing.T) {
	c := overHTTP(t)
	path, err := writBinary()
	if err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(t.Context(), path, "mcp", nightlyApp(t, c))
	run.Env = runCommand(t).Env
	session, err := mcp.NewClient(&mcp.Implementation{Name: "agent"}, nil).Connect(t.Context(), &mcp.CommandTransport{Command: run}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "housekeeping_trim", Arguments: json.RawMessage(`{"keep": 10}`)})
	if err != nil || r.IsError {
		t.Errorf("%+v, %v", r, err)
	}
	if err := session.Close(); err != nil {
		t.Error(err)
	}
	c.find(t, "tool housekeeping_trim > instance housekeeping > kv bucket.get > provider kv.default")
}

func TestTracesOfWatches(t *testing.T) {
	c := overHTTP(t)
	_, address, _ := tallyWith(t, readFile(t, "examples/tally/grants.json"), "[telemetry.traces]\nendpoint = \""+c.endpoint+"\"\n")
	sign(t, address, "hello")
	wants(t, c.find(t, "watch tally"), map[string]string{"writ.app": "tally", "writ.component": "tally"})
	root := "watch tally > instance tally"
	wants(t, c.find(t, root+" > kv bucket.set"), map[string]string{"writ.grant": "tally-kv", "writ.resource": "kv://default/~"})
	c.find(t, root+" > kv increment > provider kv.default")
	for _, secret := range []string{"guestbook/message", "hello", "tally/latest"} {
		if strings.Contains(c.text(), secret) {
			t.Errorf("spans tell of %s", secret)
		}
	}
}
