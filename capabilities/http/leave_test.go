package wasihttp

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/http/backend"
	"github.com/writ-host/writ/wit"
)

// subject allows everything under one grant until it is revoked.
type subject struct {
	grant     broker.Grant
	cacheable bool
	decided   int
	revoked   bool
}

func (s *subject) Decide(context.Context, broker.Call) broker.Decision {
	s.decided++
	return broker.Decision{Allowed: !s.revoked, Cacheable: s.cacheable, Grant: &s.grant}
}

func (s *subject) Covers(string, string, string) broker.Decision {
	return broker.Decision{Allowed: !s.revoked, Cacheable: true, Grant: &s.grant}
}

func (s *subject) Valid(broker.Decision) bool { return !s.revoked }

// recorded is an Egress that keeps what it was asked.
type recorded struct {
	backend.Egress
	last *backend.Request
}

func (r *recorded) Send(req *backend.Request) (*http.Response, error) {
	r.last = req
	return r.Egress.Send(req)
}

// granted is a guest whose functions ask the subject first, as the guard has it.
func granted(t *testing.T, s *subject, e backend.Egress) *guest {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	h := newHost(Config{Egress: e})
	handle := h.run["handle"]
	send := handle.Run
	handle.Run = func(ctx context.Context, c *wit.Call) error {
		if !handle.Permit(c).Holds(ctx, capabilities.From(c)) {
			handle.Deny(c)
			return nil
		}
		return send(ctx, c)
	}
	h.run["handle"] = handle
	g := newGuest(ctx, h)
	g.data = &capabilities.Instance{App: "app", Component: "web", Subject: s}
	return g
}

func TestRequestsSayForWhomTheyAre(t *testing.T) {
	upstream := httptest.NewServer(http.NotFoundHandler())
	defer upstream.Close()
	address := strings.TrimPrefix(upstream.URL, "http://")
	for pattern, named := range map[string]bool{"http://" + address + "/**": true, "http://**": false} {
		e := &recorded{Egress: backend.Plain(http.DefaultTransport)}
		g := granted(t, &subject{grant: broker.Grant{ID: "g", Resource: pattern}}, e)
		options := g.call("[constructor]request-options")
		g.ok("[method]request-options.set-connect-timeout", options, wit.Some(wit.U64(uint64(time.Minute))))
		g.await(g.ok("handle", g.ask("GET", "http", address, "/a?b"), wit.Some(options)))
		r := e.last
		if r.App != "app" || r.Component != "web" || r.Grant != "g" || r.Named != named || r.Connect != time.Minute {
			t.Errorf("%s: %+v", pattern, r)
		}
		if r.URL.String() != "http://"+address+"/a?b" || r.Host != address {
			t.Errorf("to %s, host %s", r.URL, r.Host)
		}
	}
}

// TestOnlyGrantsTakeVerificationAway.
func TestOnlyGrantsTakeVerificationAway(t *testing.T) {
	for tls, want := range map[string]bool{"": false, broker.Unverified: true} {
		e := &recorded{Egress: backend.Plain(http.DefaultTransport)}
		g := granted(t, &subject{grant: broker.Grant{ID: "g", Resource: "https://**/**", TLS: tls}}, e)
		g.await(g.ok("handle", g.ask("GET", "https", "127.0.0.1:1", "/"), wit.None()))
		if e.last.Unverified != want {
			t.Errorf("tls %q: unverified %v", tls, e.last.Unverified)
		}
	}
}

// TestRevocationEndsWhatIsOpen, whether the decision could be kept or not, and
// draws on no rate for the parts of a body.
func TestRevocationEndsWhatIsOpen(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		_, _ = io.WriteString(w, "begin")
		w.(http.Flusher).Flush()
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	defer upstream.Close()
	for _, cacheable := range []bool{true, false} {
		s := &subject{cacheable: cacheable, grant: broker.Grant{ID: "g"}}
		g := granted(t, s, backend.Plain(http.DefaultTransport))
		r := g.ask("POST", "http", strings.TrimPrefix(upstream.URL, "http://"), "/")
		body := g.ok("[method]outgoing-request.body", r)
		up := g.ok("[method]outgoing-body.write", body)
		result := g.await(g.ok("handle", r, wit.None()))
		response, _ := result.Payload()
		down := g.ok("[method]incoming-body.stream", g.ok("[method]incoming-response.consume", response))
		for range 3 {
			g.ok("[method]output-stream.blocking-write-and-flush", up, wit.Bytes([]byte("x")))
		}
		if got := g.ok("[method]input-stream.blocking-read", down, wit.U64(9)); string(got.Bytes()) != "begin" {
			t.Errorf("read %q", got.Bytes())
		}
		if s.decided != 1 {
			t.Errorf("cacheable %v: %d decisions for one request", cacheable, s.decided)
		}
		s.revoked = true
		if got := g.fails("[method]input-stream.blocking-read", down, wit.U64(9)); !strings.Contains(got, "HTTP-request-denied") {
			t.Errorf("cacheable %v: read: %s", cacheable, got)
		}
		if got := g.fails("[method]output-stream.blocking-write-and-flush", up, wit.Bytes([]byte("x"))); !strings.Contains(got, "HTTP-request-denied") {
			t.Errorf("cacheable %v: write: %s", cacheable, got)
		}
	}
}

