package writ_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/writ-host/writ"
)

// proxyApp serves the relay of examples/proxy with one grant for each resource.
func proxyApp(t *testing.T, config string, resources ...string) (s *served, dir string) {
	t.Helper()
	dir = proxyDir(t, config, resources...)
	return serve(t, dir), dir
}

func proxyDir(t *testing.T, config string, resources ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	component, err := os.ReadFile("examples/proxy/proxy.wasm")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "proxy.wasm"), string(component))
	writeFile(t, filepath.Join(dir, writ.ManifestName), readFile(t, "examples/proxy/writ.toml"))
	writeFile(t, filepath.Join(dir, writ.HostConfigName), "[limits]\nwall-time = \"60s\"\n"+config)
	grantHTTP(t, dir, resources...)
	return dir
}

// grantHTTP writes the grants file.
func grantHTTP(t *testing.T, dir string, resources ...string) {
	t.Helper()
	grants := []map[string]any{}
	for i, r := range resources {
		grants = append(grants, relayGrant("g"+strconv.Itoa(i), r))
	}
	writeGrants(t, dir, grants...)
}

// relayGrant is a grant of requests for the relay.
func relayGrant(id, resource string) map[string]any {
	return map[string]any{"id": id, "app": "proxy", "component": "relay", "capability": "http", "resource": resource,
		"operations": []string{"GET", "POST"}}
}

// writeGrants puts a grants file in place.
func writeGrants(t *testing.T, dir string, grants ...map[string]any) {
	t.Helper()
	if grants == nil {
		grants = []map[string]any{}
	}
	text, err := json.Marshal(map[string]any{"grants": grants})
	if err != nil {
		t.Fatal(err)
	}
	// Renamed into place, as no reader may see half of it.
	writeFile(t, filepath.Join(dir, "grants.new"), string(text))
	if err := os.Rename(filepath.Join(dir, "grants.new"), filepath.Join(dir, "grants.json")); err != nil {
		t.Fatal(err)
	}
}

// upstream is a server on this machine, and its address.
func upstream(t *testing.T, h http.HandlerFunc) (address string) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func TestRequestsGoOut(t *testing.T) {
	address := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Trailer", "X-Sum")
		if r.URL.Path == "/away" {
			w.Header().Set("Location", "http://169.254.169.254/latest/meta-data/")
			w.WriteHeader(http.StatusFound)
		}
		_, _ = fmt.Fprint(w, r.Method, " ", r.Host, " ", r.URL.RequestURI(), " ", r.Header["X-Mine"], " ", string(body), r.Trailer["X-After"])
		w.Header().Set("X-Sum", "7")
	})
	s, _ := proxyApp(t, "", "http://"+address+"/open/**", "http://"+address+"/away")
	t.Run("answer", func(t *testing.T) {
		r, _ := http.NewRequest("POST", s.URL+"/http/"+address+"/open/a?q=1", io.MultiReader(strings.NewReader("hello")))
		r.Header.Set("X-Mine", "yes")
		r.Trailer = http.Header{"X-After": {"done"}}
		resp, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if _, announced := resp.Trailer["X-Sum"]; !announced {
			t.Errorf("the trailer is not announced: %v", resp.Header)
		}
		body, err := io.ReadAll(resp.Body)
		if want := "POST " + address + " /open/a?q=1 [yes] hello[done]"; err != nil || string(body) != want {
			t.Errorf("%d %q, %v; want %q", resp.StatusCode, body, err, want)
		}
		if got := resp.Trailer.Get("X-Sum"); got != "7" {
			t.Errorf("trailer %q", got)
		}
	})
	t.Run("redirect", func(t *testing.T) {
		c := *s.Client()
		c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		resp, err := c.Get(s.URL + "/http/" + address + "/away")
		if err != nil || resp.StatusCode != 302 || resp.Header.Get("Location") != "http://169.254.169.254/latest/meta-data/" {
			t.Errorf("%v, %v", resp, err)
		}
	})
	for _, path := range []string{
		"/http/" + address + "/closed",
		"/http/169.254.169.254/latest/meta-data/",
		"/http/" + address + "/open/../closed",
		"/http/" + address + "/open/%2e%2e/closed",
		"/ftp/" + address + "/open/a",
		"/http/user@" + address + "/open/a",
		"/http/" + address + "%0d%0aHost:%20evil/open/a",
		"/http/example.com@" + address + "/open/a",
		"/http/2130706433:" + portOf(address) + "/open/a",
		"/http/127.1:" + portOf(address) + "/open/a",
		"/http/[::ffff:127.0.0.1]:" + portOf(address) + "/",
	} {
		if status, body := rawGet(t, s, path); status != "400" && status != "403" {
			t.Errorf("%s: %s %s", path, status, body)
		}
	}
}

func portOf(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }

