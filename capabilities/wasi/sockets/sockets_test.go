package sockets

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/writ-host/writ/capabilities"
	wasiio "github.com/writ-host/writ/capabilities/wasi/io"
	"github.com/writ-host/writ/wit"
)

func TestNothingIsGrantedByDefault(t *testing.T) {
	g := newGuest(t)
	g.want("access-denied", "create-tcp-socket", wit.Enum(0))
	g.want("access-denied", "create-udp-socket", wit.Enum(1))
	g.want("access-denied", "resolve-addresses", network, wit.String("localhost"))
}

func TestConnectsAndBindsAreAskedAbout(t *testing.T) {
	_, address := listen(t)
	_, other := listen(t)
	g := newGuest(t, "tcp tcp://"+address+" connect", "udp udp://"+address+" connect")
	if _, code := g.connect(address); code != "" {
		t.Errorf("granted: %s", code)
	}
	if _, code := g.connect(other); code != "access-denied" {
		t.Errorf("another port: %q", code)
	}
	s := g.must("create-tcp-socket", wit.Enum(0))
	g.want("access-denied", tcp+"start-bind", s, network, at("127.0.0.1:0"))
	g.want("access-denied", tcp+"start-connect", s, network, at("127.0.0.2:"+port(address)))
	u := g.must("create-udp-socket", wit.Enum(0))
	g.want("access-denied", udp+"start-bind", u, network, at("127.0.0.1:0"))
}

func port(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }

func TestAddressesThatAreNone(t *testing.T) {
	g := newGuest(t, "tcp tcp://**:* connect,bind", "udp udp://**:* connect,bind")
	four, six := g.must("create-tcp-socket", wit.Enum(0)), g.must("create-tcp-socket", wit.Enum(1))
	for _, c := range []struct {
		socket  wit.Value
		address string
	}{
		{four, "0.0.0.0:80"}, {four, "127.0.0.1:0"}, {four, "[::1]:80"}, {four, "224.0.0.1:80"}, {four, "255.255.255.255:80"},
		{six, "127.0.0.1:80"}, {six, "[::ffff:127.0.0.1]:80"}, {six, "[::]:80"}, {six, "[ff02::1]:80"},
	} {
		g.want("invalid-argument", tcp+"start-connect", c.socket, network, at(c.address))
	}
	g.want("invalid-argument", tcp+"start-bind", six, network, at("[::ffff:127.0.0.1]:0"))
	g.want("invalid-argument", tcp+"start-bind", four, network, at("224.0.0.1:0"))
}

func TestTCPClient(t *testing.T) {
	l, address := listen(t)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		b := make([]byte, 100)
		n, _ := c.Read(b)
		_, _ = c.Write([]byte("you said " + string(b[:n])))
		n, _ = c.Read(b) // the end of the guest's side
		_, _ = c.Write([]byte{byte('0' + n)})
	}()
	g := newGuest(t, "tcp tcp://"+address+" connect")
	s := g.must("create-tcp-socket", wit.Enum(0))
	g.want("not-in-progress", tcp+"finish-connect", s)
	g.want("invalid-state", tcp+"local-address", s)
	g.want("invalid-state", tcp+"remote-address", s)
	g.must(tcp+"start-connect", s, network, at(address))
	g.want("invalid-state", tcp+"start-connect", s, network, at(address))
	g.wait("tcp-socket", s)
	streams := g.must(tcp+"finish-connect", s).Items()
	in, out := streams[0], streams[1]
	if got := addressOf(g.must(tcp+"remote-address", s)).String(); got != address {
		t.Errorf("connected to %s, want %s", got, address)
	}
	g.want("invalid-state", tcp+"start-listen", s)
	g.write(out, "hello")
	if got := g.read(in); got != "you said hello" {
		t.Errorf("read %q", got)
	}
	g.must(tcp+"shutdown", s, wit.Enum(1))
	g.want("closed or failed", "[method]output-stream.check-write", out)
	if got := g.read(in); got != "0" {
		t.Errorf("after shutdown read %q", got)
	}
	if got := g.read(in); got != "closed or failed" {
		t.Errorf("at the end read %q", got)
	}
	for _, name := range []string{"remote-address", "local-address"} { // when both sides are shut too
		if got := addressOf(g.must(tcp+name, s)); got.Addr().String() != "127.0.0.1" || got.Port() == 0 {
			t.Errorf("%s at the end is %s", name, got)
		}
	}
	drop(in, out, s)
	if n := g.instance.OpenCount(); n != 0 {
		t.Errorf("%d sockets are open", n)
	}
}

