package writ_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/writ-host/writ"
	"github.com/writ-host/writ/broker/ledger"
)

// secret is a server with a certificate that nobody vouches for, and whose names are not the ones that it is asked by.
type secret struct {
	*httptest.Server
	address string // with 127.0.0.1, which the certificate has

	mu          sync.Mutex
	connections map[string]bool
}

func selfSigned(t *testing.T, h http.HandlerFunc) *secret {
	t.Helper()
	s := &secret{connections: map[string]bool{}}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.connections[r.RemoteAddr] = true
		s.mu.Unlock()
		h(w, r)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	s.address = strings.TrimPrefix(s.URL, "https://")
	return s
}

func (s *secret) connected() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.connections)
}

// unverifiedGrant is one that lets requests go to whoever answers.
func unverifiedGrant(id, resource string) map[string]any {
	g := relayGrant(id, resource)
	g["tls"] = "unverified"
	return g
}

// becomes asks for a path until the answer is what is wanted: grants are taken up a moment after they are written.
func becomes(t *testing.T, s *served, path, status, part string) {
	t.Helper()
	var got, body string
	defer func() {
		if t.Failed() {
			t.Logf("%s: %s %s", path, got, body)
		}
	}()
	eventually(t, path+" to be "+status+" "+part, func() bool {
		got, body = rawGet(t, s, path)
		return got == status && strings.Contains(body, part)
	})
}

// refused is the status and a part of the relay's answer where a certificate was not accepted.
const refused = "TlsCertificateError"

func TestUnverifiedTLS(t *testing.T) {
	hello := func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "hello") }
	other := selfSigned(t, hello)
	lab := selfSigned(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, other.URL+"/there", http.StatusFound)
			return
		}
		hello(w, r)
	})
	byName := "localhost:" + portOf(lab.address) // which is not in the certificate
	resources := []string{"https://" + lab.address + "/**", "https://" + byName + "/**", "https://" + other.address + "/**"}
	s, dir := proxyApp(t, "", resources...)

	for _, address := range []string{lab.address, byName} {
		becomes(t, s, "/https/"+address+"/", "502", refused)
	}
	writeGrants(t, dir, unverifiedGrant("lab", resources[0]), unverifiedGrant("name", resources[1]), relayGrant("other", resources[2]))
	for _, address := range []string{lab.address, byName} {
		becomes(t, s, "/https/"+address+"/", "200", "hello")
	}
	if status, _ := rawGet(t, s, "/https/"+lab.address+"/away"); status != "302" {
		t.Errorf("a redirect: %s", status)
	}
	becomes(t, s, "/https/"+other.address+"/there", "502", refused)
	if other.connected() > 0 {
		t.Error("the redirect was followed to a server that nobody vouches for")
	}

	// From here on there are connections to be had, and each next call obeys.
	before := lab.connected()
	writeGrants(t, dir, relayGrant("lab", resources[0]), unverifiedGrant("name", resources[1]))
	becomes(t, s, "/https/"+lab.address+"/", "502", refused)
	becomes(t, s, "/https/"+byName+"/", "200", "hello")
	writeGrants(t, dir, unverifiedGrant("lab", resources[0]), relayGrant("both", "https://**:"+portOf(lab.address)+"/**"))
	becomes(t, s, "/https/"+lab.address+"/", "502", "DestinationIpProhibited") // the one that verifies counts, and names no host
	writeGrants(t, dir, unverifiedGrant("name", resources[1]))
	becomes(t, s, "/https/"+lab.address+"/", "403", "")
	writeGrants(t, dir)
	becomes(t, s, "/https/"+byName+"/", "403", "")
	if n := lab.connected(); n != before {
		t.Errorf("%d connections that were not verified, %d before the grants went", n, before)
	}
}

// TestUnverifiedIsForOneApp: what one app may do is nothing to another, in the same file and to the same server.
func TestUnverifiedIsForOneApp(t *testing.T) {
	lab := selfSigned(t, func(http.ResponseWriter, *http.Request) {})
	resource := "https://" + lab.address + "/**"
	dir := proxyDir(t, "")
	writeFile(t, filepath.Join(dir, writ.ManifestName), strings.Replace(readFile(t, "examples/proxy/writ.toml"), `name = "proxy"`, `name = "neighbour"`, 1))
	known := relayGrant("known", resource)
	known["app"] = "neighbour"
	writeGrants(t, dir, unverifiedGrant("lab", resource), known)
	if status, body := rawGet(t, serve(t, dir), "/https/"+lab.address+"/"); status != "502" || !strings.Contains(body, refused) {
		t.Errorf("%s %s", status, body)
	}
	if lab.connected() > 0 {
		t.Error("the server was reached")
	}
}

// TestUnverifiedBodiesEndWithTheirGrant, also where a grant that verifies would allow the same.
func TestUnverifiedBodiesEndWithTheirGrant(t *testing.T) {
	for name, limits := range map[string]map[string]any{"plain": nil, "limited": {"calls_per_second": 100}} {
		t.Run(name, func(t *testing.T) {
			lab := selfSigned(t, dripping)
			resource := "https://" + lab.address + "/**"
			s, dir := proxyApp(t, "")
			grant := unverifiedGrant("lab", resource)
			if limits != nil {
				grant["limits"] = limits
			}
			writeGrants(t, dir, grant)
			awaitReload(t, s)
			resp, err := s.Client().Get(s.URL + "/https/" + lab.address + "/")
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if _, err := io.ReadFull(resp.Body, make([]byte, 50)); err != nil || resp.StatusCode != 200 {
				t.Fatal(resp.StatusCode, err)
			}
			writeGrants(t, dir, relayGrant("lab", resource))
			if _, err := io.Copy(io.Discard, resp.Body); err == nil {
				t.Error("the response looks complete")
			}
		})
	}
}

// awaitReload waits until grants that were written are in force.
func awaitReload(t *testing.T, s *served) {
	t.Helper()
	select {
	case r := <-s.reloads:
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the grants were not taken up")
	}
}

// TestLedgerShowsUnverified, where a grant comes into force and where it allows.
func TestLedgerShowsUnverified(t *testing.T) {
	lab := selfSigned(t, func(http.ResponseWriter, *http.Request) {})
	dir := proxyDir(t, "")
	writeGrants(t, dir, relayGrant("known", "https://"+lab.address+"/a"), unverifiedGrant("lab", "https://"+lab.address+"/b"))
	s := serveDir(t, dir)
	for path, want := range map[string]string{"/b": "200", "/a": "502"} {
		if status, body := rawGet(t, s, "/https/"+lab.address+path); status != want {
			t.Errorf("%s: %s %s", path, status, body)
		}
	}
	s.end(t)
	said := map[string]bool{}
	for _, e := range ledgerOf(t, dir) {
		switch {
		case e.Kind == ledger.Grant:
			said["grant "+e.Grant] = strings.Contains(e.Text, `"tls":"unverified"`)
		case e.Kind == ledger.Decision && e.Capability == "http":
			said["decision "+e.Grant] = e.Detail == "tls unverified"
		}
	}
	for what, want := range map[string]bool{"grant lab": true, "decision lab": true, "grant known": false, "decision known": false} {
		if got, there := said[what]; !there || got != want {
			t.Errorf("%s: there %v, says unverified %v", what, there, got)
		}
	}
}
