package egress_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/writ-host/writ/capabilities/http/backend"
	"github.com/writ-host/writ/capabilities/provider/egress"
)

// selfSigned is a server with a certificate that nobody vouches for, which counts its connections.
func selfSigned(t *testing.T, http2 bool) (s *httptest.Server, connections func() int) {
	t.Helper()
	var mu sync.Mutex
	seen := map[string]bool{}
	s = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen[r.RemoteAddr] = true
		mu.Unlock()
		if r.URL.Path == "/away" {
			w.Header().Set("Location", "/home")
			w.WriteHeader(http.StatusFound)
		}
	}))
	s.EnableHTTP2 = http2
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s, func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(seen)
	}
}

// unverified is a request under a grant that says so.
func unverified(ctx context.Context, address string) *backend.Request {
	r := ask(ctx, "GET", address)
	r.Unverified = true
	return r
}

func TestUnverifiedWhereTheRequestSaysSo(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprint("http2 ", http2), func(t *testing.T) {
			both(t, egress.Settings{Nameserver: nameserver(t, nil), Private: loopbacks}, func(t *testing.T, e backend.Egress) {
				s, connections := selfSigned(t, http2)
				_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
				other := "https://other.example:" + port // a name that the certificate does not have, either
				for range 2 {                            // the second time there are connections to be had
					for _, address := range []string{s.URL, other} {
						if got := failure(e.Send(ask(t.Context(), "GET", address))); got != "TLS-certificate-error" {
							t.Errorf("%s: %s", address, got)
						}
						if got := failure(e.Send(unverified(t.Context(), address))); got != "200" {
							t.Errorf("%s, unverified: %s", address, got)
						}
						if got := failure(e.Send(ask(t.Context(), "GET", address))); got != "TLS-certificate-error" {
							t.Errorf("%s, after one that was not verified: %s", address, got)
						}
					}
				}
				if n := connections(); n != 2 {
					t.Errorf("%d connections that nobody verified, want one for each name", n)
				}
				if got := failure(e.Send(unverified(t.Context(), s.URL+"/away"))); got != "302" {
					t.Errorf("a redirect: %s", got)
				}
			})
		})
	}
}

// TestUnverifiedConnectionsAreNotShared, in both directions and between grants, also when a server would be verified.
func TestUnverifiedConnectionsAreNotShared(t *testing.T) {
	s, connections := selfSigned(t, false)
	both(t, egress.Settings{CAFile: certificateFile(t, s)}, func(t *testing.T, e backend.Egress) {
		before := connections()
		for range 3 {
			for _, grant := range []string{"g", "h"} {
				for _, unverified := range []bool{false, true} {
					r := ask(t.Context(), "GET", s.URL)
					r.Grant, r.Unverified = grant, unverified
					if got := failure(e.Send(r)); got != "200" {
						t.Error(got)
					}
				}
			}
		}
		if n := connections() - before; n != 4 {
			t.Errorf("%d connections for two grants, verified and not", n)
		}
	})
}

// TestUnverifiedReachesNothingMore: the addresses are checked as ever.
func TestUnverifiedReachesNothingMore(t *testing.T) {
	s, connections := selfSigned(t, false)
	both(t, egress.Settings{}, func(t *testing.T, e backend.Egress) {
		r := unverified(t.Context(), s.URL)
		r.Named = false
		if got := failure(e.Send(r)); got != "destination-IP-prohibited" || connections() != 0 {
			t.Errorf("%s, %d connections", got, connections())
		}
	})
}
