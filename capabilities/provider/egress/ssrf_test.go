package egress_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities/http/backend"
	"github.com/writ-host/writ/capabilities/provider/egress"
)

// victim is a server on this machine that nobody was granted.
func victim(t *testing.T) (hits *atomic.Int64, port string) {
	hits = &atomic.Int64{}
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	t.Cleanup(s.Close)
	_, port, _ = net.SplitHostPort(s.Listener.Addr().String())
	return hits, port
}

// spellings are ways to write addresses that are not public; PORT is replaced.
var spellings = []string{
	"127.0.0.1:PORT", "127.0.0.1.:PORT", "127.1:PORT", "127.0.1:PORT", "2130706433:PORT", "0x7f000001:PORT", "0x7f.0.0.1:PORT",
	"0177.0.0.1:PORT", "017700000001:PORT", "127.0.0.01:PORT", "127.0.0.1.0x0:PORT", "0:PORT", "0.0.0.0:PORT", "127.000.000.001:PORT",
	"localhost:PORT", "LOCALHOST:PORT", "localhost.:PORT", "app.localhost:PORT", "localhost.localdomain:PORT",
	"[::1]:PORT", "[::]:PORT", "[::ffff:127.0.0.1]:PORT", "[::ffff:7f00:1]:PORT", "[0:0:0:0:0:ffff:7f00:0001]:PORT", "[::127.0.0.1]:PORT",
	"[64:ff9b::127.0.0.1]:PORT", "[64:ff9b::7f00:1]:PORT", "[2002:7f00:1::]:PORT", "[fe80::1%25lo]:PORT", "[::1%25]:PORT", "[::1%lo]:PORT",
	"169.254.169.254", "[fd00:ec2::254]", "[::ffff:169.254.169.254]", "2852039166", "0xa9fea9fe", "169.254.43518", "100.100.100.200",
	"metadata.google.internal", "metadata.google.internal.", "127.0.0.1.nip.example:PORT", "rebind.example:PORT",
	"example.com@127.0.0.1:PORT", "127.0.0.1:PORT@example.com", "example.com:80@127.0.0.1:PORT", "127.0.0.1:PORT#@example.com",
	"127.0.0.1:PORT?@example.com", "127.0.0.1:PORT\\@example.com", "127.0.0.1:PORT/@example.com", "127.0.0.1%00.example.com:PORT",
	"127.0.0.1:PORT:80", "127.0.0.1:+PORT", "127.0.0.1 :PORT", "127.0.0.1\t:PORT", "127.0.0.1\r\nHost: x:PORT", "127。0。0。1:PORT",
	"①②⑦.⓪.⓪.①:PORT", "ⓛocalhost:PORT", "loc\u00adalhost:PORT", "%6c%6f%63alhost:PORT", "127%2e0%2e0%2e1:PORT", "[::1]PORT", "[127.0.0.1]:PORT",
	"10.0.0.1", "192.168.1.1", "172.16.0.1", "100.64.0.1", "198.18.0.1", "224.0.0.1", "255.255.255.255",
}

// TestSpellingsOfPrivateAddresses asks for each under a grant of everything,
// and again under one that names each host as it is spelled: no name may stand
// for an address that is not public.
func TestSpellingsOfPrivateAddresses(t *testing.T) {
	hits, port := victim(t)
	dns := nameserver(t, func(name string) []string {
		if strings.HasPrefix(name, "metadata") {
			return []string{"169.254.169.254", "fd00:ec2::254"}
		}
		return []string{"127.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"}
	})
	e := inside(t, egress.Settings{Nameserver: dns, Connect: 500 * time.Millisecond})
	for _, spelling := range spellings {
		authority := strings.ReplaceAll(spelling, "PORT", port)
		resource, err := broker.HTTPResource("http", authority, "/")
		if err != nil {
			continue // it has no canonical form, so nothing is granted
		}
		for _, named := range []bool{false, true} {
			r := ask(t.Context(), "GET", resource)
			r.Named = named
			if host := r.URL.Hostname(); named && (literal(host) || strings.HasSuffix(host, "localhost")) {
				continue // this one is the address itself, and was granted
			}
			switch got := failure(e.Send(r)); got {
			case "destination-IP-prohibited", "destination-not-found":
			default:
				t.Errorf("%q, which is %s, named %v: %s", spelling, resource, named, got)
			}
		}
	}
	if n := hits.Load(); n > 0 {
		t.Errorf("the server was reached %d times", n)
	}
}

func literal(host string) bool { return net.ParseIP(host) != nil }

