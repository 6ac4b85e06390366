package provider

import (
	"bytes"
	"errors"
	"io"
	"testing"

	pb "github.com/writ-host/writ/proto/writ/provider/v1"
)

func TestFlowIsBounded(t *testing.T) {
	credited := 0
	f := newInflow(func(n int) { credited += n })
	part := make([]byte, bodyPart)
	for range window / bodyPart {
		if err := f.put(part); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.put([]byte{1}); !errors.Is(err, errTooMuchBody) {
		t.Errorf("a byte too much: %v", err)
	}
	if n, err := io.ReadFull(f, make([]byte, window)); n != window || err != nil {
		t.Errorf("read %d, %v", n, err)
	}
	if credited < window*3/4 || credited > window {
		t.Errorf("%d bytes were credited for %d read", credited, window)
	}
	f.end(io.EOF)
	f.end(errors.New("later"))
	if _, err := f.Read(part); err != io.EOF {
		t.Errorf("after the end: %v", err)
	}
}

func TestPumpKeepsWithinItsCredit(t *testing.T) {
	out, in := newOutflow(), newInflow(nil)
	in.credit = func(n int) { out.add(n) }
	body := bytes.Repeat([]byte("0123456789"), window/5)
	done := make(chan error, 1)
	go func() {
		p := &pump{body: bytes.NewReader(body), out: out, left: -1, send: func(_ bool, part []byte, _ bool) error { return in.put(bytes.Clone(part)) }}
		readErr, sendErr := p.run()
		in.end(io.EOF)
		done <- errors.Join(readErr, sendErr)
	}()
	got, err := io.ReadAll(in)
	if err := errors.Join(err, <-done); err != nil || !bytes.Equal(got, body) {
		t.Errorf("%d of %d bytes, %v", len(got), len(body), err)
	}
	out.fail(io.ErrClosedPipe)
	none := func(bool, []byte, bool) error { return nil }
	if _, err := (&pump{body: bytes.NewReader(body), out: out, send: none}).run(); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("after the end: %v", err)
	}
}

func FuzzReadRequest(f *testing.F) {
	for _, seed := range [][3]string{{"http", "127.0.0.1:80", "/a?b"}, {"https", "[::1]:443", "/"}, {"http", "a@b:80", "/"}, {"http", "h:1", "/ HTTP/1.1\r\nX: y"}} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, scheme, authority, path string) {
		r, err := readRequest(&pb.HTTPRequest{Method: "GET", Scheme: scheme, Authority: authority, PathWithQuery: path})
		if err != nil {
			return
		}
		if r.URL.Scheme != scheme || r.URL.Host != authority || r.URL.User != nil {
			t.Errorf("%q %q %q became %s", scheme, authority, path, r.URL)
		}
	})
}
