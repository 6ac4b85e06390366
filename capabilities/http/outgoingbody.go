package wasihttp

import (
	"context"

	"github.com/writ-host/writ/capabilities"
	wasiio "github.com/writ-host/writ/capabilities/wasi/io"
	"github.com/writ-host/writ/wit"
)

// sink is where an outgoing body goes once its message is on its way.
type sink interface {
	// write takes all of p, and waits as long as that takes.
	write(ctx context.Context, p []byte) error
	flush(ctx context.Context) error
	// finish ends a complete body; trailers may be nil.
	finish(ctx context.Context, trailers *fields) error
	// abort ends a body that is not complete, because of err.
	abort(err error)
}

// sinkWithRoom is a sink that can tell whether a write would wait.
type sinkWithRoom interface {
	sink
	room() (int, error)
	// wait returns when there is room, or never will be.
	wait(ctx context.Context) error
	// watch has wake called then.
	watch(wake func()) (stop func())
}

// outgoingBody is what is behind an outgoing-body. Before it has a sink it
// holds up to maxHeld bytes.
type outgoingBody struct {
	request  bool  // of a request, not a response
	declared int64 // content-length, -1 when there is none
	written  int64
	to       sink
	held     []byte
	holder   *capabilities.Instance // of what is held; nil before anything is
	taken    bool                   // the stream was handed out
	writing  bool                   // and lives
	state    bodyState
	failure  error   // of an aborted body
	trailers *fields // of a finished body
}

type bodyState int

const (
	bodyOpen bodyState = iota
	bodyFinished
	bodyAborted
)

// errDropped is why a response cannot be completed.
const errDropped = "it dropped the body of its response without finishing it"

// start lets the body go to its sink.
func (b *outgoingBody) start(ctx context.Context, to sink) error {
	b.to = to
	if b.state == bodyAborted {
		to.abort(b.failure)
		return nil
	}
	if err := to.write(ctx, b.held); err != nil {
		return b.abort(err)
	}
	b.letGo()
	if b.state == bodyFinished {
		return to.finish(ctx, b.trailers)
	}
	return nil
}

// abort ends the body because of err, which it returns.
func (b *outgoingBody) abort(err error) error {
	b.state, b.failure = bodyAborted, err
	b.letGo()
	if b.to != nil {
		b.to.abort(err)
	}
	return err
}

// unsent is told that the message is gone: if it was not sent off, its body
// goes nowhere.
func (b *outgoingBody) unsent() {
	if b != nil && b.to == nil {
		b.letGo()
	}
}

// letGo forgets what was held.
func (b *outgoingBody) letGo() {
	b.holder.Release(len(b.held))
	b.held = nil
}

func (b *outgoingBody) write(ctx context.Context, p []byte) error {
	if b.state != bodyOpen {
		return wasiio.ErrClosed
	}
	b.written += int64(len(p))
	if b.declared >= 0 && b.written > b.declared {
		return b.abort(b.wrongSize())
	}
	if b.to == nil {
		if err := b.holder.Hold(len(p)); err != nil {
			return b.abort(err)
		}
		b.held = append(b.held, p...)
		return nil
	}
	if err := b.to.write(ctx, p); err != nil {
		return b.abort(err)
	}
	return nil
}

// wrongSize is the error of a body that is not of the declared size.
func (b *outgoingBody) wrongSize() error {
	if b.request {
		return sized("HTTP-request-body-size", uint64(b.written))
	}
	return sized("HTTP-response-body-size", uint64(b.written))
}

func (b *outgoingBody) finish(ctx context.Context, trailers *fields) error {
	if b.state != bodyOpen {
		return b.failure
	}
	if b.declared >= 0 && b.written != b.declared {
		return b.abort(b.wrongSize())
	}
	b.state, b.trailers = bodyFinished, trailers
	if b.to == nil {
		return nil
	}
	if err := b.to.finish(ctx, trailers); err != nil {
		return b.abort(err)
	}
	return nil
}

// Drop implements wit.Dropper: a body that is not finished is not complete.
func (b *outgoingBody) Drop() {
	if b.state == bodyOpen {
		_ = b.abort(internal(errDropped))
	}
}

