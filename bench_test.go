package writ_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/writ-host/writ"
)

// benchReused is the guestbook's component once more, with instances that are reused.
const benchReused = `
[component.reused]
source = "guestbook.wasm"
instances = "reuse"

[[trigger.http]]
route = "/reused"
component = "reused"
`

// benchHost runs a copy of the guestbook under a host.toml of these lines.
func benchHost(b *testing.B, config string) *writ.Host {
	b.Helper()
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, writ.HostConfigName), []byte(config), 0o600); err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"writ.toml", "grants.json", "guestbook.wasm"} {
		bytes, err := os.ReadFile(filepath.Join("examples/guestbook", name))
		if err != nil {
			b.Fatal(err)
		}
		if name == writ.ManifestName {
			bytes = append(bytes, benchReused...)
		}
		if err := os.WriteFile(filepath.Join(dir, name), bytes, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	app, err := writ.LoadApp(dir, "")
	if err != nil {
		b.Fatal(err)
	}
	h, err := writ.Start(context.Background(), app, writ.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { h.Close() })
	return h
}

// BenchmarkHandler is one request without a network: a fresh instance of a
// real wasi:http component that answers from its own memory, or asks its
// key-value store.
func BenchmarkHandler(b *testing.B) {
	benchHandler(b, benchHost(b, ""))
}

func benchHandler(b *testing.B, h *writ.Host) {
	for _, c := range []struct{ name, path string }{{"hello", "/hello"}, {"kv", "/"}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			defer reportProcessor(b, processorTime())
			for b.Loop() {
				h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", c.path, nil))
			}
		})
	}
}

// BenchmarkHandlerWatched is BenchmarkHandler with metrics.
func BenchmarkHandlerWatched(b *testing.B) {
	benchHandler(b, benchHost(b, "[telemetry]\nlisten = \"127.0.0.1:0\"\n"))
}

// BenchmarkHandlerTraced is BenchmarkHandler with spans of no request, and of
// every one, for a collector that takes them.
func BenchmarkHandlerTraced(b *testing.B) {
	collector := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer collector.Close()
	for _, sample := range []string{"0", "1"} {
		b.Run("sample="+sample, func(b *testing.B) {
			benchHandler(b, benchHost(b, "[telemetry.traces]\nendpoint = \""+collector.URL+"\"\nsample = "+sample+"\n"))
		})
	}
}

// BenchmarkHTTP is the throughput of a component with a fresh instance for each
// request, and with instances that are reused, beside that of a plain handler
// which writes the same bytes, over loopback with 32 connections.
func BenchmarkHTTP(b *testing.B) {
	h := benchHost(b, "")
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, httptest.NewRequest("GET", "/hello", nil))
	page := recorder.Body.Bytes()
	plain := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusNotFound)
		w.Write(page)
	})
	for _, c := range []struct {
		name, path string
		handler    http.Handler
	}{{"component", "/hello", h}, {"reused", "/reused", h}, {"plain", "/hello", plain}} {
		b.Run(c.name, func(b *testing.B) { benchServer(b, c.handler, c.path) })
	}
}

func benchServer(b *testing.B, handler http.Handler, path string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	go server.Serve(l)
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	url := fmt.Sprintf("http://%s%s", l.Addr(), path)
	defer reportProcessor(b, processorTime())
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			resp, err := client.Get(url)
			if err != nil {
				b.Error(err)
				return
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}

// BenchmarkInFlight holds 5,000 requests, each with an instance that is blocked
// in a host call: it reads a body that does not come. It reports what the
// process has then and what came with the requests.
func BenchmarkInFlight(b *testing.B) {
	const requests = 5000
	h := benchHost(b, "[limits]\nconcurrency = 5000\nwall-time = \"5m\"\n")
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/hello", nil))
	before := processNow(b)
	for b.Loop() {
		bodies, done := holdRequests(h, requests)
		runtime.GC()
		now := processNow(b)
		b.ReportMetric(now.resident, "MB")
		b.ReportMetric(now.resident-before.resident, "more-MB")
		b.ReportMetric(now.threads, "threads")
		b.ReportMetric(now.threads-before.threads, "more-threads")
		for _, body := range bodies {
			body.CloseWithError(io.EOF)
		}
		for range requests {
			if status := <-done; status != http.StatusBadRequest {
				b.Errorf("status %d of a request without a message", status)
			}
		}
	}
}

// holdRequests returns once every request's instance waits for its body.
func holdRequests(h *writ.Host, n int) (bodies []*io.PipeWriter, done chan int) {
	done = make(chan int, n)
	for range n {
		r, w := io.Pipe()
		bodies = append(bodies, w)
		go func() {
			recorder := httptest.NewRecorder()
			h.ServeHTTP(deadlines{recorder, r}, httptest.NewRequest("POST", "/", r))
			done <- recorder.Code
		}()
	}
	for _, w := range bodies {
		io.WriteString(w, "m") // returns when it was read, and the next read hangs
	}
	return bodies, done
}

// deadlines makes a recorder one whose request can be interrupted, as those of
// servers can: its body is then read by the goroutine that serves it.
type deadlines struct {
	*httptest.ResponseRecorder
	body *io.PipeReader
}

func (d deadlines) SetReadDeadline(end time.Time) error {
	if time.Now().Before(end) {
		return nil
	}
	return d.body.CloseWithError(os.ErrDeadlineExceeded)
}

type process struct{ resident, threads float64 }

// processNow reads the memory, in MB, and the threads of this process.
func processNow(b *testing.B) (p process) {
	b.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip(err)
	}
	for line := range strings.Lines(string(text)) {
		name, rest, _ := strings.Cut(line, ":")
		fields := strings.Fields(rest)
		if len(fields) == 0 {
			continue
		}
		n, _ := strconv.ParseFloat(fields[0], 64)
		switch name {
		case "VmRSS":
			p.resident = n * 1024 / 1e6
		case "Threads":
			p.threads = n
		}
	}
	return p
}

// processorTime is what the process used, on all processors. Unlike the time
// that passes it hardly depends on what else the machine does.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func reportProcessor(b *testing.B, before time.Duration) {
	b.ReportMetric(float64((processorTime()-before).Microseconds())/float64(b.N), "cpu-µs/op")
}
