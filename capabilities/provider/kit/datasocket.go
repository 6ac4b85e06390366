package kit

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"syscall"
	"time"

	pb "github.com/writ-host/writ/proto/writ/provider/v1"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"
)

const (
	proofTime = 5 * time.Second // that the protocol gives for all of the proof
	// lateTime is how much longer a provider on a busy machine may take to close.
	lateTime   = 15 * time.Second
	maxProof   = 4096 // bytes of a frame before the proof
	nonceBytes = 32
)

// stranger is a connection to the data socket, of somebody who knows the
// protocol, and has the key or not.
type stranger struct {
	conn    net.Conn
	service string
	key     []byte
	nonce   []byte // of the host
	welcome pb.DataWelcome
}

// attempt is one way to get in without the proof. It says what it has to say;
// nothing may answer after that, and the provider has to close.
type attempt struct {
	name string
	try  func(*stranger) error
}

// quick are refused as soon as they show what they are.
var quick = []attempt{
	{"who skips the greeting", (*stranger).operate},
	{"whose first frame is too large", (*stranger).tooLarge},
	{"who skips the proof", (*stranger).withoutProof},
	{"with an empty proof", proving(func(*stranger) []byte { return nil })},
	{"with a wrong proof", proving(func(*stranger) []byte { return make([]byte, sha256.Size) })},
	{"with a proof under another key", proving(func(s *stranger) []byte {
		return proof(make([]byte, len(s.key)), hostText, s.nonce, s.welcome.GetNonce(), s.service)
	})},
	{"with the provider's own proof", proving(func(s *stranger) []byte { return s.welcome.GetProof() })},
	{"with half a proof", proving(func(s *stranger) []byte { return s.proof(s.service)[:sha256.Size/2] })},
	{"with the proof for another service", proving(func(s *stranger) []byte { return s.proof("Nothing") })},
}

// slow are refused when the time of the proof is over.
var slow = []attempt{
	{"who says nothing", func(*stranger) error { return nil }},
	{"whose greeting comes byte by byte", (*stranger).trickle},
	{"who stops after the greeting", (*stranger).greet},
}

const (
	hostText     = "writ data 1 host"
	providerText = "writ data 1 provider"
)

// dataSocket checks that the data socket answers who has the key, and nobody else.
func dataSocket(b *bench) error {
	if b.p.DataSocket() == "" {
		return skip("it has no data socket")
	}
	used, err := b.proven()
	if err != nil {
		return err
	}
	for _, a := range append(slices.Clone(quick), attempt{"with a proof that was used before", used.again}) {
		if err := b.inVain(a); err != nil {
			return err
		}
	}
	var all errgroup.Group
	for _, a := range slow {
		all.Go(func() error { return b.inVain(a) })
	}
	if err := all.Wait(); err != nil {
		return err
	}
	if _, err := b.proven(); err != nil {
		return fmt.Errorf("after those who were refused: %w", err)
	}
	return b.alive()
}

// proven is who has the key: the provider has to answer.
func (b *bench) proven() (used *stranger, err error) {
	for _, service := range b.info.Services { // not each has to be there
		if used, err = b.answered(service); err == nil {
			return used, nil
		}
	}
	return nil, fmt.Errorf("the host's own connection to the data socket: %w", err)
}

func (b *bench) answered(service string) (*stranger, error) {
	s, err := b.stranger()
	if err != nil {
		return nil, err
	}
	defer s.conn.Close()
	s.service = service
	if err := proving(func(s *stranger) []byte { return s.proof(service) })(s); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(s.conn, make([]byte, 4)); err != nil {
		return nil, fmt.Errorf("no answer to the first operation: %w", err)
	}
	return s, nil
}

func (b *bench) stranger() (*stranger, error) {
	conn, err := (&net.Dialer{Timeout: proofTime}).DialContext(b.ctx, "unix", b.p.DataSocket())
	if err != nil {
		return nil, fmt.Errorf("connect to the data socket: %w", err)
	}
	s := &stranger{conn: conn, service: b.info.Services[0], key: b.p.DataKey(), nonce: make([]byte, nonceBytes)}
	_, _ = rand.Read(s.nonce) // it never fails
	return s, conn.SetDeadline(time.Now().Add(proofTime + lateTime))
}

