package sockets

import (
	"context"
	"math"
	"time"

	"golang.org/x/sys/unix"

	"github.com/writ-host/writ/wit"
)

// option is one of the system's options of a socket, a number.
type option struct{ level, name int }

func (s *socket) get(o option) (n int, err error) {
	return n, s.with(func(fd int) (err error) {
		n, err = unix.GetsockoptInt(fd, o.level, o.name)
		return err
	})
}

func (s *socket) set(o option, n int) error {
	return s.with(func(fd int) error { return unix.SetsockoptInt(fd, o.level, o.name, n) })
}

var (
	keepAlive = option{unix.SOL_SOCKET, unix.SO_KEEPALIVE}
	keepIdle  = option{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE}
	keepEvery = option{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL}
	keepCount = option{unix.IPPROTO_TCP, unix.TCP_KEEPCNT}
	receiving = option{unix.SOL_SOCKET, unix.SO_RCVBUF}
	sending   = option{unix.SOL_SOCKET, unix.SO_SNDBUF}
)

func (s *socket) hops() option {
	if s.family == ipv4 {
		return option{unix.IPPROTO_IP, unix.IP_TTL}
	}
	return option{unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS}
}

// The functions of both kinds of socket. Each is given the socket of the call.
type of func(*wit.Call) *socket

func (s of) getFlag(o option) wit.HostFunc {
	return give(func(_ context.Context, c *wit.Call) (wit.Value, error) {
		n, err := s(c).get(o)
		return wit.Bool(n != 0), err
	})
}

func (s of) setFlag(o option) wit.HostFunc {
	return do(func(_ context.Context, c *wit.Call) error {
		n := 0
		if c.Args[1].Bool() {
			n = 1
		}
		return s(c).set(o, n)
	})
}

// getTime and setTime are for options in seconds, of which the interface has nanoseconds.
func (s of) getTime(o option) wit.HostFunc {
	return give(func(_ context.Context, c *wit.Call) (wit.Value, error) {
		n, err := s(c).get(o)
		return wit.U64(uint64(n) * uint64(time.Second)), err
	})
}

func (s of) setTime(o option) wit.HostFunc {
	const most = 32767 // seconds, for Linux
	return do(func(_ context.Context, c *wit.Call) error {
		ns := c.Args[1].Uint()
		if ns == 0 {
			return errInvalidArgument
		}
		seconds := (ns-1)/uint64(time.Second) + 1
		return s(c).set(o, int(min(seconds, most)))
	})
}

func (s of) getCount(o option) wit.HostFunc {
	return give(func(_ context.Context, c *wit.Call) (wit.Value, error) {
		n, err := s(c).get(o)
		return wit.U32(uint32(n)), err
	})
}

func (s of) setCount(o option) wit.HostFunc {
	const most = 127 // for Linux
	return do(func(_ context.Context, c *wit.Call) error {
		if c.Args[1].Uint() == 0 {
			return errInvalidArgument
		}
		return s(c).set(o, int(min(c.Args[1].Uint(), most)))
	})
}

func (s of) getHops(_ context.Context, c *wit.Call) (wit.Value, error) {
	n, err := s(c).get(s(c).hops())
	return wit.U8(uint8(n)), err
}

func (s of) setHops(_ context.Context, c *wit.Call) error {
	if c.Args[1].Uint() == 0 {
		return errInvalidArgument
	}
	return s(c).set(s(c).hops(), int(c.Args[1].Uint()))
}

// getBuffer and setBuffer are about sizes that Linux doubles for itself.
func (s of) getBuffer(o option) wit.HostFunc {
	return give(func(_ context.Context, c *wit.Call) (wit.Value, error) {
		n, err := s(c).get(o)
		return wit.U64(uint64(n / 2)), err
	})
}

func (s of) setBuffer(o option) wit.HostFunc {
	return do(func(_ context.Context, c *wit.Call) error {
		n := c.Args[1].Uint()
		if n == 0 {
			return errInvalidArgument
		}
		return s(c).set(o, int(min(n, math.MaxInt32/2)))
	})
}

func setBacklog(_ context.Context, c *wit.Call) error {
	s, n := tcpSelf(c), c.Args[1].Uint()
	switch {
	case n == 0:
		return errInvalidArgument
	case s.phase == connecting || s.phase == connected || s.phase == dead:
		return errInvalidState
	}
	s.backlog = int(min(n, maxBacklog))
	if s.phase == listening || s.phase == starting {
		return s.with(func(fd int) error { return unix.Listen(fd, s.backlog) })
	}
	return nil
}
