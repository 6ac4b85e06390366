package writ_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/writ-host/writ"
)

// tally serves examples/tally with these grants, and its triggers.
func tally(t *testing.T, grants string) (dir string, address string, log *logBuffer) {
	t.Helper()
	return tallyWith(t, grants, "")
}

// tallyWith is tally with a host.toml.
func tallyWith(t *testing.T, grants, config string) (dir string, address string, log *logBuffer) {
	t.Helper()
	manifest, err := os.ReadFile("examples/tally/writ.toml")
	if err != nil {
		t.Fatal(err)
	}
	dir = appDir(t, map[string]string{"writ.toml": strings.ReplaceAll(string(manifest), "../guestbook/", ""), "grants.json": grants,
		"guestbook.wasm": "examples/guestbook/guestbook.wasm", "tally.wasm": "examples/tally/tally.wasm"})
	writeFile(t, filepath.Join(dir, writ.HostConfigName), config)
	app, err := writ.LoadApp(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	app.Config.Cache = sharedCache()
	log = &logBuffer{}
	h, err := writ.Start(t.Context(), app, writ.Options{Log: slog.New(slog.NewJSONHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- h.Serve(ctx, nil) }()
	server := httptest.NewServer(h)
	t.Cleanup(func() {
		server.Close()
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if err := h.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	log.await(t, "changes are told of from now on")
	return dir, server.URL, log
}

// await waits until the log has a text.
func (b *logBuffer) await(t *testing.T, text string) {
	t.Helper()
	for end := time.Now().Add(patience); !strings.Contains(b.String(), text); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the log has no %q:\n%s", text, b.String())
		}
	}
}

func sign(t *testing.T, address, message string) {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.PostForm(address, url.Values{"message": {message}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("status %d", resp.StatusCode)
	}
}

func TestComponentsAreToldOfChanges(t *testing.T) {
	grants, err := os.ReadFile("examples/tally/grants.json")
	if err != nil {
		t.Fatal(err)
	}
	dir, address, log := tally(t, string(grants))
	sign(t, address, "one")
	log.await(t, "1 messages, the latest is guestbook/message/000000000001")
	sign(t, address, "two")
	log.await(t, "2 messages, the latest is guestbook/message/000000000002")

	killProvider(t)
	log.await(t, "the watch has ended, and is begun again")
	for n := strings.Count(log.String(), "from now on"); n < 2; n = strings.Count(log.String(), "from now on") {
		time.Sleep(10 * time.Millisecond)
	}
	sign(t, address, "three")
	log.await(t, "3 messages, the latest is")

	// Without the grant nobody tells.
	without := strings.Replace(string(grants), `"operations": ["watch"]`, `"operations": ["exists"]`, 1)
	if err := os.WriteFile(filepath.Join(dir, "grants.json"), []byte(without), 0o600); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); !strings.Contains(log.String(), `"operation":"watch"`); time.Sleep(20 * time.Millisecond) {
		sign(t, address, "unseen")
		if time.Now().After(end) {
			t.Fatal("no change was denied")
		}
	}
}

func TestWatchesThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ table, want string }{
		"no such component": {`component = "other"`, `component "other" is not in the manifest`},
		"no such store":     {`component = "tally", store = "other"`, `there is no key-value store "other"`},
		"no watcher":        {`component = "web"`, "wasi:keyvalue/watcher"},
		"prefix":            {`component = "tally", prefix = "` + strings.Repeat("x", 1025) + `"`, "prefix has 1025 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := appDir(t, map[string]string{"guestbook.wasm": "examples/guestbook/guestbook.wasm", "tally.wasm": "examples/tally/tally.wasm",
				"writ.toml": "name = \"a\"\ntrigger.keyvalue = [{" + c.table + "}]\n[component.tally]\nsource = \"tally.wasm\"\n[component.web]\nsource = \"guestbook.wasm\"\n"})
			app, err := writ.LoadApp(dir, "")
			if err == nil {
				app.Config.Cache = sharedCache()
				var h *writ.Host
				if h, err = writ.Start(t.Context(), app, writ.Options{}); err == nil {
					_ = h.Close()
				}
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}