// rawGet asks for a path as it is written.
func rawGet(t *testing.T, s *served, path string) (status, body string) {
	t.Helper()
	r, err := http.NewRequest("GET", s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.URL.Opaque = path
	c := *s.Client()
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := c.Do(r)
	if err != nil {
		return "", err.Error()
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	return strconv.Itoa(resp.StatusCode), string(text)
}

// A grant of everything is not one of what is behind the firewall.
func TestWildcardsReachNothingPrivate(t *testing.T) {
	var hits atomic.Int64
	address := upstream(t, func(http.ResponseWriter, *http.Request) { hits.Add(1) })
	port := portOf(address)
	s, _ := proxyApp(t, "", "http://**", "https://**")
	for _, host := range []string{
		"127.0.0.1:" + port, "localhost:" + port, "127.0.0.1.:" + port, "[::ffff:127.0.0.1]:" + port, "[::ffff:7f00:1]:" + port,
		"[::1]:" + port, "[64:ff9b::7f00:1]:" + port, "0.0.0.0:" + port, "2130706433:" + port, "0x7f.1:" + port, "0177.0.0.1:" + port,
		"169.254.169.254", "[fd00:ec2::254]", "10.0.0.1", "100.64.0.1",
	} {
		status, body := rawGet(t, s, "/http/"+host+"/")
		if status == "200" || status == "502" && !strings.Contains(body, "DestinationIpProhibited") {
			t.Errorf("%s: %s %s", host, status, body)
		}
	}
	if n := hits.Load(); n > 0 {
		t.Errorf("the server was reached %d times", n)
	}
}

func TestRequestsAreRefusedWhereTheOperatorSaysSo(t *testing.T) {
	address := upstream(t, func(http.ResponseWriter, *http.Request) {})
	for _, test := range []struct{ config, want string }{
		{"enabled = false", "serves no outgoing http"},
		{"ports = [9]", "DestinationIpProhibited"},
	} {
		t.Run(test.config, func(t *testing.T) {
			s, _ := proxyApp(t, "[http]\n"+test.config+"\n", "http://"+address+"/**")
			if status, body := rawGet(t, s, "/http/"+address+"/"); status != "502" || !strings.Contains(body, test.want) {
				t.Errorf("%s %s", status, body)
			}
		})
	}
}

func TestLargeBodiesGoThrough(t *testing.T) {
	const size = 100 << 20
	address := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			sum := sha256.New()
			n, _ := io.Copy(sum, r.Body)
			_, _ = fmt.Fprintf(w, "%d %x", n, sum.Sum(nil))
			return
		}
		_, _ = io.CopyN(w, &counting{}, size)
	})
	s, _ := proxyApp(t, "", "http://"+address+"/**")
	peak := watchMemory(t)
	sum := sha256.New()
	_, _ = io.CopyN(sum, &counting{}, size)
	want := fmt.Sprintf("%d %x", size, sum.Sum(nil))
	resp, err := s.Client().Post(s.URL+"/http/"+address+"/", "application/octet-stream", io.LimitReader(&counting{}, size))
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(resp.Body); string(body) != want || err != nil {
		t.Errorf("sent: %.200s, %v; want %s", body, err, want)
	}
	_ = resp.Body.Close()
	sum.Reset()
	if resp, err = s.Client().Get(s.URL + "/http/" + address + "/"); err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	n, err := io.Copy(sum, resp.Body)
	if got := fmt.Sprintf("%d %x", n, sum.Sum(nil)); got != want || err != nil {
		t.Errorf("received: %s, %v; want %s", got, err, want)
	}
	if grown := peak(); grown > 64<<20 {
		t.Errorf("memory grew by %d bytes", grown)
	}
}

// counting is a stream of bytes that differ.
type counting struct{ n uint32 }

func (c *counting) Read(p []byte) (int, error) {
	for i := range p {
		c.n = c.n*1664525 + 1013904223
		p[i] = byte(c.n >> 24)
	}
	return len(p), nil
}

// dripping answers a little at a time, for as long as it is asked.
func dripping(w http.ResponseWriter, r *http.Request) {
	for r.Context().Err() == nil {
		if _, err := w.Write([]byte("drop ")); err != nil {
			return
		}
		w.(http.Flusher).Flush()
		time.Sleep(5 * time.Millisecond)
	}
}

// begin asks for what drips, and reads the first of it.
func begin(t *testing.T, s *served, address string) (body io.ReadCloser) {
	t.Helper()
	resp, err := s.Client().Get(s.URL + "/http/" + address + "/")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	if _, err := io.ReadFull(resp.Body, make([]byte, 50)); err != nil {
		t.Fatal(err)
	}
	return resp.Body
}

func TestRevocationEndsBodies(t *testing.T) {
	address := upstream(t, dripping)
	s, dir := proxyApp(t, "", "http://"+address+"/**")
	body := begin(t, s, address)
	revoked := time.Now()
	grantHTTP(t, dir)
	if _, err := io.Copy(io.Discard, body); err == nil {
		t.Error("the response looks complete")
	}
	if took := time.Since(revoked); took > 10*time.Second {
		t.Errorf("the body went on for %v", took)
	}
	if status, _ := rawGet(t, s, "/http/"+address+"/"); status != "403" {
		t.Errorf("the next request: %s", status)
	}
}

func TestEgressProviderKilled(t *testing.T) {
	address := upstream(t, dripping)
	s, _ := proxyApp(t, "", "http://"+address+"/**")
	body := begin(t, s, address)
	killed := time.Now()
	killHTTPProvider(t, s)
	if _, err := io.Copy(io.Discard, body); err == nil {
		t.Error("the response looks complete")
	}
	if took := time.Since(killed); took > 2*time.Second {
		t.Errorf("the error came after %v", took)
	}
	begin(t, s, address) // from the next process
}

// killHTTPProvider kills the process that the host's log names.
func killHTTPProvider(t *testing.T, s *served) {
	t.Helper()
	for line := range strings.SplitSeq(s.log.String(), "\n") {
		var record struct {
			Msg, Provider string
			PID           int
		}
		if json.Unmarshal([]byte(line), &record) == nil && record.Provider == "http" && record.Msg == "provider serves" {
			if err := syscall.Kill(record.PID, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatal("the log names no http provider")
}
