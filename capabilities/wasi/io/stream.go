package wasiio

import (
	"context"
	"errors"
	"fmt"
)

// MaxChunk is the most bytes that one operation on a stream moves, whatever
// length the guest asks for.
const MaxChunk = 64 << 10

// InputStream is what is behind an input-stream. It is used by one goroutine
// at a time. One that implements wit.Dropper hears of its end.
//
// The bytes of a read belong to the stream again at its next call. An error is
// one of three kinds: [ErrClosed] or io.EOF, the end of the stream; [Trap] or
// the context's error, which end the guest's call; any other, which the guest
// gets once as last-operation-failed, after which the stream must be closed.
type InputStream interface {
	Pollable // ready when Read would return bytes or an error
	// Read returns up to max bytes without waiting; none and no error when
	// there are none yet.
	Read(ctx context.Context, max int) ([]byte, error)
	// BlockingRead waits for at least one byte.
	BlockingRead(ctx context.Context, max int) ([]byte, error)
}

// OutputStream is what is behind an output-stream. Errors are as for [InputStream].
type OutputStream interface {
	Pollable // ready when CheckWrite would return more than 0, or an error
	// CheckWrite is the number of bytes that Write takes now.
	CheckWrite() (int, error)
	// Write takes all of p, which is the guest's memory and not valid afterwards.
	Write(ctx context.Context, p []byte) error
	// Flush asks for what was written to be passed on, without waiting for it.
	Flush() error
	// BlockingFlush returns when it was.
	BlockingFlush(ctx context.Context) error
}

// ErrClosed is stream-error's closed.
var ErrClosed = errors.New("stream is closed")

// Trap is an error that ends the guest's call, for a guest that broke a rule
// of the interface.
func Trap(format string, args ...any) error { return &trap{fmt.Sprintf(format, args...)} }

type trap struct{ text string }

func (t *trap) Error() string { return t.text }

// Holder counts the bytes that are held for a guest; *capabilities.Instance is
// one. An error of Hold ends the guest's call.
type Holder interface {
	Hold(n int) error
	Release(n int)
}

// unbounded is the Holder where none is given.
type unbounded struct{}

func (unbounded) Hold(int) error { return nil }
func (unbounded) Release(int)    {}

// Closed is both an input and an output stream that is at its end.
type Closed struct{ Always }

// Read implements [InputStream].
func (Closed) Read(context.Context, int) ([]byte, error) { return nil, ErrClosed }

// BlockingRead implements [InputStream].
func (Closed) BlockingRead(context.Context, int) ([]byte, error) { return nil, ErrClosed }

// CheckWrite implements [OutputStream].
func (Closed) CheckWrite() (int, error) { return 0, ErrClosed }

// Write implements [OutputStream].
func (Closed) Write(context.Context, []byte) error { return ErrClosed }

// Flush implements [OutputStream].
func (Closed) Flush() error { return ErrClosed }

// BlockingFlush implements [OutputStream].
func (Closed) BlockingFlush(context.Context) error { return ErrClosed }
