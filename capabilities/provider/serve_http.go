package provider

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"runtime/debug"
	"sync/atomic"

	"github.com/writ-host/writ/capabilities/http/backend"
	pb "github.com/writ-host/writ/proto/writ/provider/v1"
)

// httpServer serves a backend.Egress, once it is open.
type httpServer struct {
	pb.UnimplementedHTTPServer
	opened atomic.Pointer[backend.Egress]
	log    *slog.Logger
}

// backend is what serves, or nil.
func (s *httpServer) backend() backend.Egress {
	if e := s.opened.Load(); e != nil {
		return *e
	}
	return nil
}

var errAborted = errors.New("the request was given up by its sender")

// sendOne has the backend send the request. A panic is that request's error.
func (s *httpServer) sendOne(r *backend.Request) (resp *http.Response, err error) {
	egress := s.backend()
	if egress == nil {
		return nil, backend.Errorf(backend.InternalError, "the provider is not configured yet")
	}
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("http backend panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = backend.Errorf(backend.InternalError, "the provider failed: %v", p)
		}
	}()
	return egress.Send(r)
}

// servedExchange is the provider's end of one exchange.
type servedExchange struct {
	send    func(m *pb.ExchangeResponse) error // which keeps no body, and nothing of it after the exchange
	cancel  context.CancelCauseFunc
	in      *inflow
	out     *outflow
	trailer http.Header // of the request, before its body ends
}

// newExchange is the provider's end of an exchange that lasts as long as ctx.
func newServedExchange(ctx context.Context, send func(*pb.ExchangeResponse) error) (context.Context, *servedExchange) {
	x := &servedExchange{send: send, out: newOutflow()}
	x.in = newInflow(func(n int) { _ = send(&pb.ExchangeResponse{Credit: uint32(n)}) })
	ctx, x.cancel = context.WithCancelCause(ctx)
	return ctx, x
}

// begin takes the first part, and returns what does the rest: it sends the last
// part.
func (s *httpServer) begin(ctx context.Context, x *servedExchange, first *pb.ExchangeRequest) func() error {
	r, err := readRequest(first.GetHead())
	if err != nil {
		return func() error { return x.fail(backend.Errorf(backend.HTTPRequestURIInvalid, "%v", err)) }
	}
	if !first.GetEnd() || len(first.GetBody()) > 0 {
		r.Body = io.NopCloser(x.in)
		x.in.ended = func() { fill(r.Trailer, x.trailer) }
	}
	if err := x.take(first); err != nil {
		return func() error { return x.fail(err) }
	}
	ctx = inTrace(ctx, first.GetHead().GetCaller())
	r.Request = r.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got1xxResponse: x.informational}))
	return func() error {
		resp, err := s.sendOne(r)
		if err != nil {
			return x.fail(err)
		}
		defer func() { _ = resp.Body.Close() }()
		return x.respond(resp)
	}
}

// fail is the exchange's last part.
func (x *servedExchange) fail(err error) error {
	return x.send(&pb.ExchangeResponse{Error: wireHTTPError(err)})
}

// end ends the request: nothing more of it comes.
func (x *servedExchange) end(err error) {
	x.in.end(err)
	x.out.fail(err)
	x.cancel(err)
}

func (x *servedExchange) take(m *pb.ExchangeRequest) error {
	if err := x.in.put(m.GetBody()); err != nil {
		return err
	}
	if n := m.GetCredit(); n > 0 {
		x.out.add(int(min(n, window)))
	}
	if len(m.GetTrailers()) > 0 {
		x.trailer = readFields(m.GetTrailers())
	}
	if m.GetAbort() || m.GetCancel() {
		return errAborted
	}
	if m.GetEnd() {
		x.in.end(io.EOF)
	}
	return nil
}

// fill gives those trailers their values that were announced.
func fill(announced, values http.Header) {
	for name := range announced {
		announced[name] = values[name]
	}
}

// informational passes on what precedes the response.
func (x *servedExchange) informational(code int, h textproto.MIMEHeader) error {
	if code == http.StatusContinue {
		return nil
	}
	return x.send(&pb.ExchangeResponse{Informational: &pb.HTTPResponse{Status: uint32(code), Headers: wireFields(http.Header(h))}})
}

// respond sends the response. A body of a known length ends with its last byte,
// in one part.
func (x *servedExchange) respond(resp *http.Response) error {
	head := &pb.HTTPResponse{Status: uint32(resp.StatusCode), Headers: append(wireFields(resp.Header), wireAnnounced(resp.Trailer)...)}
	left := resp.ContentLength
	if resp.ProtoMajor > 1 {
		left = -1 // trailers may follow it all the same
	}
	if resp.Body == http.NoBody || left == 0 {
		return x.send(&pb.ExchangeResponse{Head: head, End: true})
	}
	p := &pump{body: resp.Body, out: x.out, left: left, send: func(first bool, part []byte, end bool) error {
		m := &pb.ExchangeResponse{Body: part, End: end}
		if first {
			m.Head = head
		}
		if end {
			m.Trailers = wireFields(resp.Trailer)
		}
		return x.send(m)
	}}
	readErr, sendErr := p.run()
	if err := errors.Join(readErr, sendErr); err != nil {
		return x.fail(err)
	}
	return nil
}
