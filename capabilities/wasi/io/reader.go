package wasiio

import (
	"context"
	"errors"
	"io"
	"sync"
)

// ReaderOptions say how a stream may use its reader.
type ReaderOptions struct {
	// Immediate says that reads never wait: memory, a regular file.
	Immediate bool
	// Interrupt makes a read that hangs return, and may be called at any time,
	// from any goroutine. With it blocking reads run on the caller's goroutine;
	// without it, and not Immediate, on another one that a wait can walk away from.
	Interrupt func()
	// Close is called when the stream's owner dropped it, or nil. A read may
	// still go on then, which it should make return.
	Close func()
	// Holder counts the stream's buffer; nil does not.
	Holder Holder
}

// FromReader is a stream of what r has. It is read only when the guest asks,
// and holds at most [MaxChunk] bytes that the guest did not take yet.
func FromReader(r io.Reader, o ReaderOptions) InputStream {
	if o.Holder == nil {
		o.Holder = unbounded{}
	}
	return &reader{src: r, opt: o}
}

type reader struct {
	src io.Reader
	opt ReaderOptions

	mu      sync.Mutex
	buf     []byte        // of one of the sizes below, nil until the first read
	full    bool          // the latest read left no room
	have    []byte        // the part of buf that the guest did not take
	err     error         // what comes after have
	busy    chan struct{} // closed when the read that goes on ends; nil when none does
	waiting watchers
}

// Sizes of a stream's buffer, each until a read fills it: thousands of requests
// may wait for their bodies, each with a buffer.
const (
	waitChunk  = 512 // where the first read may wait
	smallChunk = 4 << 10
)

// The buffers of streams: one for each stream that was read and is not dropped
// yet.
var (
	waitChunks  = sync.Pool{New: func() any { return new([waitChunk]byte) }}
	smallChunks = sync.Pool{New: func() any { return new([smallChunk]byte) }}
	chunks      = sync.Pool{New: func() any { return new([MaxChunk]byte) }}
)

// nextSize is that of the buffer for the next read.
func (r *reader) nextSize() int {
	switch {
	case r.buf == nil && !r.opt.Immediate:
		return waitChunk
	case r.buf == nil || r.full && len(r.buf) == waitChunk:
		return smallChunk
	case r.full:
		return MaxChunk
	}
	return len(r.buf)
}

func (r *reader) Read(ctx context.Context, max int) ([]byte, error) {
	if r.opt.Immediate {
		return r.BlockingRead(ctx, max)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.settled() {
		r.start()
		return nil, nil
	}
	return r.take(max)
}

func (r *reader) BlockingRead(ctx context.Context, max int) ([]byte, error) {
	if err := r.Wait(ctx); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.take(max)
}

func (r *reader) Ready() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.opt.Immediate || r.settled() {
		return true
	}
	r.start()
	return false
}

func (r *reader) Wait(ctx context.Context) error {
	r.mu.Lock()
	if r.settled() {
		r.mu.Unlock()
		return nil
	}
	if r.busy == nil && (r.opt.Immediate || r.opt.Interrupt != nil) {
		fill := r.prepare()
		r.mu.Unlock()
		return r.here(ctx, fill)
	}
	r.start()
	done := r.busy
	r.mu.Unlock()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// here runs fill on the goroutine of the caller, as long as the context lasts.
func (r *reader) here(ctx context.Context, fill func()) error {
	if r.opt.Interrupt == nil || ctx.Done() == nil {
		fill()
		return ctx.Err()
	}
	stop := context.AfterFunc(ctx, r.opt.Interrupt)
	defer stop()
	fill()
	return ctx.Err()
}

func (r *reader) Watch(wake func()) func() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.opt.Immediate || r.settled() {
		wake()
		return func() {}
	}
	r.start()
	return r.waiting.add(&r.mu, wake)
}

// Drop implements wit.Dropper.
func (r *reader) Drop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.have, r.err = nil, ErrClosed
	if r.busy == nil {
		r.release()
	}
	if r.opt.Close != nil {
		r.opt.Close()
	}
}

func (r *reader) settled() bool { return len(r.have) > 0 || r.err != nil }

// take hands out what is there. An error of the reader is told once.
func (r *reader) take(max int) ([]byte, error) {
	if len(r.have) == 0 {
		err := r.err
		r.err = ErrClosed
		return nil, err
	}
	b := r.have[:min(max, len(r.have))]
	r.have = r.have[len(b):]
	return b, nil
}

// start reads on a goroutine of its own, unless a read goes on already.
func (r *reader) start() {
	if r.busy == nil {
		go r.prepare()()
	}
}

// prepare begins a read, which the returned function does. The mutex is held
// for prepare, and not for the read.
func (r *reader) prepare() (fill func()) {
	r.busy = make(chan struct{})
	if err := r.reserve(); err != nil {
		return func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.settle(nil, err)
		}
	}
	into := r.buf
	return func() {
		n, err := readSome(r.src, into)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.settle(into[:n], err)
	}
}

// reserve sees to a buffer for the next read. Nothing is in the present one.
func (r *reader) reserve() error {
	size := r.nextSize()
	if size == len(r.buf) {
		return nil
	}
	if r.buf != nil {
		r.release()
	}
	if err := r.opt.Holder.Hold(size); err != nil {
		return err
	}
	switch size {
	case waitChunk:
		r.buf = waitChunks.Get().(*[waitChunk]byte)[:]
	case smallChunk:
		r.buf = smallChunks.Get().(*[smallChunk]byte)[:]
	default:
		r.buf = chunks.Get().(*[MaxChunk]byte)[:]
	}
	return nil
}

func (r *reader) settle(b []byte, err error) {
	if errors.Is(err, io.EOF) {
		err = ErrClosed
	}
	r.full = len(b) > 0 && len(b) == len(r.buf)
	if r.err == nil {
		r.have, r.err = b, err
	} else { // dropped meanwhile
		r.release()
	}
	close(r.busy)
	r.busy = nil
	r.waiting.wake()
}

func (r *reader) release() {
	r.opt.Holder.Release(len(r.buf))
	switch len(r.buf) {
	case waitChunk:
		waitChunks.Put((*[waitChunk]byte)(r.buf))
	case smallChunk:
		smallChunks.Put((*[smallChunk]byte)(r.buf))
	case MaxChunk:
		chunks.Put((*[MaxChunk]byte)(r.buf))
	}
	r.buf = nil
}

// readSome reads until there is something: bytes or an error.
func readSome(src io.Reader, into []byte) (int, error) {
	const maxEmptyReads = 100
	for range maxEmptyReads {
		n, err := src.Read(into)
		if n < 0 || n > len(into) {
			return 0, errors.New("reader returned an impossible count")
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}
