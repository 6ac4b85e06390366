package writ

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/writ-host/writ/capabilities/http/backend"
	"github.com/writ-host/writ/capabilities/http/local"
)

// origin is what the context of a guest tells of why it runs.
type origin struct {
	edition *edition
	depth   int           // how many calls from component to component led here
	calls   *atomic.Int64 // that go on now for the request that came from outside
}

type originKey struct{}

func (o *origin) context(ctx context.Context) context.Context {
	return context.WithValue(ctx, originKey{}, o)
}

// outside is the origin of what runs for somebody who is not a component.
func (e *edition) outside() *origin { return &origin{edition: e, calls: new(atomic.Int64)} }

// senders sends components' requests: to each other here, and to servers
// through the provider.
type senders struct {
	host    *Host
	outside backend.Egress // nil when nothing is sent to servers
}

// Send implements backend.Egress.
func (s *senders) Send(r *backend.Request) (*http.Response, error) {
	switch {
	case r.Callee != "":
		return s.host.call(r)
	case s.outside == nil:
		return nil, backend.Errorf(backend.InternalError, "this host serves no outgoing http")
	}
	return s.outside.Send(r)
}

// call has a component answer another one's request, which was granted. What
// it costs is bounded: how deep calls go, how many there are for one request
// from outside, and how many in all. None of them waits, so that calls that
// hold what others need end with an error and not in a deadlock.
func (h *Host) call(r *backend.Request) (*http.Response, error) {
	from, ok := r.Context().Value(originKey{}).(*origin)
	if !ok || !from.edition.enter() {
		from = h.use().outside()
	}
	leave := from.edition.leave
	limits := h.app.Config.Limits
	callee := from.edition.runners[r.Callee]
	if callee == nil || callee.handle == nil {
		leave()
		return nil, backend.Errorf(backend.DestinationNotFound, "the app has no component %s that answers requests", r.Callee)
	}
	if from.depth >= limits.CallDepth {
		leave()
		return nil, backend.Errorf(backend.LoopDetected, "calls between components are %d deep, as many as limits.call-depth allows", from.depth)
	}
	if !h.enterCall(from) {
		leave()
		return nil, backend.Errorf(backend.ConnectionLimitReached, "as many calls between components go on as limits allow")
	}
	done := func() {
		from.calls.Add(-1)
		h.calls.Add(-1)
		leave()
	}
	next := &origin{edition: from.edition, depth: from.depth + 1, calls: from.calls}
	transport := &local.Transport{Handler: callee.answering(r.Component), Done: done, OnPanic: h.panicked}
	called := *r
	called.Request = served(r, next)
	return backend.Plain(transport).Send(&called)
}

// enterCall counts one more call, unless there are too many.
func (h *Host) enterCall(from *origin) bool {
	limits := h.app.Config.Limits
	if from.calls.Add(1) > int64(limits.RequestCalls) {
		from.calls.Add(-1)
		return false
	}
	if h.calls.Add(1) > int64(limits.Calls) {
		from.calls.Add(-1)
		h.calls.Add(-1)
		return false
	}
	return true
}

func (h *Host) panicked(what any) { h.log.Error("a call between components panicked", "panic", what) }

// inside is the route of a request that another component sends.
var inside = (route{text: "/...", below: true}).bind(nil)

// served is a request as a server has it.
func served(r *backend.Request, o *origin) *http.Request {
	req := r.WithContext(o.context(r.Context()))
	req.RemoteAddr, req.RequestURI = "0.0.0.0:0", r.URL.RequestURI()
	path := r.URL.EscapedPath()
	if strip(req.Header) {
		distrust(req.Header)
	}
	inside.tell(req, path, routeMatch{rest: path})
	req.Header["Writ-Caller"] = []string{r.Component}
	return req
}

// answering answers the requests of another component.
func (r *runner) answering(caller string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		done := Request{Time: time.Now(), Method: req.Method, Path: req.URL.Path, Component: r.name, Caller: caller}
		defer r.host.tell(&done)
		req = r.host.traceRequest(req, r, &done, false)
		r.serve(w, req, &done)
	})
}
