package frame

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"google.golang.org/protobuf/proto"
)

const (
	lengthBytes = 4
	// inPlace is how large a frame may be to be read where it was received.
	inPlace = 64 << 10
	// step is how much memory a large frame gets before it has come so far.
	step = 1 << 20
	// kept is the largest buffer that waits for another message.
	kept = 1 << 20
	// wholeWithin is the default of Conn.time.
	wholeWithin = 10 * time.Second
)

// ErrTooLarge is the error of a message above the size that was agreed on.
var ErrTooLarge = errors.New("a message is too large")

// Conn is one connection. One goroutine at a time may send, and one receive.
type Conn struct {
	c    net.Conn
	r    *bufio.Reader
	most int           // bytes of one message
	time time.Duration // that a frame that has begun has to come whole
	out  []byte
	in   []byte
}

func newConn(c net.Conn, most int) *Conn {
	return &Conn{c: c, r: bufio.NewReaderSize(c, inPlace), most: most, time: wholeWithin}
}

// Close ends the connection at once, for both ends.
func (c *Conn) Close() error { return c.c.Close() }

// Send sends one message.
func (c *Conn) Send(m proto.Message) error {
	b, err := proto.MarshalOptions{}.MarshalAppend(append(c.out[:0], make([]byte, lengthBytes)...), m)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	if c.out = nil; cap(b) <= kept {
		c.out = b
	}
	n := len(b) - lengthBytes
	if n > c.most {
		return fmt.Errorf("%w: it has %d bytes, and %d are the most", ErrTooLarge, n, c.most)
	}
	binary.BigEndian.PutUint32(b, uint32(n))
	_, err = c.c.Write(b)
	return err
}

// Receive waits for one message, which it reads into m. io.EOF is the end
// between two messages.
func (c *Conn) Receive(m proto.Message) error {
	if _, err := c.r.Peek(1); err != nil {
		return err
	}
	if c.r.Buffered() < lengthBytes {
		defer c.hurry()()
	}
	head, err := c.r.Peek(lengthBytes)
	if err != nil {
		return cut(err)
	}
	n := int64(binary.BigEndian.Uint32(head))
	if n > int64(c.most) {
		return fmt.Errorf("%w: it has %d bytes, and %d are the most", ErrTooLarge, n, c.most)
	}
	_, _ = c.r.Discard(lengthBytes) // they are there
	if int64(c.r.Buffered()) < n {
		defer c.hurry()()
	}
	body, err := c.body(int(n))
	if err != nil {
		return cut(err)
	}
	if err := proto.Unmarshal(body, m); err != nil {
		return fmt.Errorf("decode message: %w", err)
	}
	return nil
}

// hurry has what follows end in time; the function that it returns takes that back.
func (c *Conn) hurry() func() {
	_ = c.c.SetReadDeadline(time.Now().Add(c.time)) // a socket that takes no deadline is closed
	return func() { _ = c.c.SetReadDeadline(time.Time{}) }
}

// body is the next n bytes, good until the next call.
func (c *Conn) body(n int) ([]byte, error) {
	if n <= inPlace {
		b, err := c.r.Peek(n)
		if err == nil {
			_, err = c.r.Discard(n)
		}
		return b, err
	}
	b := c.in[:0]
	for len(b) < n {
		if len(b) == cap(b) {
			b = append(b, make([]byte, min(n-len(b), max(step, len(b))))...)[:len(b)]
		}
		more := b[len(b):min(n, cap(b))]
		m, err := io.ReadFull(c.r, more)
		if b = b[:len(b)+m]; err != nil {
			return nil, err
		}
	}
	if c.in = nil; cap(b) <= kept {
		c.in = b
	}
	return b, nil
}

// cut is the error of a frame that ends before its end.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
