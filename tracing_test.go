package writ_test

import (
	"compress/gzip"
	"context"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/writ-host/writ"
	collect "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

// collector takes spans over OTLP, by HTTP and by gRPC.
type collector struct {
	collect.UnimplementedTraceServiceServer
	endpoint string

	mu      sync.Mutex
	tokens  []string
	service string
	spans   map[string]*trace.Span // by id
}

func overHTTP(t *testing.T) *collector {
	c := &collector{spans: map[string]*trace.Span{}}
	s := httptest.NewServer(c)
	t.Cleanup(s.Close)
	c.endpoint = s.URL
	return c
}

func overGRPC(t *testing.T) *collector {
	c := &collector{spans: map[string]*trace.Span{}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	collect.RegisterTraceServiceServer(s, c)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	c.endpoint = "grpc://" + l.Addr().String()
	return c
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := gzip.NewReader(r.Body)
	if err != nil || r.URL.Path != "/v1/traces" {
		http.Error(w, "want a compressed body", http.StatusBadRequest)
		return
	}
	message := &collect.ExportTraceServiceRequest{}
	if text, err := io.ReadAll(body); err != nil || proto.Unmarshal(text, message) != nil {
		http.Error(w, "want protobuf", http.StatusBadRequest)
		return
	}
	c.take(message, r.Header.Get("Authorization"))
}

func (c *collector) Export(ctx context.Context, message *collect.ExportTraceServiceRequest) (*collect.ExportTraceServiceResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	c.take(message, strings.Join(md["authorization"], ","))
	return &collect.ExportTraceServiceResponse{}, nil
}

func (c *collector) take(message *collect.ExportTraceServiceRequest, token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tokens = append(c.tokens, token)
	for _, r := range message.ResourceSpans {
		for _, a := range r.Resource.Attributes {
			if a.Key == "service.name" {
				c.service = a.Value.GetStringValue()
			}
		}
		for _, s := range r.ScopeSpans {
			for _, span := range s.Spans {
				c.spans[string(span.SpanId)] = span
			}
		}
	}
}

// chain is the names of a span's ancestors and its own. The parent of the first
// one may be elsewhere.
func (c *collector) chain(span *trace.Span) string {
	names := []string{}
	for ; span != nil; span = c.spans[string(span.ParentSpanId)] {
		names = append(names, span.Name)
	}
	slices.Reverse(names)
	return strings.Join(names, " > ")
}

// find waits for a span with a chain.
func (c *collector) find(t *testing.T, chain string) (found *trace.Span) {
	t.Helper()
	for end := time.Now().Add(patience); found == nil; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("there is no span %s among\n%s", chain, c.text())
		}
		c.mu.Lock()
		for _, s := range c.spans {
			if c.chain(s) == chain {
				found = s
			}
		}
		c.mu.Unlock()
	}
	return found
}

// text is all that spans say, for what they must not say.
func (c *collector) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b strings.Builder
	for _, s := range c.spans {
		b.WriteString(c.chain(s) + "  " + s.String() + "\n")
	}
	return b.String()
}

// wants checks the attributes of a span.
func wants(t *testing.T, s *trace.Span, attributes map[string]string) {
	t.Helper()
	for name, want := range attributes {
		got := "none"
		for _, a := range s.Attributes {
			if a.Key == name {
				got = a.Value.GetStringValue()
			}
		}
		if got != want && !(strings.HasSuffix(want, "~") && strings.HasPrefix(got, want)) {
			t.Errorf("span %s: %s is %q, want %q", s.Name, name, got, want)
		}
	}
}

// traced has an app's directory send its spans to a collector, and serves it.
func traced(t *testing.T, c *collector, dir, config string) *served {
	t.Helper()
	config += "\n[telemetry.traces]\nendpoint = \"" + c.endpoint + "\"\nheaders-file = \"token\"\n"
	writeFile(t, filepath.Join(dir, writ.HostConfigName), config)
	writeFile(t, filepath.Join(dir, "token"), "# for the collector\nAuthorization: Bearer t0ken\n")
	return serve(t, dir)
}