// TestLocalhostIsThisMachine, whatever a name server says, and for grants that name it alone.
func TestLocalhostIsThisMachine(t *testing.T) {
	hits, port := victim(t)
	for what, answer := range map[string]func(string) []string{
		"it knows nothing": func(string) []string { return nil },
		"it says another":  func(string) []string { return []string{"10.1.2.3"} },
	} {
		both(t, egress.Settings{Nameserver: nameserver(t, answer)}, func(t *testing.T, e backend.Egress) {
			for _, host := range []string{"localhost", "app.localhost"} {
				before := hits.Load()
				r := ask(t.Context(), "GET", "http://"+host+":"+port)
				if got := failure(e.Send(r)); got != "200" || hits.Load() == before {
					t.Errorf("%s: %s: %s", what, host, got)
				}
				r = ask(t.Context(), "GET", "http://"+host+":"+port)
				r.Named = false
				if got := failure(e.Send(r)); got != "destination-IP-prohibited" {
					t.Errorf("%s: %s that no grant names: %s", what, host, got)
				}
			}
		})
	}
}

// TestNamesOfTheHostsFile are found there also where they have no dot, and by no search list.
func TestNamesOfTheHostsFile(t *testing.T) {
	_, port := victim(t)
	const nobody = "nobody-has-this-name"
	dns := nameserver(t, func(name string) []string {
		if name != nobody {
			t.Errorf("the name server was asked for %s", name)
		}
		return nil
	})
	both(t, egress.Settings{Nameserver: dns, Private: loopbacks}, func(t *testing.T, e backend.Egress) {
		for _, host := range append(hostsFileNames(t), nobody) {
			want := "200"
			if host == nobody {
				want = "DNS-error"
			}
			if got := failure(e.Send(ask(t.Context(), "GET", "http://"+host+":"+port))); !strings.HasPrefix(got, want) {
				t.Errorf("%s: %s", host, got)
			}
		}
	})
}

// hostsFileNames are those of this machine that have no dot and are on it.
func hostsFileNames(t *testing.T) (names []string) {
	t.Helper()
	text, err := os.ReadFile("/etc/hosts")
	if err != nil {
		t.Log(err) // not every machine has one
	}
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) < 2 || !strings.HasPrefix(fields[0], "127.") {
			continue
		}
		for _, name := range fields[1:] {
			if !strings.Contains(name, ".") && name != "localhost" {
				names = append(names, name)
			}
		}
	}
	return names
}

// TestNamesThatMove has a name whose answer changes between the check and the
// use of others: here what was checked is what is connected to.
func TestNamesThatMove(t *testing.T) {
	hits, port := victim(t) // at 127.0.0.1
	dns := nameserver(t, turns([]string{"127.0.0.2"}, []string{"127.0.0.1"}))
	e := inside(t, egress.Settings{Nameserver: dns, Private: prefixesOf("127.0.0.2/32")})
	allowed, err := net.Listen("tcp", "127.0.0.2:"+port)
	if err != nil {
		t.Skipf("this machine has no 127.0.0.2: %v", err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") })}
	go func() { _ = s.Serve(allowed) }()
	defer s.Close()
	if got := failure(e.Send(ask(t.Context(), "GET", "http://moves.example:"+port))); got != "200" {
		t.Errorf("at the first address: %s", got)
	}
	for range 3 {
		if got := failure(e.Send(ask(t.Context(), "GET", "http://moves.example:"+port))); got != "destination-IP-prohibited" {
			t.Errorf("at the second address: %s", got)
		}
	}
	if n := hits.Load(); n > 0 {
		t.Errorf("the server was reached %d times", n)
	}
}

// TestNamesWithSeveralAddresses are only connected to at those that are allowed.
func TestNamesWithSeveralAddresses(t *testing.T) {
	hits, port := victim(t)
	dns := nameserver(t, func(string) []string { return []string{"127.0.0.1", "127.0.0.3"} })
	e := inside(t, egress.Settings{Nameserver: dns, Private: prefixesOf("127.0.0.3/32")})
	for range 5 {
		if got := failure(e.Send(ask(t.Context(), "GET", "http://several.example:"+port))); got == "200" {
			t.Error("connected to an address that is not allowed")
		}
	}
	if n := hits.Load(); n > 0 {
		t.Errorf("the server was reached %d times", n)
	}
}

// TestSmuggling sends what would become another request, if anything let it.
func TestSmuggling(t *testing.T) {
	var saw []string
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		saw = append(saw, fmt.Sprint(r.Method, " ", r.Host, " ", r.RequestURI))
	}))
	defer upstream.Close()
	host := strings.TrimPrefix(upstream.URL, "http://")
	e := launch(t, egress.Settings{}).HTTP()
	const second = "x\r\nHost: evil.example\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: evil.example\r\n\r\n"
	for name, change := range map[string]func(r *backend.Request){
		"field value":  func(r *backend.Request) { r.Header["X-A"] = []string{second} },
		"field name":   func(r *backend.Request) { r.Header["X-A: b\r\nX-C"] = []string{"d"} },
		"bare newline": func(r *backend.Request) { r.Header["X-A"] = []string{"a\nHost: evil.example"} },
		"method":       func(r *backend.Request) { r.Method = "GET /smuggled HTTP/1.1\r\nX: " },
		"host":         func(r *backend.Request) { r.Host = "evil.example"; r.Header["Host"] = []string{"evil.example"} },
		"query":        func(r *backend.Request) { r.URL.RawQuery = "a HTTP/1.1\r\nHost: evil.example\r\n\r\n" },
		"authority":    func(r *backend.Request) { r.URL.Host = "evil.example@" + host },
		"no port":      func(r *backend.Request) { r.URL.Host = "evil.example" },
		"scheme":       func(r *backend.Request) { r.URL.Scheme = "file" },
		"two lengths":  func(r *backend.Request) { r.Header["Content-Length"] = []string{"5", "50"} },
		"chunked":      func(r *backend.Request) { r.Header["Transfer-Encoding"] = []string{"chunked", "identity"} },
		"upgrade": func(r *backend.Request) {
			r.Header["Upgrade"], r.Header["Connection"] = []string{"h2c"}, []string{"Upgrade"}
		},
		"trailer field": func(r *backend.Request) { r.Trailer = http.Header{"Content-Length": {"9"}} },
		"proxy":         func(r *backend.Request) { r.Header["Proxy-Authorization"] = []string{"x"} },
	} {
		saw = nil
		r := ask(t.Context(), "GET", upstream.URL)
		change(r)
		got := failure(e.Send(r))
		for _, line := range saw {
			if line != "GET "+host+" /" && line != "GET "+host+" /?"+r.URL.RawQuery {
				t.Errorf("%s: the server saw %q (%s)", name, line, got)
			}
		}
		if len(saw) > 1 {
			t.Errorf("%s: the server saw %q", name, saw)
		}
	}
}

