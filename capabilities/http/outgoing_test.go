package wasihttp

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/writ-host/writ/capabilities/http/backend"
	"github.com/writ-host/writ/wit"
)

func TestImportsAreComplete(t *testing.T) {
	h, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range h.Imports() {
		if got, want := len(i.Funcs), len(i.Interface.Funcs); got != want {
			t.Errorf("%s: %d functions, want %d", i.Interface.Name, got, want)
		}
		for _, f := range i.Interface.Funcs {
			if i.Funcs[f.Name].Run == nil {
				t.Errorf("%s: %s has no function", i.Interface.Name, f.Name)
			}
		}
	}
	if Handler().Func("handle") == nil {
		t.Error("incoming-handler has no handle")
	}
	if _, err := New(Config{HeaderBytes: -1}); err == nil {
		t.Error("a negative bound is taken")
	}
}

func TestCodes(t *testing.T) {
	for name := range statuses {
		if types.Type("error-code").CaseIndex(name) < 0 {
			t.Errorf("there is no error-code %s", name)
		}
	}
	for i, name := range codes {
		v := (&codeError{name: name}).value()
		if int(v.Case()) != i || codeOf(v).name != name {
			t.Errorf("%s is case %d, want %d", name, v.Case(), i)
		}
		if s := statusOf(codeOf(v)); s < 400 || http.StatusText(s) == "" {
			t.Errorf("%s has status %d", name, s)
		}
	}
	for i, name := range methods {
		if got := types.Type("method").Cases[i].Name; !strings.EqualFold(got, name) {
			t.Errorf("method %d is %s, want %s", i, got, name)
		}
	}
	for want, e := range map[string]*codeError{
		"internal-error: why":        internal("why"),
		"HTTP-request-body-size: 17": sized("HTTP-request-body-size", 17),
		"loop-detected":              plain("loop-detected"),
	} {
		if e.Error() != want {
			t.Errorf("%q, want %q", e.Error(), want)
		}
	}
}

func TestStatusCodes(t *testing.T) {
	g := newGuest(t.Context(), defaultHost())
	response, _ := g.response()
	for status, want := range map[uint16]uint32{0: 1, 99: 1, 100: 1, 199: 1, 200: 0, 599: 0, 999: 0, 1000: 1, 65535: 1} {
		if got := g.call("[method]outgoing-response.set-status-code", response, wit.U16(status)).Case(); got != want {
			t.Errorf("status %d: case %d, want %d", status, got, want)
		}
	}
}

func TestBodiesAreHandedOutOnce(t *testing.T) {
	g := newGuest(t.Context(), defaultHost())
	response, body := g.response()
	g.ok("[method]outgoing-body.write", body)
	source := &bodySource{r: strings.NewReader("")}
	request := wit.NewOwn(incomingRequestType, &incomingRequest{body: &incomingBody{source: source}})
	incoming := g.ok("[method]incoming-request.consume", request)
	g.ok("[method]incoming-body.stream", incoming)
	for name, v := range map[string]wit.Value{
		"[method]outgoing-response.body": response, "[method]outgoing-body.write": body,
		"[method]incoming-request.consume": request, "[method]incoming-body.stream": incoming,
	} {
		if got := g.fails(name, v); got != "failure" {
			t.Errorf("%s the second time: %s", name, got)
		}
	}
}

// ask makes an outgoing-request as a guest does.
func (g *guest) ask(method, scheme, authority, path string, headers ...string) wit.Value {
	r := g.call("[constructor]outgoing-request", g.headers(headers...))
	g.ok("[method]outgoing-request.set-method", r, methodValue(method))
	g.ok("[method]outgoing-request.set-scheme", r, schemeValue(scheme))
	g.ok("[method]outgoing-request.set-authority", r, wit.Some(wit.String(authority)))
	g.ok("[method]outgoing-request.set-path-with-query", r, wit.Some(wit.String(path)))
	return r
}

