package egress_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/writ-host/writ/capabilities/http/backend"
	"github.com/writ-host/writ/capabilities/provider/egress"
)

// BenchmarkGet is a small answer from a server on this machine: through the
// provider's process, through the same code in this process, and with net/http
// alone, each with one caller and with 64.
func BenchmarkGet(b *testing.B) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello, world")) }))
	defer upstream.Close()
	plain := &http.Transport{MaxIdleConnsPerHost: 64}
	defer plain.CloseIdleConnections()
	for _, c := range []struct {
		name   string
		egress backend.Egress
	}{{"provider", launch(b, egress.Settings{}).HTTP()}, {"inside", inside(b, egress.Settings{})}, {"plain", backend.Plain(plain)}} {
		b.Run(c.name+"/1", func(b *testing.B) { benchGet(b, c.egress, upstream.URL, 1) })
		b.Run(c.name+"/64", func(b *testing.B) { benchGet(b, c.egress, upstream.URL, 64) })
	}
}

func benchGet(b *testing.B, e backend.Egress, address string, callers int) {
	var left atomic.Int64
	left.Store(int64(b.N))
	var group sync.WaitGroup
	b.ResetTimer()
	for range callers {
		group.Go(func() {
			for left.Add(-1) >= 0 {
				resp, err := e.Send(ask(b.Context(), "GET", address))
				if err == nil {
					_, err = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
				}
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
}

// BenchmarkBody is the throughput of a large answer.
func BenchmarkBody(b *testing.B) {
	const size = 16 << 20
	body := make([]byte, size)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }))
	defer upstream.Close()
	for _, c := range []struct {
		name   string
		egress backend.Egress
	}{{"provider", launch(b, egress.Settings{}).HTTP()}, {"inside", inside(b, egress.Settings{})}} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(size)
			benchGet(b, c.egress, upstream.URL, 1)
		})
	}
}
