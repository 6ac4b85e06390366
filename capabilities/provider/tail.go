package provider

import (
	"io"
	"strings"
	"sync"
	"time"
)

// maxTail is how much of what a program says last is kept for an error.
const maxTail = 2 << 10

// How much of what a program says is taken: that much at once, and then so much a
// second. One that says more waits, so that it keeps neither the host's processors
// busy nor fills the disk with its log.
const (
	saidAtOnce    = 1 << 20
	saidPerSecond = 256 << 10
)

// paced is a program's output, taken no faster than that. Its methods are for one reader.
type paced struct {
	io.ReadCloser
	free time.Time // when all that was read is paid for
}

// Read implements io.Reader.
func (r *paced) Read(p []byte) (int, error) {
	time.Sleep(time.Until(r.free.Add(-saidAtOnce * time.Second / saidPerSecond)))
	n, err := r.ReadCloser.Read(p[:min(len(p), saidPerSecond/16)])
	if now := time.Now(); r.free.Before(now) {
		r.free = now
	}
	r.free = r.free.Add(time.Duration(n) * time.Second / saidPerSecond)
	return n, err
}

// tail passes a program's standard error on, and remembers its end.
type tail struct {
	io.ReadCloser
	over chan struct{} // closed when there is no more
	once sync.Once

	mu   sync.Mutex
	last []byte
}

func newTail(r io.ReadCloser) *tail {
	return &tail{ReadCloser: &paced{ReadCloser: r}, over: make(chan struct{})}
}

// Read implements io.Reader.
func (t *tail) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = append(t.last, p[:n]...)
	t.last = t.last[max(0, len(t.last)-maxTail):]
	if err != nil {
		t.once.Do(func() { close(t.over) })
	}
	return n, err
}

// said is what the program said last, on one line; it waits a moment for it.
func (t *tail) said(wait time.Duration) string {
	return strings.Join(strings.Fields(t.text(wait)), " ")
}

// text is what the program said last, as it said it.
func (t *tail) text(wait time.Duration) string {
	select {
	case <-t.over:
	case <-time.After(wait):
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.ToValidUTF8(string(t.last), "\uFFFD")
}
