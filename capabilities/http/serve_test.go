package wasihttp

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	wasiio "github.com/writ-host/writ/capabilities/wasi/io"
	"github.com/writ-host/writ/wit"
)

func TestSmallResponseHasItsLength(t *testing.T) {
	s := serve(t, Options{}, component(func(g *guest, _, out wit.Value) {
		g.reply(out, "<p>hello", "x-one", "1", "X-One", "2")
	}))
	resp, body, err := s.fetch(t, "GET", "/", nil)
	if err != nil || resp.StatusCode != 200 || body != "<p>hello" {
		t.Fatalf("got %v, %q, %v", resp, body, err)
	}
	if resp.ContentLength != int64(len(body)) {
		t.Errorf("content-length is %d", resp.ContentLength)
	}
	if got := resp.Header["X-One"]; len(got) != 2 || got[0] != "1" || got[1] != "2" {
		t.Errorf("x-one is %q", got)
	}
	if got, guessed := resp.Header["Content-Type"]; guessed {
		t.Errorf("content-type %q was guessed", got)
	}
	if out := s.outcome(t); out.Status != 200 || out.Bytes != 8 || out.Err != nil || out.Aborted {
		t.Errorf("outcome %+v", out)
	}
}

func TestBodyWrittenBeforeTheResponseIsSet(t *testing.T) {
	s := serve(t, Options{}, component(func(g *guest, _, out wit.Value) {
		response, body := g.response()
		stream := g.ok("[method]outgoing-body.write", body)
		g.write(stream, "early ")
		g.write(stream, "bird")
		drop(stream)
		g.finish(body)
		g.ok("[method]outgoing-response.set-status-code", response, wit.U16(201))
		g.set(out, response)
	}))
	resp, body, err := s.fetch(t, "GET", "/", nil)
	if err != nil || resp.StatusCode != 201 || body != "early bird" {
		t.Fatalf("got %v, %q, %v", resp, body, err)
	}
}

func TestResponseWithoutABody(t *testing.T) {
	s := serve(t, Options{}, component(func(g *guest, _, out wit.Value) {
		response := g.call("[constructor]outgoing-response", g.headers("location", "/"))
		g.ok("[method]outgoing-response.set-status-code", response, wit.U16(303))
		g.set(out, response)
	}))
	req, _ := http.NewRequestWithContext(t.Context(), "GET", s.URL, nil)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 303 || resp.ContentLength != 0 || resp.Header.Get("Location") != "/" {
		t.Fatalf("got %+v", resp)
	}
}

func TestBodilessResponses(t *testing.T) {
	s := serve(t, Options{}, component(func(g *guest, request, out wit.Value) {
		response, body := g.response("content-length", "1000")
		if path, _ := g.call("[method]incoming-request.path-with-query", request).Payload(); path.Text() == "/204" {
			response, body = g.response()
			g.ok("[method]outgoing-response.set-status-code", response, wit.U16(204))
		}
		g.set(out, response)
		stream := g.ok("[method]outgoing-body.write", body)
		g.write(stream, "nobody sees this")
		drop(stream)
		g.finish(body)
	}))
	for path, want := range map[string]int{"/": 200, "/204": 204} {
		resp, body, err := s.fetch(t, "HEAD", path, nil)
		if err != nil || resp.StatusCode != want || body != "" {
			t.Errorf("HEAD %s: %v, %q, %v", path, resp, body, err)
		}
		if out := s.outcome(t); out.Err != nil {
			t.Errorf("HEAD %s: outcome %+v", path, out)
		}
	}
	if resp, body, err := s.fetch(t, "GET", "/204", nil); err != nil || resp.StatusCode != 204 || body != "" {
		t.Errorf("GET /204: %v, %q, %v", resp, body, err)
	}
}

