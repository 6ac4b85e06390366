package provider

import (
	"errors"
	"io"

	"github.com/writ-host/writ/capabilities/provider/internal/frame"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// duplex is one end of a Channel: a gRPC stream, or a connection to a data socket.
type duplex[Out, In any] interface {
	Send(*Out) error
	Recv() (*In, error)
}

// isOver reports whether an error of Send says no more than that the stream has
// ended: Recv knows why (package grpc, ClientStream.SendMsg).
func isOver(err error) bool { return errors.Is(err, io.EOF) }

// framed is a duplex on a data socket.
type framed[Out, In any] struct {
	conn *frame.Conn
	end  error // what the other end's closing is
}

// Send implements duplex. What cannot be sent ends the channel, as in gRPC.
func (f framed[Out, In]) Send(m *Out) error {
	err := socketError(f.conn.Send(any(m).(proto.Message)))
	if err != nil {
		_ = f.conn.Close()
	}
	return err
}

// Recv implements duplex.
func (f framed[Out, In]) Recv() (*In, error) {
	m := new(In)
	if err := f.conn.Receive(any(m).(proto.Message)); err != nil {
		if err == io.EOF {
			return nil, f.end
		}
		return nil, socketError(err)
	}
	return m, nil
}

// errSocketClosed is for the host: a provider that closes has ended, or failed.
var errSocketClosed = status.Error(codes.Unavailable, "the data socket was closed")

// socketError is an error of a data socket as gRPC would say it.
func socketError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, frame.ErrTooLarge):
		return status.Error(codes.ResourceExhausted, err.Error())
	}
	return status.Errorf(codes.Unavailable, "data socket: %v", err)
}

// stream is the host's end of a Channel of some service.
type stream[O operation, R outcome] struct {
	setID func(O, uint64)
	send  func(ops []O, cancelled []uint64) error
	recv  func() ([]R, error)
}

// posted is what travels to a provider: an operation, or that one is not wanted
// any more.
type posted[O operation] struct {
	op        O
	cancelled uint64
}

func (p posted[O]) size() int {
	if p.cancelled != 0 {
		return 10
	}
	return proto.Size(p.op)
}

// poster sends what an outbox has in one message. It is used by one goroutine at
// a time.
func (s *stream[O, R]) poster() func([]posted[O]) error {
	var ops []O
	var cancelled []uint64
	return func(batch []posted[O]) error {
		ops, cancelled = ops[:0], cancelled[:0]
		for _, p := range batch {
			if p.cancelled != 0 {
				cancelled = append(cancelled, p.cancelled)
			} else {
				ops = append(ops, p.op)
			}
		}
		err := s.send(ops, cancelled)
		clear(ops)
		return err
	}
}
