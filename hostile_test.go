package writ_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-host/writ"
)

// hostileApp has the hostile component three times: slow is what does not end
// by itself, and good stands for the other components of a host.
const hostileApp = `
name = "storm"

[component.hostile]
source = "hostile.wasm"
limits = {memory = "16MiB"}

[component.slow]
source = "hostile.wasm"
limits = {memory = "16MiB", wall-time = "1s"}

[component.small]
source = "hostile.wasm"
limits = {memory = "4MiB", stack = "256KiB", cpu-time = "200ms", handles = 100, streams = 20, buffers = "1MiB"}

[component.tables]
source = "tables.wasm"
limits = {table-elements = 10000}

[component.few-tables]
source = "tables.wasm"
limits = {table-elements = 5000}

[component.good]
source = "hostile.wasm"

[trigger]
http = [
  {route = "/...",             component = "hostile"},
  {route = "/spin",            component = "slow"},
  {route = "/spin-in-realloc", component = "slow"},
  {route = "/sleep",           component = "slow"},
  {route = "/endless",         component = "slow"},
  {route = "/stdout",          component = "slow"},
  {route = "/stderr",          component = "slow"},
  {route = "/ok",              component = "good"},
  {route = "/small/...",       component = "small"},
  {route = "/tables",          component = "tables"},
  {route = "/few-tables",      component = "few-tables"},
]
`

const hostileGrants = `{"grants": [
	{"id": "kv", "app": "storm", "component": "hostile", "capability": "kv", "resource": "kv://default/**", "operations": ["get"]}
]}`

func serveHostile(t *testing.T) *served {
	t.Helper()
	return serve(t, appDir(t, map[string]string{
		"writ.toml": hostileApp, "grants.json": hostileGrants, "hostile.wasm": "testdata/hostile.wasm", "tables.wasm": "testdata/tables.wasm",
	}))
}

const (
	failed   = "500 Internal Server Error\ncomponent failed\nrequest "
	exceeded = "500 Internal Server Error\ncomponent went beyond a limit\nrequest "
	silent   = "500 Internal Server Error\ncomponent set no response\nrequest "
	tooLong  = "504 Gateway Timeout\ncomponent took too long\nrequest "
)

