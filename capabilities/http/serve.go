package wasihttp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	wasiio "github.com/writ-host/writ/capabilities/wasi/io"
	"github.com/writ-host/writ/wit"
)

// Guest runs wasi:http/incoming-handler.handle of a component.
type Guest interface {
	// Handle calls handle with an own incoming-request and an own
	// response-outparam, and returns when it returned or trapped.
	Handle(ctx context.Context, request, responseOut wit.Value) error
}

// Serve answers one request with one call of the guest, on the goroutine of
// the caller. A component that fails before anything was sent is answered for
// with an error page; later the response is cut off by panicking with
// http.ErrAbortHandler, so Serve must run within an http.Handler.
func Serve(w http.ResponseWriter, r *http.Request, o Options, guest Guest) {
	s := &serving{reply: reply{w: w, control: http.NewResponseController(w), req: r}}
	reply, source := &s.reply, &s.source
	reply.requestBody(source, o.RequestBody)
	s.body = incomingBody{source: source, trailers: func() http.Header { return r.Trailer }}
	s.request = incomingRequest{req: r, body: &s.body}
	s.out.set = reply.set
	if len(r.Trailer) > 0 {
		s.request.fields() // it names them, and who reads the body fills them in
	}
	err := guest.Handle(r.Context(),
		wit.NewOwn(incomingRequestType, &s.request),
		wit.NewOwn(responseOutparamType, &s.out))
	reply.close()
	reply.leaveRequestBody(source)
	source.over.Store(true)
	out := reply.end(o, err)
	if o.Done != nil {
		o.Done(out)
	}
	if out.Aborted {
		panic(http.ErrAbortHandler)
	}
}

// serving is what one request needs, in one piece.
type serving struct {
	reply   reply
	source  bodySource
	body    incomingBody
	request incomingRequest
	out     outparam
}

// requestBody is where the guest's reads go.
func (r *reply) requestBody(source *bodySource, limit int64) {
	if r.req.Body == nil || r.req.Body == http.NoBody {
		source.r, source.options = http.NoBody, wasiio.ReaderOptions{Immediate: true}
		return
	}
	source.r = r.req.Body
	source.begin = func() { r.beginRequestBody(source) }
	if limit > 0 {
		source.r = &limitedReader{r: r.req.Body, left: limit, limit: limit}
	}
	if canInterrupt(r.w) {
		source.options.Interrupt = func() { r.interruptRead(source) }
	}
}

// interruptRead ends a read that hangs because the client does not send. The
// server takes a failed read for a client that left, and cancels the context.
func (r *reply) interruptRead(source *bodySource) {
	if source.over.Load() {
		return // the connection is another request's by now
	}
	if r.req.Context().Err() == nil {
		r.interrupted.Store(true)
	}
	_ = r.control.SetReadDeadline(time.Unix(1, 0))
}

// beginRequestBody lets a guest read while it writes. HTTP/1 servers read the
// rest of a request before they respond, unless told.
func (r *reply) beginRequestBody(source *bodySource) {
	if source.over.Load() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.duplex = r.control.EnableFullDuplex() == nil // HTTP/2 has no need for it
}

// leaveRequestBody gives the body back to the server.
func (r *reply) leaveRequestBody(source *bodySource) {
	if source.reads.Load() > 0 && source.options.Interrupt != nil {
		source.options.Interrupt() // the server waits for a read that hangs
	}
	if r.duplex && !source.ended.Load() && !r.drain(source) {
		refuseReuse(r.w)
	}
}

// What a guest left unread of a request is read for it, as net/http does where
// the body is not duplex: a client that has sent all of it takes the connection
// for one that it can use again, and may already do so.
const (
	maxDrain  = 256 << 10
	drainTime = time.Second
)

// drain reads the rest of the body, and says whether that was all.
func (r *reply) drain(source *bodySource) bool {
	if source.reads.Load() > 0 || r.sent.Load() && !r.complete.Load() {
		return false
	}
	if err := r.control.SetReadDeadline(time.Now().Add(drainTime)); err != nil {
		return false
	}
	_, err := io.CopyN(io.Discard, r.req.Body, maxDrain)
	return err == io.EOF
}

// refuseReuse has the server close the connection once the response is out.
// Where a body was left unread in full duplex, net/http tries to find its end
// and panics when it does ("invalid concurrent Body.Read call"), or takes the
// rest of a body whose read failed for a request. The one way to tell it is
// a body that was too large.
func refuseReuse(w http.ResponseWriter) {
	for {
		inner, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			break
		}
		w = inner.Unwrap()
	}
	_, _ = io.Copy(io.Discard, http.MaxBytesReader(w, io.NopCloser(strings.NewReader("12")), 1))
}

// canInterrupt says whether a read of the request's body can be made to return.
func canInterrupt(w http.ResponseWriter) bool {
	for {
		switch t := w.(type) {
		case interface{ SetReadDeadline(time.Time) error }:
			return true
		case interface{ Unwrap() http.ResponseWriter }:
			w = t.Unwrap()
		default:
			return false
		}
	}
}

