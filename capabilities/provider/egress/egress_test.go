package egress_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/writ-host/writ/capabilities/http/backend"
	"github.com/writ-host/writ/capabilities/provider/egress"
)

// both runs a test against the provider in this process, and as a process.
func both(t *testing.T, s egress.Settings, test func(t *testing.T, e backend.Egress)) {
	t.Run("inside", func(t *testing.T) { test(t, inside(t, s)) })
	t.Run("process", func(t *testing.T) { test(t, launch(t, s).HTTP()) })
}

func TestRequestAndResponse(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Saw", fmt.Sprint(r.Method, " ", r.Host, " ", r.URL.RequestURI(), " ", r.ContentLength, " ", r.Header, " ", r.Trailer))
		w.Header().Set("Trailer", "X-Sum")
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write(body)
		w.Header().Set("X-Sum", "7")
	}))
	defer upstream.Close()
	host := strings.TrimPrefix(upstream.URL, "http://")
	both(t, egress.Settings{}, func(t *testing.T, e backend.Egress) {
		r := ask(t.Context(), "POST", upstream.URL+"/a%2Fb?q=%20")
		r.Header.Set("X-Mine", "yes")
		r.Header["Transfer-Encoding"], r.Header["Connection"], r.Header["Host"] = []string{"chunked"}, []string{"X-Mine"}, []string{"evil.example"}
		r.Trailer = http.Header{"X-After": nil}
		r.ContentLength = -1
		r.Body = &trailing{Reader: strings.NewReader("hello"), set: func() { r.Trailer["X-After"] = []string{"done"} }}
		resp, err := e.Send(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != 418 || string(body) != "hello" {
			t.Errorf("status %d, body %q, %v", resp.StatusCode, body, err)
		}
		if got, want := resp.Header.Get("X-Saw"), "POST "+host+" /a%2Fb?q=%20 -1 map[X-Mine:[yes]] map[X-After:[done]]"; got != want {
			t.Errorf("the server saw %s, want %s", got, want)
		}
		if got := resp.Trailer.Get("X-Sum"); got != "7" {
			t.Errorf("trailer %q", got)
		}
	})
}

// trailing sets trailers when its end is read, as the capability does.
type trailing struct {
	io.Reader
	set func()
}

func (b *trailing) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		b.set()
	}
	return n, err
}

func (b *trailing) Close() error { return nil }

func TestRedirectsAreAnswers(t *testing.T) {
	upstream := httptest.NewServer(http.RedirectHandler("http://169.254.169.254/latest/meta-data/", http.StatusFound))
	defer upstream.Close()
	both(t, egress.Settings{}, func(t *testing.T, e backend.Egress) {
		resp, err := e.Send(ask(t.Context(), "GET", upstream.URL))
		if err != nil || resp.StatusCode != 302 || resp.Header.Get("Location") != "http://169.254.169.254/latest/meta-data/" {
			t.Errorf("%v, %v", resp, err)
		}
	})
}

// certificateFile has a server's certificate, for who is to trust it.
func certificateFile(t *testing.T, s *httptest.Server) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTLS(t *testing.T) {
	var mu sync.Mutex
	var names []string
	upstream := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.Proto, " ", r.Host)
	}))
	upstream.EnableHTTP2 = true
	upstream.TLS = &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		mu.Lock()
		defer mu.Unlock()
		names = append(names, h.ServerName)
		return nil, nil
	}}
	upstream.Config.ErrorLog = log.New(io.Discard, "", 0)
	upstream.StartTLS()
	defer upstream.Close()
	trusted := certificateFile(t, upstream)
	_, port, _ := net.SplitHostPort(upstream.Listener.Addr().String())
	// The server's certificate is for example.com and 127.0.0.1. The names are
	// resolved here, by a name server that points them to this machine.
	s := egress.Settings{CAFile: trusted, Nameserver: nameserver(t, nil), Private: loopbacks}
	both(t, s, func(t *testing.T, e backend.Egress) {
		for address, want := range map[string]string{
			"https://127.0.0.1:" + port:   "HTTP/2.0 127.0.0.1:" + port,
			"https://example.com:" + port: "HTTP/2.0 example.com:" + port,
		} {
			resp, err := e.Send(ask(t.Context(), "GET", address))
			if err != nil {
				t.Errorf("%s: %v", address, err)
				continue
			}
			body, _ := io.ReadAll(resp.Body)
			contains(t, string(body), want)
		}
		if got := failure(e.Send(ask(t.Context(), "GET", "https://other.example:"+port))); got != "TLS-certificate-error" {
			t.Errorf("another name than the certificate's: %s", got)
		}
		if got := failure(e.Send(ask(t.Context(), "GET", "http://127.0.0.1:"+port))); got != "400" {
			t.Errorf("http to an https port: %s", got)
		}
	})
	both(t, egress.Settings{}, func(t *testing.T, e backend.Egress) {
		if got := failure(e.Send(ask(t.Context(), "GET", upstream.URL))); got != "TLS-certificate-error" {
			t.Errorf("a certificate that nobody trusts: %s", got)
		}
	})
	mu.Lock()
	defer mu.Unlock()
	if all := strings.Join(names, ","); !strings.Contains(all, "example.com") || strings.Contains(all, "127.0.0.1") {
		t.Errorf("servers were asked for by the names %s", all)
	}
}

