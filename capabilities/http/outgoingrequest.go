package wasihttp

import (
	"context"
	"strings"
	"time"

	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/wit"
)

// outgoingRequest is what is behind an outgoing-request.
type outgoingRequest struct {
	method    string
	scheme    string // "" for none
	authority string // "" for none
	path      string // with query; "" for none
	headers   *fields
	body      *outgoingBody // nil until the guest asks for it
	permit    *capabilities.Permit
}

// Drop implements wit.Dropper.
func (r *outgoingRequest) Drop() {
	r.headers.Drop()
	r.body.unsent()
}

func outgoingRequestFuncs() map[string]wit.HostFunc {
	return map[string]wit.HostFunc{
		"[constructor]outgoing-request": func(_ context.Context, c *wit.Call) error {
			c.Return(wit.NewOwn(outgoingRequestType, &outgoingRequest{method: "GET", headers: takeHeaders(c.Args[0])}))
			return nil
		},
		"[method]outgoing-request.body": func(_ context.Context, c *wit.Call) error {
			r := wit.Self[*outgoingRequest](c)
			newOutgoingBody(c, &r.body, r.headers, true)
			return nil
		},
		"[method]outgoing-request.headers": func(_ context.Context, c *wit.Call) error {
			c.Return(wit.NewOwn(fieldsResource, wit.Self[*outgoingRequest](c).headers.view()))
			return nil
		},
		"[method]outgoing-request.method": func(_ context.Context, c *wit.Call) error {
			c.Return(methodValue(wit.Self[*outgoingRequest](c).method))
			return nil
		},
		"[method]outgoing-request.set-method": setMethod,
		"[method]outgoing-request.scheme": func(_ context.Context, c *wit.Call) error {
			c.Return(schemeValue(wit.Self[*outgoingRequest](c).scheme))
			return nil
		},
		"[method]outgoing-request.set-scheme": setScheme,
		"[method]outgoing-request.authority": func(_ context.Context, c *wit.Call) error {
			c.Return(optionalText(wit.Self[*outgoingRequest](c).authority))
			return nil
		},
		"[method]outgoing-request.set-authority": func(_ context.Context, c *wit.Call) error {
			return setText(c, &wit.Self[*outgoingRequest](c).authority, isAuthority)
		},
		"[method]outgoing-request.path-with-query": func(_ context.Context, c *wit.Call) error {
			c.Return(optionalText(wit.Self[*outgoingRequest](c).path))
			return nil
		},
		"[method]outgoing-request.set-path-with-query": func(_ context.Context, c *wit.Call) error {
			return setText(c, &wit.Self[*outgoingRequest](c).path, isPathWithQuery)
		},
	}
}

// maxText bounds the parts of a request's target, and its method.
const maxText = 16 << 10

// setText sets one of the request's texts from an option<string>.
func setText(c *wit.Call, to *string, valid func(string) bool) error {
	p, some := c.Args[1].Payload()
	switch text := p.Text(); {
	case !some:
		*to = ""
	case len(text) > maxText || !valid(text):
		c.Return(wit.Failed())
		return nil
	default:
		*to = strings.Clone(text)
	}
	c.Return(wit.Done())
	return nil
}

func setMethod(_ context.Context, c *wit.Call) error {
	name, ok := methodName(c.Args[1])
	if !ok || len(name) > maxText {
		c.Return(wit.Failed())
		return nil
	}
	wit.Self[*outgoingRequest](c).method = name
	c.Return(wit.Done())
	return nil
}

func schemeValue(scheme string) wit.Value {
	switch scheme {
	case "":
		return wit.None()
	case "http":
		return wit.Some(wit.Variant(schemeHTTP, nil))
	case "https":
		return wit.Some(wit.Variant(schemeHTTPS, nil))
	}
	name := wit.String(scheme)
	return wit.Some(wit.Variant(schemeOther, &name))
}

func setScheme(_ context.Context, c *wit.Call) error {
	scheme := ""
	if v, some := c.Args[1].Payload(); some {
		other, _ := v.Payload()
		scheme = [...]string{schemeHTTP: "http", schemeHTTPS: "https", schemeOther: strings.ToLower(other.Text())}[v.Case()]
		if len(scheme) > maxText || !isScheme(scheme) {
			c.Return(wit.Failed())
			return nil
		}
	}
	wit.Self[*outgoingRequest](c).scheme = strings.Clone(scheme)
	c.Return(wit.Done())
	return nil
}

// requestOptions is what is behind a request-options. 0 is none.
type requestOptions struct{ connect, firstByte, betweenBytes time.Duration }

func optionsFuncs() map[string]wit.HostFunc {
	funcs := map[string]wit.HostFunc{
		"[constructor]request-options": func(_ context.Context, c *wit.Call) error {
			c.Return(wit.NewOwn(requestOptionsType, &requestOptions{}))
			return nil
		},
	}
	for name, field := range map[string]func(*requestOptions) *time.Duration{
		"connect-timeout":       func(o *requestOptions) *time.Duration { return &o.connect },
		"first-byte-timeout":    func(o *requestOptions) *time.Duration { return &o.firstByte },
		"between-bytes-timeout": func(o *requestOptions) *time.Duration { return &o.betweenBytes },
	} {
		funcs["[method]request-options."+name] = getTimeout(field)
		funcs["[method]request-options.set-"+name] = setTimeout(field)
	}
	return funcs
}

func getTimeout(field func(*requestOptions) *time.Duration) wit.HostFunc {
	return func(_ context.Context, c *wit.Call) error {
		d := *field(wit.Self[*requestOptions](c))
		if d == 0 {
			c.Return(wit.None())
		} else {
			c.Return(wit.Some(wit.U64(uint64(d))))
		}
		return nil
	}
}

// setTimeout refuses what is no time at all, and what no host waits for.
func setTimeout(field func(*requestOptions) *time.Duration) wit.HostFunc {
	return func(_ context.Context, c *wit.Call) error {
		p, some := c.Args[1].Payload()
		if some && (p.Uint() == 0 || p.Uint() > uint64(1<<62)) {
			c.Return(wit.Failed())
			return nil
		}
		*field(wit.Self[*requestOptions](c)) = time.Duration(p.Uint())
		c.Return(wit.Done())
		return nil
	}
}