func TestOutgoingRequestsAreDecidedAbout(t *testing.T) {
	g := newGuest(t.Context(), defaultHost())
	handle := g.run["handle"]
	for _, test := range []struct {
		method, scheme, authority, path string
		operation, resource, denied     string
	}{
		{"GET", "https", "Example.com", "/a?secret=1", "GET", "https://example.com:443/a", "HTTP-request-denied"},
		{"POST", "http", "example.com:8080", "/", "POST", "http://example.com:8080/", "HTTP-request-denied"},
		{"DELETE", "", "example.com", "/x/y", "DELETE", "https://example.com:443/x/y", "HTTP-request-denied"},
		{"GET", "ftp", "example.com", "/", "GET", "", "HTTP-request-URI-invalid"},
		{"GET", "https", "example.com", "/a/../b", "GET", "", "HTTP-request-URI-invalid"},
	} {
		c := &wit.Call{Args: []wit.Value{g.ask(test.method, test.scheme, test.authority, test.path), wit.None()}}
		a := handle.Permit(c).Access
		if a.Operation != test.operation || a.Resource != test.resource {
			t.Errorf("%+v: access %+v", test, a)
		}
		handle.Deny(c)
		if e, _ := c.Result.Payload(); c.Result.Case() != 1 || codeOf(e).name != test.denied {
			t.Errorf("%+v: denied with %v", test, c.Result)
		}
	}
	if got := g.fails("handle", g.ask("GET", "https", "example.com", "/"), wit.None()); !strings.Contains(got, "this host serves no outgoing http") {
		t.Errorf("granted: %s", got)
	}
}

func TestOutgoingRequestSetters(t *testing.T) {
	g := newGuest(t.Context(), defaultHost())
	r := g.call("[constructor]outgoing-request", g.headers())
	other := func(s string) wit.Value {
		p := wit.String(s)
		return wit.Some(wit.Variant(schemeOther, &p))
	}
	method := func(s string) wit.Value {
		p := wit.String(s)
		return wit.Variant(uint32(len(methods)), &p)
	}
	text := func(s string) wit.Value { return wit.Some(wit.String(s)) }
	for _, test := range []struct {
		name string
		arg  wit.Value
		ok   bool
	}{
		{"method", method("PURGE"), true}, {"method", method("a b"), false}, {"method", method(""), false},
		{"scheme", other("ws+x"), true}, {"scheme", other("1x"), false}, {"scheme", wit.None(), true},
		{"authority", text("example.com:80"), true}, {"authority", text("[::1]:80"), true}, {"authority", text("[::1]"), true},
		{"authority", text("user@example.com"), false}, {"authority", text("example.com:99999"), false},
		{"authority", text("example.com:"), false}, {"authority", text("a/b"), false}, {"authority", text(""), false},
		{"path-with-query", text("/a?b"), true}, {"path-with-query", text("a"), false},
		{"path-with-query", text("/a b"), false}, {"path-with-query", text("/a\r\nx"), false}, {"path-with-query", text("/a#b"), false},
		{"path-with-query", text("/" + strings.Repeat("a", maxText)), false},
	} {
		if got := g.call("[method]outgoing-request.set-"+test.name, r, test.arg).Case() == 0; got != test.ok {
			t.Errorf("set-%s %+v: %v, want %v", test.name, test.arg, got, test.ok)
		}
	}
	if name, _ := methodName(g.call("[method]outgoing-request.method", r)); name != "PURGE" {
		t.Errorf("method is %q", name)
	}
	o := g.call("[constructor]request-options")
	for _, name := range []string{"connect", "first-byte", "between-bytes"} {
		g.ok("[method]request-options.set-"+name+"-timeout", o, wit.Some(wit.U64(5)))
		if p, _ := g.call("[method]request-options."+name+"-timeout", o).Payload(); p.Uint() != 5 {
			t.Errorf("%s timeout is %d", name, p.Uint())
		}
		if got := g.fails("[method]request-options.set-"+name+"-timeout", o, wit.Some(wit.U64(1<<63))); got != "failure" {
			t.Errorf("a %s timeout of 292 years: %s", name, got)
		}
		g.ok("[method]request-options.set-"+name+"-timeout", o, wit.None())
		if _, some := g.call("[method]request-options."+name+"-timeout", o).Payload(); some {
			t.Errorf("%s timeout is still there", name)
		}
	}
}

