package provider

import (
	"io"
	"testing"
	"testing/iotest"
	"time"
)

// endless says x for ever.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestOutputIsTakenAtAPace(t *testing.T) {
	said := newTail(io.NopCloser(endless{}))
	began, n, b := time.Now(), 0, make([]byte, 64<<10)
	for n < saidAtOnce || time.Since(began) < 700*time.Millisecond {
		m, err := said.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		n += m
	}
	if most := saidAtOnce + int(time.Since(began).Seconds()*saidPerSecond) + len(b); n > most {
		t.Errorf("%d bytes were taken, and %d are the most", n, most)
	}
}

func TestOutputThatEndsIsNotWaitedFor(t *testing.T) {
	said := newTail(io.NopCloser(iotest.ErrReader(io.EOF)))
	if _, err := said.Read(make([]byte, 10)); err != io.EOF {
		t.Error(err)
	}
	if said.said(time.Hour) != "" {
		t.Error("it said something")
	}
}
