package provider_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	httpbackend "github.com/writ-host/writ/capabilities/http/backend"
	"github.com/writ-host/writ/capabilities/kv/backend"
	"github.com/writ-host/writ/capabilities/provider"
	"github.com/writ-host/writ/capabilities/provider/egress"
	"github.com/writ-host/writ/capabilities/provider/embedded"
	"github.com/writ-host/writ/capabilities/provider/sqlite"
	sqlbackend "github.com/writ-host/writ/capabilities/sql/backend"
	pb "github.com/writ-host/writ/proto/writ/provider/v1"
)

// BenchmarkPrice is what isolation costs: hot operations through a provider's
// process, on its data socket and over gRPC, against the same library in this
// process; beside them what the wires cost that carry nothing else.
func BenchmarkPrice(b *testing.B) {
	b.Run("bare", benchBare)
	kvs := ways(b, "serve-embedded", provider.Network{}, func(p *provider.Provider) backend.KeyValue { return p.KeyValue() })
	kvs["in-process"] = opened(b, func(dir string) (*embedded.Store, error) { return embedded.Open(filepath.Join(dir, "kv.db")) })
	for _, way := range wayNames {
		kv, key := kvs[way], "0123456789abcdef"
		set := func(int) error { return kv.Set(context.Background(), at, key, []byte(key)) }
		if err := set(0); err != nil {
			b.Fatal(err)
		}
		compare(b, "kv-get/"+way, func(int) error { _, err := kv.Get(context.Background(), at, key); return err })
		compare(b, "kv-set/"+way, set)
	}
	sqls := ways(b, "serve-sqlite", provider.Network{}, func(p *provider.Provider) sqlbackend.SQL { return p.SQL() })
	sqls["in-process"] = opened(b, func(dir string) (*sqlite.Database, error) { return sqlite.Open(filepath.Join(dir, "data.db")) })
	for _, way := range wayNames {
		db := sqls[way]
		if err := fillPoints(db); err != nil {
			b.Fatal(err)
		}
		compare(b, "sql-point/"+way, func(i int) error { return selectPoint(db, int64(i%1000)+1) })
	}
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello, world")) }))
	b.Cleanup(upstream.Close)
	clients := ways(b, "serve-egress", provider.Network{Connect: true}, func(p *provider.Provider) httpbackend.Egress { return p.HTTP() })
	clients["in-process"] = opened(b, func(string) (*egress.Egress, error) { return egress.New(egress.Settings{}) })
	for _, way := range wayNames {
		compare(b, "http-get/"+way, func(int) error { return httpGet(clients[way], upstream.URL) })
	}
}

// wayNames are the ways to an operation.
var wayNames = []string{"socket", "grpc", "in-process"}

// ways launches a provider for each way that leads to a process.
func ways[T any](b *testing.B, serve string, n provider.Network, use func(*provider.Provider) T) map[string]T {
	all := map[string]T{}
	for way, overGRPC := range map[string]bool{"socket": false, "grpc": true} {
		c := accepting(config(b, serve))
		c.HealthEvery = 0 // as hosts have it
		c.OverGRPC, c.Network, c.Readable = overGRPC, n, egress.Settings{}.Readable()
		all[way] = use(launch(b, c))
	}
	return all
}

func opened[T io.Closer](b *testing.B, open func(dir string) (T, error)) T {
	b.Helper()
	v, err := open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = v.Close() })
	return v
}

func compare(b *testing.B, name string, one func(i int) error) {
	for _, n := range []int{1, 64} {
		b.Run(fmt.Sprint(name, "/", n), func(b *testing.B) { callers(b, n, func(int) func(int) error { return one }) })
	}
}

