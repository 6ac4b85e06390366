package writ_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/writ-host/writ"
)

// libraryDir is a copy of examples/library.
func libraryDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "library")
	if err := os.CopyFS(dir, os.DirFS("examples/library")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func (s *served) do(t *testing.T, method, path, body string) (status int, text string) {
	t.Helper()
	r, err := http.NewRequest(method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Errorf("%s %s: %v", method, path, err)
	}
	return resp.StatusCode, string(read)
}

func (s *served) wants(t *testing.T, method, path string, status int, body string) {
	t.Helper()
	if got, text := s.do(t, method, path, "new"); got != status || !strings.Contains(text, body) {
		t.Errorf("%s %s: %d %q, want %d %q", method, path, got, text, status, body)
	}
}

// The example: the front calls the shelf, which has a directory.
func TestLibrary(t *testing.T) {
	dir := libraryDir(t)
	s := serve(t, dir)
	s.wants(t, "GET", "/", 200, "cities.txt\nwhale.txt\n")
	s.wants(t, "GET", "/books/whale.txt", 200, "Call me what you like.\n")
	s.wants(t, "GET", "/books/none.txt", 404, "no such book")
	s.wants(t, "GET", "/books/%2e%2e", 502, "UriInvalid")
	s.wants(t, "GET", "/books/..%2fgrants.json", 502, "UriInvalid")
	s.wants(t, "GET", "/shelf", 404, "no component is routed here")
	s.wants(t, "PUT", "/books/new.txt", 403, "the shelf is out of reach") // the method is not granted
	if told := s.outcome(t, "/whale.txt"); told.Component != "shelf" || told.Caller != "front" || told.Status != 200 {
		t.Errorf("the call is told as %+v", told)
	}
	grants := readFile(t, "examples/library/grants.json")
	regrant := func(from, to string) {
		t.Helper()
		s.regrant(t, dir, strings.ReplaceAll(grants, from, to))
	}
	regrant(`["GET"]`, `["GET", "PUT"]`)
	s.wants(t, "PUT", "/books/new.txt", 403, "that is not granted") // neither is writing
	regrant(`["read", "list"]`, `["read", "list", "write", "create"]`)
	s.wants(t, "PUT", "/books/new.txt", 403, "the shelf is out of reach")
	grants = strings.ReplaceAll(grants, `["GET"]`, `["GET", "PUT"]`)
	regrant(`["read", "list"]`, `["read", "list", "write", "create"]`)
	s.wants(t, "PUT", "/books/new.txt", 403, "that is not granted: read-only") // host.toml has it so
	regrant("file:///**/library/books/**", "file:///elsewhere/**")
	s.wants(t, "GET", "/", 503, "the shelf has no directory")
	regrant("http://shelf.writ.internal/**", "http://**")
	s.wants(t, "GET", "/", 403, "the shelf is out of reach")
	regrant("http://shelf.writ.internal/**", "http://*.spin.internal/**")
	s.wants(t, "GET", "/", 200, "whale.txt")
}

// regrant replaces the grants and waits until they are in force.
func (s *served) regrant(t *testing.T, dir, grants string) {
	t.Helper()
	writeFile(t, filepath.Join(dir, "grants.new"), grants)
	for len(s.reloads) > 0 {
		<-s.reloads
	}
	if err := os.Rename(filepath.Join(dir, "grants.new"), filepath.Join(dir, "grants.json")); err != nil {
		t.Fatal(err)
	}
	if r := <-s.reloads; r.Err != nil {
		t.Fatal(r.Err)
	}
}

func TestWritableDirectory(t *testing.T) {
	dir := libraryDir(t)
	text := strings.ReplaceAll(readFile(t, filepath.Join(dir, "grants.json")), `["GET"]`, `["GET", "PUT"]`)
	writeFile(t, filepath.Join(dir, "grants.json"), strings.ReplaceAll(text, `["read", "list"]`, `["*"]`))
	writeFile(t, filepath.Join(dir, writ.HostConfigName), "[[directory]]\ncomponent = \"shelf\"\nhost = \"books\"\n")
	s := serve(t, dir)
	s.wants(t, "PUT", "/books/new.txt", 200, "new.txt is on the shelf")
	if got := readFile(t, filepath.Join(dir, "books/new.txt")); got != "new" {
		t.Errorf("written: %q", got)
	}
	s.wants(t, "GET", "/books/new.txt", 200, "new")
}

// selfApp is the relay, which asks itself by name.
const selfApp = `
name = "proxy"
[component.relay]
source = "proxy.wasm"
[component.silent]
source = "proxy.wasm"
[[trigger.http]]
route = "/..."
component = "relay"
`

func serveSelf(t *testing.T, config string) *served {
	t.Helper()
	dir := appDir(t, map[string]string{"proxy.wasm": "examples/proxy/proxy.wasm", "writ.toml": selfApp, "host.toml": config})
	grantHTTP(t, dir, "http://relay.writ.internal/**", "http://absent.writ.internal/**", "http://127.0.0.1/**")
	return serve(t, dir)
}

const again = "/http/relay.writ.internal"

func TestCallsAreBounded(t *testing.T) {
	s := serveSelf(t, "[limits]\ncall-depth = 3\n")
	s.wants(t, "GET", strings.Repeat(again, 3)+"/nowhere", 400, "write /http/HOST:PORT/PATH")
	s.wants(t, "GET", strings.Repeat(again, 4)+"/nowhere", 502, "LoopDetected")
	s.wants(t, "GET", "/http/absent.writ.internal/", 502, "DestinationNotFound")
	s.wants(t, "GET", "/http/silent.writ.internal/", 403, "this is not granted")
	s.wants(t, "GET", "/https/relay.writ.internal/", 400, "write /http")
	s.wants(t, "GET", "/http/relay.writ.internal:8080/", 400, "write /http")
}