func TestGuestSeesTheRequest(t *testing.T) {
	s := serve(t, Options{}, component(func(g *guest, request, out wit.Value) {
		var b strings.Builder
		method := g.call("[method]incoming-request.method", request)
		name, _ := methodName(method)
		b.WriteString(name)
		for _, f := range []string{"path-with-query", "authority"} {
			p, some := g.call("[method]incoming-request."+f, request).Payload()
			if !some {
				b.WriteString(" none")
			}
			b.WriteString(" " + p.Text())
		}
		headers := g.call("[method]incoming-request.headers", request)
		for _, e := range g.call("[method]fields.entries", headers).Items() {
			name, value := e.Items()[0].Text(), string(e.Items()[1].Bytes())
			if strings.HasPrefix(name, "x-") || name == "connection" || name == "host" {
				b.WriteString(" " + name + "=" + value)
			}
		}
		if got := g.headerError("[method]fields.append", headers, wit.String("a"), wit.Bytes(nil)); got != "immutable" {
			panic("changing the headers of a request: " + got)
		}
		g.reply(out, b.String())
	}))
	req, _ := http.NewRequestWithContext(t.Context(), "PURGE", s.URL+"/a%2Fb?q=%20&empty", nil)
	req.Header = http.Header{"X-B": {"2", "3"}, "X-A": {"1"}, "X-Private": {"hop"}, "Connection": {"x-private"}}
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, _ := bufio.NewReader(resp.Body).ReadString(0)
	want := "PURGE /a%2Fb?q=%20&empty " + strings.TrimPrefix(s.URL, "http://") + " x-a=1 x-b=2 x-b=3"
	if got != want {
		t.Errorf("guest saw\n%s\nwant\n%s", got, want)
	}
}

func TestFlushedPartsArriveWhileTheGuestWorks(t *testing.T) {
	step := make(chan struct{})
	s := serve(t, Options{}, component(func(g *guest, _, out wit.Value) {
		response, body := g.response("content-type", "text/event-stream")
		g.set(out, response)
		stream := g.ok("[method]outgoing-body.write", body)
		for _, line := range []string{"one\n", "two\n"} {
			<-step
			g.write(stream, line)
		}
		<-step
		drop(stream)
		g.finish(body)
	}))
	req, _ := http.NewRequestWithContext(t.Context(), "GET", s.URL, nil)
	resp, err := s.Client().Do(req) // the head arrives before any body
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	for _, want := range []string{"one\n", "two\n"} {
		step <- struct{}{}
		if got, err := lines.ReadString('\n'); got != want || err != nil {
			t.Fatalf("read %q, %v; want %q", got, err, want)
		}
	}
	close(step)
	if rest, err := lines.ReadString('\n'); rest != "" || err == nil {
		t.Fatalf("read %q, %v at the end", rest, err)
	}
}

func TestTrailersBothWays(t *testing.T) {
	s := serve(t, Options{}, component(func(g *guest, request, out wit.Value) {
		incoming := g.ok("[method]incoming-request.consume", request)
		stream := g.ok("[method]incoming-body.stream", incoming)
		g.ok("[method]input-stream.blocking-read", stream, wit.U64(2)) // leaves a rest
		drop(stream)
		future := g.call("[static]incoming-body.finish", incoming)
		g.call("[method]pollable.block", g.call("[method]future-trailers.subscribe", future))
		got, _ := g.call("[method]future-trailers.get", future).Payload() // result<result<option<trailers>>>
		inner, _ := got.Payload()
		option, _ := inner.Payload()
		trailers, some := option.Payload()
		if !some {
			panic("no trailers")
		}
		sum := g.call("[method]fields.get", trailers, wit.String("X-Sum")).Items()[0].Bytes()
		if again, _ := g.call("[method]future-trailers.get", future).Payload(); again.Case() != 1 {
			panic("trailers came twice")
		}
		response, body := g.response()
		g.set(out, response)
		outStream := g.ok("[method]outgoing-body.write", body)
		g.write(outStream, "small")
		drop(outStream)
		g.ok("[static]outgoing-body.finish", body, wit.Some(g.headers("x-back", "sum was "+string(sum))))
	}))
	req, _ := http.NewRequestWithContext(t.Context(), "POST", s.URL, strings.NewReader("hello world"))
	req.ContentLength = -1
	req.Trailer = http.Header{"X-Sum": {"42"}}
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := bufio.NewReader(resp.Body).ReadString(0)
	if body != "small" || err == nil || resp.Trailer.Get("X-Back") != "sum was 42" {
		t.Fatalf("got %q, %v, trailers %v", body, err, resp.Trailer)
	}
}

