package fetch

import (
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestCheck(t *testing.T) {
	for address, want := range map[string]struct{ unsigned, signed bool }{
		"https://policies.example.com/a.tar.gz": {true, true},
		"http://policies.example.com/a.tar.gz":  {false, true},
		"http://localhost:8181/a.tar.gz":        {true, true},
		"http://127.0.0.1:8181/a.tar.gz":        {true, true},
		"http://[::1]:8181/a.tar.gz":            {true, true},
		"http://localhost.example.com/a.tar.gz": {false, true},
		"https://user:secret@example.com/a":     {false, false},
		"ftp://example.com/a":                   {false, false},
		"https://":                              {false, false},
		"https://a b/":                          {false, false},
	} {
		if err := Check(address, false); (err == nil) != want.unsigned {
			t.Errorf("%s, unsigned: %v", address, err)
		}
		if err := Check(address, true); (err == nil) != want.signed {
			t.Errorf("%s, signed: %v", address, err)
		}
	}
}

// server answers by path.
func server(t *testing.T) *httptest.Server {
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("plain")) }))
	t.Cleanup(plain.Close)
	done := make(chan struct{})
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ok":
			w.Header().Set("ETag", `"1"`)
			if r.Header.Get("If-None-Match") == `"1"` {
				w.WriteHeader(http.StatusNotModified)
				return
			}
			_, _ = w.Write([]byte("archive"))
		case "/unasked":
			w.WriteHeader(http.StatusNotModified)
		case "/token":
			if r.Header.Get("Authorization") != "Bearer secret" {
				w.WriteHeader(http.StatusUnauthorized)
			}
			_, _ = w.Write([]byte("archive"))
		case "/plain":
			http.Redirect(w, r, plain.URL, http.StatusFound)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		case "/moved":
			http.Redirect(w, r, "/ok", http.StatusFound)
		case "/endless":
			for r.Context().Err() == nil {
				_, _ = w.Write(make([]byte, 1024))
			}
		case "/short":
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("archive"))
		case "/longtag":
			w.Header().Set("ETag", strings.Repeat("x", 5000))
			_, _ = w.Write([]byte("archive"))
		case "/silent":
			<-done
		}
	}))
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(done) })
	return s
}

func TestFetch(t *testing.T) {
	s, dir := server(t), t.TempDir()
	ca, token := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "token")
	for path, text := range map[string]string{ca: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})), token: "secret\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		client  Client
		path    string
		tag     string
		want    string // "" is nothing new
		newTag  string
		because string
	}{
		"first":           {path: "/ok", want: "archive", newTag: `"1"`},
		"unchanged":       {path: "/ok", tag: `"1"`, newTag: `"1"`},
		"changed":         {path: "/ok", tag: `"0"`, want: "archive", newTag: `"1"`},
		"unasked":         {path: "/unasked", because: "304"},
		"moved":           {path: "/moved", want: "archive", newTag: `"1"`},
		"leaves TLS":      {path: "/plain", because: "leaves https"},
		"goes round":      {path: "/round", because: "more than 5 redirects"},
		"token":           {client: Client{TokenFile: token}, path: "/token", want: "archive"},
		"no token":        {path: "/token", because: "401"},
		"no token file":   {client: Client{TokenFile: "nowhere"}, path: "/token", because: "nowhere"},
		"endless":         {client: Client{MaxSize: 4096}, path: "/endless", because: "more than 4096 bytes"},
		"said to be long": {client: Client{MaxSize: 50}, path: "/short", because: "more than 50 bytes"},
		"cut off":         {path: "/short", because: "EOF"},
		"empty":           {path: "/nothing", because: "empty archive"},
		"long tag":        {path: "/longtag", want: "archive"},
		"silent":          {client: Client{Timeout: 20 * time.Millisecond}, path: "/silent", because: "deadline"},
		"no authority":    {client: Client{CA: token}, path: "/ok", because: "no certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			c := test.client
			c.URL = s.URL + test.path
			if c.CA == "" {
				c.CA = ca
			}
			archive, tag, err := c.Fetch(context.Background(), test.tag)
			switch {
			case test.because != "":
				if err == nil || !strings.Contains(err.Error(), test.because) {
					t.Errorf("error %v, want %s", err, test.because)
				}
			case err != nil || string(archive) != test.want || tag != test.newTag:
				t.Errorf("%q, %q, %v", archive, tag, err)
			}
		})
	}
	if _, _, err := (&Client{URL: s.URL + "/ok"}).Fetch(context.Background(), ""); err == nil {
		t.Error("a server of an unknown authority is believed")
	}
}