// await is what a guest does to get the response to its request.
func (g *guest) await(future wit.Value) wit.Value {
	g.call("[method]pollable.block", g.call("[method]future-incoming-response.subscribe", future))
	outer, _ := g.call("[method]future-incoming-response.get", future).Payload()
	result, _ := outer.Payload()
	return result
}

func TestGrantedRequestGoesToTheTransport(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Saw", r.Method+" "+r.URL.String()+" "+r.Header.Get("X-Mine"))
		w.WriteHeader(418)
		_, _ = w.Write(append([]byte("got "), body...))
	}))
	defer upstream.Close()
	g := newGuest(t.Context(), newHost(Config{Egress: backend.Plain(http.DefaultTransport)}))
	r := g.ask("POST", "http", strings.TrimPrefix(upstream.URL, "http://"), "/a?q=1", "x-mine", "yes")
	body := g.ok("[method]outgoing-request.body", r)
	stream := g.ok("[method]outgoing-body.write", body)
	g.write(stream, "early ")
	future := g.ok("handle", r, wit.None())
	g.write(stream, "late")
	drop(stream)
	g.finish(body)
	result := g.await(future)
	response, _ := result.Payload()
	if result.Case() != 0 {
		t.Fatalf("request failed: %s", spell(response))
	}
	if got := g.call("[method]incoming-response.status", response).Uint(); got != 418 {
		t.Errorf("status %d", got)
	}
	if got := g.entries(g.call("[method]incoming-response.headers", response)); !strings.Contains(got, "x-saw=POST /a?q=1 yes") {
		t.Errorf("headers %q", got)
	}
	in := g.ok("[method]incoming-body.stream", g.ok("[method]incoming-response.consume", response))
	if got := string(g.ok("[method]input-stream.blocking-read", in, wit.U64(100)).Bytes()); got != "got early late" {
		t.Errorf("body %q", got)
	}
	if again, _ := g.call("[method]future-incoming-response.get", future).Payload(); again.Case() != 1 {
		t.Error("the response came twice")
	}
}

func TestOutgoingFailures(t *testing.T) {
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer silent.Close()
	closed := httptest.NewServer(nil)
	closed.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	g := newGuest(ctx, newHost(Config{Egress: backend.Plain(http.DefaultTransport)}))
	options := g.call("[constructor]request-options")
	g.ok("[method]request-options.set-first-byte-timeout", options, wit.Some(wit.U64(uint64(20*time.Millisecond))))
	for server, want := range map[*httptest.Server]string{silent: "HTTP-response-timeout", closed: "destination-unavailable"} {
		future := g.ok("handle", g.ask("GET", "http", strings.TrimPrefix(server.URL, "http://"), "/"), wit.Some(options))
		result := g.await(future)
		if e, _ := result.Payload(); result.Case() != 1 || codeOf(e).name != want {
			t.Errorf("got %v, want %s", result, want)
		}
	}
}

func TestPathsKeepTheirDelimiters(t *testing.T) {
	for path, want := range map[string]string{
		"/a:b/(c)/d@e,f;g=h!$&'*+": "/a:b/(c)/d@e,f;g=h!$&'*+", "/%61%2f%3a%c3%a9%7E": "/a%2F%3A%C3%A9~", "": "/", "/a%": "/a%", "//x/": "//x/",
	} {
		if got := normalPath(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}
