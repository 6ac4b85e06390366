package wasihttp

import (
	"context"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/wit"
)

func (h *HTTP) outgoingFuncs() map[string]capabilities.Func {
	return map[string]capabilities.Func{
		"handle": {Run: h.handle, Permit: requestPermit, Deny: denyRequest},
	}
}

// resource is the canonical name of what the request asks for.
func (r *outgoingRequest) resource() (string, error) {
	scheme := r.scheme
	if scheme == "" {
		scheme = "https"
	}
	return broker.HTTPResource(scheme, r.authority, r.path)
}

// requestPermit is the permit that the request and its bodies go on under. It
// has no resource for a request that has no canonical form, so that it is
// denied whatever was granted.
func requestPermit(c *wit.Call) *capabilities.Permit {
	r := wit.Object[*outgoingRequest](c.Args[0])
	resource, err := r.resource()
	if err != nil {
		resource = ""
	}
	r.permit = &capabilities.Permit{Access: capabilities.Access{
		Capability: "http", Operation: r.method, Resource: resource, Bytes: r.length()}}
	return r.permit
}

// length is the size of the body as far as it is known beforehand.
func (r *outgoingRequest) length() int64 {
	if r.body == nil {
		return 0
	}
	return max(r.body.declared, r.body.written)
}

func denyRequest(c *wit.Call) {
	r := wit.Object[*outgoingRequest](c.Args[0])
	defer r.discard()
	if _, err := r.resource(); err != nil {
		c.Return(wit.Err(plain("HTTP-request-URI-invalid").value()))
		return
	}
	c.Return(wit.Err(denied.value()))
}

// discard ends a request that is not sent.
func (r *outgoingRequest) discard() {
	r.Drop()
	if r.body != nil {
		_ = r.body.abort(denied)
	}
}

// handle sends a request that was granted.
func (h *HTTP) handle(ctx context.Context, c *wit.Call) error {
	r := wit.Object[*outgoingRequest](c.Args[0])
	defer r.Drop()
	var options requestOptions
	if p, some := c.Args[1].Payload(); some {
		options = *wit.Object[*requestOptions](p)
	}
	if h.config.Egress == nil {
		r.discard()
		c.Return(wit.Err(internal("this host serves no outgoing http").value()))
		return nil
	}
	sent, cancel := context.WithCancelCause(ctx)
	l := &leave{permit: r.permit, instance: capabilities.From(c), cancel: cancel}
	req, err := r.build(sent, l)
	if err != nil {
		cancel(err)
		r.discard()
		c.Return(wit.Err(asCode(err).value()))
		return nil
	}
	f := &futureResponse{cancel: cancel, leave: l}
	go f.run(h.config.Egress, l.sign(req, options))
	c.Return(wit.OK(wit.NewOwn(futureResponseResource, f)))
	return nil
}
