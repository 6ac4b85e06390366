package writ_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/writ-host/writ"
)

// serveCounter serves the component that keeps state, under these lines of its
// table in writ.toml.
func serveCounter(t *testing.T, lines string) *served {
	t.Helper()
	return serve(t, counterApp(t, lines))
}

func counterApp(t *testing.T, lines string) string {
	return appDir(t, map[string]string{
		"counter.wasm": "testdata/counter.wasm",
		"grants.json":  counterGrants,
		"writ.toml": `name = "counted"
[component.web]
source = "counter.wasm"
` + lines + `
[[trigger.http]]
route = "/..."
component = "web"
`})
}

const counterGrants = `{"grants": [{"id": "kv", "app": "counted", "component": "web",
	"capability": "kv", "resource": "kv://default/**", "operations": ["get"]}]}`

// wantAnswers asks for each path in turn. What is wanted of "" is any failure.
func wantAnswers(t *testing.T, s *served, pathsAndAnswers ...string) {
	t.Helper()
	for i := 0; i < len(pathsAndAnswers); i += 2 {
		path, want := pathsAndAnswers[i], pathsAndAnswers[i+1]
		status, body, err := s.get(t, path)
		if failed := err != nil || status != http.StatusOK; failed != (want == "") || !failed && strings.TrimSpace(body) != want {
			t.Errorf("request %d, %s: status %d, %q, %v; want %q", i/2+1, path, status, body, err, want)
		}
	}
}

func TestInstances(t *testing.T) {
	for _, c := range []struct {
		name, lines string
		want        []string
	}{
		{"by default", ``, []string{"/", "1", "/", "1"}},
		{"per request", `instances = "per-request"`, []string{"/", "1", "/", "1"}},
		{"reused", `instances = "reuse"`, []string{"/", "1", "/", "2", "/", "3"}},
		{"no more than so many requests", "instances = \"reuse\"\nlimits = {reuse-requests = 2}", []string{"/", "1", "/", "2", "/", "1", "/", "2"}},
		{"no older", "instances = \"reuse\"\nlimits = {reuse-age = \"1ns\"}", []string{"/", "1", "/", "1"}},
		{"not after a trap", `instances = "reuse"`, []string{"/", "1", "/trap", "", "/", "1", "/", "2"}},
		{"not after its time", "instances = \"reuse\"\nlimits = {wall-time = \"1s\"}", []string{"/", "1", "/sleep", "", "/", "1"}},
		{"within one limit of memory", "instances = \"reuse\"\nlimits = {memory = \"32MiB\"}",
			[]string{"/grow", "1 grown", "/grow", "2 no more memory"}},
	} {
		t.Run(c.name, func(t *testing.T) { wantAnswers(t, serveCounter(t, c.lines), c.want...) })
	}
}

// A client that leaves ends its request's instance.
func TestReuseEndsWithTheClient(t *testing.T) {
	s := serveCounter(t, `instances = "reuse"`)
	wantAnswers(t, s, "/", "1")
	ctx, leave := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "POST", s.URL+"/sleep", nil)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(50*time.Millisecond, leave)
	if resp, err := s.Client().Do(req); err == nil {
		resp.Body.Close()
		t.Fatal("the client did not leave")
	}
	s.outcome(t, "/sleep")
	wantAnswers(t, s, "/", "1")
}

// A bucket that an instance keeps open obeys what is granted now.
func TestReuseObeysRevocation(t *testing.T) {
	dir := counterApp(t, `instances = "reuse"`)
	s := serve(t, dir)
	wantAnswers(t, s, "/bucket", "1 read", "/bucket", "2 read")
	if err := os.WriteFile(filepath.Join(dir, "grants.json"), []byte(`{"grants": []}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		_, body, err := s.get(t, "/bucket")
		if err != nil || strings.HasPrefix(body, "1 ") {
			t.Fatalf("%q, %v: want the same instance", body, err)
		}
		if strings.Contains(body, "AccessDenied") {
			return
		}
	}
	t.Error("the open bucket can still be read")
}

// What an instance keeps of an earlier request's body ends with what it had
// read of it.
func TestReuseOfAnOldBody(t *testing.T) {
	s := serveCounter(t, `instances = "reuse"`)
	resp, err := s.Client().Post(s.URL+"/keep-body", "text/plain", strings.NewReader(strings.Repeat("x", 1<<20)))
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", resp, err)
	}
	resp.Body.Close()
	status, body, err := s.get(t, "/kept-body")
	if status != http.StatusOK || !strings.HasPrefix(body, "2 StreamError::LastOperationFailed") || err != nil {
		t.Errorf("status %d, %q, %v; want a failure to read", status, body, err)
	}
	wantAnswers(t, s, "/kept-body", "3 nothing kept")
}

// However many ask, no instance serves two at once, nor more than it may.
func TestReuseByMany(t *testing.T) {
	s := serveCounter(t, "instances = \"reuse\"\nlimits = {reuse-requests = 5}")
	const workers, each = 8, 25
	var mu sync.Mutex
	seen := map[string]int{}
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for range each {
				status, body, err := s.get(t, "/")
				mu.Lock()
				seen[fmt.Sprint(status, " ", strings.TrimSpace(body), err)]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	total := 0
	for n := 1; n <= 5; n++ {
		now := seen[fmt.Sprintf("200 %d<nil>", n)]
		if before := seen[fmt.Sprintf("200 %d<nil>", n-1)]; n > 1 && now > before {
			t.Errorf("%d answers %d and %d answers %d", now, n, before, n-1)
		}
		total += now
	}
	if total != workers*each || seen["200 5<nil>"] == 0 {
		t.Errorf("answers %v: want %d of 1 to 5", seen, workers*each)
	}
}

func TestInstancesMistaken(t *testing.T) {
	for _, c := range []struct{ lines, host, want string }{
		{`instances = "forever"`, ``, `component web: instances = "forever": want "per-request" or "reuse"`},
		{`limits = {reuse-age = "1m"}`, ``, `limits.reuse-requests and limits.reuse-age are for instances = "reuse"`},
		{"instances = \"reuse\"\nlimits = {reuse-requests = -1}", ``, `limits.reuse-requests = -1: want more than 0`},
		{"instances = \"reuse\"\nlimits = {reuse-requests = 11}", "[limits]\nreuse-requests = 10", `limits.reuse-requests = 11 is more than the host allows (10, `},
		{"instances = \"reuse\"\nlimits = {reuse-age = \"2h\"}", ``, `limits.reuse-age = 2h0m0s is more than the host allows (10m0s, `},
		{``, "[limits]\nreuse-requests = -1", `limits.reuse-requests = -1: want more than 0`},
		{`limits = {reuse = 1}`, ``, `writ.toml:4:11: unknown key component.web.reuse`},
	} {
		dir := counterApp(t, c.lines)
		if err := os.WriteFile(filepath.Join(dir, writ.HostConfigName), []byte(c.host), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := writ.LoadApp(dir, ""); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, %s: error %v; want %q", c.lines, c.host, err, c.want)
		}
	}
}
