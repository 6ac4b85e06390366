package filesystem

import (
	"context"
	"math"
	"sync"

	wasiio "github.com/writ-host/writ/capabilities/wasi/io"
)

// fileReader is a file as an input-stream. A file never makes a reader wait.
type fileReader struct {
	wasiio.Always
	file *descriptor
	at   int64
	buf  *[wasiio.MaxChunk]byte
}

var chunks = sync.Pool{New: func() any { return new([wasiio.MaxChunk]byte) }}

func (r *fileReader) Read(ctx context.Context, max int) ([]byte, error) {
	if !r.file.reads.Holds(ctx, r.file.instance) {
		return nil, errAccess
	}
	if r.buf == nil {
		r.buf = chunks.Get().(*[wasiio.MaxChunk]byte)
	}
	if max <= 0 {
		return nil, nil
	}
	n, err := r.file.readAt(r.buf[:min(max, len(r.buf))], r.at)
	switch {
	case err != nil:
		return nil, codeFor(err)
	case n == 0:
		return nil, wasiio.ErrClosed
	}
	r.at += int64(n)
	return r.buf[:n], nil
}

func (r *fileReader) BlockingRead(ctx context.Context, max int) ([]byte, error) {
	return r.Read(ctx, max)
}

// Drop implements wit.Dropper.
func (r *fileReader) Drop() {
	if r.buf != nil {
		chunks.Put(r.buf)
		r.buf = nil
	}
	r.file.Drop()
}

// fileWriter is a file as an output-stream.
type fileWriter struct {
	wasiio.Always
	file    *descriptor
	at      int64
	appends bool
	err     error
}

func (w *fileWriter) CheckWrite() (int, error) { return wasiio.MaxChunk, w.told() }

// told is the stream's error: once, and from then on that it is closed.
func (w *fileWriter) told() error {
	err := w.err
	if err != nil {
		w.err = wasiio.ErrClosed
	}
	return err
}

func (w *fileWriter) Write(ctx context.Context, p []byte) error {
	if w.err != nil {
		return w.told()
	}
	if err := w.write(ctx, p); err != nil {
		w.err = wasiio.ErrClosed
		return err
	}
	return nil
}

func (w *fileWriter) write(ctx context.Context, p []byte) error {
	if !w.file.writes.Holds(ctx, w.file.instance) {
		return errAccess
	}
	for len(p) > 0 {
		n, err := w.some(p)
		if err != nil {
			return codeFor(err)
		}
		if n == 0 {
			return errIO
		}
		p = p[n:]
	}
	return nil
}

func (w *fileWriter) some(p []byte) (int, error) {
	if w.appends {
		return w.file.append(p)
	}
	if w.at > math.MaxInt64-int64(len(p)) {
		return 0, codeOf("file-too-large")
	}
	n, err := w.file.writeAt(p, w.at)
	w.at += int64(n)
	return n, err
}

func (w *fileWriter) Flush() error { return w.told() }

func (w *fileWriter) BlockingFlush(context.Context) error { return w.told() }

// Drop implements wit.Dropper.
func (w *fileWriter) Drop() { w.file.Drop() }
