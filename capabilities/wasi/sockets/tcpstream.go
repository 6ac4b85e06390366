package sockets

import (
	"context"
	"errors"
	"io"
	"time"

	"golang.org/x/sys/unix"

	wasiio "github.com/writ-host/writ/capabilities/wasi/io"
	"github.com/writ-host/writ/wit"
)

// lingering is how long what a guest wrote may take to go out after it closed
// the connection.
const lingering = 10 * time.Second

// streams makes the two streams of a connection, which hold it open.
func (s *tcpSocket) streams() (in, out wit.Value, err error) {
	s.phase = connected
	s.holders += 2
	file := s.file
	s.in = &tcpInput{InputStream: wasiio.FromReader(file, wasiio.ReaderOptions{
		Interrupt: func() { _ = file.SetReadDeadline(time.Unix(1, 0)) }, Holder: s.instance,
	}), socket: s}
	s.out = &tcpOutput{OutputStream: wasiio.FromWriter(sender{file}, s.instance), socket: s}
	if in, err = wasiio.OpenInput(s.instance, s.in); err != nil {
		s.out.Drop()
		s.phase = dead
		return in, out, err
	}
	if out, err = wasiio.OpenOutput(s.instance, s.out); err != nil {
		s.instance.Shut()
		s.in.Drop()
		s.phase = dead
	}
	return in, out, err
}

// tcpInput is what comes in.
type tcpInput struct {
	wasiio.InputStream
	socket *tcpSocket
	shut   bool
}

func (i *tcpInput) Read(ctx context.Context, max int) ([]byte, error) {
	if i.shut {
		return nil, wasiio.ErrClosed
	}
	return i.InputStream.Read(ctx, max)
}

func (i *tcpInput) BlockingRead(ctx context.Context, max int) ([]byte, error) {
	if i.shut {
		return nil, wasiio.ErrClosed
	}
	return i.InputStream.BlockingRead(ctx, max)
}

// Drop implements wit.Dropper.
func (i *tcpInput) Drop() {
	if d, ok := i.InputStream.(wit.Dropper); ok {
		d.Drop()
	}
	i.socket.Drop()
}

// tcpOutput is what goes out.
type tcpOutput struct {
	wasiio.OutputStream
	socket *tcpSocket
	shut   bool
}

func (o *tcpOutput) Ready() bool { return o.shut || o.OutputStream.Ready() }

func (o *tcpOutput) CheckWrite() (int, error) {
	if o.shut {
		return 0, wasiio.ErrClosed
	}
	return o.OutputStream.CheckWrite()
}

func (o *tcpOutput) Write(ctx context.Context, p []byte) error {
	if o.shut {
		return wasiio.ErrClosed
	}
	return o.OutputStream.Write(ctx, p)
}

func (o *tcpOutput) Flush() error {
	if o.shut {
		return wasiio.ErrClosed
	}
	return o.OutputStream.Flush()
}

func (o *tcpOutput) BlockingFlush(ctx context.Context) error {
	if o.shut {
		return wasiio.ErrClosed
	}
	return o.OutputStream.BlockingFlush(ctx)
}

// Drop implements wit.Dropper.
func (o *tcpOutput) Drop() { o.socket.Drop() }

// shutdown tells the peer that no more comes, once all is on its way.
func (o *tcpOutput) shutdown() {
	if o.shut {
		return
	}
	o.shut = true
	o.flushed(func() {
		_ = o.socket.with(func(fd int) error { return unix.Shutdown(fd, unix.SHUT_WR) })
	})
}

// flushed does something when all that was written is on its way: at once if
// it is, else on another goroutine, and after the time of lingering in any case.
func (o *tcpOutput) flushed(then func()) {
	now, cancel := context.WithCancel(context.Background())
	cancel()
	if err := o.OutputStream.BlockingFlush(now); !errors.Is(err, context.Canceled) {
		then()
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), lingering)
		defer cancel()
		_ = o.OutputStream.BlockingFlush(ctx)
		then()
	}()
}

// finish closes the connection when nobody holds it any more.
func (s *tcpSocket) finish() {
	if s.out == nil {
		s.close()
		return
	}
	s.out.flushed(s.close)
}

// sender writes to a connection, and takes one that the peer closed for the
// end of the stream.
type sender struct{ io.Writer }

func (s sender) Write(p []byte) (int, error) {
	n, err := s.Writer.Write(p)
	if errors.Is(err, unix.EPIPE) {
		err = wasiio.ErrClosed
	}
	return n, err
}