func TestHTTP2TrailersBothWays(t *testing.T) {
	upstream := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(w, r.Body)
		w.Header().Set(http.TrailerPrefix+"X-Count", fmt.Sprint(n, r.Trailer))
	}))
	upstream.EnableHTTP2 = true
	upstream.StartTLS()
	defer upstream.Close()
	trusted := certificateFile(t, upstream)
	both(t, egress.Settings{CAFile: trusted}, func(t *testing.T, e backend.Egress) {
		r := ask(t.Context(), "PUT", upstream.URL)
		r.ContentLength, r.Trailer = -1, http.Header{"X-After": nil}
		r.Body = &trailing{Reader: strings.NewReader("12345"), set: func() { r.Trailer["X-After"] = []string{"a"} }}
		resp, err := e.Send(r)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "12345" {
			t.Errorf("%q, %v", body, err)
		}
		if got := resp.Trailer.Get("X-Count"); got != "5 map[X-After:[a]]" {
			t.Errorf("trailer %q", got)
		}
	})
}

func TestConnectionsAreNotSharedBetweenGrants(t *testing.T) {
	var mu sync.Mutex
	connections := map[string]int{}
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		connections[r.RemoteAddr]++
	}))
	defer upstream.Close()
	both(t, egress.Settings{}, func(t *testing.T, e backend.Egress) {
		clear(connections)
		send := func(app, component, grant string) {
			r := ask(t.Context(), "GET", upstream.URL)
			r.App, r.Component, r.Grant = app, component, grant
			if got := failure(e.Send(r)); got != "200" {
				t.Error(got)
			}
		}
		for range 3 {
			for _, who := range [][3]string{{"a", "c", "g"}, {"a", "c", "h"}, {"a", "d", "g"}, {"b", "c", "g"}} {
				send(who[0], who[1], who[2])
			}
		}
		if len(connections) != 4 {
			t.Errorf("%d connections for four grants, three requests each: %v", len(connections), connections)
		}
	})
}

func TestTimeouts(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/slow-upload":
			_, _ = io.Copy(io.Discard, r.Body)
		case "/stall":
			w.Header().Set("Content-Length", "9")
			_, _ = w.Write([]byte("half"))
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		default:
			<-r.Context().Done()
		}
	}))
	defer upstream.Close()
	// A listener that takes no connection: its queue is full.
	full, address := fullListener(t)
	defer full()
	both(t, egress.Settings{BetweenBytes: 300 * time.Millisecond}, func(t *testing.T, e backend.Egress) {
		began := time.Now()
		r := ask(t.Context(), "GET", upstream.URL)
		r.FirstByte = 50 * time.Millisecond
		if got := failure(e.Send(r)); got != "HTTP-response-timeout" {
			t.Errorf("a silent server: %s", got)
		}
		r = ask(t.Context(), "GET", "http://"+address)
		r.Connect = 50 * time.Millisecond
		if got := failure(e.Send(r)); got != "connection-timeout" {
			t.Errorf("a server that does not accept: %s", got)
		}
		r = ask(t.Context(), "GET", upstream.URL+"/stall")
		r.BetweenBytes = time.Hour // capped
		resp, err := e.Send(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if e, _ := backend.AsError(err); string(body) != "half" || e == nil || e.Code != backend.ConnectionReadTimeout {
			t.Errorf("a body that stalls: %q, %v", body, err)
		}
		// The guest's own pauses are not the server's.
		r = ask(t.Context(), "PUT", upstream.URL+"/slow-upload")
		r.FirstByte, r.ContentLength = time.Second, -1
		r.Body = io.NopCloser(io.MultiReader(strings.NewReader("a"), pause(1500*time.Millisecond), strings.NewReader("b")))
		if got := failure(e.Send(r)); got != "200" {
			t.Errorf("a guest that pauses: %s", got)
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("all that took %v", took)
		}
	})
}

