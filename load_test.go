package writ_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/writ-host/writ/capabilities/kv/backend"
	"github.com/writ-host/writ/capabilities/provider/embedded"
)

// guestbookDir is a copy of the guestbook, whose data is then its own.
func guestbookDir(t *testing.T) string {
	t.Helper()
	files := map[string]string{"guestbook.wasm": "examples/guestbook/guestbook.wasm"}
	for _, name := range []string{"writ.toml", "grants.json"} {
		text, err := os.ReadFile(filepath.Join("examples/guestbook", name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(text)
	}
	return appDir(t, files)
}

// A thousand requests by fifty clients at once, reads and writes mixed, each
// answered by an instance of its own: none fails, and what was acknowledged is
// in the store afterwards.
func TestLoad(t *testing.T) {
	const clients, each = 50, 20
	dir := guestbookDir(t)
	var written []string
	t.Run("requests", func(t *testing.T) {
		written = guestbookLoad(t, serve(t, dir), clients, each)
	})
	stored := storedMessages(t, filepath.Join(dir, ".writ/kv/default/kv.db"), "guestbook")
	slices.Sort(written)
	slices.Sort(stored)
	if !slices.Equal(stored, written) || len(stored) != clients*each/2 {
		t.Errorf("%d messages are stored, %d were acknowledged", len(stored), len(written))
	}
	t.Run("restarted", func(t *testing.T) {
		status, page, err := serve(t, dir).get(t, "/")
		if shown := strings.Count(page, "<li>message "); status != http.StatusOK || err != nil || shown != 50 {
			t.Errorf("status %d, %v; %d messages, want the latest 50", status, err, shown)
		}
	})
}

// guestbookLoad returns the messages that were acknowledged.
func guestbookLoad(t *testing.T, s *served, clients, each int) (written []string) {
	var mu sync.Mutex
	var group sync.WaitGroup
	client := *s.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	start := time.Now()
	for c := range clients {
		group.Go(func() {
			for n := range each {
				if n%2 == 0 {
					if status, _, err := s.get(t, "/"); status != http.StatusOK || err != nil {
						t.Errorf("read: status %d, %v", status, err)
					}
					continue
				}
				message := fmt.Sprintf("message %d of client %d", n, c)
				resp, err := client.PostForm(s.URL+"/", url.Values{"message": {message}})
				if err != nil {
					t.Errorf("write: %v", err)
					continue
				}
				resp.Body.Close()
				if resp.StatusCode != http.StatusSeeOther {
					t.Errorf("write: status %d", resp.StatusCode)
					continue
				}
				mu.Lock()
				written = append(written, message)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	t.Logf("%d requests by %d clients in %s", clients*each, clients, time.Since(start).Round(time.Millisecond))
	return written
}

// storedMessages reads a store that no host has open.
func storedMessages(t *testing.T, path, app string) (messages []string) {
	t.Helper()
	store, err := embedded.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	at := backend.Caller{Store: "default", App: app, Component: "web"}
	for page := (backend.Page{}); ; {
		if page, err = store.ListKeys(t.Context(), at, page.Cursor, 1000); err != nil {
			t.Fatal(err)
		}
		entries, err := store.GetMany(t.Context(), at, page.Keys)
		if err != nil {
			t.Fatal(err)
		}
		for i, key := range page.Keys {
			if strings.HasPrefix(key, "guestbook/message/") {
				messages = append(messages, string(entries[i].Value))
			}
		}
		if page.Cursor == "" {
			return messages
		}
	}
}

// A request that takes too long costs its client neither the connection nor
// the requests that follow on it.
func TestConnectionOutlivesATimeout(t *testing.T) {
	t.Parallel()
	s := serve(t, appDir(t, map[string]string{"hostile.wasm": "testdata/hostile.wasm", "writ.toml": `
name = "slow"
[component.hostile]
source = "hostile.wasm"
limits = {wall-time = "500ms"}
[[trigger.http]]
route = "/sleep"
component = "hostile"
`}))
	ask := func(method, path string, want int, reused bool) {
		t.Helper()
		trace := &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) {
			if c.Reused != reused {
				t.Errorf("%s %s: connection reused: %v", method, path, c.Reused)
			}
		}}
		r, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), method, s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != want {
			t.Errorf("%s %s: status %d, %v; want %d", method, path, resp.StatusCode, err, want)
		}
	}
	ask(http.MethodGet, "/sleep", http.StatusGatewayTimeout, false)
	ask(http.MethodPost, "/sleep", http.StatusGatewayTimeout, true) // which no client repeats by itself
	time.Sleep(1600 * time.Millisecond)                             // beyond the deadlines of that request
	ask(http.MethodGet, "/nowhere", http.StatusNotFound, true)
}

// The provider's process is killed again and again while clients read and
// write: each request is answered in time, with an error at worst, and what
// was acknowledged is stored.
func TestProviderKilledUnderLoad(t *testing.T) {
	const clients, each, kills = 10, 60, 3
	dir := guestbookDir(t)
	var written []string
	t.Run("requests", func(t *testing.T) {
		s := serve(t, dir)
		killed := make(chan struct{})
		go func() {
			defer close(killed)
			for range kills {
				time.Sleep(50 * time.Millisecond)
				killProvider(t)
			}
		}()
		var failed int
		written, failed = disturbedLoad(t, s, clients, each)
		<-killed
		t.Logf("%d of %d requests failed, %d writes were acknowledged", failed, clients*each, len(written))
		for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
			if status, _, err := s.get(t, "/"); status == http.StatusOK && err == nil {
				break
			} else if time.Now().After(end) {
				t.Fatalf("afterwards: status %d, %v", status, err)
			}
		}
	})
	stored := storedMessages(t, filepath.Join(dir, ".writ/kv/default/kv.db"), "guestbook")
	slices.Sort(stored)
	for _, message := range written {
		if _, ok := slices.BinarySearch(stored, message); !ok {
			t.Errorf("%s was acknowledged and is not stored", message)
		}
	}
	if len(slices.Compact(stored)) != len(stored) {
		t.Error("a message is stored twice")
	}
}

// disturbedLoad writes and reads while not all of it can succeed.
func disturbedLoad(t *testing.T, s *served, clients, each int) (written []string, failed int) {
	client := *s.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client.Timeout = patience
	var mu sync.Mutex
	var group sync.WaitGroup
	for c := range clients {
		group.Go(func() {
			for n := range each {
				message := fmt.Sprintf("message %d of client %d", n, c)
				resp, err := client.PostForm(s.URL+"/", url.Values{"message": {message}})
				if err != nil {
					t.Errorf("write: %v", err)
					return
				}
				resp.Body.Close()
				mu.Lock()
				switch resp.StatusCode {
				case http.StatusSeeOther:
					written = append(written, message)
				case http.StatusServiceUnavailable: // the guestbook's page for an error of the store
					failed++
				default:
					t.Errorf("write: status %d", resp.StatusCode)
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return written, failed
}

// killProvider kills the processes of providers that this one started.
func killProvider(t *testing.T) { killChildren(t, "writ-provider") }

// killChildren kills what this process started itself as under a name.
func killChildren(t *testing.T, name string) {
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil || lists == nil {
		t.Errorf("this kernel does not tell of child processes: %v", err)
	}
	for _, list := range lists {
		pids, err := os.ReadFile(list)
		if err != nil {
			continue // the thread ended
		}
		for _, field := range strings.Fields(string(pids)) {
			command, err := os.ReadFile(filepath.Join("/proc", field, "cmdline"))
			if err != nil || !strings.Contains(string(command), name) {
				continue
			}
			if pid, err := strconv.Atoi(field); err == nil {
				_ = syscall.Kill(pid, syscall.SIGKILL) // it may just have ended
			}
		}
	}
}
