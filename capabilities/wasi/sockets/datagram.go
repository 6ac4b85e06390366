package sockets

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/writ-host/writ/broker"
	wasiio "github.com/writ-host/writ/capabilities/wasi/io"
	"github.com/writ-host/writ/wit"
)

const (
	maxDatagram  = 64 << 10
	maxDatagrams = 16 // in one call
)

// incoming is an incoming-datagram-stream.
type incoming struct{ *udpSocket }

var datagrams = sync.Pool{New: func() any { return new([maxDatagram]byte) }}

func receive(_ context.Context, c *wit.Call) (wit.Value, error) {
	s := wit.Self[*incoming](c)
	buf := datagrams.Get().(*[maxDatagram]byte)
	defer datagrams.Put(buf)
	var list []wit.Value
	for range min(c.Args[1].Uint(), maxDatagrams) {
		n, from, err := s.one(buf[:])
		if errors.Is(err, unix.EAGAIN) || err != nil && len(list) > 0 {
			break
		}
		if err != nil {
			return wit.Value{}, err
		}
		list = append(list, wit.Record(wit.Bytes(bytes.Clone(buf[:n])), addressValue(from)))
	}
	return wit.List(list...), nil
}

// one receives a datagram, if there is any. One of another peer, which came
// before the socket was for one, is left out.
func (s *incoming) one(buf []byte) (n int, from netip.AddrPort, err error) {
	for {
		err = s.with(func(fd int) error {
			var sa unix.Sockaddr
			if n, sa, err = unix.Recvfrom(fd, buf, unix.MSG_DONTWAIT); err != nil {
				return err
			}
			from, err = fromSystem(sa)
			return err
		})
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil, !s.remote.IsValid(), s.remote == from:
			return n, from, err
		}
	}
}

// outgoing is an outgoing-datagram-stream.
type outgoing struct {
	*udpSocket
	permitted uint64 // datagrams, by check-send
}

func checkSend(_ context.Context, c *wit.Call) (wit.Value, error) {
	s := wit.Self[*outgoing](c)
	s.permitted = 0
	if s.ready(unix.POLLOUT) {
		s.permitted = maxDatagrams
	}
	return wit.U64(s.permitted), nil
}

// send sends datagrams in their order, until one cannot be. It tells of that
// one's error only when it is the first.
func send(ctx context.Context, c *wit.Call) error {
	s, list := wit.Self[*outgoing](c), c.Args[1].Items()
	if uint64(len(list)) > s.permitted {
		return wasiio.Trap("send of %d datagrams where check-send permits %d", len(list), s.permitted)
	}
	s.permitted -= uint64(len(list))
	for i, d := range list {
		if err := s.one(ctx, d.Items()); err != nil && i == 0 {
			c.Return(failure(err))
			return ctx.Err()
		} else if err != nil {
			c.Return(wit.OK(wit.U64(uint64(i))))
			return ctx.Err()
		}
	}
	c.Return(wit.OK(wit.U64(uint64(len(list)))))
	return nil
}

func (s *outgoing) one(ctx context.Context, datagram []wit.Value) error {
	to := s.remote
	if v, ok := datagram[1].Payload(); ok {
		to = addressOf(v)
		if s.remote.IsValid() && to != s.remote {
			return errInvalidArgument
		}
		if err := s.family.remote(to); err != nil {
			return err
		}
	}
	if !to.IsValid() {
		return errInvalidArgument
	}
	if err := mayConnect(ctx, s.instance, broker.UDP, to); err != nil {
		return err
	}
	b := datagram[0].Bytes()
	if len(b) >= maxDatagram {
		return errDatagramSize
	}
	return s.with(func(fd int) error {
		if s.remote.IsValid() {
			_, err := unix.SendmsgN(fd, b, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
			return err
		}
		return unix.Sendto(fd, b, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, systemAddress(to))
	})
}

// disconnect is connect(2) with an address of no family, which package unix
// cannot say: it makes a socket take datagrams of all peers again.
func disconnect(fd int) error {
	none := unix.RawSockaddr{Family: unix.AF_UNSPEC}
	_, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&none)), unsafe.Sizeof(none))
	if errno != 0 {
		return errno
	}
	return nil
}