// misdeeds are what a guest can do to its host, what the client gets, and the
// reason that the log gives.
var misdeeds = []struct {
	path   string
	status int
	body   string // how it begins
	cut    bool   // the response is cut off
	reason string // a pattern; "" when the host has nothing to complain of
}{
	{"/spin", 504, tooLong, false, `wall-time = 1s`},
	{"/spin-in-realloc", 504, tooLong, false, `fields.entries: .*wall-time = 1s`},
	{"/sleep", 504, tooLong, false, `took too long: .*(pollable.block|wall-time = 1s)`},
	{"/alloc", 500, failed, false, `unreachable executed in .*oom`},
	{"/grow", 200, "256 pages\n", false, ``},
	{"/deep", 500, exceeded, false, `call stack exhausted in .*deep`},
	{"/trap", 500, failed, false, `unreachable executed in wasi:http/incoming-handler`},
	{"/panic", 500, failed, false, `unreachable executed in .*rust_panic`},
	{"/exit", 500, failed, false, `exited with code 0`},
	{"/exit-code", 500, failed, false, `exited with code 3`},
	{"/silent", 500, silent, false, `returned without setting a response`},
	{"/drop", 500, silent, false, `returned without setting a response`},
	{"/error", 500, failed, false, `internal-error: no idea`},
	{"/bad-status", 500, failed, false, `rust_panic`},
	{"/informational", 500, failed, false, `rust_panic`},
	{"/bad-header", 500, failed, false, `rust_panic`},
	{"/bad-name", 500, failed, false, `rust_panic`},
	{"/forbidden-header", 500, failed, false, `rust_panic`},
	{"/huge-header", 500, failed, false, `rust_panic`},
	{"/many-headers", 500, failed, false, `rust_panic`},
	{"/bad-length", 500, failed, false, `HTTP-response-body-size: 6`},
	{"/after-head", 200, "begun\n", true, `unreachable executed`},
	{"/after-body", 200, "complete\n", false, `unreachable executed`},
	{"/unfinished", 200, "begun\n", true, `dropped the body of its response without finishing it`},
	{"/held", 500, failed, false, `more than 65536 bytes of a body that it did not send off`},
	{"/endless", 200, "begun\nxxx", true, `took too long: .*(blocking-write-and-flush|wall-time = 1s)`},
	{"/handles", 500, exceeded, false, `\[constructor\]fields: .*handle table is full`},
	{"/pollables", 500, exceeded, false, `subscribe-duration: .*handle table is full`},
	{"/buckets", 500, exceeded, false, `store@0.2.0-draft2 open: .*handle table is full`},
	{"/stdout", 504, tooLong, false, `took too long`},
	{"/stderr", 504, tooLong, false, `took too long`},
	{"/streams", 500, exceeded, false, `limits.streams = 1024 .*get-stdout`},
	{"/small/chatter", 504, tooLong, false, `limits.cpu-time = 200ms \(\[component.small.limits\] in writ.toml, at most limits.cpu-time in host.toml\)`},
	{"/small/spin", 504, tooLong, false, `limits.cpu-time = 200ms `},
	{"/small/alloc", 500, failed, false, `unreachable executed in .*had grown to 3.\d MiB of limits.memory = 4.0MiB \(\[component.small`},
	{"/small/deep", 500, exceeded, false, `limits.stack = 256KiB \(\[component.small.limits\].*call stack exhausted`},
	{"/small/handles", 500, exceeded, false, `limits.handles = 100 \(\[component.small.limits\].*handle table is full`},
	{"/small/streams", 500, exceeded, false, `limits.streams = 20 \(\[component.small.limits\].*20 streams, files and sockets`},
	{"/small/buffers", 500, exceeded, false, `limits.buffers = 1.0MiB \(\[component.small.limits\].*holds 1048576 bytes`},
	{"/tables", 500, silent, false, `returned without setting a response`},
	{"/few-tables", 500, exceeded, false, `limits.table-elements = 5000 \(\[component.few-tables.limits\].*table minimum size`},
	{"/bad-pointer", 500, failed, false, `fields.append: .*"name": string at 0x1000: .*beyond the memory`},
	{"/bad-list", 500, failed, false, `fields.from-list: .*list at 0x1000: 268435457 items`},
	{"/bad-return-area", 500, failed, false, `fields.append: .*0xfffffffc: .*beyond the memory`},
	{"/bad-utf8", 500, failed, false, `fields.append: .*"name": .*invalid UTF-8`},
	{"/bad-handle", 500, failed, false, `fields.append: .*handle 16777215 of fields: no such handle`},
	{"/wrong-handle", 500, failed, false, `fields.append: .*it is a handle of incoming-request`},
	{"/bad-case", 500, failed, false, `response-outparam.set: .*discriminant 4000`},
	{"/bad-realloc", 500, failed, false, `fields.entries: .*realloc returned at 0xfffffff0: .*beyond the memory`},
}

// Whatever a component does, its own request alone fails, the log says why,
// and the others go on.
func TestMisdeeds(t *testing.T) {
	s := serveHostile(t)
	goroutines := runtime.NumGoroutine()
	peak := watchMemory(t)
	stop := keepAsking(t, s, "/ok", "ok\n")
	t.Run("each", func(t *testing.T) {
		for _, m := range misdeeds {
			t.Run(m.path[1:], func(t *testing.T) {
				t.Parallel()
				status, body, err := s.get(t, m.path)
				if unsent := m.cut && status == 500 && err == nil; unsent {
					m.body = failed // a busy machine had not sent the beginning when the guest failed
				} else if status != m.status || !strings.HasPrefix(body, m.body) || (err != nil) != m.cut {
					t.Errorf("status %d, %.100q, %v; want %d, %q, cut off: %v", status, body, err, m.status, m.body, m.cut)
				}
				if m.reason == "" {
					return
				}
				told := s.outcome(t, m.path)
				if reason := fmt.Sprint(told.Err); !regexp.MustCompile(m.reason).MatchString(reason) {
					t.Errorf("reason %s, want %s", reason, m.reason)
				}
				s.hasLogged(t, body, told)
			})
		}
	})
	if n := stop(); n < 20 {
		t.Errorf("only %d requests to another component were served meanwhile", n)
	}
	// 16 MiB of each guest's own, and what the host holds for them.
	grown := peak()
	t.Logf("at most %d MiB more", grown>>20)
	if grown > 512<<20 {
		t.Errorf("%d misdeeds took %d MiB", len(misdeeds), grown>>20)
	}
	settles(t, s, goroutines)
}

