package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/writ-host/writ"
)

// imported is what becomes of a spin.toml in a directory of its own, and what is printed.
func imported(t *testing.T, text string) (dir, printed string, err error) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "spin.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	err = importSpin(&b, dir, "")
	return dir, b.String(), err
}

func TestOutboundHosts(t *testing.T) {
	m := &spinManifest{Variables: map[string]spinVariable{"host": {Default: new("api.example.com")}, "token": {}}}
	tests := []struct {
		host string
		want []string
		hint string // of the error, or of what is left out
	}{
		{"https://api.example.com", []string{"https://api.example.com/**"}, ""},
		{" https://api.example.com/ ", []string{"https://api.example.com/**"}, ""},
		{"https://{{ host }}:8443", []string{"https://api.example.com:8443/**"}, ""},
		{"https://*.example.com", []string{"https://**.example.com/**"}, ""},
		{"http://*", []string{"http://**/**"}, ""},
		{"http://localhost:*", []string{"http://localhost:*/**"}, ""},
		{"http://localhost:8000..8002", []string{"http://localhost:8000/**", "http://localhost:8001/**"}, ""},
		{"http://[::1]:3000", []string{"http://[::1]:3000/**"}, ""},
		{"http://[::1]", []string{"http://[::1]/**"}, ""},
		{"http://127.0.0.1", []string{"http://127.0.0.1/**"}, ""},
		{"*://example.com:8080", []string{"http://example.com:8080/**", "https://example.com:8080/**"}, "only HTTP was granted"},
		{"*://*:*", []string{"http://**:*/**", "https://**:*/**"}, "only HTTP was granted"},
		{"http://shelf.spin.internal", []string{"http://shelf.writ.internal/**"}, ""},
		{"http://*.spin.internal", []string{"http://*.writ.internal/**"}, ""},

		{"http://localhost:1..65535", nil, "a range of 65534 ports"},
		{"http://localhost:9..1", nil, "the lesser one first"},
		{"http://localhost:a..b", nil, "want two numbers"},
		{"https://{{ token }}", nil, "variable token has no default"},
		{"https://{{ nothing }}", nil, "variable nothing has no default"},
		{"https://{{ host", nil, "{{ without }}"},
		{"https://10.0.0.0/8", nil, "networks are not granted"},
		{"https://a.*.example.com", nil, "a wildcard is all of a host"},
		{"https://*.*.example.com", nil, "a wildcard is all of a host"},
		{"https://example.com/path", nil, "a path is not part of it"},
		{"http://self", nil, "does not call itself"},
		{"postgres://db.example.com", nil, "sql.NAME.provider"},
		{"redis://localhost", nil, "kv.NAME.provider"},
		{"mysql://localhost", nil, "there is no MySQL"},
		{"gopher://example.com", nil, "nothing here speaks gopher"},
		{"*", nil, "want SCHEME://HOST:PORT"},
		{"", nil, "want SCHEME://HOST:PORT"},
	}
	for _, test := range tests {
		got, hint, err := m.outbound(test.host)
		if err != nil {
			hint = err.Error()
		}
		if !slices.Equal(got, test.want) || !strings.Contains(hint, test.hint) || test.hint == "" && hint != "" {
			t.Errorf("%q: %q, %q; want %q, %q", test.host, got, hint, test.want, test.hint)
		}
	}
}

const spinHead = "spin_manifest_version = 2\n[application]\nname = \"shop\"\n"

