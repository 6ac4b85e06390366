// Package local has a handler answer a request in the same process, as a
// server on the network would: start with [Transport].
//
// Bodies and trailers stream both ways without a copy in between, a side that
// does not read holds up the one that writes, and the end of the request's
// context is the end of both. It knows nothing of components.
package local

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/writ-host/writ/capabilities/http/backend"
)

// Transport is an http.RoundTripper whose server is a handler. The handler's
// panics are answers that were cut off; all but http.ErrAbortHandler go on to
// OnPanic.
type Transport struct {
	Handler http.Handler
	// Done is called when the handler returned, or is nil.
	Done func()
	// OnPanic is told of panics, or is nil.
	OnPanic func(any)
}

// RoundTrip implements http.RoundTripper. It returns when the response begins.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	read, write := io.Pipe()
	x := &exchange{req: r, header: http.Header{}, begun: make(chan *http.Response, 1), read: read, write: write}
	go t.serve(x)
	select {
	case resp := <-x.begun:
		if resp == nil {
			return nil, errCutOff
		}
		return resp, nil
	case <-r.Context().Done():
		_ = read.CloseWithError(context.Cause(r.Context()))
		return nil, context.Cause(r.Context())
	}
}

// errCutOff is an answer that ended before it was complete.
var errCutOff = &backend.Error{Code: backend.HTTPResponseIncomplete}

func (t *Transport) serve(x *exchange) {
	stop := context.AfterFunc(x.req.Context(), func() { x.cut(context.Cause(x.req.Context())) })
	defer func() {
		stop()
		x.end(recover(), t.OnPanic)
		if t.Done != nil {
			t.Done()
		}
	}()
	t.Handler.ServeHTTP(x, x.req)
}

// exchange is the http.ResponseWriter of one request. Like those of net/http it
// is used by one goroutine, but for the deadlines.
type exchange struct {
	req    *http.Request
	header http.Header
	resp   *http.Response // once it has begun
	begun  chan *http.Response
	read   *io.PipeReader
	write  *io.PipeWriter
	ends   sync.Once
}

// Header implements http.ResponseWriter.
func (x *exchange) Header() http.Header { return x.header }

// WriteHeader implements http.ResponseWriter.
func (x *exchange) WriteHeader(status int) {
	if x.resp != nil || status < 200 {
		return // nothing hears informational responses
	}
	header := http.Header{}
	for name, values := range x.header {
		if values != nil && !strings.HasPrefix(name, http.TrailerPrefix) {
			header[name] = values
		}
	}
	x.resp = &http.Response{StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header,
		Trailer: http.Header{}, ContentLength: -1, Body: x.read, Request: x.req}
	x.begun <- x.resp
}

// Write implements io.Writer. It returns when the other side has read it all.
func (x *exchange) Write(p []byte) (int, error) {
	x.WriteHeader(http.StatusOK)
	return x.write.Write(p)
}

// Flush implements http.Flusher.
func (x *exchange) Flush() { x.WriteHeader(http.StatusOK) }

// SetReadDeadline ends reads of the request's body when the time has passed.
// The context bounds them otherwise.
func (x *exchange) SetReadDeadline(end time.Time) error {
	if !end.IsZero() && !time.Now().Before(end) {
		return x.req.Body.Close()
	}
	return nil
}

// SetWriteDeadline does the same for writes of the response's body.
func (x *exchange) SetWriteDeadline(end time.Time) error {
	if !end.IsZero() && !time.Now().Before(end) {
		x.cut(os.ErrDeadlineExceeded)
	}
	return nil
}

// cut ends the response early. It is safe at any time.
func (x *exchange) cut(err error) {
	x.ends.Do(func() { _ = x.write.CloseWithError(err) })
}

// end is when the handler returned, or panicked.
func (x *exchange) end(panicked any, tell func(any)) {
	_ = x.req.Body.Close()
	if err, ok := panicked.(error); panicked != nil && tell != nil && !(ok && errors.Is(err, http.ErrAbortHandler)) {
		tell(panicked)
	}
	if panicked != nil {
		if x.resp == nil {
			x.begun <- nil
		}
		x.cut(errCutOff)
		return
	}
	x.WriteHeader(http.StatusOK)
	for name, values := range x.header {
		if name, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
			x.resp.Trailer[name] = values
		}
	}
	x.cut(io.EOF)
}
