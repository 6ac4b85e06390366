package broker

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-host/writ/broker/fetch"
)

// bundleServer serves one archive at a time, as OPA's bundle services do.
type bundleServer struct {
	*httptest.Server
	mu        sync.Mutex
	archive   []byte
	version   int
	status    int // in place of an answer
	unchanged atomic.Int64
	served    atomic.Int64
}

func newBundleServer(t *testing.T) *bundleServer {
	s := &bundleServer{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		archive, tag, status := s.archive, fmt.Sprintf(`"v%d"`, s.version), s.status
		s.mu.Unlock()
		w.Header().Set("ETag", tag)
		switch {
		case status != 0:
			w.WriteHeader(status)
		case r.Header.Get("If-None-Match") == tag:
			s.unchanged.Add(1)
			w.WriteHeader(http.StatusNotModified)
		default:
			s.served.Add(1)
			_, _ = w.Write(archive)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *bundleServer) offer(archive []byte, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.archive, s.status, s.version = archive, status, s.version+1
}

// remoteFiles are those of a host with a bundle from a server.
func remoteFiles(s *bundleServer, dir, key string) Files {
	return Files{Grants: filepath.Join(dir, "grants.json"), Bundle: Bundle{Path: filepath.Join(dir, "policy", "bundle.tar.gz"), Key: key,
		From: &fetch.Client{URL: s.URL, MaxSize: 1 << 20}, MinDelay: time.Millisecond, MaxDelay: 5 * time.Millisecond}}
}

// packed is a bundle with other content than the usual, signed when there is a private key.
func packed(t *testing.T, rule, data, private string) []byte {
	t.Helper()
	dir := t.TempDir()
	writeBundled(t, filepath.Join(dir, "p.rego"), rule)
	writeBundled(t, filepath.Join(dir, "data.json"), data)
	content, err := os.ReadFile(archive(t, dir, private))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

const grantsNothing = `{"environment": "test"}`

// watched watches the files and hands on what is reported.
func watched(t *testing.T, files Files) (*Broker, chan Reload, error) {
	b := New(Config{})
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); b.Close() })
	reports := make(chan Reload, 1000)
	return b, reports, b.Watch(ctx, files, guestbookApps(), func(r Reload) { reports <- r })
}

func awaitReload(t *testing.T, reports chan Reload, because string) {
	t.Helper()
	for end := time.After(30 * time.Second); ; {
		select {
		case r := <-reports:
			if because == "" && r.Err == nil || because != "" && r.Err != nil && strings.Contains(r.Err.Error(), because) {
				return
			}
		case <-end:
			t.Fatalf("nothing with %q was reported", because)
		}
	}
}

func awaitCount(t *testing.T, what string, n *atomic.Int64, atLeast int64) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); n.Load() < atLeast; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: %d, want %d", what, n.Load(), atLeast)
		}
	}
}

func TestBundlesFromAServer(t *testing.T) {
	key, private := keyPair(t)
	_, otherPrivate := keyPair(t)
	s, dir := newBundleServer(t), t.TempDir()
	files := remoteFiles(s, dir, key)
	production := `{"environment": "production", ` + strings.TrimPrefix(grantJSON(""), "{")
	s.offer(packed(t, bundledRule, production, private), 0)
	b, reports, err := watched(t, files)
	if err != nil || decide(b) != Granted {
		t.Fatalf("%v, %v", err, decide(b))
	}
	awaitCount(t, "answers that nothing changed", &s.unchanged, 3)
	if n := s.served.Load(); n != 1 {
		t.Errorf("the archive was sent %d times", n)
	}
	s.offer(packed(t, bundledRule, grantsNothing, private), 0)
	awaitReload(t, reports, "")
	if r := decide(b); r != NoGrant {
		t.Fatalf("the second bundle is not in force: %v", r)
	}
	for because, offered := range map[string]func(){
		"signature":         func() { s.offer(packed(t, bundledRule, production, ""), 0) },
		"verif":             func() { s.offer(packed(t, bundledRule, production, otherPrivate), 0) },
		"rego_unsafe_var":   func() { s.offer(packed(t, "package writ\n\ngrants contains x", production, private), 0) },
		"more than 1048576": func() { s.offer(make([]byte, 2<<20), 0) },
		"empty archive":     func() { s.offer(nil, 0) },
		"503":               func() { s.offer(nil, 503) },
	} {
		offered()
		awaitReload(t, reports, because)
		if r := decide(b); r != NoGrant {
			t.Fatalf("%s: %v", because, r)
		}
	}
	// Whichever came last: one that is served again and again.
	s.offer(packed(t, "package writ\n\ngrants contains y", production, private), 0)
	awaitReload(t, reports, "rego_unsafe_var")
	told := len(reports)
	served := s.served.Load()
	awaitCount(t, "refused archives", &s.served, served+3)
	if n := len(reports); n > told+1 {
		t.Errorf("what is refused for the same reason is told of again: %d times", n-told)
	}
	testKeptBundle(t, s, files)
}

