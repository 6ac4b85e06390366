package sockets

import (
	"context"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/internal/wits"
	wasiio "github.com/writ-host/writ/capabilities/wasi/io"
	"github.com/writ-host/writ/wit"
)

var (
	udpTypes         = wits.Interface("wasi:sockets/udp")
	udpResource      = udpTypes.Resource("udp-socket")
	incomingResource = udpTypes.Resource("incoming-datagram-stream")
	outgoingResource = udpTypes.Resource("outgoing-datagram-stream")
)

// udpSocket is a udp-socket.
type udpSocket struct {
	*socket
	phase  phase
	remote netip.AddrPort // of the newest streams; zero takes all comers
	in     waiter
	out    waiter
}

func createUDP(ctx context.Context, c *wit.Call) (wit.Value, error) {
	i := capabilities.From(c)
	if err := mayCreate(ctx, i, broker.UDP); err != nil {
		return wit.Value{}, err
	}
	s, err := newSocket(i, family(c.Args[0].Case()), unix.SOCK_DGRAM)
	if err != nil {
		return wit.Value{}, err
	}
	return wit.NewOwn(udpResource, &udpSocket{socket: s}), nil
}

func udpSelf(c *wit.Call) *udpSocket { return wit.Self[*udpSocket](c) }

// Drop implements wit.Dropper.
func (s *udpSocket) Drop() {
	if s.release() {
		s.close()
	}
}

func (s *udpSocket) startBind(ctx context.Context, c *wit.Call) error {
	a := addressOf(c.Args[2])
	if s.phase != unbound {
		return errInvalidState
	}
	if err := s.family.fits(a); err != nil {
		return err
	}
	if err := mayBind(ctx, s.instance, broker.UDP, a); err != nil {
		return err
	}
	if err := s.bind(a); err != nil {
		return err
	}
	s.phase = binding
	return nil
}

func (s *udpSocket) finishBind(context.Context, *wit.Call) error {
	if s.phase != binding {
		return errNotInProgress
	}
	s.phase = bound
	return nil
}

// stream makes the streams of a bound socket, for one peer or for all.
func (s *udpSocket) stream(ctx context.Context, c *wit.Call) (wit.Value, error) {
	if s.phase != bound {
		return wit.Value{}, errInvalidState
	}
	var remote netip.AddrPort
	if v, ok := c.Args[1].Payload(); ok {
		remote = addressOf(v)
		if err := s.family.remote(remote); err != nil {
			return wit.Value{}, err
		}
		if err := mayConnect(ctx, s.instance, broker.UDP, remote); err != nil {
			return wit.Value{}, err
		}
	}
	if err := s.associate(remote); err != nil {
		return wit.Value{}, err
	}
	s.holders += 2
	return wit.Tuple(wit.NewOwn(incomingResource, &incoming{s}), wit.NewOwn(outgoingResource, &outgoing{s, 0})), nil
}

// associate makes the system pass on datagrams of one peer only, or of all again.
func (s *udpSocket) associate(remote netip.AddrPort) error {
	err := s.with(func(fd int) error {
		if remote.IsValid() {
			return unix.Connect(fd, systemAddress(remote))
		}
		if s.remote.IsValid() {
			return disconnect(fd)
		}
		return nil
	})
	if err == nil {
		s.remote = remote
	}
	return err
}

func (s *udpSocket) localAddress(context.Context, *wit.Call) (wit.Value, error) {
	if s.phase != bound {
		return wit.Value{}, errInvalidState
	}
	a, err := s.local()
	if err != nil {
		return wit.Value{}, err
	}
	return addressValue(a), nil
}

func (s *udpSocket) remoteAddress(context.Context, *wit.Call) (wit.Value, error) {
	if !s.remote.IsValid() {
		return wit.Value{}, errInvalidState
	}
	return addressValue(s.remote), nil
}

func (s *udpSocket) readable() wasiio.Pollable {
	return &pollable{
		isReady: func() bool { return s.ready(unix.POLLIN) },
		watch:   func(wake func()) func() { return s.in.watch(s.socket, unix.POLLIN, wake) },
	}
}

func (s *udpSocket) writable() wasiio.Pollable {
	return &pollable{
		isReady: func() bool { return s.ready(unix.POLLOUT) },
		watch:   func(wake func()) func() { return s.out.watch(s.socket, unix.POLLOUT, wake) },
	}
}
