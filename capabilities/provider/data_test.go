package provider_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	custom "github.com/writ-host/writ/capabilities/custom/backend"
	"github.com/writ-host/writ/capabilities/kv/backend"
	"github.com/writ-host/writ/capabilities/provider"
	pb "github.com/writ-host/writ/proto/writ/provider/v1"
	"google.golang.org/protobuf/proto"
)

// planes runs a test on each of the ways that channels take.
func planes(t *testing.T, c provider.Config, test func(t *testing.T, p *provider.Provider)) {
	for name, overGRPC := range map[string]bool{"data socket": false, "gRPC": true} {
		t.Run(name, func(t *testing.T) {
			c := c
			c.OverGRPC = overGRPC
			p := launch(t, c)
			if has := p.DataSocket() != ""; has == overGRPC {
				t.Fatalf("data socket %q", p.DataSocket())
			}
			test(t, p)
		})
	}
}

// eventually polls until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

func TestCancelledCallsEndAtTheProvider(t *testing.T) {
	c := accepting(config(t, "serve-probe"))
	c.CallTimeout = time.Hour
	planes(t, c, func(t *testing.T, p *provider.Provider) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := p.KeyValue().Exists(ctx, at, "1h")
			done <- err
		}()
		if got := ask(t, p, "cancelled"); got != "0" {
			t.Errorf("%s calls were cancelled before", got)
		}
		time.AfterFunc(10*time.Millisecond, cancel)
		if err := <-done; code(err) != backend.Deadline {
			t.Errorf("cancelled: %v", err)
		}
		eventually(t, "the provider was not told", func() bool { return ask(t, p, "cancelled") == "1" })
	})
	c = accepting(config(t, "serve-every"))
	c.CallTimeout = time.Hour
	planes(t, c, func(t *testing.T, p *provider.Provider) {
		call := func(ctx context.Context, name string, args ...byte) []byte {
			r, _ := p.Custom().Invoke(ctx, custom.Caller{Scope: 1}, custom.Call{Interface: "test:everything/shapes@1.0.0", Function: name, Args: args})
			return r.Result
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(10*time.Millisecond, cancel)
		call(ctx, "sleep", binary.AppendUvarint(nil, 3600_000)...)
		eventually(t, "the provider was not told", func() bool { return bytes.Equal(call(t.Context(), "cancelled"), []byte{1}) })
	})
}

// A provider that has taken up all that it can still hears what is cancelled.
func TestCancellationsPassWhatWaits(t *testing.T) {
	c := accepting(config(t, "serve-probe"))
	c.CallTimeout = time.Hour
	planes(t, c, func(t *testing.T, p *provider.Provider) {
		ctx, cancel := context.WithCancel(t.Context())
		const calls = 3000
		ended := make(chan struct{}, calls)
		for range calls {
			go func() {
				_, _ = p.KeyValue().Exists(ctx, at, "1h")
				ended <- struct{}{}
			}()
		}
		time.AfterFunc(50*time.Millisecond, cancel)
		for range calls {
			<-ended
		}
		soon, stop := context.WithTimeout(t.Context(), 30*time.Second)
		defer stop()
		if _, err := p.KeyValue().Exists(soon, at, "0s"); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// TestStrangersAtTheDataSocket connects as another process of this user could.
func TestStrangersAtTheDataSocket(t *testing.T) {
	p := launch(t, accepting(config(t, "serve-embedded")))
	exercise(t, p.KeyValue(), at)
	hello, err := proto.Marshal(&pb.DataHello{Service: "KeyValue", Nonce: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	for name, say := range map[string][]byte{
		"nothing":         nil,
		"an operation":    {0, 0, 0, 4, 10, 2, 8, 1},
		"a large frame":   {0xff, 0xff, 0xff, 0xff, 1, 2, 3},
		"a hello":         append([]byte{0, 0, 0, byte(len(hello))}, hello...),
		"a hello, and on": append(append([]byte{0, 0, 0, byte(len(hello))}, hello...), 0, 0, 0, 0, 0, 0, 0, 4, 10, 2, 8, 1),
	} {
		conn, err := net.Dial("unix", p.DataSocket())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = conn.Write(say)
		_ = conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		b := make([]byte, 4096)
		n, _ := conn.Read(b)
		if !strings.HasPrefix(name, "a hello") && n > 0 {
			t.Errorf("%s: answered by %q", name, b[:n])
		}
		if n, _ = conn.Read(b); n > 0 {
			t.Errorf("%s: then answered by %q", name, b[:n])
		}
	}
	if info, err := os.Stat(provider.SocketRoot(p)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the sockets' directory: %v, %v", info.Mode(), err)
	}
	exercise(t, p.KeyValue(), at)
}