// What is small on the wire alone is refused before anything is made of it.
func TestUnpackable(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := unpackable(b.Bytes(), 1<<20); err != nil {
		t.Error(err)
	}
	for because, err := range map[string]error{
		"unpacks to more than 1048575": unpackable(b.Bytes(), 1<<20-1),
		"EOF":                          unpackable(b.Bytes()[:b.Len()/2], 1<<20),
	} {
		if err == nil || !strings.Contains(err.Error(), because) {
			t.Errorf("error %v, want %s", err, because)
		}
	}
}

// testKeptBundle starts anew with what an earlier run kept.
func testKeptBundle(t *testing.T, s *bundleServer, files Files) {
	s.offer([]byte("not a bundle"), 0)
	b, reports, err := watched(t, files)
	if err != nil || decide(b) != NoGrant {
		t.Fatalf("with a server that offers nothing good: %v, %v", err, decide(b))
	}
	awaitReload(t, reports, "gzip")
	s.Close()
	b, reports, err = watched(t, files)
	if err != nil || decide(b) != NoGrant {
		t.Fatalf("without a server: %v, %v", err, decide(b))
	}
	awaitReload(t, reports, "refused")
	kept, err := os.ReadFile(files.Bundle.Path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files.Bundle.Path, kept[:len(kept)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := watched(t, files); err == nil {
		t.Error("a kept bundle that is damaged is taken up")
	}
	if err := os.Remove(files.Bundle.Path); err != nil {
		t.Fatal(err)
	}
	if _, _, err := watched(t, files); err == nil || !strings.Contains(err.Error(), "fetch bundle http://") {
		t.Errorf("without a server and a bundle: %v", err)
	}
}

// A server that takes its time holds up no change of grants.
func TestASlowServerDelaysNoRevocation(t *testing.T) {
	s, dir := newBundleServer(t), t.TempDir()
	release := make(chan struct{})
	defer close(release)
	s.offer(packed(t, "package writ.conditions\n\nyes := true", `{}`, ""), 0)
	files := remoteFiles(s, dir, "")
	asked := make(chan struct{}, 1000)
	files.Bundle.From = stalling{files.Bundle.From, asked, release}
	write(t, files.Grants, grantJSON(""))
	b, reports, err := watched(t, files)
	if err != nil || decide(b) != Granted {
		t.Fatalf("%v, %v", err, decide(b))
	}
	<-asked // the second look begins, and does not end
	if err := RevokeGrant(files.Grants, "g"); err != nil {
		t.Fatal(err)
	}
	awaitReload(t, reports, "")
	if r := decide(b); r != NoGrant {
		t.Errorf("%v", r)
	}
}

// stalling fetches once, and then waits.
type stalling struct {
	Fetcher
	asked   chan struct{}
	release chan struct{}
}

func (s stalling) Fetch(ctx context.Context, tag string) ([]byte, string, error) {
	if tag == "" {
		return s.Fetcher.Fetch(ctx, tag)
	}
	s.asked <- struct{}{}
	select {
	case <-s.release:
	case <-ctx.Done():
	}
	return nil, tag, ctx.Err()
}
