package sockets

import (
	"context"
	"net/netip"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/writ-host/writ/capabilities"
)

// socket is what both kinds have: one of the system's, that Go's poller knows.
type socket struct {
	instance *capabilities.Instance
	family   family
	file     *os.File
	raw      syscall.RawConn
	holders  int // the socket's handle, and the streams made of it
}

// newSocket opens a socket of the system, in a place that was reserved.
func newSocket(i *capabilities.Instance, f family, kind int) (*socket, error) {
	if err := i.Open(); err != nil {
		return nil, err
	}
	fd, err := unix.Socket(f.domain(), kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		i.Shut()
		return nil, err
	}
	if f == ipv6 {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
			_ = unix.Close(fd)
			i.Shut()
			return nil, err
		}
	}
	return adopt(i, f, fd)
}

// adopt takes over an open, non-blocking socket.
func adopt(i *capabilities.Instance, f family, fd int) (*socket, error) {
	file := os.NewFile(uintptr(fd), "socket")
	raw, err := file.SyscallConn()
	if err != nil {
		_ = file.Close()
		i.Shut()
		return nil, err
	}
	return &socket{instance: i, family: f, file: file, raw: raw, holders: 1}, nil
}

// release gives up one hold, and says whether it was the last.
func (s *socket) release() (last bool) {
	s.holders--
	return s.holders == 0
}

func (s *socket) close() {
	_ = s.file.Close()
	s.instance.Shut()
}

// with runs a call of the system on the socket.
func (s *socket) with(call func(fd int) error) error {
	var err error
	if failed := s.raw.Control(func(fd uintptr) { err = call(int(fd)) }); failed != nil {
		return errInvalidState
	}
	return err
}

func (s *socket) bind(a netip.AddrPort) error {
	return s.with(func(fd int) error { return unix.Bind(fd, systemAddress(a)) })
}

func (s *socket) local() (a netip.AddrPort, err error) {
	return a, s.with(func(fd int) error {
		sa, err := unix.Getsockname(fd)
		if err != nil {
			return err
		}
		a, err = fromSystem(sa)
		return err
	})
}

// ready says whether the system would let the socket do something at once.
func (s *socket) ready(events int16) bool {
	err := s.with(func(fd int) error {
		if !readyNow(fd, events) {
			return errWouldBlock
		}
		return nil
	})
	return err != errWouldBlock
}

func readyNow(fd int, events int16) bool {
	list := []unix.PollFd{{Fd: int32(fd), Events: events}}
	n, err := unix.Poll(list, 0)
	return n != 0 || err != nil && err != unix.EINTR
}

// waiter wakes those who wait for a socket, with one goroutine while there are any.
type waiter struct {
	mu     sync.Mutex
	parked bool
	next   int
	wakes  map[int]func()
}

// watch has wake called once the socket is ready, or closed.
func (w *waiter) watch(s *socket, events int16, wake func()) (stop func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.wakes == nil {
		w.wakes = map[int]func(){}
	}
	id := w.next
	w.next++
	w.wakes[id] = wake
	if !w.parked {
		w.parked = true
		go w.park(s.raw, events)
	}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.wakes, id)
	}
}

func (w *waiter) park(raw syscall.RawConn, events int16) {
	wait := raw.Read
	if events == unix.POLLOUT {
		wait = raw.Write
	}
	_ = wait(func(fd uintptr) bool { return readyNow(int(fd), events) }) // closed is ready too
	w.mu.Lock()
	defer w.mu.Unlock()
	w.parked = false
	for _, wake := range w.wakes {
		wake()
	}
}

// pollable is a wasiio.Pollable of two functions.
type pollable struct {
	isReady func() bool
	watch   func(wake func()) (stop func())
}

func (p *pollable) Ready() bool { return p.isReady() }

func (p *pollable) Watch(wake func()) func() { return p.watch(wake) }

func (p *pollable) Wait(ctx context.Context) error {
	woken := make(chan struct{}, 1)
	wake := func() {
		select {
		case woken <- struct{}{}:
		default:
		}
	}
	for {
		stop := p.watch(wake)
		if p.isReady() {
			stop()
			return nil
		}
		select {
		case <-woken:
			stop()
		case <-ctx.Done():
			stop()
			return ctx.Err()
		}
	}
}
