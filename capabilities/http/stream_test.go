package wasihttp

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	wasiio "github.com/writ-host/writ/capabilities/wasi/io"
	"github.com/writ-host/writ/wit"
)

// echo copies the request's body to the response as guests of three kinds do.
var echoes = map[string]func(g *guest, from, to wit.Value) bool{
	"blocking": func(g *guest, from, to wit.Value) bool {
		v := g.call("[method]input-stream.blocking-read", from, wit.U64(1<<20))
		return v.Case() == 0 && pass(g, v, to)
	},
	"polling": func(g *guest, from, to wit.Value) bool {
		ready := g.call("[method]input-stream.subscribe", from)
		g.call("poll", wit.List(ready, g.call("[method]output-stream.subscribe", to)))
		g.call("[method]pollable.block", ready)
		v := g.call("[method]input-stream.read", from, wit.U64(1<<20))
		return v.Case() == 0 && pass(g, v, to)
	},
	"splicing": func(g *guest, from, to wit.Value) bool {
		return g.call("[method]output-stream.blocking-splice", to, from, wit.U64(1<<20)).Case() == 0
	},
}

func pass(g *guest, read, to wit.Value) bool {
	p, _ := read.Payload()
	for b := p.Bytes(); len(b) > 0; {
		permit := g.ok("[method]output-stream.check-write", to)
		n := min(len(b), int(permit.Uint()))
		g.ok("[method]output-stream.write", to, wit.Bytes(b[:n]))
		b = b[n:]
	}
	return true
}

func echo(step func(g *guest, from, to wit.Value) bool) component {
	return func(g *guest, request, out wit.Value) {
		response, body := g.response()
		from, to := g.body(request), g.ok("[method]outgoing-body.write", body)
		g.set(out, response)
		for step(g, from, to) {
		}
		drop(from)
		drop(to)
		g.finish(body)
	}
}

// counted is a body of n bytes that are made on the way.
type counted struct{ left int }

func (c *counted) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	n := min(c.left, len(p))
	c.left -= n
	return n, nil
}

func TestBigBodiesStreamBothWays(t *testing.T) {
	const size = 100 << 20
	for name, step := range echoes {
		t.Run(name, func(t *testing.T) {
			s := serve(t, Options{}, echo(step))
			var peak atomic.Uint64
			stop := watchHeap(&peak)
			defer stop()
			req, _ := http.NewRequestWithContext(t.Context(), "POST", s.URL, &counted{size})
			resp, err := s.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			n, err := io.Copy(io.Discard, resp.Body)
			if err != nil || n != size {
				t.Fatalf("%d bytes came back, %v", n, err)
			}
			if out := s.outcome(t); out.Bytes != size || out.Err != nil {
				t.Errorf("outcome %+v", out)
			}
			if grown := peak.Load(); grown > 20<<20 {
				t.Errorf("the heap grew by %d MiB", grown>>20)
			}
		})
	}
}

// watchHeap notes how much the heap grows.
func watchHeap(peak *atomic.Uint64) (stop func()) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	start, done := m.HeapAlloc, make(chan struct{})
	go func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(10 * time.Millisecond):
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				if m.HeapAlloc > start {
					peak.Store(max(peak.Load(), m.HeapAlloc-start))
				}
			}
		}
	}()
	return func() { close(done) }
}

func TestClientThatDoesNotReadHoldsTheGuestBack(t *testing.T) {
	var wrote atomic.Int64
	s := serve(t, Options{}, component(func(g *guest, _, out wit.Value) {
		response, body := g.response()
		g.set(out, response)
		stream := g.ok("[method]outgoing-body.write", body)
		for {
			g.ok("[method]output-stream.write", stream, wit.Bytes(make([]byte, wasiio.MaxChunk)))
			wrote.Add(wasiio.MaxChunk)
		}
	}))
	req, _ := http.NewRequestWithContext(t.Context(), "GET", s.URL, nil)
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	before := int64(-1)
	for wrote.Load() != before {
		before = wrote.Load()
		time.Sleep(100 * time.Millisecond)
	}
	if before > 32<<20 {
		t.Errorf("the guest wrote %d MiB that nobody read", before>>20)
	}
	resp.Body.Close() // the guest's write fails, and its call ends
	if out := s.outcome(t); !out.Aborted {
		t.Errorf("outcome %+v", out)
	}
}

