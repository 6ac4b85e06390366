package wasihttp

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// reply is the way back to the client of one request: the sink of the
// response's body.
//
// What the guest writes waits for up to flushDelay, so that a short response
// goes out in one piece and with its length, and a guest that flushes each
// line of a page does not cost a packet for each. A timer sends what is late.
type reply struct {
	w       http.ResponseWriter
	control *http.ResponseController
	req     *http.Request

	mu       sync.Mutex // who holds it uses w: the guest's goroutine or the timer
	ctx      context.Context
	release  func() bool // undoes the watch on ctx; nil while no write could hang
	head     *responseHead
	late     []byte // of the body, not yet given to w
	bytes    int64
	timer    *time.Timer
	armed    bool
	complete atomic.Bool
	failure  error // why the response cannot be completed
	closed   bool  // w is not ours any more
	duplex   bool  // the server lets the guest read while it writes

	instead *codeError // what the guest set instead of a response

	sent        atomic.Bool // head was given to w
	writing     atomic.Bool // w writes, and may hang
	interrupted atomic.Bool // a read was, by us and not because the client left
}

// responseHead is a response as the guest set it.
type responseHead struct {
	status int
	fields fields
}

// errTwice cannot happen: set consumes the only handle.
var errTwice = errors.New("response-outparam.set was called twice")

// set is what a response-outparam does.
func (r *reply) set(ctx context.Context, response *outgoingResponse, failed *codeError) error {
	if r.head != nil || r.failure != nil {
		return errTwice
	}
	if failed != nil {
		r.instead = failed
		r.abort(failed)
		return nil
	}
	if err := r.begin(ctx, response); err != nil {
		r.abort(err)
		if response.body != nil {
			_ = response.body.abort(err)
		}
		return nil
	}
	if response.body == nil {
		return r.finish(ctx, nil)
	}
	err := response.body.start(ctx, r)
	if err != nil && ctx.Err() == nil {
		return nil // the guest hears of it when it writes or finishes
	}
	return err
}

// begin takes over the head. It goes out with the body, or when it gets late.
func (r *reply) begin(ctx context.Context, response *outgoingResponse) error {
	declared, ok := contentLength(response.headers)
	if !ok {
		return internal("it set a content-length that is not one number")
	}
	if !r.hasBody(response.status) && response.body != nil {
		response.body.declared = -1 // what is declared is what another method would get
	} else if response.body == nil && declared > 0 && r.hasBody(response.status) {
		return sized("HTTP-response-body-size", 0)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.head, r.ctx = &responseHead{status: response.status, fields: fields{entries: response.headers.entries}}, ctx
	r.schedule()
	return nil
}

// hasBody says whether the client is to get a body.
func (r *reply) hasBody(status int) bool {
	return r.req.Method != http.MethodHead && bodyAllowed(status)
}

// interruptWrite ends a write that hangs because the client does not read. The
// context ends when the guest's call returned, too: a complete response is left alone.
func (r *reply) interruptWrite() {
	if r.writing.Load() && !r.complete.Load() {
		_ = r.control.SetWriteDeadline(time.Unix(1, 0))
	}
}

// schedule has the timer send what is late.
func (r *reply) schedule() {
	switch {
	case r.armed:
		return
	case r.timer == nil:
		r.timer = time.AfterFunc(flushDelay, r.sendLate)
	default:
		r.timer.Reset(flushDelay)
	}
	r.armed = true
}

func (r *reply) sendLate() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.armed = false
	if r.closed || r.failure != nil {
		return
	}
	if err := r.push(nil, true); err != nil {
		r.failure = err
	}
}

// push gives w the head, what is late, and p. Either the watch on the context
// sees that w writes, or push sees that the context ended.
func (r *reply) push(p []byte, flush bool) error {
	r.writing.Store(true)
	defer r.writing.Store(false)
	if r.release == nil && (flush || int(r.bytes)+len(r.late)+len(p) > maxBuffered) {
		r.release = context.AfterFunc(r.ctx, r.interruptWrite)
	}
	if err := r.ctx.Err(); err != nil && !r.complete.Load() {
		return err
	}
	r.sendHead(-1)
	late := r.late
	r.late = nil
	for _, part := range [][]byte{late, p} {
		if err := r.give(part); err != nil {
			return err
		}
	}
	if flush {
		_ = r.control.Flush()
	}
	return nil
}

func (r *reply) give(p []byte) error {
	if len(p) == 0 || !r.hasBody(r.head.status) {
		return nil
	}
	n, err := r.w.Write(p)
	r.bytes += int64(n)
	if err != nil {
		return asCode(err)
	}
	return nil
}

// sendHead gives w the head, once; length is the body's when it is known, else -1.
func (r *reply) sendHead(length int64) {
	if r.sent.Swap(true) {
		return
	}
	header := r.w.Header()
	for _, e := range r.head.fields.entries {
		header.Del(e.name) // what the guest says counts
	}
	r.head.fields.addTo(header, "")
	if header["Content-Type"] == nil {
		header["Content-Type"] = nil // keeps net/http from guessing one
	}
	if length >= 0 && header["Content-Length"] == nil && r.hasBody(r.head.status) {
		header.Set("Content-Length", strconv.FormatInt(length, 10))
	}
	r.w.WriteHeader(r.head.status)
}

func (r *reply) write(ctx context.Context, p []byte) error {
	if len(p) == 0 {
		return ctx.Err()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failure != nil {
		return r.failure
	}
	r.schedule()
	if !r.sent.Load() && len(r.late)+len(p) <= maxLate {
		r.late = append(r.late, p...)
		return nil
	}
	return r.push(p, false)
}

// flush leaves it to the timer: nobody can tell, but for a few milliseconds.
func (r *reply) flush(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failure != nil {
		return r.failure
	}
	return ctx.Err()
}

func (r *reply) finish(ctx context.Context, trailers *fields) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failure != nil {
		return r.failure
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if trailers == nil {
		r.sendHead(int64(len(r.late)))
	}
	if err := r.push(nil, trailers != nil); err != nil {
		return err // what was flushed is chunked, which trailers need
	}
	if trailers != nil {
		trailers.addTo(r.w.Header(), http.TrailerPrefix)
	}
	r.complete.Store(true)
	r.schedule() // for a guest that works on after its response
	return nil
}

func (r *reply) abort(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failure == nil && !r.complete.Load() {
		r.failure = err
	}
}

// close takes w back from the timer and the context.
func (r *reply) close() {
	r.mu.Lock() // the watch goes on until a write of the timer's has ended
	defer r.mu.Unlock()
	if r.release != nil {
		r.release()
	}
	r.closed = true
	if r.timer != nil {
		r.timer.Stop()
	}
}