func TestGrantsBoundBodiesOfUnknownLength(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer upstream.Close()
	g := granted(t, &subject{grant: broker.Grant{ID: "g", Limits: broker.Limits{MaxBytes: 10}}}, backend.Plain(http.DefaultTransport))
	r := g.ask("POST", "http", strings.TrimPrefix(upstream.URL, "http://"), "/")
	up := g.ok("[method]outgoing-body.write", g.ok("[method]outgoing-request.body", r))
	g.ok("handle", r, wit.None())
	g.ok("[method]output-stream.blocking-write-and-flush", up, wit.Bytes(make([]byte, 10)))
	if got := g.fails("[method]output-stream.blocking-write-and-flush", up, wit.Bytes([]byte("x"))); !strings.Contains(got, "HTTP-request-body-size: 11") {
		t.Error(got)
	}
}

func TestTrailersAreAnnounced(t *testing.T) {
	saw := make(chan string, 2)
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		saw <- string(body) + r.Trailer.Get("X-A")
	}))
	defer upstream.Close()
	for announced, want := range map[string]string{"x-a, content-length": "", "x-b": "was not announced"} {
		g := granted(t, &subject{}, backend.Plain(http.DefaultTransport))
		r := g.ask("POST", "http", strings.TrimPrefix(upstream.URL, "http://"), "/", "trailer", announced)
		body := g.ok("[method]outgoing-request.body", r)
		up := g.ok("[method]outgoing-body.write", body)
		future := g.ok("handle", r, wit.None())
		g.ok("[method]output-stream.blocking-write-and-flush", up, wit.Bytes([]byte("hello")))
		drop(up)
		trailers := wit.Some(g.headers("x-a", "!"))
		if want != "" {
			if got := g.fails("[static]outgoing-body.finish", body, trailers); !strings.Contains(got, want) {
				t.Errorf("%s: %s", announced, got)
			}
			continue
		}
		g.call("[static]outgoing-body.finish", body, trailers)
		g.await(future)
		if got := <-saw; got != "hello!" {
			t.Errorf("the server saw %q", got)
		}
	}
}

// TestBackendErrors: every case of the backend's errors is one of the interface.
func TestBackendErrors(t *testing.T) {
	n := uint64(1 << 40)
	for i, name := range codes {
		for _, e := range []*backend.Error{{Code: backend.Code(i)}, {Code: backend.Code(i), Text: "why", Number: &n}} {
			code := fromBackend(e)
			if code.name != name || int(code.value().Case()) != i {
				t.Errorf("case %d is %s, want %s", i, code.name, name)
			}
			has := code.payload != nil
			if want := types.Type("error-code").Cases[i].Type != nil; has != want {
				t.Errorf("%s: payload %v, want %v", name, has, want)
			}
		}
	}
	if got := fromBackend(&backend.Error{Code: 200}).name; got != "internal-error" {
		t.Errorf("a case that does not exist is %s", got)
	}
	if got := fromBackend(&backend.Error{Code: backend.HTTPResponseHeaderSectionSize, Number: &n}).Error(); got != "HTTP-response-header-section-size: 4294967295" {
		t.Error(got)
	}
}

// TestOneGuestSendsAndReceives echoes more than all buffers hold: a guest that
// asks for room, and reads while there is none, gets through.
func TestOneGuestSendsAndReceives(t *testing.T) {
	const size = 24 << 20
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		w.(http.Flusher).Flush()
		_, _ = io.Copy(w, r.Body)
	}))
	defer upstream.Close()
	g := granted(t, &subject{cacheable: true}, backend.Plain(http.DefaultTransport))
	r := g.ask("POST", "http", strings.TrimPrefix(upstream.URL, "http://"), "/")
	body := g.ok("[method]outgoing-request.body", r)
	up := g.ok("[method]outgoing-body.write", body)
	response, _ := g.await(g.ok("handle", r, wit.None())).Payload()
	down := g.ok("[method]incoming-body.stream", g.ok("[method]incoming-response.consume", response))
	writable, readable := g.call("[method]output-stream.subscribe", up), g.call("[method]input-stream.subscribe", down)
	sent, got, waits := 0, 0, 0
	for got < size {
		if sent < size {
			if n := min(int(g.ok("[method]output-stream.check-write", up).Uint()), size-sent); n > 0 {
				g.ok("[method]output-stream.write", up, wit.Bytes(make([]byte, n)))
				if sent += n; sent == size {
					drop(up)
					g.call("[static]outgoing-body.finish", body, wit.None())
				}
				continue
			}
			waits++
			g.call("poll", wit.List(writable, readable))
		}
		got += len(g.ok("[method]input-stream.read", down, wit.U64(64<<10)).Bytes())
	}
	if got != size || waits == 0 {
		t.Errorf("%d bytes came back, with %d waits", got, waits)
	}
}
