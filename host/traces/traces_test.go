package traces

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// begin traces to a server.
func begin(t *testing.T, endpoint string, sample float64, log *bytes.Buffer) *Traces {
	t.Helper()
	x, err := Open(t.Context(), Config{Endpoint: endpoint, Sample: sample, App: "a", Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func (t *Traces) spans(n int) {
	for range n {
		_, s := t.Start(context.Background(), "s")
		s.End()
	}
}

// A collector that answers nothing makes nobody wait, and what is lost is counted.
func TestACollectorThatHangs(t *testing.T) {
	hang := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer s.Close()
	defer close(hang)
	var log bytes.Buffer
	x := begin(t, s.URL, 1, &log)
	const all = maxWaiting + maxBatch + 1000
	began := time.Now()
	x.spans(all)
	if took := time.Since(began); took > exportTimeout/2 {
		t.Errorf("spans took %v", took)
	}
	if _, _, dropped := x.Counts(); dropped < all-maxWaiting-maxBatch || dropped >= all {
		t.Errorf("%d of %d dropped", dropped, all)
	}
	x.Close()
	if took := time.Since(began); took > exportTimeout {
		t.Errorf("it ended after %v", took)
	}
}

func TestACollectorThatRefuses(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no such tenant", http.StatusForbidden) }))
	defer s.Close()
	var log bytes.Buffer
	x := begin(t, s.URL, 1, &log)
	x.spans(2*maxBatch + 1)
	x.Close()
	if sent, failed, dropped := x.Counts(); sent != 0 || failed != 2*maxBatch+1 || dropped != 0 {
		t.Errorf("sent %d, failed %d, dropped %d", sent, failed, dropped)
	}
	if text := log.String(); strings.Count(text, "spans could not be given") != 1 || !strings.Contains(text, "403") {
		t.Errorf("log: %s", text)
	}
}

func TestCollectorsAreVerified(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	for _, trusted := range []bool{true, false} {
		c := Config{Endpoint: s.URL, Sample: 1, Log: slog.New(slog.DiscardHandler)}
		if trusted {
			c.TLS = &tls.Config{RootCAs: roots}
		}
		x, err := Open(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		x.spans(1)
		x.Close()
		if sent, _, _ := x.Counts(); (sent == 1) != trusted {
			t.Errorf("trusted %v: %d sent", trusted, sent)
		}
	}
}

func TestSampling(t *testing.T) {
	x := begin(t, "http://127.0.0.1:1", 0, &bytes.Buffer{})
	defer x.Close()
	for header, want := range map[string]bool{"": false, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01": true,
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00": false, "nonsense": false} {
		ctx, s := x.Start(Continue(t.Context(), http.Header{"Traceparent": {header}}), "s")
		parent := Parent(ctx)
		if s.IsRecording() != want || strings.HasPrefix(parent, "00-0af7651916cd43dd8448eb211c80319c-") != want || want == (parent == "") {
			t.Errorf("%q: kept %v as %q", header, s.IsRecording(), parent)
		}
	}
}

func TestEndpoints(t *testing.T) {
	for endpoint, want := range map[string]bool{"http://127.0.0.1:4318": true, "https://o.example/otlp/v1/traces": true, "grpc://[::1]:4317": true, "grpcs://o.example:4317": true,
		"": false, "127.0.0.1:4318": false, "ftp://o.example": false, "http://user:secret@o.example": false, "grpc://o.example/x": false, "http://o.example?token=x": false} {
		if err := Check(endpoint); (err == nil) != want {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
}