// What was written before everything was dropped arrives.
func TestDroppedConnectionIsFlushed(t *testing.T) {
	l, address := listen(t)
	received := make(chan int)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
		total, b := 0, make([]byte, 64<<10)
		for {
			n, err := c.Read(b)
			if total += n; err != nil {
				received <- total
				return
			}
		}
	}()
	g := newGuest(t, "tcp tcp://"+address+" connect")
	s := g.must("create-tcp-socket", wit.Enum(0))
	g.must(tcp+"start-connect", s, network, at(address))
	g.wait("tcp-socket", s)
	streams := g.must(tcp+"finish-connect", s).Items()
	sent := 0
	for sent < 4<<20 {
		n := int(g.must("[method]output-stream.check-write", streams[1]).Uint())
		if n == 0 {
			break
		}
		g.must("[method]output-stream.write", streams[1], wit.Bytes(make([]byte, n)))
		sent += n
	}
	drop(streams[0], streams[1], s)
	if got := <-received; got != sent {
		t.Errorf("%d of %d bytes arrived", got, sent)
	}
}

func TestTCPServer(t *testing.T) {
	g := newGuest(t, "tcp tcp://127.0.0.1:* bind")
	s := g.must("create-tcp-socket", wit.Enum(0))
	g.want("invalid-state", tcp+"start-listen", s)
	g.want("not-in-progress", tcp+"finish-bind", s)
	g.must(tcp+"start-bind", s, network, at("127.0.0.1:0"))
	g.must(tcp+"finish-bind", s)
	g.want("invalid-state", tcp+"start-bind", s, network, at("127.0.0.1:0"))
	address := addressOf(g.must(tcp+"local-address", s))
	if address.Port() == 0 {
		t.Fatal("bound to no port")
	}
	g.want("invalid-state", tcp+"accept", s)
	g.must(tcp+"start-listen", s)
	g.must(tcp+"finish-listen", s)
	if !g.must(tcp+"is-listening", s).Bool() {
		t.Error("it does not listen")
	}
	g.want("would-block", tcp+"accept", s)
	p := wit.Object[wasiio.Pollable](g.must(tcp+"subscribe", s))
	if p.Ready() {
		t.Error("ready before anyone came")
	}
	answer := make(chan string)
	go func() {
		c, err := net.Dial("tcp", address.String())
		if err != nil {
			answer <- err.Error()
			return
		}
		_, _ = c.Write([]byte("ping"))
		b := make([]byte, 100)
		n, _ := c.Read(b)
		answer <- string(b[:n])
	}()
	g.wait("tcp-socket", s)
	accepted := g.must(tcp+"accept", s).Items()
	if got := addressOf(g.must(tcp+"remote-address", accepted[0])); got.Addr().String() != "127.0.0.1" || got.Port() == 0 {
		t.Errorf("the client is %s", got)
	}
	if got := g.read(accepted[1]); got != "ping" {
		t.Errorf("read %q", got)
	}
	g.write(accepted[2], "pong")
	if got := <-answer; got != "pong" {
		t.Errorf("the client got %q", got)
	}
	drop(accepted...)
	drop(s)
	if n := g.instance.OpenCount(); n != 0 {
		t.Errorf("%d sockets are open", n)
	}
}

func TestRefusedConnection(t *testing.T) {
	l, address := listen(t)
	_ = l.Close()
	g := newGuest(t, "tcp tcp://127.0.0.1:* connect,bind")
	s, code := g.connect(address)
	if code != "connection-refused" {
		t.Errorf("code %q", code)
	}
	g.want("invalid-state", tcp+"start-connect", s, network, at(address))
	_, taken := listen(t)
	s = g.must("create-tcp-socket", wit.Enum(0))
	g.must(tcp+"start-bind", s, network, at("127.0.0.1:0"))
	g.must(tcp+"finish-bind", s)
	u := g.must("create-tcp-socket", wit.Enum(0))
	g.want("address-in-use", tcp+"start-bind", u, network, at(taken))
}

func TestSocketOptions(t *testing.T) {
	g := newGuest(t, "tcp tcp://127.0.0.1:* connect", "udp udp://127.0.0.1:* connect")
	s, u := g.must("create-tcp-socket", wit.Enum(0)), g.must("create-udp-socket", wit.Enum(0))
	for _, c := range []struct {
		socket    wit.Value
		name      string
		set, want wit.Value
		zero      wit.Value
	}{
		{s, tcp + "keep-alive-enabled", wit.Bool(true), wit.Bool(true), wit.Value{}},
		{s, tcp + "keep-alive-idle-time", wit.U64(1_500_000_000), wit.U64(2_000_000_000), wit.U64(0)},
		{s, tcp + "keep-alive-interval", wit.U64(1 << 63), wit.U64(32767 * 1_000_000_000), wit.U64(0)},
		{s, tcp + "keep-alive-count", wit.U32(5), wit.U32(5), wit.U32(0)},
		{s, tcp + "hop-limit", wit.U8(42), wit.U8(42), wit.U8(0)},
		{s, tcp + "receive-buffer-size", wit.U64(20000), wit.U64(20000), wit.U64(0)},
		{s, tcp + "send-buffer-size", wit.U64(20000), wit.U64(20000), wit.U64(0)},
		{u, udp + "unicast-hop-limit", wit.U8(42), wit.U8(42), wit.U8(0)},
		{u, udp + "receive-buffer-size", wit.U64(20000), wit.U64(20000), wit.U64(0)},
		{u, udp + "send-buffer-size", wit.U64(20000), wit.U64(20000), wit.U64(0)},
	} {
		at := strings.LastIndexByte(c.name, '.') + 1
		setter := c.name[:at] + "set-" + c.name[at:]
		g.must(setter, c.socket, c.set)
		if got := g.must(c.name, c.socket); got.Bits() != c.want.Bits() {
			t.Errorf("%s is %d, want %d", c.name, got.Bits(), c.want.Bits())
		}
		if c.zero.Kind() != 0 {
			g.want("invalid-argument", setter, c.socket, c.zero)
		}
	}
	g.want("invalid-argument", tcp+"set-listen-backlog-size", s, wit.U64(0))
	g.must(tcp+"set-listen-backlog-size", s, wit.U64(1<<63))
}

