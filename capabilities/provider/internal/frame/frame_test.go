package frame

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	pb "github.com/writ-host/writ/proto/writ/provider/v1"
	"google.golang.org/protobuf/proto"
)

const most = 8 << 20

var key = bytes.Repeat([]byte{7}, KeyBytes)

func echoes(service string) bool { return service == "KeyValue" }

// sockets are the two ends of a connection.
func sockets(t testing.TB) (host, provider net.Conn) {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if host, err = net.Dial("unix", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if provider, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = host.Close(), provider.Close() })
	return host, provider
}

type admitted struct {
	conn    *Conn
	service string
	err     error
}

func admit(socket net.Conn, key []byte) <-chan admitted {
	c := make(chan admitted, 1)
	go func() {
		conn, service, err := Admit(socket, key, most, echoes)
		c <- admitted{conn, service, err}
	}()
	return c
}

func TestMessagesGoBothWays(t *testing.T) {
	h, p := sockets(t)
	other := admit(p, key)
	host, err := Greet(h, key, "KeyValue", most)
	if err != nil {
		t.Fatal(err)
	}
	a := <-other
	if a.err != nil || a.service != "KeyValue" {
		t.Fatalf("%q, %v", a.service, a.err)
	}
	go func() {
		for {
			var m pb.SetRequest
			if a.conn.Receive(&m) != nil || a.conn.Send(&m) != nil {
				_ = a.conn.Close()
				return
			}
		}
	}()
	for _, size := range []int{0, 1, 1000, inPlace - 3, inPlace, inPlace + 1, step, 3*step + 7, most - 100} {
		sent := &pb.SetRequest{Key: "k", Value: bytes.Repeat([]byte{byte(size)}, size)}
		var got pb.SetRequest
		if err := errors.Join(host.Send(sent), host.Receive(&got)); err != nil || !proto.Equal(sent, &got) {
			t.Fatalf("a value of %d bytes: %v", size, err)
		}
	}
	if err := host.Send(&pb.SetRequest{Value: make([]byte, most)}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too large a message: %v", err)
	}
	_ = a.conn.Close()
	if err := host.Receive(&pb.SetRequest{}); err != io.EOF {
		t.Errorf("after the end: %v", err)
	}
}

func TestOnlyWhoHasTheKeyGetsIn(t *testing.T) {
	h, p := sockets(t)
	other := admit(p, bytes.Repeat([]byte{8}, KeyBytes))
	if _, err := Greet(h, key, "KeyValue", most); !errors.Is(err, errNoProof) {
		t.Errorf("a provider with another key: %v", err)
	}
	if a := <-other; a.err == nil {
		t.Error("a host with another key got in")
	}
	h, p = sockets(t)
	other = admit(p, key)
	if _, err := Greet(h, key, "SQL", most); err == nil {
		t.Error("a service that is not there answered")
	}
	if a := <-other; a.err == nil {
		t.Error("a service that is not there was opened")
	}
}

// TestProofsAreNotToBeHadElsewhere has a stranger without the key, who repeats
// what both sides say.
func TestProofsAreNotToBeHadElsewhere(t *testing.T) {
	for name, answer := range map[string]func(w *pb.DataWelcome) *pb.DataProof{
		"the provider's own": func(w *pb.DataWelcome) *pb.DataProof { return &pb.DataProof{Proof: w.GetProof()} },
		"none":               func(*pb.DataWelcome) *pb.DataProof { return &pb.DataProof{} },
		"the nonce":          func(w *pb.DataWelcome) *pb.DataProof { return &pb.DataProof{Proof: w.GetNonce()} },
	} {
		h, p := sockets(t)
		other := admit(p, key)
		c := newConn(h, proofBytes)
		var w pb.DataWelcome
		if err := errors.Join(c.Send(&pb.DataHello{Service: "KeyValue", Nonce: nonce()}), c.Receive(&w), c.Send(answer(&w))); err != nil {
			t.Fatal(err)
		}
		if a := <-other; !errors.Is(a.err, errNoProof) {
			t.Errorf("%s: %v", name, a.err)
		}
	}
	h, p := sockets(t)
	go func() { // which reflects the hello
		c := newConn(p, proofBytes)
		var hello pb.DataHello
		_ = c.Receive(&hello)
		_ = c.Send(&pb.DataWelcome{Nonce: hello.GetNonce(), Proof: proof(nil, byProvider, &hello, hello.GetNonce())})
	}()
	if _, err := Greet(h, key, "KeyValue", most); !errors.Is(err, errNoProof) {
		t.Errorf("a stranger for a provider: %v", err)
	}
}

