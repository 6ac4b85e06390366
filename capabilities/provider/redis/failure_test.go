package redis

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-host/writ/capabilities/kv/backend"
	"github.com/writ-host/writ/conformance/testserver"
)

// Servers that end in the middle of increments: what was answered counts, and
// nothing counts twice.
func TestIncrementsWhileTheServerCrashes(t *testing.T) {
	t.Parallel()
	for _, cluster := range []bool{false, true} {
		t.Run(fmt.Sprint("cluster ", cluster), func(t *testing.T) {
			t.Parallel()
			var nodes []*testserver.Redis
			if cluster {
				nodes = testserver.StartRedisCluster(t, 3)
			} else {
				nodes = []*testserver.Redis{testserver.StartRedis(t)}
			}
			s := open1(t, plain(nodes...))
			var asked, answered, round atomic.Int64
			var clients sync.WaitGroup
			ctx, stop := context.WithCancel(context.Background())
			for range 8 {
				clients.Go(func() {
					for ctx.Err() == nil {
						call, cancel := context.WithTimeout(context.Background(), 5*time.Second)
						asked.Add(1)
						if _, err := s.Increment(call, at, "n", 1); err == nil {
							answered.Add(1)
							round.Add(1)
						}
						cancel()
					}
				})
			}
			for i := range 2 {
				awaitMore(t, &round, 50)
				nodes[i%len(nodes)].Kill()
				nodes[i%len(nodes)].Restart(t)
			}
			awaitMore(t, &round, 50)
			stop()
			clients.Wait()
			n, err := strconv.ParseInt(get(t, s, at, "n"), 10, 64)
			if err != nil || n < answered.Load() || n > asked.Load() {
				t.Errorf("counted to %d: %d were answered, %d asked for (%v)", n, answered.Load(), asked.Load(), err)
			}
		})
	}
}

// awaitMore waits until n operations more have succeeded.
func awaitMore(t *testing.T, count *atomic.Int64, n int64) {
	t.Helper()
	count.Store(0)
	for end := time.Now().Add(30 * time.Second); count.Load() < n; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("operations do not succeed again")
		}
	}
}

func TestNoServer(t *testing.T) {
	t.Parallel()
	server := testserver.StartRedis(t)
	s := open1(t, plain(server))
	set(t, s, at, "k", "v")
	server.Kill()
	began := time.Now()
	_, err := s.Get(context.Background(), at, "k")
	if !is(err, backend.Unavailable) || strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("without a server: %v", err)
	}
	if took := time.Since(began); took > callTime {
		t.Errorf("that took %v", took)
	}
	server.Restart(t)
	if got := get(t, s, at, "k"); got != "v" {
		t.Errorf("afterwards there is %q", got)
	}
}

// A listener that takes connections and says nothing.
func TestDeadlines(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	silent := Settings{Address: l.Addr().String()}
	silent.TLS = "off"
	s := open1(t, silent)
	for _, end := range []string{"deadline", "cancel"} {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		if end == "cancel" {
			ctx, cancel = context.WithCancel(context.Background())
			time.AfterFunc(100*time.Millisecond, cancel)
		}
		began := time.Now()
		if err := s.Set(ctx, at, "k", nil); !is(err, backend.Deadline) {
			t.Errorf("%s: %v", end, err)
		}
		if took := time.Since(began); took > callTime/2 {
			t.Errorf("%s: it took %v", end, took)
		}
		cancel()
	}
}

func TestUsers(t *testing.T) {
	t.Parallel()
	server := testserver.StartRedis(t)
	ctx := context.Background()
	admin := server.Client(t)
	for _, rule := range [][]any{
		{"acl", "setuser", "writ", "on", ">s3cret", "~writ:*", "-@all", "+@read", "+@write", "+@scripting", "+@connection"},
		{"acl", "setuser", "reader", "on", ">s3cret", "~writ:*", "-@all", "+@read", "+@connection", "+eval", "+evalsha"},
		{"acl", "setuser", "default", "off"},
	} {
		if err := admin.Do(ctx, rule...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	as := func(user, password string) (*Store, *bytes.Buffer) {
		settings := plain(server)
		settings.User, settings.Password = user, filepath.Join(t.TempDir(), "password")
		if err := os.WriteFile(settings.Password, []byte(password+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		s, err := Open(settings, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s, &log
	}
	s, _ := as("writ", "s3cret")
	set(t, s, at, "k", "1")
	if n, err := s.Increment(ctx, at, "k", 1); err != nil || n != 2 {
		t.Errorf("increment: %d, %v", n, err)
	}
	reader, _ := as("reader", "s3cret")
	if got := get(t, reader, at, "k"); got != "2" {
		t.Errorf("a user who may read sees %q", got)
	}
	if err := reader.Set(ctx, at, "k", nil); !is(err, backend.AccessDenied) {
		t.Errorf("a user who may only read: %v", err)
	}
	wrong, log := as("writ", "wr0ng")
	if _, err := wrong.Get(ctx, at, "k"); !is(err, backend.Unavailable) {
		t.Errorf("a wrong password: %v", err)
	}
	if said := log.String(); !strings.Contains(said, "WRONGPASS") || strings.Contains(said, "wr0ng") {
		t.Errorf("the log says %s", said)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	ours, others := testserver.NewAuthority(t), testserver.NewAuthority(t)
	certificate, key := ours.Issue(t, "redis.test", net.IPv4(127, 0, 0, 1))
	server := testserver.StartRedis(t, "--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", ours.Roots, "--tls-auth-clients", "yes")
	good := Settings{Address: server.Address}
	good.Roots = ours.Roots
	good.Certificate, good.Key = ours.Issue(t, "host")
	tests := []struct {
		what   string
		change func(*Settings)
		works  bool
	}{
		{"as it should be", func(*Settings) {}, true},
		{"by the certificate's name", func(s *Settings) { s.TLSName = "redis.test" }, true},
		{"by another name", func(s *Settings) { s.TLSName = "other.test" }, false},
		{"without a certificate", func(s *Settings) { s.Certificate, s.Key = "", "" }, false},
		{"with somebody else's certificate", func(s *Settings) { s.Certificate, s.Key = others.Issue(t, "host") }, false},
		{"trusting somebody else", func(s *Settings) { s.Roots = others.Roots }, false},
		{"trusting the system", func(s *Settings) { s.Roots = "" }, false},
		{"without TLS", func(s *Settings) { s.TLS, s.Roots, s.Certificate, s.Key = "off", "", "", "" }, false},
	}
	for _, test := range tests {
		settings := good
		test.change(&settings)
		_, err := open1(t, settings).Get(context.Background(), at, "k")
		if works := err == nil; works != test.works || err != nil && !is(err, backend.Unavailable) {
			t.Errorf("%s: %v", test.what, err)
		}
	}
}
