package writ_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/writ-host/writ"
	"github.com/writ-host/writ/host"
)

// operated is an app with the operator's address.
func operated(t *testing.T, files map[string]string) (*served, func(path string) (int, string)) {
	t.Helper()
	files["host.toml"] += "\n[telemetry]\nlisten = \"127.0.0.1:0\"\n"
	s := serve(t, appDir(t, files))
	return s, func(path string) (int, string) { return askURL(t, s.host.OperatorURL()+path) }
}

func askURL(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// sample is the sum of the samples that a pattern matches, -1 when there is none.
func sample(metrics, pattern string) float64 {
	sum := -1.0
	for _, m := range regexp.MustCompile(`(?m)^`+pattern+` ([0-9.e+]+)$`).FindAllStringSubmatch(metrics, -1) {
		if v, err := strconv.ParseFloat(m[1], 64); err == nil {
			sum = max(sum, 0) + v
		}
	}
	return sum
}

const watchedApp = "name = \"h\"\n[component.c]\nsource = \"hostile.wasm\"\n[component.c.limits]\ncpu-time = \"100ms\"\n[[trigger.http]]\nroute = \"/...\"\ncomponent = \"c\"\n"

func TestMetrics(t *testing.T) {
	s, get := operated(t, map[string]string{"writ.toml": watchedApp, "hostile.wasm": "testdata/hostile.wasm"})
	for _, path := range []string{"/ok", "/ok", "/trap", "/spin", "/buckets", "/stdout", "/nowhere/" + strings.Repeat("x", 100)} {
		_, _, _ = s.get(t, path)
	}
	wants := map[string]float64{
		`writ_requests_total{app="h",class="2xx",component="c"}`:                                       2,
		`writ_request_duration_seconds_count{app="h",component="c"}`:                                   7,
		`writ_instantiation_seconds_count{app="h",component="c"}`:                                      7,
		`writ_instance_memory_bytes_count{app="h",component="c"}`:                                      7,
		`writ_instances_live{app="h",component="c"}`:                                                   0,
		`writ_traps_total{app="h",component="c",kind="unreachable executed"}`:                          1,
		`writ_traps_total{app="h",component="c",kind="limit cpu-time"}`:                                1,
		`writ_decisions_total{app="h",capability="kv",component="c",reason="no grant",verdict="deny"}`: 1,
		`writ_provider_up{provider="kv.default"}`:                                                      1,
		`writ_ready`:           1,
		`writ_ledger_writable`: 1,
	}
	var text string
	for name, want := range wants {
		got := -1.0
		for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			_, text = get("metrics")
			if got = sample(text, regexp.QuoteMeta(name)); got >= want && (want > 0 || got == 0) {
				break
			}
		}
		if got < want || want == 0 && got != 0 {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if sample(text, `writ_guest_output_dropped_bytes_total\{[^}]*\}`) <= 0 {
		t.Error("what the guest printed in vain is not counted")
	}
	if sample(text, `process_resident_memory_bytes`) <= 0 || !strings.Contains(text, `wasmtime="39`) {
		t.Error("the process is not told of")
	}
}

// Nothing that clients or guests choose becomes a label.
func TestLabelsAreBounded(t *testing.T) {
	s, get := operated(t, map[string]string{"writ.toml": watchedApp, "hostile.wasm": "testdata/hostile.wasm"})
	count := func() int {
		_, text := get("metrics")
		return strings.Count(text, "\nwrit_")
	}
	storm := func(n int) {
		for i := range n {
			request, err := http.NewRequest("M"+strconv.Itoa(i), s.URL+"/p"+strconv.Itoa(i)+"?q="+strconv.Itoa(i), nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("X-Request-Id", strconv.Itoa(i))
			request.Host = "h" + strconv.Itoa(i)
			if resp, err := s.Client().Do(request); err == nil {
				_ = resp.Body.Close()
			}
		}
	}
	storm(20)
	before := count()
	storm(200)
	if after := count(); after != before {
		t.Errorf("%d series became %d", before, after)
	}
}

func TestHealthTellsWhatIsWrong(t *testing.T) {
	s, get := operated(t, map[string]string{"writ.toml": "name = \"g\"\n[component.c]\nsource = \"guestbook.wasm\"\n[[trigger.http]]\nroute = \"/...\"\ncomponent = \"c\"\n",
		"guestbook.wasm": "examples/guestbook/guestbook.wasm"})
	for _, path := range []string{"livez", "readyz"} {
		if status, text := get(path); status != http.StatusOK || text != "ok\n" {
			t.Errorf("%s: %d %q", path, status, text)
		}
	}
	if status, _ := get("debug/pprof/"); status != http.StatusNotFound {
		t.Errorf("another path: %d", status)
	}
	for _, path := range []string{"/metrics", "/readyz", "/livez"} {
		if status, body, err := s.get(t, path); err != nil || strings.Contains(body, "writ_") || status == http.StatusOK {
			t.Errorf("%s is public: %d", path, status)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.host.Serve(ctx, l) }()
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if status, text := get("readyz"); status != http.StatusServiceUnavailable || !strings.Contains(text, "it ends") {
		t.Errorf("draining: %d %q", status, text)
	}
	if status, _ := get("livez"); status != http.StatusOK {
		t.Errorf("livez while draining: %d", status)
	}
}

// While components are compiled, and when they cannot be, the address is there.
func TestNotReadyBeforeItIsCompiled(t *testing.T) {
	dir := appDir(t, map[string]string{"writ.toml": watchedApp, "hostile.wasm": "testdata/hostile.wasm", "host.toml": "[telemetry]\nlisten = \"127.0.0.1:0\"\n"})
	app, err := writ.LoadApp(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	app.Config.Cache = filepath.Join(t.TempDir(), "cache") // so that it compiles
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	app.Config.Telemetry.Listen = address
	said := ""
	h, err := writ.Start(t.Context(), app, writ.Options{OnCompile: func(string, host.CompileEvent) {
		_, said = askURL(t, "http://"+address+"/readyz")
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if !strings.Contains(said, "it starts") {
		t.Errorf("while it compiled: %q", said)
	}
}
