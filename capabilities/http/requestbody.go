package wasihttp

import (
	"context"
	"io"
	"maps"
	"net/http"
	"strings"
)

// attach turns the body around: it becomes the request's reader of what was
// held, and then of what the guest writes.
func (b *outgoingBody) attach(ctx context.Context, req *http.Request, l *leave) {
	held := b.held
	pipe := newBodyPipe(held, b.holder)
	s := &pipeSink{pipe: pipe, announced: req.Trailer, leave: l}
	context.AfterFunc(ctx, func() { s.abort(context.Cause(ctx)) })
	b.held, b.to = nil, s
	req.Body = &pipeBody{bodyPipe: pipe, from: s, trailer: req.Trailer}
	req.ContentLength = b.declared
	if len(req.Trailer) > 0 {
		req.ContentLength = -1 // what has trailers is chunked
	}
	l.used = int64(len(held))
	switch b.state {
	case bodyAborted:
		s.abort(b.failure)
	case bodyFinished:
		if err := s.finish(ctx, b.trailers); err != nil {
			s.abort(err)
			return
		}
		if len(req.Trailer) == 0 {
			req.ContentLength = int64(len(held))
		}
		if req.ContentLength == 0 {
			req.Body = http.NoBody
		}
	}
}

// pipeBody fills in the request's trailers on the goroutine that reads the
// body, as http.Request wants it.
type pipeBody struct {
	*bodyPipe
	from    *pipeSink
	trailer http.Header
}

func (b *pipeBody) Read(p []byte) (int, error) {
	n, err := b.bodyPipe.Read(p)
	if err == io.EOF {
		maps.Copy(b.trailer, b.from.trailers)
		b.from.trailers = nil
	}
	return n, err
}

// pipeSink is where the body of an outgoing request goes.
type pipeSink struct {
	pipe      *bodyPipe
	announced http.Header // the names that trailers may have, as keys
	trailers  http.Header // set before the pipe is closed
	leave     *leave
}

func (s *pipeSink) write(ctx context.Context, p []byte) error {
	if err := s.leave.spend(ctx, len(p)); err != nil {
		return err
	}
	return s.pipe.write(ctx, p)
}

// flush returns when the backend has it all.
func (s *pipeSink) flush(ctx context.Context) error { return s.pipe.wait(ctx, isEmpty) }

func (s *pipeSink) room() (int, error)             { return s.pipe.room() }
func (s *pipeSink) watch(wake func()) func()       { return s.pipe.watch(wake) }
func (s *pipeSink) wait(ctx context.Context) error { return s.pipe.wait(ctx, hasRoom) }

// finish leaves the trailers in the request before its body ends. One that was
// not announced could not be sent over HTTP/2.
func (s *pipeSink) finish(ctx context.Context, trailers *fields) error {
	if err := s.leave.check(ctx); err != nil {
		return err
	}
	if trailers != nil && len(trailers.entries) > 0 {
		s.trailers = http.Header{}
		trailers.addTo(s.trailers, "")
		for name := range s.trailers {
			if _, ok := s.announced[name]; !ok {
				return internal("trailer " + strings.ToLower(name) + " was not announced in the request's trailer field")
			}
		}
	}
	s.pipe.finish(io.EOF)
	return nil
}

func (s *pipeSink) abort(err error) { s.pipe.finish(err) }

var _ sinkWithRoom = (*pipeSink)(nil)