// TestKilledInTheMiddle has the provider die while a body comes and another goes.
func TestKilledInTheMiddle(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			_, _ = io.Copy(io.Discard, r.Body)
			return
		}
		_, _ = w.Write([]byte("begin"))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	defer upstream.Close()
	p := launch(t, egress.Settings{})
	resp, err := p.HTTP().Send(ask(t.Context(), "GET", upstream.URL))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := resp.Body.Read(make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	uploading := make(chan error, 1)
	go func() {
		r := ask(t.Context(), "POST", upstream.URL)
		r.ContentLength, r.Body = -1, endless{}
		_, err := p.HTTP().Send(r)
		uploading <- err
	}()
	time.Sleep(100 * time.Millisecond)
	killed := time.Now()
	if err := syscall.Kill(p.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_, err = resp.Body.Read(make([]byte, 5))
	if got := failure(nil, err); got != "connection-terminated" {
		t.Errorf("the body that came: %s", got)
	}
	if got := failure(nil, <-uploading); got != "connection-terminated" {
		t.Errorf("the body that went: %s", got)
	}
	if took := time.Since(killed); took > 15*time.Second { // and not the time of a call
		t.Errorf("errors came after %v", took)
	}
	// The next request waits for the next process.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	short := httptest.NewServer(http.NotFoundHandler())
	defer short.Close()
	if got := failure(p.HTTP().Send(ask(ctx, "GET", short.URL))); got != "404" {
		t.Errorf("after a restart: %s", got)
	}
	if p.Restarts() != 1 {
		t.Errorf("%d restarts", p.Restarts())
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
func (endless) Close() error               { return nil }

// TestCancelledRequestsEnd: a host that wants no more ends the request at the server.
func TestCancelledRequestsEnd(t *testing.T) {
	began, ended := make(chan struct{}, 2), make(chan struct{}, 2)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/begin" {
			w.(http.Flusher).Flush()
		}
		began <- struct{}{}
		<-r.Context().Done()
		ended <- struct{}{}
	}))
	defer upstream.Close()
	e := launch(t, egress.Settings{}).HTTP()
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-began
		cancel(&backend.Error{Code: backend.LoopDetected})
	}()
	if got := failure(e.Send(ask(ctx, "GET", upstream.URL))); got != "loop-detected" {
		t.Errorf("a request that is cancelled: %s, want the cause", got)
	}
	resp, err := e.Send(ask(t.Context(), "GET", upstream.URL+"/begin"))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	for range 2 {
		select {
		case <-ended:
		case <-time.After(30 * time.Second):
			t.Fatal("the server was not told")
		}
	}
}