// misbehaving guests, and what the client and the log get.
func TestMisbehaviour(t *testing.T) {
	trap := errors.New("wasm trap: unreachable")
	setError := func(name string) component {
		return func(g *guest, _, out wit.Value) {
			g.call("[static]response-outparam.set", out, wit.Err((&codeError{name: name}).value()))
		}
	}
	for _, test := range []struct {
		name   string
		guest  component
		status int // 0 when the client must see a truncated response
		page   string
		reason string
	}{
		{"no response", func(*guest, wit.Value, wit.Value) {}, 500, "component set no response", "without setting a response"},
		{"trap before the response", func(*guest, wit.Value, wit.Value) { panic(trapped{trap}) }, 500, "component failed", "unreachable"},
		{"trap between response and body", func(g *guest, _, out wit.Value) {
			response, _ := g.response()
			g.set(out, response)
			panic(trapped{trap})
		}, 500, "component failed", "unreachable"},
		{"trap in the body", func(g *guest, _, out wit.Value) {
			response, body := g.response()
			g.set(out, response)
			g.write(g.ok("[method]outgoing-body.write", body), "half a")
			time.Sleep(4 * flushDelay) // it is sent meanwhile
			panic(trapped{trap})
		}, 0, "", "unreachable"},
		{"error instead of a response", setError("internal-error"), 500, "component failed", "internal-error"},
		{"timeout of an upstream", setError("connection-timeout"), 504, "component failed", "connection-timeout"},
		{"refused by an upstream", setError("connection-refused"), 502, "component failed", "connection-refused"},
		{"returned in the body", func(g *guest, _, out wit.Value) {
			response, body := g.response()
			g.set(out, response)
			stream := g.ok("[method]outgoing-body.write", body)
			g.write(stream, strings.Repeat("x", 4096))
			for range 20 {
				g.write(stream, strings.Repeat("x", 4096))
			}
		}, 0, "", "without finishing the body"},
		{"dropped the body", func(g *guest, _, out wit.Value) {
			response, body := g.response()
			g.set(out, response)
			drop(body)
		}, 500, "component failed", "dropped the body"},
		{"dropped the body before the response", func(g *guest, _, out wit.Value) {
			response, body := g.response()
			drop(body)
			g.set(out, response)
		}, 500, "component failed", "dropped the body"},
		{"body shorter than declared", func(g *guest, _, out wit.Value) {
			response, body := g.response("content-length", "10")
			g.set(out, response)
			stream := g.ok("[method]outgoing-body.write", body)
			g.write(stream, "short")
			drop(stream)
			if got := g.fails("[static]outgoing-body.finish", body, wit.None()); got != "HTTP-response-body-size: 5" {
				panic(got)
			}
		}, 500, "component failed", "HTTP-response-body-size: 5"},
		{"body longer than declared", func(g *guest, _, out wit.Value) {
			response, body := g.response("content-length", "3")
			g.set(out, response)
			stream := g.ok("[method]outgoing-body.write", body)
			write := func() string {
				return g.fails("[method]output-stream.blocking-write-and-flush", stream, wit.Bytes([]byte("long")))
			}
			if first, then := write(), write(); first != "failed: HTTP-response-body-size: 4" || then != "closed" {
				panic(first + then)
			}
		}, 500, "component failed", "HTTP-response-body-size: 4"},
		{"no body where one is declared", func(g *guest, _, out wit.Value) {
			g.set(out, g.call("[constructor]outgoing-response", g.headers("content-length", "3")))
		}, 500, "component failed", "HTTP-response-body-size"},
		{"declared length is no number", func(g *guest, _, out wit.Value) {
			response := g.call("[constructor]outgoing-response", g.headers("content-length", "3", "content-length", "4"))
			if got := g.fails("[method]outgoing-response.body", response); got != "failure" {
				panic(got)
			}
			g.set(out, response)
		}, 500, "component failed", "content-length"},
		{"finished with the stream alive", func(g *guest, _, out wit.Value) {
			response, body := g.response()
			g.set(out, response)
			g.ok("[method]outgoing-body.write", body)
			g.finish(body)
		}, 500, "component failed", "output-stream was not dropped"},
		{"finished reading with the stream alive", func(g *guest, request, _ wit.Value) {
			body := g.ok("[method]incoming-request.consume", request)
			g.ok("[method]incoming-body.stream", body)
			g.call("[static]incoming-body.finish", body)
		}, 500, "component failed", "input-stream was not dropped"},
		{"too much before the response", func(g *guest, _, _ wit.Value) {
			_, body := g.response()
			stream := g.ok("[method]outgoing-body.write", body)
			for {
				g.write(stream, strings.Repeat("x", 4096))
			}
		}, 500, "component failed", "more than 65536 bytes"},
		{"write beyond the permit", func(g *guest, _, out wit.Value) {
			_, body := g.response()
			stream := g.ok("[method]outgoing-body.write", body)
			g.ok("[method]output-stream.write", stream, wit.Bytes(make([]byte, maxHeld+1)))
		}, 500, "component failed", "check-write permits"},
		{"trap after a complete response", func(g *guest, _, out wit.Value) {
			g.reply(out, "done")
			panic(trapped{trap})
		}, 200, "done", "unreachable"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, Options{RequestID: "req-7"}, test.guest)
			resp, body, err := s.fetch(t, "GET", "/", nil)
			out := s.outcome(t)
			s.Close()
			if log := s.log.String(); !strings.Contains(log, test.reason) || !strings.Contains(log, "request=req-7") {
				t.Errorf("log %q does not tell %q", log, test.reason)
			}
			if test.status == 0 {
				if err == nil || !out.Aborted {
					t.Errorf("the client got %q as a complete response; outcome %+v", body, out)
				}
				return
			}
			if err != nil || resp.StatusCode != test.status || out.Status != test.status || !strings.Contains(body, test.page) {
				t.Errorf("got %v, %q, %v; outcome %+v", resp, body, err, out)
			}
			if test.status != 200 && (!strings.Contains(body, "req-7") || strings.Contains(body, test.reason) && test.reason != test.page && !strings.Contains(test.page, test.reason)) {
				t.Errorf("page %q names no request, or tells too much", body)
			}
		})
	}
}