// inVain makes an attempt, which must end by the provider's closing.
func (b *bench) inVain(a attempt) error {
	s, err := b.stranger()
	if err != nil {
		return err
	}
	defer context.AfterFunc(b.ctx, func() { _ = s.conn.Close() })()
	defer s.conn.Close()
	var n int64
	if err = a.try(s); err == nil || closed(err) {
		n, err = io.Copy(io.Discard, io.LimitReader(s.conn, 1))
	}
	switch {
	case b.ctx.Err() != nil:
		return b.ctx.Err()
	case n > 0:
		return fmt.Errorf("a client of the data socket %s was answered", a.name)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("a client of the data socket %s was not refused within %v", a.name, proofTime)
	case err != nil && !closed(err):
		return fmt.Errorf("a client of the data socket %s: %w", a.name, err)
	}
	return nil
}

// closed reports whether an error is that the other end has closed, whichever
// call notices it.
func closed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}

// errNotTheProvider is a welcome that proves nothing: the host would go away.
var errNotTheProvider = errors.New("the provider's own proof, or its nonce, is wrong")

func (s *stranger) hello() *pb.DataHello {
	return &pb.DataHello{Service: s.service, Nonce: s.nonce}
}

// frame is a message as it travels.
func frame(m proto.Message) ([]byte, error) {
	body, err := proto.Marshal(m)
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...), err
}

func (s *stranger) send(m proto.Message) error {
	b, err := frame(m)
	if err == nil {
		_, err = s.conn.Write(b)
	}
	return err
}

func (s *stranger) receive(m proto.Message) error {
	var head [4]byte
	if _, err := io.ReadFull(s.conn, head[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > maxProof {
		return fmt.Errorf("a frame of %d bytes came, and %d are the most before the proof", n, maxProof)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(s.conn, body); err != nil {
		return err
	}
	return proto.Unmarshal(body, m)
}

// greet does all but the host's proof.
func (s *stranger) greet() error {
	if err := s.send(s.hello()); err != nil {
		return err
	}
	if err := s.receive(&s.welcome); err != nil {
		return err
	}
	theirs := proof(s.key, providerText, s.nonce, s.welcome.GetNonce(), s.service)
	if len(s.welcome.GetNonce()) != nonceBytes || !hmac.Equal(theirs, s.welcome.GetProof()) {
		return errNotTheProvider
	}
	return nil
}

func (s *stranger) proof(service string) []byte {
	return proof(s.key, hostText, s.nonce, s.welcome.GetNonce(), service)
}

func proof(key []byte, text string, host, provider []byte, service string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(bytes.Join([][]byte{[]byte(text), host, provider, []byte(service)}, nil))
	return h.Sum(nil)
}

// proving greets, and goes on with some proof.
func proving(with func(*stranger) []byte) func(*stranger) error {
	return func(s *stranger) error {
		if err := s.greet(); err != nil {
			return err
		}
		if err := s.send(&pb.DataProof{Proof: with(s)}); err != nil {
			return err
		}
		return s.operate()
	}
}

// again says the same as an earlier connection that was let in.
func (used *stranger) again(s *stranger) error {
	s.service, s.nonce = used.service, used.nonce
	return proving(func(s *stranger) []byte { return used.proof(used.service) })(s)
}

func (s *stranger) withoutProof() error {
	if err := s.greet(); err != nil {
		return err
	}
	return s.operate()
}

func (s *stranger) tooLarge() error {
	hello := s.hello()
	hello.ProtoReflect().SetUnknown(append([]byte{0x7a, 0x80, 0x20}, make([]byte, maxProof)...)) // a field that is none, of that many bytes
	return s.send(hello)
}

// trickle takes longer than there is for all of the proof.
func (s *stranger) trickle() error {
	hello, err := frame(s.hello())
	for at := 0; at < len(hello) && err == nil; at++ {
		_, err = s.conn.Write(hello[at : at+1])
		time.Sleep(time.Second)
	}
	return err
}

// operate sends an operation that no provider knows, which each answers.
func (s *stranger) operate() error {
	if s.service == "HTTP" { // which has exchanges
		return s.send(&pb.HTTPRequests{Parts: []*pb.ExchangeRequest{{Id: 1, Head: &pb.HTTPRequest{}, End: true}}})
	}
	return s.send(&pb.KVRequest{Operations: []*pb.KVOperation{{Id: 1}}}) // the same bytes for every other service
}
