package wasihttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/writ-host/writ/capabilities"
	wasiio "github.com/writ-host/writ/capabilities/wasi/io"
	"github.com/writ-host/writ/wit"
)

// guest is a component's side of one call, as Go code that calls the host's
// functions by name. A trap is a panic that Handle turns into an error.
type guest struct {
	host
	ctx  context.Context
	data *capabilities.Instance
}

type trapped struct{ err error }

// host is what all guests of one configuration call.
type host struct {
	funcs map[string]*wit.Func
	run   map[string]capabilities.Func
}

func newHost(config Config) host {
	h, err := New(config)
	if err != nil {
		panic(err)
	}
	all := host{map[string]*wit.Func{}, map[string]capabilities.Func{}}
	for _, i := range append(wasiio.Imports(), h.Imports()...) {
		for _, f := range i.Interface.Funcs {
			all.funcs[f.Name], all.run[f.Name] = f, i.Funcs[f.Name]
		}
	}
	return all
}

var defaultHost = sync.OnceValue(func() host { return newHost(Config{}) })

func newGuest(ctx context.Context, h host) *guest {
	return &guest{ctx: ctx, data: &capabilities.Instance{}, host: h}
}

// call calls a host function; it panics when that traps.
func (g *guest) call(name string, args ...wit.Value) wit.Value {
	f, ok := g.run[name]
	if !ok {
		panic("no function " + name)
	}
	c := &wit.Call{Func: g.funcs[name], Args: args, Data: g.data}
	if err := f.Run(g.ctx, c); err != nil {
		panic(trapped{fmt.Errorf("%s: %w", name, err)})
	}
	return c.Result
}

// ok is call for a function that must succeed, and returns what it gives.
func (g *guest) ok(name string, args ...wit.Value) wit.Value {
	v := g.call(name, args...)
	p, _ := v.Payload()
	if v.Kind() == wit.KindResult && v.Case() != 0 {
		panic(trapped{fmt.Errorf("%s failed: %s", name, spell(p))})
	}
	return p
}

// fails is call for a function that must fail, and spells its error.
func (g *guest) fails(name string, args ...wit.Value) string {
	v := g.call(name, args...)
	p, ok := v.Payload()
	switch {
	case v.Case() == 0:
		return "success"
	case !ok:
		return "failure"
	}
	return spell(p)
}

// headerError is call for a function that changes fields: its error, or "".
func (g *guest) headerError(name string, args ...wit.Value) string {
	v := g.call(name, args...)
	if p, failed := v.Payload(); failed && v.Case() == 1 {
		return types.Type("header-error").Cases[p.Case()].Name
	}
	return ""
}

// spell tells a stream-error by its text, and an error-code by its name.
func spell(v wit.Value) string {
	p, some := v.Payload()
	if some && p.Handle() != nil {
		return "failed: " + wasiio.ErrorOf(p).Error()
	}
	if v.Kind() == wit.KindVariant && v.Case() == 1 && !some {
		return "closed"
	}
	return codeOf(v).Error()
}

func drop(v wit.Value) {
	if d, ok := v.Handle().Object.(wit.Dropper); ok {
		d.Drop()
	}
}

func (g *guest) headers(pairs ...string) wit.Value {
	var list []wit.Value
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, wit.Tuple(wit.String(pairs[i]), wit.Bytes([]byte(pairs[i+1]))))
	}
	return g.ok("[static]fields.from-list", wit.List(list...))
}

// response makes one, with its body.
func (g *guest) response(pairs ...string) (response, body wit.Value) {
	response = g.call("[constructor]outgoing-response", g.headers(pairs...))
	return response, g.ok("[method]outgoing-response.body", response)
}

func (g *guest) set(out, response wit.Value) {
	g.call("[static]response-outparam.set", out, wit.OK(response))
}

func (g *guest) write(stream wit.Value, text string) {
	g.ok("[method]output-stream.blocking-write-and-flush", stream, wit.Bytes([]byte(text)))
}

func (g *guest) finish(body wit.Value) {
	g.ok("[static]outgoing-body.finish", body, wit.None())
}

// reply is all that a simple guest does.
func (g *guest) reply(out wit.Value, text string, pairs ...string) {
	response, body := g.response(pairs...)
	g.set(out, response)
	stream := g.ok("[method]outgoing-body.write", body)
	g.write(stream, text)
	drop(stream)
	g.finish(body)
}

// body is the input-stream of a request.
func (g *guest) body(request wit.Value) wit.Value {
	return g.ok("[method]incoming-body.stream", g.ok("[method]incoming-request.consume", request))
}

// component is a Guest made of Go code.
type component func(g *guest, request, out wit.Value)

// Handle implements Guest.
func (c component) Handle(ctx context.Context, request, out wit.Value) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case trapped:
			err = r.err
		default:
			panic(r)
		}
	}()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // a call's context ends with it
	c(newGuest(ctx, defaultHost()), request, out)
	return nil
}

// server serves a component on loopback.
type server struct {
	*httptest.Server
	log       syncBuffer // of Serve
	serverLog syncBuffer // of net/http
	outcomes  chan Outcome
	wall      time.Duration // for each request, 0 for no bound
}

type syncBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func serve(t *testing.T, o Options, c Guest) *server {
	t.Helper()
	s := &server{outcomes: make(chan Outcome, 100)}
	o.Log = slog.New(slog.NewTextHandler(&s.log, nil))
	o.Done = func(out Outcome) { s.outcomes <- out }
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.wall > 0 { // as a host bounds a request
			ctx, cancel := context.WithTimeoutCause(r.Context(), s.wall, errors.New("15 ms are over"))
			defer cancel()
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.wall))
			r = r.WithContext(ctx)
		}
		Serve(w, r, o, c)
	}))
	s.Config.ErrorLog = log.New(&s.serverLog, "", 0)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// outcome waits for the next one.
func (s *server) outcome(t *testing.T) Outcome {
	t.Helper()
	select {
	case o := <-s.outcomes:
		return o
	case <-time.After(10 * time.Second):
		t.Fatal("the request did not end")
		return Outcome{}
	}
}

// fetch gets a response with its whole body.
func (s *server) fetch(t *testing.T, method, path string, body io.Reader) (*http.Response, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.Client().Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp, string(b), err
}
