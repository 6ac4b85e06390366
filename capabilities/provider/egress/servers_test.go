package egress_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"
)

var loopbacks = prefixesOf("127.0.0.0/8")

func prefixesOf(text string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(text)} }

// nameserver answers every question for an IPv4 address on this machine; nil
// answers 127.0.0.1.
func nameserver(t testing.TB, answer func(name string) []string) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if answer == nil {
		answer = func(string) []string { return []string{"127.0.0.1"} }
	}
	go func() {
		b := make([]byte, 1500)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			if m, ok := answerTo(b[:n], answer); ok {
				_, _ = c.WriteTo(m, from)
			}
		}
	}()
	return c.LocalAddr().String()
}

func answerTo(question []byte, answer func(name string) []string) ([]byte, bool) {
	var m dnsmessage.Message
	if m.Unpack(question) != nil || len(m.Questions) != 1 {
		return nil, false
	}
	q := m.Questions[0]
	m.Response, m.Additionals = true, nil
	for _, text := range answer(strings.TrimSuffix(q.Name.String(), ".")) {
		a := netip.MustParseAddr(text)
		h := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}
		switch {
		case q.Type == dnsmessage.TypeA && a.Is4():
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: a.As4()}})
		case q.Type == dnsmessage.TypeAAAA && a.Is6():
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
		}
	}
	b, err := m.Pack()
	return b, err == nil
}

// rawServer gives one answer to whatever comes, and hangs up.
func rawServer(t testing.TB, answer string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
					_, _ = io.WriteString(c, answer)
				}
			}()
		}
	}()
	return l.Addr().String()
}

// fullListener is an address that answers to no connection any more.
func fullListener(t testing.TB) (closeAll func(), address string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address = "127.0.0.1:" + strconv.Itoa(name.(*unix.SockaddrInet4).Port)
	fds := []int{fd}
	for range 4 { // the queue has room for one
		c, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		_ = unix.Connect(c, name)
		fds = append(fds, c)
	}
	return func() {
		for _, fd := range fds {
			_ = unix.Close(fd)
		}
	}, address
}

// pattern is a stream of bytes that differ.
type pattern struct{ n uint32 }

func (p *pattern) Read(b []byte) (int, error) {
	for i := range b {
		p.n = p.n*1664525 + 1013904223
		b[i] = byte(p.n >> 24)
	}
	return len(b), nil
}

func residentBytes(t testing.TB, pid int) int64 {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "statm"))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// turns hands out answers one after the other, the last for ever.
func turns(answers ...[]string) func(string) []string {
	var mu sync.Mutex
	seen := map[string]int{}
	return func(name string) []string {
		mu.Lock()
		defer mu.Unlock()
		n := seen[name] / 2 // both kinds of address are asked for
		seen[name]++
		return answers[min(n, len(answers)-1)]
	}
}
