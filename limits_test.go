package writ_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/writ-host/writ"
)

// What a component asks for beyond the host's caps, or what one engine cannot
// give all components, is refused before anything runs.
func TestLimitsAreRefused(t *testing.T) {
	for _, c := range []struct{ first, second, host, want string }{
		{"handles = 70000", "", "", `first: limits.handles = 70000 is more than the host allows \(65536, limits.handles in host.toml\)`},
		{"cpu-time = '11s'", "", "", `limits.cpu-time = 11s is more than the host allows \(10s`},
		{"buffers = '1MiB'", "", "buffers = '1KiB'", `limits.buffers = 1.0MiB is more than the host allows \(1.0KiB`},
		{"streams = -1", "", "", `limits.streams = -1: want more than 0`},
		{"stack = '1KiB'", "", "", `limits.stack = 1.0KiB: want at least 64KiB`},
		{"stack = '128KiB'", "stack = '256KiB'", "", `second: limits.stack = 256KiB, but component first has 128KiB`},
		{"core-instances = 1", "", "", `made of 3 core instances: limits.core-instances = 1 \(\[component.first.limits\]`},
		{"", "", "stack = '2MiB'", `limits.stack = 2.0MiB: want between 64KiB and 1.0MiB`},
		{"", "", "table-elements = 100000000", `limits.table-elements = 100000000: want at most 10000000`},
		{"", "", "handles = -5", `limits.handles = -5: want more than 0`},
		{"stack = '128KiB'", "stack = '128KiB'", "handles = 10", ``},
	} {
		dir := appDir(t, map[string]string{
			"tables.wasm": "testdata/tables.wasm",
			"host.toml":   "[limits]\n" + c.host,
			"writ.toml": "name = 'limits'\n[component.first]\nsource = 'tables.wasm'\n[component.first.limits]\n" + c.first +
				"\n[component.second]\nsource = 'tables.wasm'\n[component.second.limits]\n" + c.second,
		})
		err := startAndClose(t, dir)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !regexp.MustCompile(c.want).MatchString(err.Error())) {
			t.Errorf("%q, %q, host %q: %v, want %s", c.first, c.second, c.host, err, c.want)
		}
	}
}

func startAndClose(t *testing.T, dir string) error {
	app, err := writ.LoadApp(dir, "")
	if err != nil {
		return err
	}
	app.Config.Cache = sharedCache()
	h, err := writ.Start(t.Context(), app, writ.Options{})
	if err != nil {
		return err
	}
	return h.Close()
}

// Every limit of an instance is in the document, with its default.
func TestLimitsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	defaults, err := writ.DefaultHostConfig(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range defaults.Limits.Show() {
		row := regexp.MustCompile("(?m)^\\| `limits\\." + name + "` \\| `" + regexp.QuoteMeta(value) + "` \\|")
		if !row.Match(text) {
			t.Errorf("docs/configuration.md does not have limits.%s = %s", name, value)
		}
	}
}
