package kit_test

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-host/writ/capabilities/provider/kit"
	pb "github.com/writ-host/writ/proto/writ/provider/v1"
	"google.golang.org/protobuf/proto"
)

const dataRule = "its data socket answers only who has proven the key"

// dataFaults are of data sockets that let somebody in, with whom the rule finds.
var dataFaults = map[string]string{
	"needs no greeting":              "who skips the greeting was not refused",
	"takes large greetings":          "whose first frame is too large was answered",
	"wants no proof":                 "who skips the proof was not refused",
	"takes no proof for one":         "with an empty proof was answered",
	"takes any proof":                "with a wrong proof was answered",
	"has its own key":                "the provider's own proof",
	"has another key, too":           "with a proof under another key was answered",
	"has one text for both":          "with the provider's own proof was answered",
	"compares as much as there is":   "with half a proof was answered",
	"leaves the service out":         "with the proof for another service was answered",
	"has one nonce":                  "with a proof that was used before was answered",
	"proves nothing itself":          "the provider's own proof",
	"waits without end":              "was not refused within 5s",
	"waits anew for each byte":       "whose greeting comes byte by byte was not refused within 5s",
	"lets nobody in":                 "the host's own connection",
	"lets nobody in after a refusal": "connect to the data socket",
}

// dataWire is the data socket of a wire, correct but for its fault.
type dataWire struct {
	*wire
	key   []byte
	nonce [32]byte // the only one
}

// listen makes the socket, and returns its path.
func (w *wire) listen(key []byte) (string, error) {
	l, err := net.Listen("unix", filepath.Join(os.Getenv("PLUGIN_UNIX_SOCKET_DIR"), "data"))
	if err != nil {
		return "", err
	}
	d := &dataWire{wire: w, key: key}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if d.admit(conn) {
					d.serve(conn)
				} else if d.has("lets nobody in after a refusal") {
					_ = l.Close()
				}
			}()
		}
	}()
	return l.Addr().String(), nil
}

// read is the next frame.
func (d *dataWire) read(c net.Conn, most uint32, m proto.Message) bool {
	var head [4]byte
	if !d.fill(c, head[:]) {
		return false
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > most {
		return false
	}
	body := make([]byte, n)
	return d.fill(c, body) && proto.Unmarshal(body, m) == nil
}

func (d *dataWire) fill(c net.Conn, b []byte) bool {
	for len(b) > 0 {
		if d.has("waits anew for each byte") {
			_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		}
		n, err := c.Read(b)
		if b = b[n:]; err != nil {
			return false
		}
	}
	return true
}

func write(c net.Conn, m proto.Message) bool {
	b, err := proto.Marshal(m)
	if err == nil {
		_, err = c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...))
	}
	return err == nil
}

func (d *dataWire) proof(key []byte, text string, hello *pb.DataHello, mine []byte, service string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = io.WriteString(h, text+string(hello.GetNonce())+string(mine)+service)
	return h.Sum(nil)
}

// wanted is the host's proof, and what the fault takes for it.
func (d *dataWire) wanted(hello *pb.DataHello, mine []byte) [][]byte {
	const text = "writ data 1 host"
	right := d.proof(d.key, text, hello, mine, "Custom")
	switch d.fault {
	case "has another key, too":
		return [][]byte{right, d.proof(make([]byte, len(d.key)), text, hello, mine, "Custom")}
	case "has one text for both":
		return [][]byte{right, d.proof(d.key, "writ data 1 provider", hello, mine, "Custom")}
	case "leaves the service out":
		return [][]byte{right, d.proof(d.key, text, hello, mine, "Nothing")}
	case "compares as much as there is":
		return [][]byte{right, right[:16]}
	case "takes no proof for one":
		return [][]byte{right, nil}
	}
	return [][]byte{right}
}

