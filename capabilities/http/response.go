package wasihttp

import (
	"context"

	wasiio "github.com/writ-host/writ/capabilities/wasi/io"
	"github.com/writ-host/writ/wit"
)

// outgoingResponse is what is behind an outgoing-response.
type outgoingResponse struct {
	status  int
	headers *fields
	body    *outgoingBody // nil until the guest asks for it
}

// Drop implements wit.Dropper.
func (r *outgoingResponse) Drop() {
	r.headers.Drop()
	r.body.unsent()
}

// outparam is what is behind a response-outparam.
type outparam struct {
	// set takes the response, or the error instead of one.
	set func(ctx context.Context, response *outgoingResponse, failed *codeError) error
}

func responseFuncs() map[string]wit.HostFunc {
	return map[string]wit.HostFunc{
		"[constructor]outgoing-response": func(_ context.Context, c *wit.Call) error {
			c.Return(wit.NewOwn(outgoingResponseType, &outgoingResponse{status: 200, headers: takeHeaders(c.Args[0])}))
			return nil
		},
		"[method]outgoing-response.status-code": func(_ context.Context, c *wit.Call) error {
			c.Return(wit.U16(uint16(wit.Self[*outgoingResponse](c).status)))
			return nil
		},
		"[method]outgoing-response.set-status-code": setStatus,
		"[method]outgoing-response.headers": func(_ context.Context, c *wit.Call) error {
			c.Return(wit.NewOwn(fieldsResource, wit.Self[*outgoingResponse](c).headers.view()))
			return nil
		},
		"[method]outgoing-response.body": func(_ context.Context, c *wit.Call) error {
			r := wit.Self[*outgoingResponse](c)
			newOutgoingBody(c, &r.body, r.headers, false)
			return nil
		},
		"[static]response-outparam.set": setResponse,
	}
}

// takeHeaders are the fields that a message was made with: nobody changes them any more.
func takeHeaders(v wit.Value) *fields {
	f := wit.Object[*fields](v)
	f.immutable = true
	return f
}

// newOutgoingBody hands out a message's body, the first time, and unless it
// declares a length that is none.
func newOutgoingBody(c *wit.Call, body **outgoingBody, headers *fields, request bool) {
	declared, ok := contentLength(headers)
	if *body != nil || !ok {
		c.Return(wit.Failed())
		return
	}
	*body = &outgoingBody{request: request, declared: declared}
	c.Return(wit.OK(wit.NewOwn(outgoingBodyType, *body)))
}

// setStatus refuses informational statuses too: a response ends with another.
func setStatus(_ context.Context, c *wit.Call) error {
	status := int(c.Args[1].Uint())
	if status < 200 || status > 999 {
		c.Return(wit.Failed())
		return nil
	}
	wit.Self[*outgoingResponse](c).status = status
	c.Return(wit.Done())
	return nil
}

func setResponse(ctx context.Context, c *wit.Call) error {
	p := wit.Object[*outparam](c.Args[0])
	payload, ok := c.Args[1].Payload()
	if !ok {
		return wasiio.Trap("response-outparam.set: neither a response nor an error")
	}
	if c.Args[1].Case() != 0 {
		return p.set(ctx, nil, codeOf(payload).kept())
	}
	response := wit.Object[*outgoingResponse](payload)
	defer response.Drop()
	return p.set(ctx, response, nil)
}
