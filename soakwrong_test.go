package writ_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/ncruces/go-sqlite3/driver"

	"github.com/writ-host/writ"
)

// goWrong has providers killed, grants revoked and components replaced, until
// the result is called: then all is as it was.
func (s *soak) goWrong() (stop func()) {
	ctx, cancel := context.WithCancel(s.t.Context())
	var group sync.WaitGroup
	every := func(pause time.Duration, do func()) {
		group.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case <-time.After(pause/2 + rand.N(pause)):
					do()
				}
			}
		})
	}
	every(4*time.Second, func() { s.count("providers killed", killOne(s.t)) })
	every(time.Second, s.revokeAndGiveBack)
	every(3*time.Second, s.replaceComponent)
	return func() {
		cancel()
		group.Wait()
		s.setGrants(s.grants)
	}
}

func (s *soak) count(what string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[what] += n
}

// revokeAndGiveBack leaves one grant out for a while.
func (s *soak) revokeAndGiveBack() {
	at := rand.IntN(len(s.grants))
	s.setGrants(slices.Delete(slices.Clone(s.grants), at, at+1))
	time.Sleep(50 * time.Millisecond)
	s.setGrants(s.grants)
	s.count("grants revoked and given back", 1)
}

// replaceComponent gives a component's file other bytes, which mean the same:
// a custom section more.
func (s *soak) replaceComponent() {
	path := filepath.Join(s.dir, "guestbook.wasm")
	original, err := os.ReadFile("examples/guestbook/guestbook.wasm")
	if err != nil {
		s.t.Error(err)
		return
	}
	name, text := "soak", soakText()
	section := slices.Concat([]byte{0, byte(1 + len(name) + len(text)), byte(len(name))}, []byte(name), []byte(text))
	if err := replaceFile(path, slices.Concat(original, section)); err != nil {
		s.t.Error(err)
	}
	if err := s.host.Reload(s.t.Context()); err != nil && !errors.Is(err, writ.ErrUnchanged) {
		s.t.Errorf("reload: %v", err)
	}
	s.count("components replaced", 1)
}

// killOne kills one provider's process, drawn at random.
func killOne(t *testing.T) int {
	all := slices.Collect(func(yield func(int) bool) {
		for pid, command := range children(t) {
			if strings.Contains(command, "writ-provider") && !yield(pid) {
				return
			}
		}
	})
	if len(all) == 0 {
		return 0
	}
	_ = syscall.Kill(all[rand.IntN(len(all))], syscall.SIGKILL) // it may just have ended
	return 1
}

// children are the processes below this one, with their command lines.
func children(t *testing.T) map[int]string {
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil || lists == nil {
		t.Errorf("this kernel does not tell of child processes: %v", err)
	}
	found := map[int]string{}
	for _, list := range lists {
		pids, _ := os.ReadFile(list) // the thread may have ended
		for _, field := range strings.Fields(string(pids)) {
			command, err := os.ReadFile(filepath.Join("/proc", field, "cmdline"))
			if pid, bad := strconv.Atoi(field); err == nil && bad == nil {
				found[pid] = string(bytes.ReplaceAll(command, []byte{0}, []byte(" ")))
			}
		}
	}
	return found
}

// usage is what the host has of the machine when nobody asks anything of it.
type usage struct {
	goroutines, files, processes, instances int
	own, providers                          int64 // anonymous memory, in bytes
}

// works waits until a step that can succeed does: its provider is back.
func (s *soak) works(o step) {
	for end := time.Now().Add(patience); o.statuses[0] == http.StatusOK && o.name != "unfinished"; time.Sleep(50 * time.Millisecond) {
		resp, err := o.do(s.t.Context(), s.Client())
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		if err == nil && resp.StatusCode == http.StatusOK {
			return
		}
		if time.Now().After(end) {
			s.t.Errorf("%s does not work any more: %v", o.name, err)
			return
		}
	}
}

// settled waits until nothing is under way, and measures.
func (s *soak) settled() (u usage) {
	s.setGrants(s.grants)
	for _, o := range s.steps {
		s.works(o)
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		s.Client().CloseIdleConnections()
		s.origin.CloseClientConnections() // which the provider would keep, and this process has the other ends of
		if s.host.Instances() == 0 && u.goroutines == runtime.NumGoroutine() {
			break
		}
		u.goroutines = runtime.NumGoroutine()
	}
	time.Sleep(500 * time.Millisecond)
	debug.FreeOSMemory()
	files, _ := os.ReadDir("/proc/self/fd")
	below := children(s.t)
	u = usage{goroutines: runtime.NumGoroutine(), files: len(files), processes: len(below), instances: s.host.Instances(),
		own: anonymousMemory("self")}
	for pid := range below {
		u.providers += anonymousMemory(strconv.Itoa(pid))
	}
	var heap runtime.MemStats
	runtime.ReadMemStats(&heap)
	s.t.Logf("at rest: %d goroutines, %d files, %d processes, %d instances, %d MiB of its own, of which %d are Go's heap, %d MiB of providers",
		u.goroutines, u.files, u.processes, u.instances, u.own>>20, heap.HeapInuse>>20, u.providers>>20)
	return u
}

// anonymousMemory is what a process has in memory that is not a file's.
func anonymousMemory(pid string) int64 {
	text, _ := os.ReadFile(filepath.Join("/proc", pid, "status")) // the process may be gone
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}

// compare says what has grown.
func (s *soak) compare(before, after usage) {
	const (
		slack     = 64 << 20 // of heaps and caches that find their size
		ownMemory = "bytes of the host"
	)
	if after.goroutines > before.goroutines+20 {
		var stacks bytes.Buffer
		_ = pprof.Lookup("goroutine").WriteTo(&stacks, 1)
		s.t.Logf("%s", stacks.Bytes())
	}
	for _, c := range []struct {
		what      string
		have, may int64
	}{
		{"instances", int64(after.instances), 0},
		{"goroutines", int64(after.goroutines), int64(before.goroutines) + 20},
		{"open files", int64(after.files), int64(before.files) + 20},
		{"processes", int64(after.processes), int64(before.processes)},
		{ownMemory, after.own, before.own + before.own/4 + slack},
		{"bytes of the providers", after.providers, before.providers + before.providers/4 + slack},
	} {
		if raceDetector && c.what == ownMemory {
			continue
		}
		if c.have > c.may {
			s.t.Errorf("%d %s are left, and may be %d", c.have, c.what, c.may)
		}
	}
}

// storedOrders is how many orders each customer has in a database that no host has open.
func storedOrders(t *testing.T, path string) map[string]int {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), "SELECT customer, (SELECT count(*) FROM lines WHERE order_id = id) FROM orders")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	orders := map[string]int{}
	for rows.Next() {
		var customer string
		var lines int
		if err := rows.Scan(&customer, &lines); err != nil {
			t.Fatal(err)
		}
		if orders[customer]++; lines != 1 {
			t.Errorf("the order of %s has %d lines", customer, lines)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return orders
}