// callers shares b.N operations among n callers.
func callers(b *testing.B, n int, caller func(c int) func(i int) error) {
	var wg sync.WaitGroup
	work := make([]func(int) error, n)
	for c := range work {
		work[c] = caller(c)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for c := range n {
		wg.Go(func() {
			for i := c; i < b.N; i += n {
				if err := work[c](i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// benchBare is a get's messages without a store: a unary call of gRPC, a message
// each way on a stream for each caller, and the same number of bytes on a
// socket for each.
func benchBare(b *testing.B) {
	bare, ctx := provider.Wire(launch(b, accepting(config(b, "serve-echo")))), context.Background()
	request := func() *pb.GetRequest {
		return &pb.GetRequest{Caller: &pb.Caller{App: "app", Component: "c", GrantId: "g", TimeoutUs: 1}, Store: "s", Key: "0123456789abcdef"}
	}
	compare(b, "unary", func(int) error { _, err := bare.Get(ctx, request()); return err })
	path := socketEcho(b)
	for _, n := range []int{1, 64} {
		b.Run(fmt.Sprint("stream/", n), func(b *testing.B) {
			callers(b, n, func(int) func(int) error {
				stream, err := bare.Channel(ctx)
				if err != nil {
					b.Fatal(err)
				}
				return func(int) error {
					op := &pb.KVOperation{Id: 1, Operation: &pb.KVOperation_Get{Get: request()}}
					if err := stream.Send(&pb.KVRequest{Operations: []*pb.KVOperation{op}}); err != nil {
						return err
					}
					_, err := stream.Recv()
					return err
				}
			})
		})
		b.Run(fmt.Sprint("ping-pong/", n), func(b *testing.B) {
			callers(b, n, func(int) func(int) error {
				c, err := net.Dial("unix", path)
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { _ = c.Close() })
				m := make([]byte, 64)
				return func(int) error {
					if _, err := c.Write(m); err != nil {
						return err
					}
					_, err := io.ReadFull(c, m)
					return err
				}
			})
		})
	}
}

// socketEcho is another process that answers what it gets.
func socketEcho(b *testing.B) (path string) {
	path = filepath.Join(b.TempDir(), "echo")
	cmd := exec.Command("/proc/self/exe", "serve-socket", path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	if _, err := out.Read(make([]byte, 1)); err != nil {
		b.Fatal(err)
	}
	return path
}

func serveSocket(path string) error {
	l, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() { _, _ = io.CopyBuffer(struct{ io.Writer }{c}, struct{ io.Reader }{c}, make([]byte, 64)) }()
	}
}

func fillPoints(db sqlbackend.SQL) error {
	for _, s := range []struct{ text, verb string }{
		{"CREATE TABLE points(id INTEGER PRIMARY KEY, name TEXT, n INT)", "ddl"},
		{"WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 1000) INSERT INTO points SELECT i, 'name' || i, i FROM s", "insert"},
	} {
		if _, err := db.Execute(context.Background(), sqlAt, sqlbackend.Statement{Text: s.text, Allowed: []sqlbackend.Access{{Verb: s.verb, Table: "points"}}}); err != nil {
			return err
		}
	}
	return nil
}

var sqlAt = sqlbackend.Caller{Database: "d", App: "app", Component: "c", Grant: "g"}

func selectPoint(db sqlbackend.SQL, id int64) error {
	r, err := db.Execute(context.Background(), sqlAt, sqlbackend.Statement{Text: "SELECT name, n FROM points WHERE id = ?",
		Parameters: []sqlbackend.Value{sqlbackend.Int(id)}, Allowed: []sqlbackend.Access{{Verb: "select", Table: "points"}}})
	if err == nil && (len(r.Rows.Rows) != 1 || r.Rows.Rows[0][1].Int != id) {
		err = fmt.Errorf("point %d is %v", id, r.Rows.Rows)
	}
	return err
}

func httpGet(e httpbackend.Egress, address string) error {
	u := &url.URL{Scheme: "http", Host: strings.TrimPrefix(address, "http://"), Path: "/"}
	r := &http.Request{Method: "GET", URL: u, Host: u.Host, Header: http.Header{}, Body: http.NoBody}
	resp, err := e.Send(&httpbackend.Request{Request: r, App: "app", Component: "c", Grant: "g", Named: true})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}