// example is a copy of one.
func example(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if err := os.CopyFS(dir, os.DirFS("examples/"+name)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestTracesOfKeyValue(t *testing.T) {
	for name, c := range map[string]*collector{"HTTP": overHTTP(t), "gRPC": overGRPC(t)} {
		t.Run(name, func(t *testing.T) {
			s := traced(t, c, example(t, "guestbook"), "")
			s.do(t, "POST", "/", "message=hello")
			s.wants(t, "GET", "/", 200, "hello")
			s.do(t, "BREW", "/hidden?secret", "")
			root := "POST /... > instance web"
			wants(t, c.find(t, "POST /..."), map[string]string{"writ.app": "guestbook", "writ.component": "web", "http.route": "/...", "http.request.method": "POST"})
			wants(t, c.find(t, root+" > kv open"), map[string]string{"writ.verdict": "allow"})
			wants(t, c.find(t, root+" > kv bucket.set"), map[string]string{"writ.capability": "kv", "writ.operation": "set", "writ.grant": "guestbook-kv",
				"writ.verdict": "allow", "writ.resource": "kv://default/~", "writ.interface": "wasi:keyvalue/store@0.2.0-draft2"})
			wants(t, c.find(t, root+" > kv bucket.set > provider kv.default"), map[string]string{"writ.provider": "kv.default"})
			c.find(t, "_OTHER /... > instance web")
			for _, secret := range []string{"guestbook/", "hello", "hidden", "secret", "BREW"} {
				if strings.Contains(c.text(), secret) {
					t.Errorf("spans tell of %s:\n%s", secret, c.text())
				}
			}
			if c.service != "guestbook" || !slices.Contains(c.tokens, "Bearer t0ken") {
				t.Errorf("from service %q with %q", c.service, c.tokens)
			}
		})
	}
}

func TestTracesOfDenials(t *testing.T) {
	c, dir := overHTTP(t), example(t, "guestbook")
	writeFile(t, filepath.Join(dir, "grants.json"), `{"grants": []}`)
	s := traced(t, c, dir, "")
	s.wants(t, "GET", "/", 403, "")
	wants(t, c.find(t, "GET /... > instance web > kv open"), map[string]string{"writ.verdict": "deny", "writ.reason": "no grant", "writ.grant": "none"})
}

func TestTracesOfSQL(t *testing.T) {
	c := overHTTP(t)
	s := traced(t, c, example(t, "orders"), "")
	s.wants(t, "GET", "/orders?customer=Ann", 200, "[]")
	query := "GET /... > instance api > sql database.query"
	c.find(t, query+" > provider sql.default")
	eventually(t, "the tables are told of", func() bool {
		return strings.Contains(c.text(), "sql://default/orders") && strings.Contains(c.text(), "sql://default/lines")
	})
	for _, secret := range []string{"Ann", "SELECT", "CREATE"} {
		if strings.Contains(c.text(), secret) {
			t.Errorf("spans tell of %s", secret)
		}
	}
}

func TestTracesOfCalls(t *testing.T) {
	c := overHTTP(t)
	s := traced(t, c, example(t, "library"), readFile(t, "examples/library/host.toml"))
	s.wants(t, "GET", "/books/whale.txt", 200, "Call me")
	call := "GET /books/:title > instance front > http handle"
	wants(t, c.find(t, call), map[string]string{"writ.resource": "http+app://shelf/~", "writ.operation": "GET"})
	wants(t, c.find(t, call+" > GET /..."), map[string]string{"writ.component": "shelf", "writ.caller": "front"})
	wants(t, c.find(t, call+" > GET /... > instance shelf > file descriptor.open-at"), map[string]string{"writ.resource": "file:///~"})
	if strings.Contains(c.text(), "whale") {
		t.Error("spans tell of the book")
	}
}

func TestTracesOfJobs(t *testing.T) {
	c, dir := overHTTP(t), example(t, "nightly")
	text := strings.Replace(readFile(t, "examples/nightly/writ.toml"), "../guestbook/guestbook.wasm", "nightly.wasm", 1)
	text = text[:strings.Index(text, "[[trigger.http]]")] + text[strings.Index(text, "[[trigger.cron]]"):]
	writeFile(t, filepath.Join(dir, writ.ManifestName), strings.Replace(text, "*/10 * * * * *", "* * * * * *", 1))
	writeFile(t, filepath.Join(dir, writ.HostConfigName), "[telemetry.traces]\nendpoint = \""+c.endpoint+"\"\n")
	_, stop := runJobs(t, dir, &logBuffer{})
	defer stop()
	c.find(t, "job cap > instance housekeeping > kv bucket.get > provider kv.default")
}

// A trace goes on from who is trusted, to servers that a grant names.
func TestTracesGoOn(t *testing.T) {
	const theirs = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	var mu sync.Mutex
	got := map[string]string{} // by path
	address := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got[r.URL.Path] = r.Header.Get("Traceparent")
	})
	for name, config := range map[string]string{"trusted": "trusted-proxies = [\"127.0.0.0/8\"]\n", "not trusted": ""} {
		t.Run(name, func(t *testing.T) {
			c, dir := overHTTP(t), example(t, "proxy")
			grantHTTP(t, dir, "http://"+address+"/**")
			s := traced(t, c, dir, config)
			r, err := http.NewRequest("GET", s.URL+"/http/"+address+"/one", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Traceparent", theirs)
			resp, err := s.Client().Do(r)
			if err != nil || resp.StatusCode != 200 {
				t.Fatal(resp, err)
			}
			resp.Body.Close()
			span := c.find(t, "GET /... > instance relay > http handle > provider http")
			id := hex.EncodeToString(span.TraceId)
			if (id == "0af7651916cd43dd8448eb211c80319c") != (config != "") {
				t.Errorf("trace %s", id)
			}
			mu.Lock()
			sent := got["/one"]
			mu.Unlock()
			if !strings.HasPrefix(sent, "00-"+id+"-") || sent == theirs {
				t.Errorf("the server got %q of trace %s", sent, id)
			}
		})
	}
}
