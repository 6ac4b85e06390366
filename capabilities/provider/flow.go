package provider

import (
	"errors"
	"io"
	"sync"
)

// A body crosses the wire in parts, and each side tells the other how much more
// of it may come: so a reader that is slow stops the writer at the far end, and
// neither process holds more than a window of it.
const (
	window   = 128 << 10 // what may be sent before there is credit, as the protocol says
	bodyPart = 64 << 10  // the most that one message carries
)

var errTooMuchBody = errors.New("more of a body came than there was credit for")

// inflow is a body's receiving end. One goroutine puts, another reads.
type inflow struct {
	credit func(n int) // lets the other side send n bytes more
	ended  func()      // called once, by the reader that gets io.EOF; nil for nothing

	mu    sync.Mutex
	more  sync.Cond
	parts [][]byte
	room  int   // bytes that the other side may still send
	owed  int   // bytes that were read, and not credited yet
	err   error // what follows the parts
}

func newInflow(credit func(int)) *inflow {
	f := &inflow{credit: credit, room: window}
	f.more.L = &f.mu
	return f
}

// put takes a part from the wire.
func (f *inflow) put(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(p) > f.room {
		return errTooMuchBody
	}
	f.room -= len(p)
	if f.err == nil {
		f.parts = append(f.parts, p)
		f.more.Signal()
	}
	return nil
}

// end says what follows the parts that were put: io.EOF or an error. Only the
// first end counts.
func (f *inflow) end(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
		f.more.Signal()
	}
}

// Read implements io.Reader.
func (f *inflow) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, owed, err := f.take(p)
	if owed > 0 {
		f.credit(owed)
	}
	if err == io.EOF && f.ended != nil {
		f.ended()
		f.ended = nil
	}
	return n, err
}

func (f *inflow) take(p []byte) (n, owed int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.parts) == 0 {
		if f.err != nil {
			return 0, 0, f.err
		}
		f.more.Wait()
	}
	n = copy(p, f.parts[0])
	if f.parts[0] = f.parts[0][n:]; len(f.parts[0]) == 0 {
		f.parts[0] = nil
		f.parts = f.parts[1:]
	}
	if f.owed += n; f.owed < window/4 || f.err != nil {
		return n, 0, nil
	}
	owed, f.owed = f.owed, 0
	f.room += owed
	return n, owed, nil
}

// outflow is the credit of a body's sending end.
type outflow struct {
	mu   sync.Mutex
	more sync.Cond
	room int
	err  error
}

func newOutflow() *outflow {
	f := &outflow{room: window}
	f.more.L = &f.mu
	return f
}

// take waits for credit, and takes up to n bytes of it.
func (f *outflow) take(n int) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.room == 0 && f.err == nil {
		f.more.Wait()
	}
	if f.err != nil {
		return 0, f.err
	}
	n = min(n, f.room)
	f.room -= n
	return n, nil
}

// add gives credit: what the other side granted, or what was not used. More
// than a window is never outstanding.
func (f *outflow) add(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.room = min(f.room+n, window)
	f.more.Signal()
}

// fail ends all waiting.
func (f *outflow) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
		f.more.Signal()
	}
}