func TestDeadlineWhileTheClientDoesNotRead(t *testing.T) {
	s := serve(t, Options{}, late{component(func(g *guest, _, out wit.Value) {
		response, body := g.response()
		g.set(out, response)
		stream := g.ok("[method]outgoing-body.write", body)
		for {
			g.ok("[method]output-stream.write", stream, wit.Bytes(make([]byte, wasiio.MaxChunk)))
		}
	})})
	req, _ := http.NewRequestWithContext(t.Context(), "GET", s.URL, nil)
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if out := s.outcome(t); !out.Aborted || out.Err == nil {
		t.Errorf("outcome %+v", out)
	}
	if n, err := io.Copy(io.Discard, resp.Body); err == nil {
		t.Errorf("the client got %d bytes as a complete response", n)
	}
}

func TestUnreadBodyLeavesTheConnectionUsable(t *testing.T) {
	s := serve(t, Options{}, component(func(g *guest, _, out wit.Value) { g.reply(out, "no thanks") }))
	for range 3 {
		resp, body, err := s.fetch(t, "POST", "/", &counted{1 << 10})
		if err != nil || resp.StatusCode != 200 || body != "no thanks" {
			t.Fatalf("got %v, %q, %v", resp, body, err)
		}
	}
}

func TestPartlyReadBody(t *testing.T) {
	s := serve(t, Options{}, component(func(g *guest, request, out wit.Value) {
		stream := g.body(request)
		g.ok("[method]input-stream.blocking-read", stream, wit.U64(10))
		drop(stream)
		g.reply(out, "enough")
	}))
	var connections atomic.Int32
	transport := s.Client().Transport.(*http.Transport)
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		connections.Add(1)
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	for range 10 {
		for _, size := range []int{10, 100, 60 << 10, 100 << 10} {
			resp, body, err := s.fetch(t, "POST", "/", &counted{size})
			if err != nil || resp.StatusCode != 200 || body != "enough" {
				t.Errorf("%d bytes: got %v, %q, %v", size, resp, body, err)
			}
			if out := s.outcome(t); out.Err != nil {
				t.Errorf("%d bytes: outcome %+v", size, out)
			}
		}
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections were made for requests whose bodies are small", n)
	}
	if strings.Contains(s.serverLog.String(), "panic") {
		t.Error(s.serverLog.String())
	}
}

// What a client still sends of a body that nobody reads is not another request.
func TestRestOfABodyIsNoRequest(t *testing.T) {
	var calls atomic.Int32
	s := serve(t, Options{}, component(func(g *guest, request, out wit.Value) {
		calls.Add(1)
		ready := g.call("[method]input-stream.subscribe", g.body(request))
		g.call("[method]pollable.ready", ready) // a read goes on from here
		g.reply(out, "early")
	}))
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	smuggled := "GET /admin HTTP/1.1\r\nHost: x\r\n\r\n"
	_, _ = fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", len(smuggled))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(resp.Body); string(body) != "early" || err != nil {
		t.Fatalf("got %q, %v", body, err)
	}
	s.outcome(t)
	_, _ = io.WriteString(conn, smuggled)
	if rest, _ := io.ReadAll(conn); len(rest) > 0 || calls.Load() != 1 {
		t.Errorf("the guest was called %d times; the client got %q too", calls.Load(), rest)
	}
}

func BenchmarkHello(b *testing.B) {
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	guest := component(func(g *guest, _, out wit.Value) { g.reply(out, "hello") })
	for name, handler := range map[string]http.Handler{
		"plain": h,
		"serve": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { Serve(w, r, Options{}, guest) }),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			r := httptest.NewRequest("GET", "/", nil)
			for b.Loop() {
				handler.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}