func (g *guest) udpSocket(bind string) wit.Value {
	g.t.Helper()
	s := g.must("create-udp-socket", wit.Enum(0))
	g.want("invalid-state", udp+"stream", s, wit.None())
	g.must(udp+"start-bind", s, network, at(bind))
	g.must(udp+"finish-bind", s)
	return s
}

func datagram(text string, to wit.Value) wit.Value {
	return wit.List(wit.Record(wit.Bytes([]byte(text)), to))
}

func TestUDP(t *testing.T) {
	peer, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = peer.Close() }()
	to := peer.LocalAddr().String()
	g := newGuest(t, "udp udp://127.0.0.1:0 bind", "udp udp://"+to+" connect")
	s := g.udpSocket("127.0.0.1:0")
	streams := g.must(udp+"stream", s, wit.None()).Items()
	in, out := streams[0], streams[1]
	const send, check, receive = "[method]outgoing-datagram-stream.send", "[method]outgoing-datagram-stream.check-send", "[method]incoming-datagram-stream.receive"
	if _, code := g.call(send, out, datagram("x", wit.None())); !strings.HasPrefix(code, "trap: send of 1 datagrams") {
		t.Errorf("without check-send: %q", code)
	}
	g.must(check, out)
	g.want("invalid-argument", send, out, datagram("x", wit.None()))
	g.must(check, out)
	g.want("access-denied", send, out, datagram("x", wit.Some(at("127.0.0.1:9"))))
	g.must(check, out)
	g.want("", send, out, datagram("hello", wit.Some(at(to))))
	b := make([]byte, 100)
	n, from, err := peer.ReadFrom(b)
	if err != nil || string(b[:n]) != "hello" {
		t.Fatalf("the peer got %q: %v", b[:n], err)
	}
	if list := g.must(receive, in, wit.U64(10)); list.Len() != 0 {
		t.Errorf("%d datagrams before any was sent", list.Len())
	}
	for _, text := range []string{"a", "", "c"} {
		if _, err := peer.WriteTo([]byte(text), from); err != nil {
			t.Fatal(err)
		}
	}
	g.wait("incoming-datagram-stream", in)
	got := ""
	for _, d := range g.must(receive, in, wit.U64(10)).Items() {
		got += "<" + string(d.Items()[0].Bytes()) + ">"
		if from := addressOf(d.Items()[1]).String(); from != to {
			t.Errorf("from %s, want %s", from, to)
		}
	}
	if got != "<a><><c>" {
		t.Errorf("received %s", got)
	}
	g.testAssociated(s, in, out, peer)
}

// testAssociated is about a socket that is for one peer.
func (g *guest) testAssociated(s, in, out wit.Value, peer net.PacketConn) {
	t, to := g.t, peer.LocalAddr().String()
	g.want("access-denied", udp+"stream", s, wit.Some(at("127.0.0.1:9")))
	g.want("invalid-state", udp+"remote-address", s)
	streams := g.must(udp+"stream", s, wit.Some(at(to))).Items()
	drop(in, out)
	g.must("[method]outgoing-datagram-stream.check-send", streams[1])
	g.want("invalid-argument", "[method]outgoing-datagram-stream.send", streams[1], datagram("x", wit.Some(at("127.0.0.1:9"))))
	g.must("[method]outgoing-datagram-stream.check-send", streams[1])
	if n := g.must("[method]outgoing-datagram-stream.send", streams[1], datagram("y", wit.None())); n.Uint() != 1 {
		t.Errorf("sent %d", n.Uint())
	}
	if got := addressOf(g.must(udp+"remote-address", s)).String(); got != to {
		t.Errorf("remote address %s, want %s", got, to)
	}
	again := g.must(udp+"stream", s, wit.None()).Items()
	drop(streams...)
	drop(again...)
	drop(s)
	if n := g.instance.OpenCount(); n != 0 {
		t.Errorf("%d sockets are open", n)
	}
}

func TestNumberOfSocketsIsLimited(t *testing.T) {
	g := newGuest(t, "tcp tcp://127.0.0.1:* connect", "udp udp://127.0.0.1:* connect")
	var open []wit.Value
	for range capabilities.DefaultStreams {
		open = append(open, g.must("create-tcp-socket", wit.Enum(0)))
	}
	g.want("new-socket-limit", "create-udp-socket", wit.Enum(0))
	drop(open[0])
	g.must("create-udp-socket", wit.Enum(0))
	drop(open[1:]...)
}
