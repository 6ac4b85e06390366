package provider

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/writ-host/writ/capabilities/http/backend"
	kv "github.com/writ-host/writ/capabilities/kv/backend"
	pb "github.com/writ-host/writ/proto/writ/provider/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// HTTP is what the provider sends requests with, as the host uses it. It stays
// valid when the process is started again.
func (p *Provider) HTTP() backend.Egress { return httpClient{p} }

// httpClient turns requests into exchanges on the wire.
type httpClient struct{ p *Provider }

// Send implements backend.Egress.
func (c httpClient) Send(r *backend.Request) (_ *http.Response, err error) {
	call := c.p.begin(r.Context())
	defer func() { call.end(err) }()
	x := &exchange{name: c.p.config.Name, request: r, traceparent: call.traceparent, answer: make(chan struct{}), out: newOutflow()}
	x.in = newInflow(func(n int) { _ = x.wire.send(&pb.ExchangeRequest{Credit: uint32(n)}, false) })
	if err := c.begin(x); err != nil {
		x.end(err)
		return nil, err
	}
	x.watch(r.Context())
	<-x.answer // which comes when the context ends, too
	return x.response, x.err
}

// begin finds a process that takes the request. One that died meanwhile has not
// seen any of it, so the next one may.
func (c httpClient) begin(x *exchange) (err error) {
	ctx := x.request.Context()
	for range 2 {
		var s *session
		if s, err = c.p.ready(ctx, c.p.config.CallTimeout); err != nil {
			return x.failure(err)
		}
		if err = s.http.open(ctx, x, c.p.config.CallTimeout); err == nil {
			return x.start()
		}
		if status.Code(err) != codes.Unavailable && !isCode(err, kv.Unavailable) {
			break
		}
		s.lose()
	}
	return x.failure(err)
}

// wire is how the parts of one exchange reach the provider.
type wire interface {
	// send sends one part, and keeps it. A body may have to wait for its turn.
	send(m *pb.ExchangeRequest, body bool) error
	// leave says that the host wants no more of the exchange.
	leave()
}

// exchange is the host's end of one request.
type exchange struct {
	name        string // the provider's
	traceparent string
	request     *backend.Request
	wire        wire
	in          *inflow
	out         *outflow

	answer  chan struct{} // closed when there is a response, or an error
	trailer http.Header   // of the response, before its body ends

	mu       sync.Mutex
	over     bool
	response *http.Response
	err      error
	unwatch  func() bool
}

// start sends the request's head. The body follows as it comes.
func (x *exchange) start() error {
	head := wireRequest(x.request, x.traceparent)
	if x.request.Body == nil || x.request.Body == http.NoBody {
		if err := x.wire.send(&pb.ExchangeRequest{Head: head, End: true}, false); !isOver(err) {
			return err
		}
		return nil
	}
	go x.upload(head)
	return nil
}

// upload sends the request with its body. Where it cannot be sent, the exchange
// is over, and who receives says why.
func (x *exchange) upload(head *pb.HTTPRequest) {
	p := &pump{body: x.request.Body, out: x.out, left: -1, send: func(first bool, part []byte, end bool) error {
		m := &pb.ExchangeRequest{Body: part, End: end}
		if first {
			m.Head = head
		}
		if end {
			m.Trailers = wireFields(x.request.Trailer)
		}
		return x.wire.send(m, true)
	}}
	if readErr, _ := p.run(); readErr != nil {
		_ = x.wire.send(&pb.ExchangeRequest{Abort: true}, false)
	}
}

// watch ends the exchange with its context.
func (x *exchange) watch(ctx context.Context) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.over {
		x.unwatch = context.AfterFunc(ctx, func() { x.leave(context.Cause(ctx)) })
	}
}

// leave ends the exchange for the host's reasons.
func (x *exchange) leave(err error) {
	if x.end(err) {
		x.wire.leave()
	}
}

