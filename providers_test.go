package writ_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/writ-host/writ"
)

// copyTree copies an example's files; later ones win.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

func serveApp(t *testing.T, dir string) string {
	t.Helper()
	app, err := writ.LoadApp(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	h, err := writ.Start(context.Background(), app, writ.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	t.Cleanup(func() {
		server.Close()
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return server.URL
}

const acceptMissing = "accept-missing = [\"files\", \"network\", \"scope\", \"syscalls\", \"processes\"]\n"

// The provider in Python serves its guest, under its own policy's condition.
func TestPythonProvider(t *testing.T) {
	out, err := exec.Command("python3", "-c", "import sys, grpc, cryptography, os\n"+
		"print(os.path.realpath(sys.executable)); print(sys.prefix); print(sys.base_prefix); print(os.path.dirname(os.path.dirname(grpc.__file__)))").Output()
	if err != nil {
		t.Skip("the example needs gRPC for Python: pip install grpcio==1.85.1 cryptography==48.0.0")
	}
	reads := strings.Fields(string(out))
	root := t.TempDir()
	copyTree(t, "examples/providers/stats", root)
	source, err := os.ReadFile(filepath.Join(root, "provider.py"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(source), "\n")
	writeFile(t, filepath.Join(root, "provider.py"), "#!"+reads[0]+"\n"+rest)
	if err := os.Chmod(filepath.Join(root, "provider.py"), 0o700); err != nil {
		t.Fatal(err)
	}
	host := filepath.Join(root, "app", "host.toml")
	writeFile(t, host, acceptMissing+fmt.Sprintf("policies = \"../policies\"\n[provider.stats]\npath = \"../provider.py\"\nreadable = [\"%s\"]\n",
		strings.Join(reads, `", "`)))
	if _, err := writ.PinProviders(host, nil); err != nil {
		t.Fatal(err)
	}
	url := serveApp(t, filepath.Join(root, "app"))
	for body, want := range map[string]string{
		"1 2 3 4 15":                  "200 OK count 5\nmean 5\ndeviation 5.701\n0 to 10: 4\n10 to 20: 1\n",
		"7":                           "200 OK count 1\nmean 7\n0 to 10: 1\n",
		"1 inf":                       "400 Bad Request sample 1 is not a finite number\n",
		"x":                           "400 Bad Request want numbers",
		strings.Repeat("1\n", 100000): "403 Forbidden no grant allows this\n",
	} {
		if got := request(t, "POST", url, body); !strings.HasPrefix(got, want) {
			t.Errorf("%.20q: %q, want %q", body, got, want)
		}
	}
}

// What a provider offers cannot take the place of anything else.
func TestProvidersThatCollide(t *testing.T) {
	program := filepath.Join(t.TempDir(), "words")
	if out, err := exec.Command("go", "build", "-o", program, "./examples/providers/words").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dir := t.TempDir()
	copyTree(t, "examples/providers/words/app", dir)
	host := filepath.Join(dir, "host.toml")
	writeFile(t, host, acceptMissing+fmt.Sprintf("[provider.one]\npath = %q\n[provider.two]\npath = %q\n", program, program))
	if changed, err := writ.PinProviders(host, nil); err != nil || len(changed) != 2 {
		t.Fatal(changed, err)
	}
	app, err := writ.LoadApp(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	h, err := writ.Start(context.Background(), app, writ.Options{})
	if err == nil {
		err = errors.Join(errors.New("started"), h.Close())
	}
	if !strings.Contains(err.Error(), "example:words/dictionary@0.1.0 is offered already") {
		t.Error(err)
	}
}

func TestPinKeepsTheRestOfTheFile(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "p"), "program")
	const sum = "d9d6eb3be4c4cd4f7a8db4a29ec7f5c9f8fcb8e9f9f2a7ff1c2d3d9e2c8e5a11"
	real, err := writ.Pin(filepath.Join(dir, "p"))
	if err != nil {
		t.Fatal(err)
	}
	for before, after := range map[string]string{
		"[provider.a]\npath = \"p\"\nsha256 = \"" + sum + "\" # pinned\n[limits]\nmemory = \"1MiB\"\n":          "[provider.a]\npath = \"p\"\nsha256 = \"" + real + "\"\n[limits]\nmemory = \"1MiB\"\n",
		"# top\n[ provider.a ] # mine\npath = \"p\"\n\n[provider.a.settings]\nsha256 = \"of something else\"\n": "# top\n[ provider.a ] # mine\nsha256 = \"" + real + "\"\npath = \"p\"\n\n[provider.a.settings]\nsha256 = \"of something else\"\n",
		"[provider.a]\npath = \"p\"\n  sha256   = \"\"\n":                                                       "[provider.a]\npath = \"p\"\n  sha256   = \"" + real + "\"\n",
	} {
		path := filepath.Join(dir, "host.toml")
		writeFile(t, path, before)
		if _, err := writ.PinProviders(path, nil); err != nil {
			t.Errorf("%s: %v", before, err)
		}
		b, err := os.ReadFile(path)
		if err != nil || string(b) != after {
			t.Errorf("pinned:\n%s(%v) want:\n%s", b, err, after)
		}
	}
	path := filepath.Join(dir, "host.toml")
	writeFile(t, path, "provider.a.path = \"p\"\n")
	if _, err := writ.PinProviders(path, nil); err == nil || !strings.Contains(err.Error(), "no line [provider.a]") {
		t.Errorf("a provider without a table: %v", err)
	}
}

func TestProviderConfigurationIsChecked(t *testing.T) {
	for text, want := range map[string]string{
		"[provider.a]\n":                                 "provider.a: no path",
		"[provider.a]\npath = \"p\"\n":                   "writ provider pin",
		"[provider.a]\npath = \"p\"\nsha256 = \"x\"\n":   "64 hex digits",
		"[provider.A]\npath = \"p\"\n":                   `provider "A": want lower-case`,
		"[provider.a]\npath = \"p\"\nport = [1]\n":       "unknown key",
		"[provider.a]\npath = \"p\"\nports = [70000]\n":  "host.toml",
		"[provider.a]\npath=\"p\"\nports=[0]\nsha256=\"": "host.toml",
	} {
		path := filepath.Join(t.TempDir(), "host.toml")
		writeFile(t, path, text)
		if _, err := writ.ReadHostConfig(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// A third party's key-value provider serves a guest that knows nothing of it.
func TestAThirdPartysStore(t *testing.T) {
	dir := t.TempDir()
	copyTree(t, "examples/guestbook", dir)
	program := filepath.Join(dir, "journal")
	if out, err := exec.Command("go", "build", "-o", program, "./examples/providers/journal").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	host := filepath.Join(dir, "host.toml")
	config := acceptMissing + "[kv.default]\nprovider = \"journal\"\n[provider.journal]\npath = \"journal\"\ndata = \"stores\"\n"
	writeFile(t, host, config)
	if _, err := writ.PinProviders(host, nil); err != nil {
		t.Fatal(err)
	}
	url := serveApp(t, dir)
	if got := request(t, "POST", url, "message=kept"); !strings.HasPrefix(got, "200") { // of the page that it leads to
		t.Errorf("a message: %s", got)
	}
	if kept := readFile(t, filepath.Join(dir, "stores/journal")); !strings.Contains(kept, "guestbook/message/") {
		t.Errorf("the journal has %q", kept)
	}

	writeFile(t, host, "data = \"other\"\n"+readFile(t, host)+"[http]\nprovider = \"journal\"\n[sql.default]\nprovider = \"journal\"\n")
	for example, want := range map[string]string{"proxy": "http: the provider journal does not serve HTTP: it serves KeyValue",
		"orders": "database default: the provider journal does not serve SQL: it serves KeyValue"} {
		app, err := writ.LoadApp("examples/"+example, host)
		if err != nil {
			t.Fatal(err)
		}
		h, err := writ.Start(context.Background(), app, writ.Options{})
		if err == nil {
			err = errors.Join(errors.New("started"), h.Close())
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", example, err, want)
		}
	}
}

// Passwords come from systemd's credentials, whose directory is known at the start only.
func TestCredentials(t *testing.T) {
	dir := t.TempDir()
	host := filepath.Join(dir, "host.toml")
	writeFile(t, host, acceptMissing+"[kv.default]\nprovider = \"redis\"\naddress = \"127.0.0.1:1\"\ntls = \"off\"\npassword-file = \"$CREDENTIALS_DIRECTORY/redis\"\n")
	start := func() error {
		app, err := writ.LoadApp("examples/guestbook", host)
		if err != nil {
			return err
		}
		h, err := writ.Start(context.Background(), app, writ.Options{})
		if err != nil {
			return err
		}
		return h.Close()
	}
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	if err := start(); err == nil || !strings.Contains(err.Error(), "LoadCredential=redis:FILE") {
		t.Errorf("without credentials: %v", err)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	if err := start(); err == nil || !strings.Contains(err.Error(), "redis") {
		t.Errorf("with a credential that is not there: %v", err)
	}
	writeFile(t, filepath.Join(dir, "redis"), "s3cret\n")
	if err := start(); err != nil {
		t.Errorf("with the credential: %v", err)
	}
}
