package writ_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-host/writ"
	"github.com/writ-host/writ/broker/ledger"
)

// replace puts a file in another's place at once.
func replace(t *testing.T, path, content string) {
	t.Helper()
	writeFile(t, path+".new", content)
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// awaitDeployment is what became of the latest change.
func (s *served) awaitDeployment(t *testing.T) writ.Deployment {
	t.Helper()
	select {
	case d := <-s.deployments:
		return d
	case <-time.After(patience):
		t.Fatal("no deployment is told of")
		return writ.Deployment{}
	}
}

// versionOf is a component that differs from others in nothing but its bytes:
// a custom section at its end.
func versionOf(t *testing.T, component string, n int) string {
	t.Helper()
	note := fmt.Sprintf("\x04note%03d", n)
	return readFile(t, component) + "\x00" + string(rune(len(note))) + note
}

const versionApp = `name = "app"
[component.web]
source = "web.wasm"
limits = {memory = "16MiB"}
environment = {VERSION = "%d"}
[[trigger.http]]
route = "/..."
component = "web"
[[trigger.http]]
route = "/version/%d"
component = "web"
`

// Twenty times the manifest and the component are replaced while clients ask
// without a pause. None of them sees anything of it.
func TestReloadDropsNothing(t *testing.T) {
	const clients, versions = 4, 20
	dir := appDir(t, map[string]string{"web.wasm": "testdata/hostile.wasm", "writ.toml": fmt.Sprintf(versionApp, 0, 0)})
	t.Run("load", func(t *testing.T) {
		s := serveFollowing(t, dir, nil)
		var ended atomic.Bool
		var asked atomic.Int64
		var group sync.WaitGroup
		for range clients {
			group.Go(func() {
				for !ended.Load() {
					if status, body, err := s.get(t, "/ok"); status != http.StatusOK || body != "ok\n" || err != nil {
						t.Errorf("%d %q %v", status, body, err)
					}
					asked.Add(1)
				}
			})
		}
		for n := 1; n <= versions; n++ {
			if n%2 == 0 {
				replace(t, filepath.Join(dir, "writ.toml"), fmt.Sprintf(versionApp, n, n))
			} else {
				replace(t, filepath.Join(dir, "web.wasm"), versionOf(t, "testdata/hostile.wasm", n))
			}
			if d := s.awaitDeployment(t); d.Err != nil || d.Changed["web"] == "" {
				t.Errorf("version %d: %+v", n, d)
			}
		}
		ended.Store(true)
		group.Wait()
		t.Logf("%d requests during %d changes", asked.Load(), versions)
	})
	loads := map[string]bool{}
	for _, e := range ledgerOf(t, dir) {
		if e.Kind == ledger.Component && e.Event == ledger.Loaded {
			loads[e.Digest] = true
		}
	}
	if len(loads) != 1+versions/2 {
		t.Errorf("the ledger tells of %d components", len(loads))
	}
}

// A request that runs finishes on what it began with, and what cannot be
// served leaves what is.
func TestReloadKeepsTheLastGoodVersion(t *testing.T) {
	dir := appDir(t, map[string]string{"web.wasm": "testdata/hostile.wasm", "writ.toml": fmt.Sprintf(versionApp, 0, 0)})
	good := readFile(t, filepath.Join(dir, "writ.toml"))
	t.Run("served", func(t *testing.T) {
		s := serveFollowing(t, dir, nil)
		resp, err := s.Client().Get(s.URL + "/endless") // runs until the client leaves
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		refused := func(name, content, why string) {
			t.Helper()
			replace(t, filepath.Join(dir, name), content)
			if d := s.awaitDeployment(t); d.Err == nil || !strings.Contains(d.Err.Error(), why) {
				t.Errorf("%s: %+v, want %s", name, d, why)
			}
			s.wants(t, "GET", "/ok", 200, "ok\n")
		}
		refused("web.wasm", "\x00asm", "component web: ")
		replace(t, filepath.Join(dir, "web.wasm"), versionOf(t, "testdata/hostile.wasm", 7))
		if d := s.awaitDeployment(t); d.Err != nil {
			t.Error(d.Err)
		}
		refused("writ.toml", good+"nonsense = 1\n", "unknown key")
		refused("writ.toml", strings.Replace(good, `name = "app"`, `name = "other"`, 1), "the app is now named other")
		refused("writ.toml", strings.Replace(good, "hostile", "none", 1)+"[component.gone]\nsource = \"gone.wasm\"\n", "gone.wasm")
		for range 100 { // the request of the first version goes on
			if _, err := resp.Body.Read(make([]byte, 1<<16)); err != nil {
				t.Fatal(err)
			}
		}
	})
	refusals := 0
	for _, e := range ledgerOf(t, dir) {
		if e.Kind == ledger.Component && e.Event == ledger.Refused && e.Detail != "" {
			refusals++
		}
	}
	if refusals != 4 {
		t.Errorf("the ledger tells of %d refusals", refusals)
	}
}

// A lock holds for later versions too.
func TestReloadUnderALock(t *testing.T) {
	dir := appDir(t, map[string]string{"web.wasm": "testdata/hostile.wasm", "writ.toml": fmt.Sprintf(versionApp, 0, 0)})
	app, err := writ.LoadApp(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	lock, err := app.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := serveFollowing(t, dir, lock)
	replace(t, filepath.Join(dir, "web.wasm"), versionOf(t, "testdata/hostile.wasm", 1))
	if d := s.awaitDeployment(t); d.Err == nil || !strings.Contains(d.Err.Error(), "lock") {
		t.Errorf("another component: %+v", d)
	}
	replace(t, filepath.Join(dir, "web.wasm"), readFile(t, "testdata/hostile.wasm"))
	replace(t, filepath.Join(dir, "writ.toml"), fmt.Sprintf(versionApp, 5, 5))
	if d := s.awaitDeployment(t); d.Err != nil {
		t.Errorf("the same component: %v", d.Err)
	}
	s.wants(t, "GET", "/ok", 200, "ok\n")
}
