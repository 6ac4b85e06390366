package sockets

import (
	"context"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/internal/wits"
	wasiio "github.com/writ-host/writ/capabilities/wasi/io"
	"github.com/writ-host/writ/wit"
)

var tcpResource = wits.Interface("wasi:sockets/tcp").Resource("tcp-socket")

// tcpSocket is a tcp-socket, which goes through phases.
type tcpSocket struct {
	*socket
	phase   phase
	backlog int
	done    *wasiio.Event // while connecting
	failed  error         // why it did not connect, once done
	remote  netip.AddrPort
	arrived waiter    // of connections to accept
	in      *tcpInput // once connected
	out     *tcpOutput
}

type phase int

const (
	unbound phase = iota
	binding
	bound
	connecting
	connected
	starting // to listen
	listening
	dead
)

const (
	defaultBacklog = 128
	maxBacklog     = 4096
)

func createTCP(ctx context.Context, c *wit.Call) (wit.Value, error) {
	i := capabilities.From(c)
	if err := mayCreate(ctx, i, broker.TCP); err != nil {
		return wit.Value{}, err
	}
	s, err := newSocket(i, family(c.Args[0].Case()), unix.SOCK_STREAM)
	if err != nil {
		return wit.Value{}, err
	}
	return wit.NewOwn(tcpResource, &tcpSocket{socket: s, backlog: defaultBacklog}), nil
}

func tcpSelf(c *wit.Call) *tcpSocket { return wit.Self[*tcpSocket](c) }

// Drop implements wit.Dropper. Streams of the connection keep it open.
func (s *tcpSocket) Drop() {
	if s.release() {
		s.finish()
	}
}

func (s *tcpSocket) startBind(ctx context.Context, c *wit.Call) error {
	a := addressOf(c.Args[2])
	if s.phase != unbound {
		return errInvalidState
	}
	if err := s.family.fits(a); err != nil {
		return err
	}
	if !unicast(a.Addr()) {
		return errInvalidArgument
	}
	if err := mayBind(ctx, s.instance, broker.TCP, a); err != nil {
		return err
	}
	err := s.with(func(fd int) error {
		// A server that starts again takes over its address from the connections of the one before.
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	})
	if err != nil {
		return err
	}
	if err := s.bind(a); err != nil {
		return err
	}
	s.phase = binding
	return nil
}

func (s *tcpSocket) finishBind(context.Context, *wit.Call) error {
	if s.phase != binding {
		return errNotInProgress
	}
	s.phase = bound
	return nil
}

func (s *tcpSocket) startConnect(ctx context.Context, c *wit.Call) error {
	a := addressOf(c.Args[2])
	if s.phase != unbound && s.phase != bound {
		return errInvalidState
	}
	if err := s.family.remote(a); err != nil {
		return err
	}
	if !unicast(a.Addr()) {
		return errInvalidArgument
	}
	if err := mayConnect(ctx, s.instance, broker.TCP, a); err != nil {
		return err
	}
	s.phase, s.done, s.remote = connecting, &wasiio.Event{}, a
	s.connect(a)
	return nil
}

// connect begins to connect. That it failed is for finish-connect to tell.
func (s *tcpSocket) connect(a netip.AddrPort) {
	err := s.with(func(fd int) error {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) // the guest has buffers of its own
		return unix.Connect(fd, systemAddress(a))
	})
	if err == unix.EINPROGRESS || err == unix.EINTR {
		go func() {
			s.failed = outcome(s.raw)
			s.done.Set()
		}()
		return
	}
	s.failed = err
	s.done.Set()
}

// outcome waits for a connection that is being made. Closing the socket ends it.
func outcome(raw syscall.RawConn) error {
	var result error
	err := raw.Write(func(fd uintptr) bool {
		if !readyNow(int(fd), unix.POLLOUT) {
			return false
		}
		n, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		if result = err; err == nil && n != 0 {
			result = unix.Errno(n)
		}
		return true
	})
	if err != nil {
		return errAborted
	}
	return result
}

func (s *tcpSocket) finishConnect(context.Context, *wit.Call) (wit.Value, error) {
	switch {
	case s.phase != connecting:
		return wit.Value{}, errNotInProgress
	case !s.done.Ready():
		return wit.Value{}, errWouldBlock
	case s.failed != nil:
		s.phase = dead
		return wit.Value{}, s.failed
	}
	in, out, err := s.streams()
	if err != nil {
		return wit.Value{}, err
	}
	return wit.Tuple(in, out), nil
}

func (s *tcpSocket) startListen(context.Context, *wit.Call) error {
	if s.phase != bound {
		return errInvalidState
	}
	if err := s.with(func(fd int) error { return unix.Listen(fd, s.backlog) }); err != nil {
		return err
	}
	s.phase = starting
	return nil
}

func (s *tcpSocket) finishListen(context.Context, *wit.Call) error {
	if s.phase != starting {
		return errNotInProgress
	}
	s.phase = listening
	return nil
}

func (s *tcpSocket) accept(context.Context, *wit.Call) (wit.Value, error) {
	if s.phase != listening {
		return wit.Value{}, errInvalidState
	}
	if err := s.instance.Open(); err != nil {
		return wit.Value{}, err
	}
	fd := -1
	var from unix.Sockaddr
	err := s.with(func(l int) (err error) {
		for {
			if fd, from, err = unix.Accept4(l, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC); err != unix.EINTR {
				return err
			}
		}
	})
	if err != nil {
		s.instance.Shut()
		return wit.Value{}, err
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	client, err := adopt(s.instance, s.family, fd)
	if err != nil {
		return wit.Value{}, err
	}
	t := &tcpSocket{socket: client, backlog: defaultBacklog}
	t.remote, _ = fromSystem(from) // of the listener's own family
	in, out, err := t.streams()
	if err != nil {
		t.Drop()
		return wit.Value{}, err
	}
	return wit.Tuple(wit.NewOwn(tcpResource, t), in, out), nil
}

func (s *tcpSocket) localAddress(context.Context, *wit.Call) (wit.Value, error) {
	if s.phase == unbound || s.phase == binding || s.phase == dead {
		return wit.Value{}, errInvalidState
	}
	a, err := s.local()
	if err != nil {
		return wit.Value{}, err
	}
	return addressValue(a), nil
}

// remoteAddress tells it also when the system has forgotten, as it does once
// both sides are shut.
func (s *tcpSocket) remoteAddress(context.Context, *wit.Call) (wit.Value, error) {
	if s.phase != connected {
		return wit.Value{}, errInvalidState
	}
	return addressValue(s.remote), nil
}

// pollable follows the phases of the socket.
func (s *tcpSocket) pollable() wasiio.Pollable {
	return &pollable{
		isReady: func() bool {
			switch s.phase {
			case connecting:
				return s.done.Ready()
			case listening:
				return s.ready(unix.POLLIN)
			}
			return true
		},
		watch: func(wake func()) func() {
			switch s.phase {
			case connecting:
				return s.done.Watch(wake)
			case listening:
				return s.arrived.watch(s.socket, unix.POLLIN, wake)
			}
			return wasiio.Always{}.Watch(wake)
		},
	}
}

func (s *tcpSocket) shutdown(_ context.Context, c *wit.Call) error {
	if s.phase != connected {
		return errInvalidState
	}
	how := c.Args[1].Case()
	if how == 0 || how == 2 {
		s.in.shut = true
		_ = s.with(func(fd int) error { return unix.Shutdown(fd, unix.SHUT_RD) })
	}
	if how == 1 || how == 2 {
		s.out.shutdown()
	}
	return nil
}