// admit is the provider's part of the proof.
func (d *dataWire) admit(c net.Conn) bool {
	if d.has("lets nobody in") {
		return false
	}
	if !d.has("waits without end") {
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	}
	most := uint32(4096)
	if d.has("takes large greetings") {
		most = 1 << 20
	}
	var hello pb.DataHello
	if !d.read(c, most, &hello) || hello.GetService() != "Custom" || len(hello.GetNonce()) != 32 {
		_ = c.SetReadDeadline(time.Time{})
		return d.has("needs no greeting")
	}
	mine := d.nonce
	if !d.has("has one nonce") {
		_, _ = rand.Read(mine[:])
	}
	welcome := &pb.DataWelcome{Nonce: mine[:], Proof: d.proof(d.key, "writ data 1 provider", &hello, mine[:], "Custom")}
	switch d.fault {
	case "proves nothing itself":
		welcome.Proof = nil
	case "has its own key":
		welcome.Proof = d.proof([]byte("its own"), "writ data 1 provider", &hello, mine[:], "Custom")
	}
	var theirs pb.DataProof
	if !write(c, welcome) || !d.read(c, most, &theirs) {
		return false
	}
	_ = c.SetReadDeadline(time.Time{})
	if d.has("wants no proof") || d.has("takes any proof") && len(theirs.GetProof()) == sha256.Size {
		return true
	}
	return slices.ContainsFunc(d.wanted(&hello, mine[:]), func(want []byte) bool { return hmac.Equal(theirs.GetProof(), want) })
}

// serve answers on a connection that was let in.
func (d *dataWire) serve(c net.Conn) {
	_ = d.wire.operate(context.Background(), func() (*pb.CustomRequest, error) {
		m := &pb.CustomRequest{}
		if !d.read(c, 64<<20, m) {
			return nil, io.EOF
		}
		return m, nil
	}, func(r *pb.CustomResponse) error {
		if !write(c, r) {
			return io.EOF
		}
		return nil
	})
}

func TestBrokenDataSocketsAreCaught(t *testing.T) {
	for fault, want := range dataFaults {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			caught(t, dataRule, want, "broken-wire", fault)
		})
	}
}

// handFaults are of programs that do not say what they are, with what the rule
// finds.
var handFaults = map[string]string{
	"waits for a host":         "it goes on",
	"ends as if all was well":  "it ends with status 0",
	"ends without a word":      "says nothing",
	"ends with a trace":        "want a sentence",
	"ends by killing itself":   "it ends by a signal",
	"asks for any environment": "it serves whoever started it",
}

// byHand is how a wire behaves without a host.
func (w *wire) byHand() {
	switch w.fault {
	case "waits for a host":
		select {}
	case "asks for any environment":
		if os.Getenv("PLUGIN_UNIX_SOCKET_DIR") != "" {
			_ = os.Setenv("WRIT_PROVIDER", "writ.provider.v1")
			return
		}
	case "ends without a word":
		os.Exit(1)
	case "ends with a trace":
		panic("WRIT_PROVIDER")
	case "ends by killing itself":
		_, _ = os.Stderr.WriteString("this is a provider\n")
		p, _ := os.FindProcess(os.Getpid()) // it always does
		_ = p.Kill()
		select {}
	}
	_, _ = os.Stderr.WriteString("this is a provider\n")
	if w.has("ends as if all was well") {
		os.Exit(0)
	}
	os.Exit(1)
}

func TestProgramsThatDoNotSayWhatTheyAreAreCaught(t *testing.T) {
	for fault, want := range handFaults {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			caught(t, "started by hand, says what it is and ends", want, "broken-wire", fault)
		})
	}
}

// caught runs the kit against a faulty provider: the rule must say what is wrong.
func caught(t *testing.T, rule, want string, args ...string) {
	t.Helper()
	c := config(args...)
	c.StartTimeout = 10 * time.Second
	results, err := kit.Run(t.Context(), kit.Config{Provider: c, Only: []string{rule}, RuleTime: 2 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 1 || results[0].Status != kit.Failed || !strings.Contains(results[0].Detail, want) {
		t.Errorf("want %q:\n%s", want, table(results))
	}
}