func writeOutgoingBody(_ context.Context, c *wit.Call) error {
	b := wit.Self[*outgoingBody](c)
	if b.taken {
		c.Return(wit.Failed())
		return nil
	}
	b.taken, b.writing = true, true
	b.holder = capabilities.From(c)
	stream, err := wasiio.OpenOutput(b.holder, &bodySink{body: b})
	c.Return(wit.OK(stream))
	return err
}

func finishOutgoingBody(ctx context.Context, c *wit.Call) error {
	b := wit.Object[*outgoingBody](c.Args[0])
	if b.writing {
		return wasiio.Trap("outgoing-body.finish: the body's output-stream was not dropped")
	}
	var trailers *fields
	if p, ok := c.Args[1].Payload(); ok {
		trailers = wit.Object[*fields](p)
		defer trailers.Drop()
		trailers = trailers.view()
	}
	if err := b.finish(ctx, trailers); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c.Return(wit.Err(asCode(err).value()))
		return nil
	}
	c.Return(wit.Done())
	return nil
}

// bodySink is a body's output-stream. That of a response is always ready: a
// write waits until the connection takes it, which is the back-pressure. That
// of a request is ready while its pipe has room, since a guest may have to read
// the response meanwhile.
type bodySink struct {
	wasiio.Always
	body *outgoingBody
}

// Drop implements wit.Dropper.
func (s *bodySink) Drop() { s.body.writing = false }

// CheckWrite implements wasiio.OutputStream.
func (s *bodySink) CheckWrite() (int, error) {
	switch {
	case s.body.state != bodyOpen:
		return 0, wasiio.ErrClosed
	case s.body.to == nil:
		return maxHeld - len(s.body.held), nil
	}
	if to, ok := s.body.to.(sinkWithRoom); ok {
		n, err := to.room()
		if err != nil {
			return 0, s.body.abort(err)
		}
		return min(n, wasiio.MaxChunk), nil
	}
	return wasiio.MaxChunk, nil
}

// Ready implements wasiio.Pollable.
func (s *bodySink) Ready() bool {
	if to, ok := s.body.to.(sinkWithRoom); ok && s.body.state == bodyOpen {
		n, err := to.room()
		return n > 0 || err != nil
	}
	n, err := s.CheckWrite()
	return n > 0 || err != nil
}

// Wait implements wasiio.Pollable. Only the guest that waits can make room in
// a body that has nowhere to go, so it would wait for ever.
func (s *bodySink) Wait(ctx context.Context) error {
	if to, ok := s.body.to.(sinkWithRoom); ok && s.body.state == bodyOpen {
		if err := to.wait(ctx); err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
		return nil
	}
	if !s.Ready() {
		return wasiio.Trap("the guest waits to write more than %d bytes of a body that it did not send off", maxHeld)
	}
	return nil
}

// Watch implements wasiio.Pollable.
func (s *bodySink) Watch(wake func()) func() {
	if to, ok := s.body.to.(sinkWithRoom); ok && s.body.state == bodyOpen {
		return to.watch(wake)
	}
	if s.Ready() {
		wake()
	}
	return func() {}
}

// Write implements wasiio.OutputStream.
func (s *bodySink) Write(ctx context.Context, p []byte) error { return s.body.write(ctx, p) }

// Flush implements wasiio.OutputStream. What was written goes out by itself
// within flushDelay.
func (s *bodySink) Flush() error {
	if s.body.state != bodyOpen {
		return wasiio.ErrClosed
	}
	return nil
}

// BlockingFlush implements wasiio.OutputStream.
func (s *bodySink) BlockingFlush(ctx context.Context) error {
	if s.body.state == bodyOpen && s.body.to != nil {
		if err := s.body.to.flush(ctx); err != nil {
			return s.body.abort(err)
		}
		return nil
	}
	return s.Flush()
}

func bodyFuncs() map[string]wit.HostFunc {
	return map[string]wit.HostFunc{
		"[method]incoming-body.stream":      incomingBodyStream,
		"[static]incoming-body.finish":      finishIncomingBody,
		"[method]future-trailers.subscribe": subscribeTrailers,
		"[method]future-trailers.get":       getTrailers,
		"[method]outgoing-body.write":       writeOutgoingBody,
		"[static]outgoing-body.finish":      finishOutgoingBody,
	}
}
