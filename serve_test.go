package writ_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/writ-host/writ"
	"github.com/writ-host/writ/broker"
)

// patience bounds waits for what takes milliseconds on an idle machine.
const patience = 30 * time.Second

// sharedCache keeps compiled code for all tests of a run. The slow components
// of other toolchains are compiled once for all runs.
var sharedCache = sync.OnceValue(func() string {
	dir, err := filepath.Abs("build/cache")
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		panic(err)
	}
	return dir
})

// served is an app that a test asks over HTTP.
type served struct {
	*httptest.Server
	host *writ.Host
	log  *logBuffer

	reloads     chan broker.Reload   // of grants and policies, while there is room
	deployments chan writ.Deployment // the same of the app

	mu   sync.Mutex
	told map[string]writ.Request // by path, the latest
}

// serve starts an app that a directory has, and ends it with the test.
func serve(t *testing.T, dir string) *served {
	t.Helper()
	s := serveDir(t, dir)
	t.Cleanup(func() { s.end(t) })
	return s
}

// end closes both ends.
func (s *served) end(t *testing.T) {
	s.Server.Close()
	if err := s.host.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// serveDir starts an app that a directory has. The caller closes both of its ends.
func serveDir(t *testing.T, dir string) *served {
	t.Helper()
	app, err := writ.LoadApp(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	return serveWith(t, app, writ.Options{})
}

// serveWith starts an app in a way of its own.
func serveWith(t *testing.T, app *writ.App, o writ.Options) (s *served) {
	t.Helper()
	app.Config.Cache = sharedCache()
	s = &served{log: &logBuffer{}, told: map[string]writ.Request{}, reloads: make(chan broker.Reload, 100), deployments: make(chan writ.Deployment, 100)}
	o.Log, o.OnRequest = slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelInfo})), s.tell
	o.OnReload = func(r broker.Reload) { offer(s.reloads, r) }
	o.OnDeploy = func(d writ.Deployment) { offer(s.deployments, d) }
	var err error
	if s.host, err = writ.Start(t.Context(), app, o); err != nil {
		t.Fatal(err)
	}
	s.Server = httptest.NewServer(s.host)
	s.Client().Transport.(*http.Transport).MaxIdleConnsPerHost = 100
	return s
}

// serveFollowing takes up changes of the app's files, and ends with the test.
func serveFollowing(t *testing.T, dir string, lock *writ.Lock) *served {
	t.Helper()
	app, err := writ.LoadApp(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	s := serveWith(t, app, writ.Options{Follow: true, Lock: lock})
	t.Cleanup(func() { s.end(t) })
	return s
}

// offer leaves out what nobody takes.
func offer[T any](to chan T, v T) {
	select {
	case to <- v:
	default:
	}
}

// get asks, and gives what of the answer arrived.
func (s *served) get(t *testing.T, path string) (status int, body string, err error) {
	t.Helper()
	resp, err := s.Client().Get(s.URL + path)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, keptBody))
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body)
	}
	return resp.StatusCode, string(text), err
}

// keptBody is how much of a response's body a test looks at.
const keptBody = 4 << 20

func (s *served) tell(r writ.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told[r.Path] = r
}

// outcome is what the host tells of the latest request for a path, which may
// be a little after the client has its answer.
func (s *served) outcome(t *testing.T, path string) writ.Request {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		s.mu.Lock()
		r, ok := s.told[path]
		s.mu.Unlock()
		if ok {
			return r
		}
	}
	t.Fatalf("nothing was told of %s", path)
	return writ.Request{}
}

// appDir is a directory with these files, given by their contents or, for
// those whose name ends in .wasm, by the path of the file to copy.
func appDir(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		text := []byte(content)
		if filepath.Ext(name) == ".wasm" {
			var err error
			if text, err = os.ReadFile(content); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// logBuffer keeps the end of a log, as much as tests look at.
type logBuffer struct {
	mu    sync.Mutex
	text  bytes.Buffer
	lines int
}

const keptLog = 1 << 20

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.text.Len() > keptLog {
		b.text.Next(keptLog / 2)
	}
	b.lines += bytes.Count(p, []byte("\n"))
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
