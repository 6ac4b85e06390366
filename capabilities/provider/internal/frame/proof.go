package frame

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"time"

	pb "github.com/writ-host/writ/proto/writ/provider/v1"
)

const (
	// KeyBytes is the size of the key that both ends have.
	KeyBytes = 32

	nonceBytes = 32
	proofBytes = 4 << 10 // the largest frame before the proof
	proofTime  = 5 * time.Second

	byHost     = "writ data 1 host"
	byProvider = "writ data 1 provider"
)

// errNoProof is all that the other end hears, and all that there is to know.
var errNoProof = errors.New("the other end of the socket did not prove who it is")

// Greet is the host's beginning of a connection for a service. most bounds a
// message in bytes. Whatever fails, the connection is closed.
func Greet(socket net.Conn, key []byte, service string, most int) (*Conn, error) {
	return begin(socket, most, func(c *Conn) error {
		hello := &pb.DataHello{Service: service, Nonce: nonce()}
		if err := c.Send(hello); err != nil {
			return err
		}
		var welcome pb.DataWelcome
		if err := c.Receive(&welcome); err != nil {
			return err
		}
		if len(welcome.GetNonce()) != nonceBytes || !hmac.Equal(welcome.GetProof(), proof(key, byProvider, hello, welcome.GetNonce())) {
			return errNoProof
		}
		return c.Send(&pb.DataProof{Proof: proof(key, byHost, hello, welcome.GetNonce())})
	})
}

// Admit is the provider's beginning, for a service that serves knows. Whatever
// fails, the connection is closed.
func Admit(socket net.Conn, key []byte, most int, serves func(service string) bool) (c *Conn, service string, err error) {
	c, err = begin(socket, most, func(c *Conn) error {
		var hello pb.DataHello
		if err := c.Receive(&hello); err != nil {
			return err
		}
		if service = hello.GetService(); len(hello.GetNonce()) != nonceBytes || !serves(service) {
			return fmt.Errorf("there is no service %.40q here", service)
		}
		mine := nonce()
		if err := c.Send(&pb.DataWelcome{Nonce: mine, Proof: proof(key, byProvider, &hello, mine)}); err != nil {
			return err
		}
		var answer pb.DataProof
		if err := c.Receive(&answer); err != nil {
			return err
		}
		if !hmac.Equal(answer.GetProof(), proof(key, byHost, &hello, mine)) {
			return errNoProof
		}
		return nil
	})
	return c, service, err
}

// begin has the proof take place in time and in small frames. It takes care
// that nothing sent after the proof is read with its limits.
func begin(socket net.Conn, most int, prove func(*Conn) error) (*Conn, error) {
	c := newConn(socket, proofBytes)
	late := time.AfterFunc(proofTime, func() { _ = socket.Close() })
	err := prove(c)
	if !late.Stop() && err == nil {
		err = errNoProof
	}
	if err != nil {
		_ = socket.Close()
		return nil, err
	}
	c.most = most
	return c, nil
}

func nonce() []byte {
	b := make([]byte, nonceBytes)
	_, _ = rand.Read(b) // it never fails
	return b
}

// proof is what only who has the key can say about this connection. All parts
// but the last have one length for each text.
func proof(key []byte, text string, hello *pb.DataHello, answer []byte) []byte {
	h := hmac.New(sha256.New, key)
	for _, part := range [][]byte{[]byte(text), hello.GetNonce(), answer, []byte(hello.GetService())} {
		h.Write(part)
	}
	return h.Sum(nil)
}