func TestDeadlineGivesGatewayTimeout(t *testing.T) {
	s := serve(t, Options{}, late{component(func(g *guest, request, _ wit.Value) {
		g.call("[method]pollable.block", wasiio.NewPollable(new(wasiio.Event)))
	})})
	resp, body, err := s.fetch(t, "GET", "/", nil)
	if err != nil || resp.StatusCode != 504 || !strings.Contains(body, "too long") {
		t.Fatalf("got %v, %q, %v", resp, body, err)
	}
}

// late is a guest whose calls have a deadline.
type late struct{ Guest }

func (l late) Handle(ctx context.Context, request, out wit.Value) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
	defer cancel()
	return l.Guest.Handle(ctx, request, out)
}

func TestDeadlineWhileTheClientSendsNothing(t *testing.T) {
	reads := map[string]component{
		"blocking read": func(g *guest, request, _ wit.Value) {
			g.call("[method]input-stream.blocking-read", g.body(request), wit.U64(10))
		},
		"poll": func(g *guest, request, _ wit.Value) {
			p := g.call("[method]input-stream.subscribe", g.body(request))
			g.call("poll", wit.List(p, wasiio.NewPollable(new(wasiio.Event))))
			panic(trapped{errors.New("a guest that reads what it was woken for, and fails")})
		},
	}
	for name, read := range reads {
		for where, bound := range map[string]func() *server{
			"call":    func() *server { return serve(t, Options{}, late{read}) },
			"request": func() *server { s := serve(t, Options{}, read); s.wall = 15 * time.Millisecond; return s },
		} {
			t.Run(name+", deadline of the "+where, func(t *testing.T) { sendNothing(t, bound()) })
		}
	}
}

// sendNothing sends a request without the body that it declares.
func sendNothing(t *testing.T, s *server) {
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("no response: %v; outcome %+v", err, s.outcome(t))
	}
	defer resp.Body.Close()
	if out := s.outcome(t); resp.StatusCode != 504 || !errors.Is(out.Err, errLate) {
		t.Fatalf("got %v; outcome %+v", resp, out)
	}
}

func TestClientThatLeavesEndsTheGuestsCall(t *testing.T) {
	waiting := make(chan struct{})
	s := serve(t, Options{}, component(func(g *guest, _, _ wit.Value) {
		close(waiting)
		g.call("[method]pollable.block", wasiio.NewPollable(new(wasiio.Event)))
	}))
	ctx, cancel := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, "GET", s.URL, nil)
	go func() {
		<-waiting
		cancel()
	}()
	if resp, err := s.Client().Do(req); err == nil {
		resp.Body.Close()
		t.Fatal("a request that was cancelled got a response")
	}
	if out := s.outcome(t); !errors.Is(out.Err, errClientGone) {
		t.Fatalf("outcome %+v", out)
	}
}

func TestRequestBodyLimit(t *testing.T) {
	s := serve(t, Options{RequestBody: 10}, component(func(g *guest, request, out wit.Value) {
		stream := g.body(request)
		var got []byte
		for {
			v := g.call("[method]input-stream.blocking-read", stream, wit.U64(4))
			p, _ := v.Payload()
			if v.Case() == 0 {
				got = append(got, p.Bytes()...)
				continue
			}
			if e, failed := p.Payload(); failed {
				code, _ := g.call("http-error-code", e).Payload()
				g.call("[static]response-outparam.set", out, wit.Err(code))
				return
			}
			g.reply(out, string(got))
			return
		}
	}))
	for body, want := range map[string]int{"0123456789": 200, "0123456789a": 413, "": 200} {
		resp, text, err := s.fetch(t, "POST", "/", strings.NewReader(body))
		if err != nil || resp.StatusCode != want || want == 200 && text != body {
			t.Errorf("%q: got %v, %q, %v", body, resp, text, err)
		}
	}
}
