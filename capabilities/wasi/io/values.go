package wasiio

import (
	"context"
	"errors"
	"io"

	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/wit"
)

func newInput(s InputStream) wit.Value { return wit.NewOwn(inputStream, s) }

func newOutput(s OutputStream) wit.Value { return wit.NewOwn(outputStream, s) }

// OpenInput is an owned input-stream, which counts among those that the
// instance has open. The stream is dropped when it cannot be.
func OpenInput(i *capabilities.Instance, s InputStream) (wit.Value, error) {
	if err := i.Open(); err != nil {
		drop(s)
		return wit.Value{}, err
	}
	return newInput(&openInput{s, i}), nil
}

// OpenOutput is an owned output-stream, which counts as for [OpenInput].
func OpenOutput(i *capabilities.Instance, s OutputStream) (wit.Value, error) {
	if err := i.Open(); err != nil {
		drop(s)
		return wit.Value{}, err
	}
	return newOutput(&openOutput{s, i}), nil
}

type openInput struct {
	InputStream
	instance *capabilities.Instance
}

// Drop implements wit.Dropper.
func (o *openInput) Drop() {
	o.instance.Shut()
	drop(o.InputStream)
}

type openOutput struct {
	OutputStream
	instance *capabilities.Instance
}

// Drop implements wit.Dropper.
func (o *openOutput) Drop() {
	o.instance.Shut()
	drop(o.OutputStream)
}

func drop(stream any) {
	if d, ok := stream.(wit.Dropper); ok {
		d.Drop()
	}
}

// NewPollable is an owned pollable. What it waits for does not end with it.
func NewPollable(p Pollable) wit.Value { return wit.NewOwn(pollable, subscription{p}) }

// subscription keeps a stream that is its own pollable from hearing that the
// pollable was dropped.
type subscription struct{ Pollable }

// NewError is an owned error, with which a stream's operation failed. Other
// interfaces look into it with [ErrorOf].
func NewError(err error) wit.Value { return wit.NewOwn(errorResource, err) }

// ErrorOf is the error behind an error resource.
func ErrorOf(v wit.Value) error { return wit.Object[error](v) }

// maxText bounds what to-debug-string tells.
const maxText = 1024

// settle is what a function that returns result<…, stream-error> does with the
// error of a stream: err is nil when the guest's call goes on.
func settle(ctx context.Context, call *wit.Call, failed error) error {
	var t *trap
	var limit *wit.LimitError
	switch {
	case errors.Is(failed, ErrClosed), errors.Is(failed, io.EOF):
		call.Return(wit.Err(wit.Variant(errClosed, nil)))
	case errors.As(failed, &t), errors.As(failed, &limit):
		return failed
	case ctx.Err() != nil:
		return ctx.Err()
	default:
		e := NewError(failed)
		call.Return(wit.Err(wit.Variant(errFailed, &e)))
	}
	return nil
}

// The cases of stream-error.
const (
	errFailed = 0
	errClosed = 1
)