func TestBadFramesEndTheConnection(t *testing.T) {
	for name, test := range map[string]struct {
		bytes []byte
		close bool
		want  error
	}{
		"longer than agreed":  {[]byte{0xff, 0xff, 0xff, 0xff}, false, ErrTooLarge},
		"a length alone":      {[]byte{0, 0, 0, 9}, false, os.ErrDeadlineExceeded},
		"half a length":       {[]byte{0, 0}, false, os.ErrDeadlineExceeded},
		"half a large one":    {append([]byte{0, 0x70, 0, 0}, make([]byte, 3<<20)...), false, os.ErrDeadlineExceeded},
		"closed in a length":  {[]byte{0, 0}, true, io.ErrUnexpectedEOF},
		"closed in a message": {[]byte{0, 0, 0, 9, 1}, true, io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			h, p := sockets(t)
			c := newConn(h, most)
			c.time = 50 * time.Millisecond
			go func() {
				_, _ = p.Write(test.bytes)
				if test.close {
					_ = p.Close()
				}
			}()
			if err := c.Receive(&pb.SetRequest{}); !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
		})
	}
	h, p := sockets(t)
	go func() { _, _ = p.Write([]byte{0, 0, 0, 2, 0xff, 0xff}) }()
	if err := newConn(h, most).Receive(&pb.SetRequest{}); err == nil {
		t.Error("what is no message was taken")
	}
}

// memory is a connection that has what it says and nothing more.
type memory struct {
	net.Conn
	in  *bytes.Reader
	out bytes.Buffer
}

func (m *memory) Read(b []byte) (int, error)      { return m.in.Read(b) }
func (m *memory) Write(b []byte) (int, error)     { return m.out.Write(b) }
func (m *memory) Close() error                    { return nil }
func (m *memory) SetReadDeadline(time.Time) error { return nil }

// FuzzReceive reads frames of any bytes: each that is taken was there, was not
// too large, and nothing is allocated for what did not come.
func FuzzReceive(f *testing.F) {
	for _, seed := range [][]byte{nil, {0, 0, 0, 0}, {0, 0, 0, 3, 10, 1, 'k'}, {0xff, 0xff, 0xff, 0xff}, {0, 0, 0, 2, 10, 9}, append([]byte{0, 1, 0, 1}, make([]byte, 1<<16+1)...)} {
		f.Add(seed)
	}
	const small = 1 << 17
	f.Fuzz(func(t *testing.T, b []byte) {
		c := newConn(&memory{in: bytes.NewReader(b)}, small)
		for rest := b; ; {
			var m pb.KVRequest
			err := c.Receive(&m)
			if err == io.EOF && len(rest) > 0 {
				t.Fatalf("%d bytes were left when the end was seen", len(rest))
			}
			if err != nil {
				break
			}
			n := int(binary.BigEndian.Uint32(rest))
			var want pb.KVRequest
			if n > small || proto.Unmarshal(rest[4:4+n], &want) != nil || !proto.Equal(&m, &want) {
				t.Fatalf("a frame of %d bytes became %v", n, &m)
			}
			rest = rest[4+n:]
		}
		if cap(c.in) > max(step, 2*len(b)) {
			t.Errorf("%d bytes were allocated for %d", cap(c.in), len(b))
		}
	})
}

// FuzzAdmit says anything to a provider: without the key nobody gets in.
func FuzzAdmit(f *testing.F) {
	hello, _ := proto.Marshal(&pb.DataHello{Service: "KeyValue", Nonce: make([]byte, nonceBytes)})
	f.Add(slices.Concat([]byte{0, 0, 0, byte(len(hello))}, hello, []byte{0, 0, 0, 0}))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := &memory{in: bytes.NewReader(b)}
		if _, _, err := Admit(m, key, most, echoes); err == nil {
			t.Error("somebody got in")
		}
	})
}