// Whatever a spin.toml says, nothing outside of its directory is named, and nothing is written for what is refused.
func TestHostileSpinManifests(t *testing.T) {
	component := spinHead + "[component.web]\nsource = \"web.wasm\"\n"
	var hosts strings.Builder
	for n := range 100 {
		fmt.Fprintf(&hosts, `"http://host%d:1..65",`, n)
	}
	many := func(n int, each string) string { return strings.Repeat(each, n) }
	tests := []struct{ name, text, want string }{
		{"nothing", "", "spin.toml:1: this is no manifest of Spin"},
		{"no TOML", "spin_manifest_version = \x00", "spin.toml:1:"},
		{"version 1", "spin_manifest_version = \"1\"\ntrigger = { type = \"http\" }", "spin.toml:1: only manifests of version 2"},
		{"first version", "\nspin_version = \"1\"", "spin.toml:2: only manifests of version 2"},
		{"no component", spinHead, "it has no component"},
		{"wrong type", component + "files = 3", "spin.toml:6:9: component.web.files: cannot decode TOML integer here"},
		{"wrong type within", spinHead + "[[trigger.http]]\nroute = \"/\"\ncomponent = { source = \"x\", files = 3 }", "trigger http, line 4"},
		{"large", spinHead + many(maxSpinManifest, "#"), "that a manifest may have"},
		{"deep", spinHead + "x = " + many(100_000, "["), "spin.toml:4:"},
		{"many hosts", component + "allowed_outbound_hosts = [" + hosts.String() + "]", "than the 2048 that are read"},
		{"many models", component + "ai_models = [" + many(5000, `"m",`) + "]", "than the 2048 that are read"},
		{"same names", component + "[component.WEB]\nsource = \"x\"", "would both be named web"},
		{"same routes", component + many(2, "[[trigger.http]]\nroute = \"/\"\ncomponent = \"web\"\n"), "is refused: writ.toml"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir, _, err := imported(t, test.text)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%.300v, and not %s", err, test.want)
			}
			if written, _ := filepath.Glob(filepath.Join(dir, "*")); len(written) != 1 {
				t.Errorf("there are %v", written)
			}
		})
	}
}

func TestSpinManifestsStayInTheirDirectory(t *testing.T) {
	outside := t.TempDir()
	dir := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	text := spinHead + `[variables]
long = { default = "` + strings.Repeat("x", 60_000) + `" }
[component."\u001b[31mweb"]
source = "../web.wasm"
files = ["../**", "/etc/*", "link/**", "*", { source = "link", destination = "/" }, { source = ".", destination = "/" }, { source = "/", destination = "/" }, 7, {}]
key_value_stores = ["../x", ""]
sqlite_databases = ["a/b"]
[component."\u001b[31mweb".variables]
bomb = "` + strings.Repeat("{{long}}", 1000) + `"
`
	if err := os.WriteFile(filepath.Join(dir, "spin.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var printed strings.Builder
	if err := importSpin(&printed, filepath.Join(dir, "spin.toml"), ""); err != nil {
		t.Fatal(err)
	}
	m, err := writ.ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range m.Components {
		if c.Source != name+".wasm" || len(c.Requests)+len(c.Config) != 0 {
			t.Errorf("component %s: %+v", name, c)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, writ.HostConfigName)); err == nil {
		t.Error("there is a host.toml")
	}
	for _, want := range []string{"spin.toml:7: ", "a symbolic link leads out", "not below the directory", "would open the whole directory", "makes more than 65536 bytes", `\x1b[31mweb`} {
		if !strings.Contains(printed.String(), want) {
			t.Errorf("nothing says %s:\n%.3000s", want, printed.String())
		}
	}
}

// A key that nobody knows is told, wherever it is, and the rest is read.
func TestUnknownKeysOfSpin(t *testing.T) {
	dir, printed, err := imported(t, spinHead+`color = "red"
[component.web]
source = "web.wasm"
frobnicate = true
[[trigger.http]]
route = "/"
component = { source = "x.wasm", shape = "round" }
retries = 3
`)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"spin.toml:4: application.color is not known", "spin.toml:7: component.web.frobnicate is not known",
		"spin.toml:10: shape is not known", "spin.toml:11: trigger http: retries was left out"} {
		if !strings.Contains(printed, want) {
			t.Errorf("nothing says %s:\n%s", want, printed)
		}
	}
	if m, err := writ.ReadManifest(dir); err != nil || len(m.Components) != 2 || len(m.Triggers.HTTP) != 1 {
		t.Errorf("%+v, %v", m, err)
	}
}

// FuzzImport wants writ to read all that it makes.
func FuzzImport(f *testing.F) {
	f.Add(spinHead + "[component.web]\nsource = \"web.wasm\"\nallowed_outbound_hosts = [\"*://*:*\"]\n[[trigger.http]]\nroute = \"/...\"\ncomponent = \"web\"\n")
	f.Add(spinHead + "[variables]\na = { default = \"\\u007f\" }\n[[trigger.http]]\nroute = { private = true }\ncomponent = { source = \"x\", environment = { \"\" = \"\" }, variables = { b = \"{{ a }}\" } }\n")
	f.Add("spin_version = \"1\"")
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "spin.toml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := importSpin(io.Discard, dir, ""); err != nil {
			if strings.Contains(err.Error(), "is refused") && !strings.Contains(err.Error(), "for the same paths") {
				t.Error(err)
			}
			return
		}
		if _, err := writ.ReadManifest(dir); err != nil {
			t.Error(err)
		}
	})
}
