package writ

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/host/traces"
	"go.opentelemetry.io/otel/trace"
)

func TestTelemetryIsChecked(t *testing.T) {
	dir := t.TempDir()
	for text, want := range map[string]string{
		"[telemetry]\nlisten = \"x\"":                                                       "telemetry.listen",
		"[telemetry.traces]\nsample = 0.5":                                                  "no endpoint",
		"[telemetry.traces]\nendpoint = \"127.0.0.1:4318\"":                                 "endpoint",
		"[telemetry.traces]\nendpoint = \"http://127.0.0.1\"\nsample = 1.5":                 "from 0 to 1",
		"[telemetry.traces]\nendpoint = \"http://127.0.0.1\"\nsample = nan":                 "from 0 to 1",
		"[telemetry.traces]\nendpoint = \"http://127.0.0.1\"\nheader = \"x\"":               "header",
		"[telemetry.traces]\nendpoint = \"http://127.0.0.1\"\nsample = 0\nca-file = \"ca\"": "",
	} {
		path := filepath.Join(dir, HostConfigName)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := ReadHostConfig(path)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// A guest cannot fill the queue of spans, and clocks are no news.
func TestTracedCallsAreBounded(t *testing.T) {
	x, err := traces.Open(t.Context(), traces.Config{Endpoint: "http://127.0.0.1:1", Sample: 1, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	tracer := &callTracer{host: &Host{traces: x, redact: broker.NewRedactor(nil)}, left: maxTracedCalls}
	kept := func(capability string, allowed bool) (n int) {
		for range maxTracedCalls + 50 {
			c := &capabilities.Traced{Function: "f", Last: capabilities.Asked{Access: capabilities.Access{Capability: capability}, Decision: broker.Decision{Allowed: allowed}}}
			tracer.Begin(t.Context(), c)
			if c.Span.(trace.Span).IsRecording() {
				n++
			}
			tracer.End(t.Context(), c, nil)
		}
		return n
	}
	if n := kept("clock", true); n != 0 || tracer.left != maxTracedCalls {
		t.Errorf("%d of clocks, %d left", n, tracer.left)
	}
	if n := kept("clock", false); n != maxTracedCalls || tracer.left != -50 {
		t.Errorf("%d of denials, %d left", n, tracer.left)
	}
}

func TestHeadersOfTheCollector(t *testing.T) {
	path := filepath.Join(t.TempDir(), "headers")
	for text, want := range map[string]int{"": 0, "# none\n\n": 0, "Authorization: Bearer a:b\r\nX-Scope: 1": 2, "secret": -1, "A B: secret": -1, "A:": -1, "A: se\x01cret": -1} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		h, err := readHeaders(path)
		if (err != nil) != (want < 0) || err == nil && len(h) != want || err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v, %v", text, h, err)
		}
	}
}
