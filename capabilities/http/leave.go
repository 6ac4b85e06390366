package wasihttp

import (
	"context"
	"net/http"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/http/backend"
)

// denied is what a guest hears of a request that is not granted, at once or
// any more.
var denied = plain("HTTP-request-denied")

// leave is what a request was sent under, and what its bodies go on under: a
// revocation ends them at the guest's next operation. It is used on the
// goroutine of the instance.
type leave struct {
	permit   *capabilities.Permit // nil when nobody was asked, in tests
	instance *capabilities.Instance
	cancel   func(cause error)
	used     int64  // bytes of the request's body
	callee   string // the component of the app that is asked, or ""
}

// check ends the request when it is not allowed any more.
func (l *leave) check(ctx context.Context) error {
	if l == nil || l.permit == nil || l.permit.Lasts(ctx, l.instance) {
		return nil
	}
	l.cancel(denied)
	return denied
}

// spend is check before n more bytes of the request's body, whose number the
// grant may bound.
func (l *leave) spend(ctx context.Context, n int) error {
	if err := l.check(ctx); err != nil || l.permit == nil {
		return err
	}
	l.used += int64(n)
	if g := l.permit.Grant(); g != nil && g.Limits.MaxBytes > 0 && l.used > g.Limits.MaxBytes {
		err := sized("HTTP-request-body-size", uint64(l.used))
		l.cancel(err)
		return err
	}
	return nil
}

// sign makes a request one that says for whom it is.
func (l *leave) sign(req *http.Request, o requestOptions) *backend.Request {
	r := &backend.Request{Request: req, Connect: o.connect, FirstByte: o.firstByte, BetweenBytes: o.betweenBytes, Callee: l.callee}
	if l.instance != nil {
		r.App, r.Component = l.instance.App, l.instance.Component
	}
	if l.permit == nil {
		return r
	}
	if g := l.permit.Grant(); g != nil {
		r.Grant, r.Named, r.Unverified = g.ID, g.NamesHost(), g.TLS == broker.Unverified
	}
	return r
}
