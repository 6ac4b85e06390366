package wasiio

import (
	"context"
	"io"
	"sync"
)

// Direct is a stream to a writer that does not hang, such as memory or a log:
// writes go straight to it, on the goroutine of the guest's call.
func Direct(w io.Writer) OutputStream { return &direct{w: w} }

type direct struct {
	Always
	w   io.Writer
	err error
}

func (d *direct) CheckWrite() (int, error) {
	if d.err != nil {
		return 0, d.err
	}
	return MaxChunk, nil
}

func (d *direct) Write(_ context.Context, p []byte) error {
	if d.err != nil {
		return d.err
	}
	if _, err := d.w.Write(p); err != nil {
		d.err = ErrClosed
		return err
	}
	return nil
}

func (d *direct) Flush() error { return d.err }

func (d *direct) BlockingFlush(context.Context) error { return d.err }

// FromWriter is a stream to a writer that may hang, such as a pipe. It holds
// up to [MaxChunk] bytes that a goroutine of its own passes on; the goroutine
// lives only while there are any. What was taken is passed on even after the
// stream was dropped. The holder counts the bytes; nil does not.
func FromWriter(w io.Writer, h Holder) OutputStream {
	if h == nil {
		h = unbounded{}
	}
	return &writer{dst: w, holder: h}
}

type writer struct {
	dst    io.Writer
	holder Holder

	mu      sync.Mutex
	held    []byte // not passed on yet, without what is on its way
	going   int    // bytes on their way
	running bool
	err     error
	waiting watchers
}

func (w *writer) room() int { return MaxChunk - len(w.held) - w.going }

func (w *writer) CheckWrite() (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return 0, w.tell()
	}
	return w.room(), nil
}

// tell is the writer's error the first time, and then that it is closed.
func (w *writer) tell() error {
	err := w.err
	w.err = ErrClosed
	return err
}

func (w *writer) Write(_ context.Context, p []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.err != nil:
		return w.tell()
	case len(p) > w.room():
		return Trap("write of %d bytes where check-write permits %d", len(p), w.room())
	case len(p) == 0:
		return nil
	}
	if err := w.holder.Hold(len(p)); err != nil {
		return err
	}
	w.held = append(w.held, p...)
	if !w.running {
		w.running = true
		go w.pass()
	}
	return nil
}

// pass passes on what is held, until nothing is.
func (w *writer) pass() {
	w.mu.Lock()
	defer w.mu.Unlock()
	var spare []byte
	for len(w.held) > 0 && w.err == nil {
		out := w.held
		w.held, w.going = spare[:0], len(out)
		w.mu.Unlock()
		_, err := w.dst.Write(out)
		w.mu.Lock()
		w.holder.Release(len(out))
		spare, w.going = out, 0
		if err != nil {
			w.holder.Release(len(w.held))
			w.err, w.held = err, nil
		}
		w.waiting.wake()
	}
	w.running = false
	w.waiting.wake()
}

func (w *writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.tell()
	}
	return nil
}

func (w *writer) BlockingFlush(ctx context.Context) error {
	if err := waitWatching(ctx, idle{w}); err != nil {
		return err
	}
	return w.Flush()
}

func (w *writer) Ready() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err != nil || w.room() > 0
}

func (w *writer) Wait(ctx context.Context) error { return waitWatching(ctx, w) }

func (w *writer) Watch(wake func()) func() {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.waiting.add(&w.mu, wake)
}

// idle is ready when the writer passed on everything.
type idle struct{ *writer }

func (i idle) Ready() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.err != nil || !i.running
}
