package wasihttp

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/writ-host/writ/capabilities"
	wasiio "github.com/writ-host/writ/capabilities/wasi/io"
	"github.com/writ-host/writ/wit"
)

// incomingBody is what is behind an incoming-body.
type incomingBody struct {
	source   *bodySource
	taken    bool // the stream was handed out
	reading  bool // and lives
	dropped  bool
	trailers func() http.Header
}

// bodySource is the body of a message that comes in. Its errors are error-codes.
type bodySource struct {
	r       io.Reader
	options wasiio.ReaderOptions
	// begin is called before the guest gets the stream, or is nil.
	begin func()
	// close is called when the guest is done with the body, or is nil.
	close func()
	// ctx and cancel are of the request that brought the body, nil for a server's.
	ctx    context.Context
	cancel func(cause error)
	quiet  time.Duration // the longest that a read may take, 0 for no bound
	leave  *leave        // what the request was sent under, nil for a server's
	// reads is the number of reads that go on now.
	reads atomic.Int32
	ended atomic.Bool // a read returned io.EOF
	// over says that the server's request is answered. An instance that serves
	// others may still hold handles of this one.
	over atomic.Bool
}

var (
	errQuiet = plain("connection-read-timeout")
	errOver  = internal("the request that this body belongs to is over")
)

func (s *bodySource) end() {
	if s.close != nil {
		s.close()
	}
}

// Drop implements wit.Dropper. A stream that outlives its body may be read on.
func (b *incomingBody) Drop() {
	b.dropped = true
	if !b.reading {
		b.source.end()
	}
}

// Read implements io.Reader.
func (s *bodySource) Read(p []byte) (int, error) {
	if s.over.Load() {
		return 0, errOver
	}
	s.reads.Add(1)
	defer s.reads.Add(-1)
	if s.quiet > 0 {
		timer := time.AfterFunc(s.quiet, func() { s.cancel(errQuiet) })
		defer timer.Stop()
	}
	n, err := s.r.Read(p)
	switch {
	case err == io.EOF:
		s.ended.Store(true)
	case err != nil && s.ctx != nil:
		err = transportError(s.ctx, err)
	case err != nil:
		err = asCode(err)
	}
	return n, err
}

// bodyStream is a body's input-stream: the body must know whether it lives.
type bodyStream struct {
	wasiio.InputStream
	body *incomingBody
}

// Drop implements wit.Dropper.
func (s *bodyStream) Drop() {
	s.body.reading = false
	if d, ok := s.InputStream.(wit.Dropper); ok {
		d.Drop()
	}
	if s.body.dropped {
		s.body.source.end()
	}
}

// Read implements wasiio.InputStream.
func (s *bodyStream) Read(ctx context.Context, max int) ([]byte, error) {
	if err := s.body.source.leave.check(ctx); err != nil {
		return nil, err
	}
	return s.InputStream.Read(ctx, max)
}

// BlockingRead implements wasiio.InputStream.
func (s *bodyStream) BlockingRead(ctx context.Context, max int) ([]byte, error) {
	if err := s.body.source.leave.check(ctx); err != nil {
		return nil, err
	}
	return s.InputStream.BlockingRead(ctx, max)
}

func incomingBodyStream(_ context.Context, c *wit.Call) error {
	b := wit.Self[*incomingBody](c)
	if b.taken {
		c.Return(wit.Failed())
		return nil
	}
	b.taken, b.reading = true, true
	if b.source.begin != nil {
		b.source.begin()
	}
	i := capabilities.From(c)
	options := b.source.options
	options.Holder = i
	stream, err := wasiio.OpenInput(i, &bodyStream{wasiio.FromReader(b.source, options), b})
	c.Return(wit.OK(stream))
	return err
}

func finishIncomingBody(_ context.Context, c *wit.Call) error {
	b := wit.Object[*incomingBody](c.Args[0])
	if b.reading {
		return wasiio.Trap("incoming-body.finish: the body's input-stream was not dropped")
	}
	b.taken = true
	options := b.source.options
	options.Immediate = options.Immediate || b.source.ended.Load()
	rest := wasiio.FromReader(&drain{b.source}, options)
	c.Return(wit.NewOwn(futureTrailersType, &futureTrailers{rest: rest, source: b.source, trailers: b.trailers}))
	return nil
}

// drain reads a body to its end, and gives nothing.
type drain struct{ source *bodySource }

// Read implements io.Reader.
func (d *drain) Read([]byte) (int, error) {
	if _, err := io.Copy(io.Discard, d.source); err != nil {
		return 0, err
	}
	return 0, io.EOF
}

// futureTrailers is what is behind a future-trailers. What the guest did not
// read of the body is read, and thrown away, only when it asks.
type futureTrailers struct {
	rest     wasiio.InputStream // at its end, or failed, when the trailers are there
	source   *bodySource
	trailers func() http.Header
	got      bool
}

// Drop implements wit.Dropper.
func (f *futureTrailers) Drop() {
	if d, ok := f.rest.(wit.Dropper); ok {
		d.Drop()
	}
	f.source.end()
}

func subscribeTrailers(_ context.Context, c *wit.Call) error {
	c.Return(wasiio.NewPollable(wit.Self[*futureTrailers](c).rest))
	return nil
}

func getTrailers(ctx context.Context, c *wit.Call) error {
	f := wit.Self[*futureTrailers](c)
	switch {
	case f.got:
		c.Return(wit.Some(wit.Failed()))
	case !f.rest.Ready():
		c.Return(wit.None())
	default:
		f.got = true
		_, err := f.rest.Read(ctx, 1)
		if denied := f.source.leave.check(ctx); denied != nil {
			err = denied
		}
		c.Return(wit.Some(wit.OK(f.result(err))))
	}
	return nil
}

func (f *futureTrailers) result(err error) wit.Value {
	if err != nil && !errors.Is(err, wasiio.ErrClosed) {
		return wit.Err(asCode(err).value())
	}
	trailers := fromHeader(f.trailers())
	if len(trailers.entries) == 0 {
		return wit.OK(wit.None())
	}
	return wit.OK(wit.Some(wit.NewOwn(fieldsResource, trailers)))
}
