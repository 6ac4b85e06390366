package writ_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// guest is the path, in a directory of its own, of a component that a toolchain
// built. Few machines have those; CI does, and fails on skipped tests.
func guest(t *testing.T, name string) string {
	t.Helper()
	built, err := filepath.Abs(filepath.Join("build/guests", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(built); err != nil {
		t.Skipf("%v; build it with: make guests (examples/Makefile says what that needs)", err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.Symlink(built, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// Components as today's toolchains make them, bare: they get no grants.
func TestGuestsOfToolchains(t *testing.T) {
	for _, g := range []struct {
		file, path string
		status     int
		body       string
		echoes     bool // what is posted
	}{
		{"guestbook.wasm", "/", 403, "store is denied", false},
		{"greeter.wasm", "/Ada", 200, "1. Hello, Ada!\n1. Bonjour, Ada !\n1. Adaさん、こんにちは。\n", false},
		{"greeter.wasm", "/", 400, "say who you are: GET /NAME\n", false},
		{"greeter.wasm", "/" + strings.Repeat("a", 65), 400, "a name of 65 bytes is too long\n", false},
		{"hello-js.wasm", "/path?q=1", 200, "Hello from JavaScript, /path?q=1\n", true},
		{"hello-python.wasm", "/path?q=1", 200, "Hello from Python, /path?q=1\n", true},
	} {
		t.Run(fmt.Sprintf("%s%.8s", g.file, g.path), func(t *testing.T) {
			s := serve(t, guest(t, g.file))
			status, body, err := s.get(t, g.path)
			if status != g.status || !strings.Contains(body, g.body) || err != nil {
				t.Errorf("status %d, %q, %v; want %d, %q", status, body, err, g.status, g.body)
			}
			if g.echoes {
				for _, size := range []int{0, 1, 1 << 20} {
					echo(t, s, size)
				}
			}
		})
	}
}

// echo posts bytes and wants them back.
func echo(t *testing.T, s *served, size int) {
	t.Helper()
	sent := bytes.Repeat([]byte("0123456789abcde\n"), size/16+1)[:size]
	resp, err := s.Client().Post(s.URL+"/", "application/octet-stream", bytes.NewReader(sent))
	if err != nil {
		t.Errorf("echo of %d bytes: %v", size, err)
		return
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || !bytes.Equal(got, sent) {
		t.Errorf("echo of %d bytes: status %d, %d bytes, %v; %v", size, resp.StatusCode, len(got), err, s.outcome(t, "/").Err)
	}
}