// hasLogged looks for the line of the request that the client was told of,
// with the component and the reason.
func (s *served) hasLogged(t *testing.T, page string, told writ.Request) {
	t.Helper()
	_, id, ok := strings.Cut(strings.TrimSpace(page), "\nrequest ")
	if !ok {
		return // the response had begun, so it names no request
	}
	for line := range strings.Lines(s.log.String()) {
		if strings.Contains(line, id) && strings.Contains(line, `"level":"ERROR"`) { // what the guest printed has the id as well
			for _, want := range []string{`"level":"ERROR"`, `"component":"` + told.Component + `"`, `"reason":` + strconv.Quote(told.Err.Error())} {
				if !strings.Contains(line, want) {
					t.Errorf("log line without %s:\n%s", want, line)
				}
			}
			return
		}
	}
	t.Errorf("request %s is not in the log", id)
}

// keepAsking has a request run at all times, until stop is called. Each must
// succeed, and soon.
func keepAsking(t *testing.T, s *served, path, want string) (stop func() int) {
	t.Helper()
	var ended atomic.Bool
	done := make(chan int)
	go func() {
		n := 0
		for ; !ended.Load(); n++ {
			start := time.Now()
			status, body, err := s.get(t, path)
			if status != http.StatusOK || body != want || err != nil {
				t.Errorf("%s meanwhile: %d, %q, %v", path, status, body, err)
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("%s took %s meanwhile", path, took)
			}
		}
		done <- n
	}()
	return func() int {
		ended.Store(true)
		return <-done
	}
}

// watchMemory samples the process's resident memory; the result is by how much
// it has grown at most.
func watchMemory(t *testing.T) (peak func() int64) {
	t.Helper()
	before := residentMemory(t)
	var most atomic.Int64
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for tick := time.NewTicker(20 * time.Millisecond); ; {
			select {
			case <-stop:
				tick.Stop()
				return
			case <-tick.C:
				most.Store(max(most.Load(), residentMemory(t)))
			}
		}
	}()
	return func() int64 {
		close(stop)
		<-done
		return most.Load() - before
	}
}

func residentMemory(t *testing.T) int64 {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Error(err)
		return 0
	}
	pages, err := strconv.ParseInt(string(bytes.Fields(statm)[1]), 10, 64)
	if err != nil {
		t.Error(err)
	}
	return pages * int64(os.Getpagesize())
}

// settles waits until there are as few goroutines as there were before.
func settles(t *testing.T, s *served, goroutines int) {
	t.Helper()
	const idle = 8 // of servers' and clients' connections and timers, which come and go
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		s.Client().CloseIdleConnections()
		if runtime.NumGoroutine() <= goroutines+idle {
			return
		}
	}
	stacks := make([]byte, 1<<20)
	t.Errorf("%d goroutines, where %d were before:\n%s", runtime.NumGoroutine(), goroutines, stacks[:runtime.Stack(stacks, true)])
}

// quick are misdeeds that take no time, to be done often.
var quick = []string{
	"/trap", "/exit", "/silent", "/drop", "/error", "/bad-status", "/huge-header", "/bad-length",
	"/after-body", "/held", "/bad-handle", "/bad-utf8", "/bad-realloc", "/deep",
}

// Nothing is left of an instance that failed: one more than the engine has
// room for would otherwise be refused.
func TestFailedInstancesLeaveNothing(t *testing.T) {
	s := serveHostile(t)
	for _, path := range quick { // what is made once is made
		ask(s, path)
	}
	goroutines, memory := runtime.NumGoroutine(), residentMemory(t)
	const workers, rounds = 16, 600
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for n := range rounds {
				path := "/trap"
				if n < 7*len(quick) {
					path = quick[n%len(quick)]
				}
				if code := ask(s, path); code == http.StatusServiceUnavailable {
					t.Error("the host has no room left")
					return
				}
			}
		})
	}
	group.Wait()
	if code := ask(s, "/ok"); code != http.StatusOK {
		t.Errorf("afterwards: status %d", code)
	}
	settles(t, s, goroutines)
	runtime.GC()
	t.Logf("%d failed instances, %d MiB more", workers*rounds, (residentMemory(t)-memory)>>20)
	if grown := residentMemory(t) - memory; grown > 128<<20 {
		t.Errorf("%d failed instances left %d MiB", workers*rounds, grown>>20)
	}
}

// ask is a request without a network.
func ask(s *served, path string) (code int) {
	w := httptest.NewRecorder()
	defer func() {
		if recover() == nil { // http.ErrAbortHandler cuts a response off
			code = w.Code
		}
	}()
	s.host.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code
}