type pause time.Duration

func (p pause) Read([]byte) (int, error) {
	time.Sleep(time.Duration(p))
	return 0, io.EOF
}

func TestBrokenServers(t *testing.T) {
	for answer, want := range map[string]string{
		"":                                      "connection-terminated",
		"nonsense\r\n\r\n":                      "HTTP-protocol-error",
		"HTTP/1.1 abc OK\r\n\r\n":               "HTTP-protocol-error",
		"HTTP/1.1 101 Up\r\nUpgrade: x\r\n\r\n": "HTTP-upgrade-failed",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n":                            "HTTP-response-transfer-coding",
		"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 200<<10) + "\r\n\r\n":            "HTTP-response-header-section-size",
		"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf":                              "200 HTTP-response-incomplete",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf":                "200 HTTP-response-incomplete",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n":                   "200 HTTP-protocol-error",
		"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 204 None\r\n\r\n":                "204",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab":           "HTTP-protocol-error",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r": "200 HTTP-response-incomplete",
	} {
		address := rawServer(t, answer)
		both(t, egress.Settings{}, func(t *testing.T, e backend.Egress) {
			resp, err := e.Send(ask(t.Context(), "GET", "http://"+address))
			if err != nil {
				if got := failure(nil, err); got != want {
					t.Errorf("%.60q: %s (%v), want %s", answer, got, err, want)
				}
				return
			}
			got := fmt.Sprint(resp.StatusCode)
			if _, err := io.ReadAll(resp.Body); err != nil {
				got += " " + failure(nil, err)
			}
			if got != want {
				t.Errorf("%.60q: %s, want %s", answer, got, want)
			}
		})
	}
}

func TestConnectionRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	both(t, egress.Settings{}, func(t *testing.T, e backend.Egress) {
		if got := failure(e.Send(ask(t.Context(), "GET", "http://"+l.Addr().String()))); got != "connection-refused" {
			t.Error(got)
		}
		if got := failure(e.Send(ask(t.Context(), "CONNECT", "http://"+l.Addr().String()))); got != "HTTP-request-method-invalid" {
			t.Error(got)
		}
	})
}

func TestTooManyRequests(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	defer upstream.Close()
	both(t, egress.Settings{MaxRequests: 1}, func(t *testing.T, e backend.Egress) {
		resp, err := e.Send(ask(t.Context(), "GET", upstream.URL))
		if err != nil {
			t.Fatal(err)
		}
		if got := failure(e.Send(ask(t.Context(), "GET", upstream.URL))); got != "connection-limit-reached" {
			t.Errorf("the second: %s", got)
		}
		_ = resp.Body.Close()
		for range 100 { // until the provider has heard of it
			resp, err = e.Send(ask(t.Context(), "GET", upstream.URL))
			if err == nil {
				_ = resp.Body.Close()
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Errorf("after the first was closed: %v", err)
	})
}

// TestLargeBodies moves 100 MB each way at once, and looks at the provider's memory.
func TestLargeBodies(t *testing.T) {
	const size = 100 << 20
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		_, _ = io.Copy(w, r.Body)
	}))
	defer upstream.Close()
	p := launch(t, egress.Settings{})
	before := residentBytes(t, p.PID())
	r := ask(t.Context(), "POST", upstream.URL)
	r.ContentLength, r.Body = size, io.NopCloser(io.LimitReader(&pattern{}, size))
	resp, err := p.HTTP().Send(r)
	if err != nil {
		t.Fatal(err)
	}
	got, want := sha256.New(), sha256.New()
	n, err := io.Copy(got, resp.Body)
	if err != nil || n != size {
		t.Fatalf("%d bytes came back, %v", n, err)
	}
	_, _ = io.CopyN(want, &pattern{}, size)
	if !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
		t.Error("other bytes came back")
	}
	if grown := residentBytes(t, p.PID()) - before; grown > 48<<20 {
		t.Errorf("the provider grew by %d bytes", grown)
	}
}

// TestBackPressure has a reader that does not read: the server must be stopped.
func TestBackPressure(t *testing.T) {
	sent := make(chan int, 1)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := 0
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
		for {
			m, err := w.Write(make([]byte, 64<<10))
			if n += m; err != nil || n > 200<<20 {
				sent <- n
				return
			}
		}
	}))
	defer upstream.Close()
	resp, err := launch(t, egress.Settings{}).HTTP().Send(ask(t.Context(), "GET", upstream.URL))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if n := <-sent; n > 16<<20 { // what the kernel's buffers take, and two windows
		t.Errorf("the server could send %d bytes to nobody", n)
	}
}
