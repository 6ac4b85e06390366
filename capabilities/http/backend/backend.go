// Package backend is what the http capability needs from whatever sends a
// component's requests.
//
// Start with [Egress]. The package decides nothing: a request that gets here
// was granted.
package backend

import (
	"context"
	"net/http"
	"time"
)

// Egress sends requests.
type Egress interface {
	// Send sends one request and returns when the response begins. The request's
	// context ends it all, the body of the response included. Redirects are not
	// followed. Errors, of the response's body too, are best an [*Error].
	Send(r *Request) (*http.Response, error)
}

// Request is a request that was granted. Its URL is the resource that was
// decided about, with the query, and its Host is made of that.
//
// Trailer holds the names that may come as keys; their values are there when
// the body has ended.
type Request struct {
	*http.Request

	App, Component string
	Grant          string // id of the grant that allows it
	// Callee is the component of the same app that is to answer; "" when the
	// request is for a server. Its Host is then the component's name, with
	// broker.AppDomain.
	Callee string
	// Named says that the grant names the host without a wildcard. Only then may
	// the host be at an address that is not public.
	Named bool
	// Unverified says that the grant lets the request go to whoever answers,
	// whatever certificate that one shows. Requests without it must not share its
	// connections.
	Unverified bool

	// Timeouts as the component asked; 0 leaves them to the backend.
	Connect      time.Duration // until the connection stands
	FirstByte    time.Duration // without anything moving until the response begins
	BetweenBytes time.Duration // between two parts of the response's body
}

// Plain is an Egress without a process of its own, for hosts and tests that
// have their reasons: it checks no addresses, and certificates as the transport
// does, whatever a grant says.
func Plain(transport http.RoundTripper) Egress { return plain{transport} }

type plain struct{ transport http.RoundTripper }

// Send implements [Egress]. The time to connect and the time to the first byte
// count together.
func (p plain) Send(r *Request) (*http.Response, error) {
	if r.FirstByte <= 0 {
		return p.transport.RoundTrip(r.Request)
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	timer := time.AfterFunc(r.Connect+r.FirstByte, func() { cancel(&Error{Code: HTTPResponseTimeout}) })
	defer timer.Stop()
	resp, err := p.transport.RoundTrip(r.WithContext(ctx))
	if cause, ok := AsError(context.Cause(ctx)); ok && err != nil {
		err = cause
	}
	return resp, err
}