// failure is an error of the wire as one of the request.
func (x *exchange) failure(err error) error {
	if ctx := x.request.Context(); ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var known *kv.Error
	if errors.As(err, &known) {
		return backend.Errorf(backend.InternalError, "%s", known.Message)
	}
	switch status.Code(err) {
	case codes.Unavailable:
		return backend.Errorf(backend.ConnectionTerminated, "provider %s: %s", x.name, status.Convert(err).Message())
	case codes.Unimplemented:
		return backend.Errorf(backend.InternalError, "provider %s sends no requests", x.name)
	}
	return backend.Errorf(backend.InternalError, "provider %s: %s", x.name, status.Convert(err).Message())
}

// take handles one part. It reports whether it was the last.
func (x *exchange) take(m *pb.ExchangeResponse) (last bool) {
	last = m.GetEnd() || m.GetError() != nil
	if err := x.handle(m); err != nil {
		if last {
			x.end(err)
		} else {
			x.leave(err)
		}
	}
	return last
}

// handle does what a part says. Its error, or io.EOF for a complete response,
// ends the exchange.
func (x *exchange) handle(m *pb.ExchangeResponse) error {
	if e := m.GetError(); e != nil {
		return readHTTPError(e)
	}
	if h := m.GetHead(); h != nil {
		if err := x.respond(h); err != nil {
			return err
		}
	}
	if len(m.GetBody()) > 0 || m.GetEnd() {
		if !x.responded() {
			return x.misbehaved(errors.New("a response without a head"))
		}
	}
	if err := x.in.put(m.GetBody()); err != nil {
		return x.misbehaved(err)
	}
	if n := m.GetCredit(); n > 0 {
		x.out.add(int(min(n, window)))
	}
	if len(m.GetTrailers()) > 0 {
		if size := fieldsSize(m.GetTrailers()); size > maxHeadFields {
			return backend.Sized(backend.HTTPResponseTrailerSectionSize, uint64(size))
		}
		x.trailer = readFields(m.GetTrailers())
	}
	if m.GetEnd() {
		return io.EOF
	}
	return nil
}

func (x *exchange) misbehaved(err error) error {
	return backend.Errorf(backend.InternalError, "provider %s: %v", x.name, err)
}

func (x *exchange) responded() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.response != nil || x.over
}

// respond lets the caller have the response, whose body follows.
func (x *exchange) respond(h *pb.HTTPResponse) error {
	if h.GetStatus() < 200 || h.GetStatus() > 999 {
		return x.misbehaved(fmt.Errorf("status %d", h.GetStatus()))
	}
	if size := fieldsSize(h.GetHeaders()); size > maxHeadFields {
		return backend.Sized(backend.HTTPResponseHeaderSectionSize, uint64(size))
	}
	r := &http.Response{StatusCode: int(h.GetStatus()), ProtoMajor: 1, ProtoMinor: 1, Header: readFields(h.GetHeaders()),
		ContentLength: -1, Body: exchangeBody{x}, Request: x.request.Request}
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.over:
		return nil
	case x.response != nil:
		return x.misbehaved(errors.New("a second head"))
	}
	x.response = r
	x.in.ended = func() { r.Trailer = x.trailer }
	close(x.answer)
	return nil
}

// end is the end of the exchange: io.EOF after a complete response, else why
// there is not one. It reports whether this was the end.
func (x *exchange) end(err error) bool {
	x.mu.Lock()
	if x.over {
		x.mu.Unlock()
		return false
	}
	x.over = true
	unwatch := x.unwatch
	if x.response == nil {
		x.err = err
		close(x.answer)
	}
	x.mu.Unlock()
	if unwatch != nil {
		unwatch()
	}
	x.in.end(err)
	x.out.fail(err)
	if x.request.Body != nil {
		_ = x.request.Body.Close() // whoever writes to it hears of it
	}
	return true
}

var errBodyClosed = errors.New("the body was closed")

// exchangeBody is the response's body.
type exchangeBody struct{ x *exchange }

// Read implements io.Reader.
func (b exchangeBody) Read(p []byte) (int, error) { return b.x.in.Read(p) }

// Close implements io.Closer: nobody wants the rest.
func (b exchangeBody) Close() error {
	b.x.leave(errBodyClosed)
	return nil
}
