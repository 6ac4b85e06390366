package wasihttp

import (
	"context"

	wasiio "github.com/writ-host/writ/capabilities/wasi/io"
	"github.com/writ-host/writ/wit"
)

// incomingResponse is what is behind an incoming-response.
type incomingResponse struct {
	status  int
	headers *fields
	body    *incomingBody // nil once consumed
}

// Drop implements wit.Dropper.
func (r *incomingResponse) Drop() {
	if r.body != nil {
		r.body.Drop()
	}
}

// futureResponse is what is behind a future-incoming-response. Its goroutine
// writes response and err before it sets the event.
type futureResponse struct {
	wasiio.Event
	response *incomingResponse
	err      error
	got      bool
	cancel   func(cause error)
	leave    *leave
}

// Drop implements wit.Dropper: nobody waits for the response any more.
func (f *futureResponse) Drop() {
	if !f.got {
		f.cancel(context.Canceled)
	}
}

func incomingResponseFuncs() map[string]wit.HostFunc {
	return map[string]wit.HostFunc{
		"[method]incoming-response.status": func(_ context.Context, c *wit.Call) error {
			c.Return(wit.U16(uint16(wit.Self[*incomingResponse](c).status)))
			return nil
		},
		"[method]incoming-response.headers": func(_ context.Context, c *wit.Call) error {
			c.Return(wit.NewOwn(fieldsResource, wit.Self[*incomingResponse](c).headers.view()))
			return nil
		},
		"[method]incoming-response.consume": func(_ context.Context, c *wit.Call) error {
			r := wit.Self[*incomingResponse](c)
			consume(c, &r.body)
			return nil
		},
		"[method]future-incoming-response.subscribe": func(_ context.Context, c *wit.Call) error {
			c.Return(wasiio.NewPollable(wit.Self[*futureResponse](c)))
			return nil
		},
		"[method]future-incoming-response.get": getResponse,
		"http-error-code":                      errorCode,
	}
}

func getResponse(ctx context.Context, c *wit.Call) error {
	f := wit.Self[*futureResponse](c)
	if f.got {
		c.Return(wit.Some(wit.Failed()))
		return nil
	}
	if !f.Ready() {
		c.Return(wit.None())
		return nil
	}
	err := f.err
	if err == nil {
		err = f.leave.check(ctx)
	}
	switch {
	case err != nil:
		f.got = true
		c.Return(wit.Some(wit.OK(wit.Err(asCode(err).value()))))
	default:
		f.got = true
		c.Return(wit.Some(wit.OK(wit.OK(wit.NewOwn(incomingResponseType, f.response)))))
	}
	return nil
}

// errorCode finds the error-code in the error of a body's stream.
func errorCode(_ context.Context, c *wit.Call) error {
	if code, ok := findCode(wasiio.ErrorOf(c.Args[0])); ok {
		c.Return(wit.Some(code.value()))
	} else {
		c.Return(wit.None())
	}
	return nil
}
