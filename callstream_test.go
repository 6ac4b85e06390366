package writ_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/writ-host/writ/broker/ledger"
)

// Bodies and trailers stream through a call from component to component, and
// who gives up at one end ends it at the other.
func TestCallsStream(t *testing.T) {
	arrived, left, more := make(chan string, 1), make(chan error, 10), make(chan struct{})
	address := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/up":
			line, _ := bufio.NewReader(r.Body).ReadString('\n')
			arrived <- line
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Trailer", "X-Sum")
			_, _ = io.WriteString(w, "got "+r.Trailer.Get("X-After"))
			w.Header().Set("X-Sum", "7")
		case "/down":
			_, _ = io.WriteString(w, "first\n")
			_ = http.NewResponseController(w).Flush()
			<-more
			_, _ = io.WriteString(w, "second\n")
		case "/hang":
			arrived <- "hanging"
			<-r.Context().Done()
			left <- r.Context().Err()
		}
	})
	dir := appDir(t, map[string]string{"proxy.wasm": "examples/proxy/proxy.wasm", "writ.toml": selfApp + `
[component.hasty]
source = "proxy.wasm"
limits = {wall-time = "500ms"}
[[trigger.http]]
route = "/hasty/..."
component = "hasty"
`})
	grantHTTP(t, dir, "http://relay.writ.internal/**", "http://"+address+"/**")
	s := serve(t, dir)
	path := again + "/http/" + address
	t.Run("request", func(t *testing.T) {
		read, write := io.Pipe()
		r, _ := http.NewRequest("POST", s.URL+path+"/up", read)
		r.Trailer = http.Header{"X-After": nil}
		go func() {
			_, _ = io.WriteString(write, "line\n")
			<-arrived // before the body has ended
			r.Trailer.Set("X-After", "done")
			_ = write.Close()
		}()
		resp, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if string(body) != "got done" || err != nil || resp.Trailer.Get("X-Sum") != "7" {
			t.Errorf("%q, %v, trailer %v", body, err, resp.Trailer)
		}
	})
	t.Run("response", func(t *testing.T) {
		resp, err := s.Client().Get(s.URL + path + "/down")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		lines := bufio.NewReader(resp.Body)
		first, err := lines.ReadString('\n')
		close(more) // only now does the server go on
		rest, end := io.ReadAll(lines)
		if first+string(rest) != "first\nsecond\n" || err != nil || end != nil {
			t.Errorf("%q %q, %v, %v", first, rest, err, end)
		}
	})
	t.Run("client leaves", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r, _ := http.NewRequestWithContext(ctx, "GET", s.URL+path+"/hang", nil)
		go func() {
			<-arrived
			cancel()
		}()
		if _, err := s.Client().Do(r); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		awaitEnd(t, left)
	})
	t.Run("caller runs out of time", func(t *testing.T) {
		grantAll(t, dir, s)
		s.wants(t, "GET", "/hasty/x", 400, "write /http")
		go func() { <-arrived }()
		resp, err := s.Client().Get(s.URL + "/http/hasty.writ.internal" + path + "/hang")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusBadGateway && resp.StatusCode != http.StatusGatewayTimeout {
			t.Errorf("status %d", resp.StatusCode)
		}
		awaitEnd(t, left)
	})
}

func awaitEnd(t *testing.T, left <-chan error) {
	t.Helper()
	select {
	case <-left:
	case <-time.After(patience):
		t.Error("the server still waits")
	}
}

func grantAll(t *testing.T, dir string, s *served) {
	t.Helper()
	s.regrant(t, dir, `{"grants": [{"id": "all", "app": "proxy", "component": "*", "capability": "http", "resource": "http://**/**", "operations": ["GET"]},
		{"id": "inner", "app": "proxy", "component": "*", "capability": "http", "resource": "http://*.writ.internal/**", "operations": ["GET"]},
		{"id": "here", "app": "proxy", "component": "*", "capability": "http", "resource": "http://127.0.0.1:*/**", "operations": ["GET"]}]}`)
}

// Each call is a decision in the ledger, on a resource of its own.
func TestCallsAreInTheLedger(t *testing.T) {
	dir := libraryDir(t)
	t.Run("run", func(t *testing.T) {
		s := serve(t, dir)
		s.wants(t, "GET", "/books/whale.txt", 200, "Call me")
		s.wants(t, "PUT", "/books/whale.txt", 403, "out of reach")
	})
	found := map[string]int{}
	for _, e := range ledgerOf(t, dir) {
		if e.Kind == ledger.Decision && e.Component == "front" && e.Capability == "http" {
			found[e.Verdict+" "+e.Operation+" "+e.Resource[:len("http+app://shelf/")]]++
		}
	}
	if found["allow GET http+app://shelf/"] == 0 || found["deny PUT http+app://shelf/"] == 0 {
		t.Errorf("the ledger has %v", found)
	}
}