// limitedReader fails, where io.LimitedReader ends.
type limitedReader struct {
	r           io.Reader
	left, limit int64
}

func (l *limitedReader) Read(p []byte) (int, error) {
	if l.left < 0 {
		return 0, sized("HTTP-request-body-size", uint64(l.limit))
	}
	n, err := l.r.Read(p[:min(int64(len(p)), l.left+1)])
	if l.left -= int64(n); l.left < 0 {
		return n - 1, sized("HTTP-request-body-size", uint64(l.limit))
	}
	return n, err
}

var (
	errNoResponse = errors.New("it returned without setting a response")
	errUnfinished = errors.New("it returned without finishing the body of its response")
	errClientGone = errors.New("the client went away")
	errLate       = errors.New("it took too long")
	errBeyond     = errors.New("it went beyond a limit")
)

// end is what becomes of the request once the guest returned, with the error
// of its call.
func (r *reply) end(o Options, trap error) Outcome {
	out := Outcome{Bytes: r.bytes, Err: r.reason(trap)}
	if out.Err != nil && o.RequestID == "" {
		o.RequestID = rand.Text()[:16]
	}
	switch {
	case r.complete.Load():
		out.Status = r.head.status
	case r.sent.Load():
		out.Status, out.Aborted = r.head.status, true
	case errors.Is(out.Err, errClientGone):
		out.Aborted = true
	default:
		out.Status = r.pageStatus(out.Err)
		r.errorPage(out, o.RequestID)
	}
	r.log(o, out)
	return out
}

// reason is why the guest failed, nil when it did not.
func (r *reply) reason(trap error) error {
	late := r.overdue(trap)
	switch {
	case r.complete.Load():
		return trap
	case r.req.Context().Err() != nil && !late && !r.interrupted.Load():
		return errClientGone
	case trap != nil && late:
		return fmt.Errorf("%w: %w", errLate, trap)
	case trap != nil:
		return beyond(trap)
	case r.failure != nil:
		return r.failure
	case r.head == nil:
		return errNoResponse
	}
	return errUnfinished
}

// beyond tells failures for a limit of the instance from others. A guest that
// used up its processor time took too long.
func beyond(trap error) error {
	var limit *wit.LimitError
	switch {
	case !errors.As(trap, &limit):
		return trap
	case limit.Limit == "cpu-time":
		return fmt.Errorf("%w: %w", errLate, trap)
	}
	return fmt.Errorf("%w: %w", errBeyond, trap)
}

// overdue says whether time ran out: for the guest's call, or for the request.
// The context of a request whose reads have a deadline may say that it was
// cancelled, so its own deadline counts.
func (r *reply) overdue(trap error) bool {
	end, bounded := r.req.Context().Deadline()
	return errors.Is(trap, context.DeadlineExceeded) || bounded && !time.Now().Before(end)
}

// pageStatus is the status of an error page.
func (r *reply) pageStatus(err error) int {
	switch {
	case r.instead != nil && errors.Is(err, r.instead):
		return statusOf(r.instead)
	case errors.Is(err, errLate):
		return http.StatusGatewayTimeout
	}
	return http.StatusInternalServerError
}

// errorPage tells the client no more than what it can report.
func (r *reply) errorPage(out Outcome, id string) {
	what, status := "component failed", out.Status
	switch {
	case errors.Is(out.Err, errLate):
		what = "component took too long"
	case errors.Is(out.Err, errBeyond):
		what = "component went beyond a limit"
	case errors.Is(out.Err, errNoResponse):
		what = "component set no response"
	}
	h := r.w.Header()
	r.allowLatePage(h)
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	r.w.WriteHeader(status)
	if r.req.Method != http.MethodHead {
		_, _ = fmt.Fprintf(r.w, "%d %s\n%s\nrequest %s\n", status, http.StatusText(status), what, id)
	}
}

// pageTime is how long a client may take to take an error page.
const pageTime = 10 * time.Second

// allowLatePage lets a page out whose time is over, on a machine that is late
// itself. The server may have stopped reading by then, so the client must not
// use the connection again.
func (r *reply) allowLatePage(h http.Header) {
	if end, ok := r.req.Context().Deadline(); ok && time.Since(end) > time.Second/2 {
		h.Set("Connection", "close")
		_ = r.control.SetWriteDeadline(time.Now().Add(pageTime))
	}
}

func (r *reply) log(o Options, out Outcome) {
	if o.Log == nil || out.Err == nil {
		return
	}
	level := slog.LevelError
	if errors.Is(out.Err, errClientGone) {
		level = slog.LevelInfo
	}
	o.Log.LogAttrs(r.req.Context(), level, "component failed to serve a request",
		slog.String("request", o.RequestID),
		slog.String("client", r.req.RemoteAddr), slog.String("method", r.req.Method), slog.Int("status", out.Status),
		slog.Bool("aborted", out.Aborted), slog.String("reason", out.Err.Error()))
}
