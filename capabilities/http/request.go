package wasihttp

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/writ-host/writ/wit"
)

// incomingRequest is what is behind an incoming-request.
type incomingRequest struct {
	req     *http.Request
	headers *fields       // nil until the guest asks
	body    *incomingBody // nil once consumed
}

// fields are the request's headers. Many guests never ask for them.
func (r *incomingRequest) fields() *fields {
	if r.headers == nil {
		r.headers = requestHeaders(r.req)
	}
	return r.headers
}

func requestFuncs() map[string]wit.HostFunc {
	return map[string]wit.HostFunc{
		"[method]incoming-request.method": func(_ context.Context, c *wit.Call) error {
			c.Return(methodValue(wit.Self[*incomingRequest](c).req.Method))
			return nil
		},
		"[method]incoming-request.path-with-query": func(_ context.Context, c *wit.Call) error {
			c.Return(optionalText(target(wit.Self[*incomingRequest](c).req)))
			return nil
		},
		"[method]incoming-request.scheme": func(_ context.Context, c *wit.Call) error {
			scheme := uint32(schemeHTTP)
			if r := wit.Self[*incomingRequest](c).req; r.URL.Scheme == "https" || r.URL.Scheme == "" && r.TLS != nil {
				scheme = schemeHTTPS
			}
			c.Return(wit.Some(wit.Variant(scheme, nil)))
			return nil
		},
		"[method]incoming-request.authority": func(_ context.Context, c *wit.Call) error {
			c.Return(optionalText(strings.ToValidUTF8(wit.Self[*incomingRequest](c).req.Host, "")))
			return nil
		},
		"[method]incoming-request.headers": func(_ context.Context, c *wit.Call) error {
			c.Return(wit.NewOwn(fieldsResource, wit.Self[*incomingRequest](c).fields().view()))
			return nil
		},
		"[method]incoming-request.consume": func(_ context.Context, c *wit.Call) error {
			r := wit.Self[*incomingRequest](c)
			consume(c, &r.body)
			return nil
		},
	}
}

// requestHeaders are those of a request that is served.
func requestHeaders(r *http.Request) *fields { return withAnnounced(r.Header, r.Trailer) }

// withAnnounced are header fields with the names that were announced as
// trailers, which net/http keeps apart.
func withAnnounced(header, trailer http.Header) *fields {
	f := fromHeader(header)
	for _, name := range slices.Sorted(maps.Keys(trailer)) {
		f.entries = append(f.entries, field{"trailer", []byte(strings.ToLower(name))})
	}
	return f
}

// consume hands out a body, the first time.
func consume(c *wit.Call, body **incomingBody) {
	if *body == nil {
		c.Return(wit.Failed())
		return
	}
	c.Return(wit.OK(wit.NewOwn(incomingBodyType, *body)))
	*body = nil
}

// target is the request's path with query. Bytes that Go lets through and a
// WIT string cannot hold are escaped.
func target(r *http.Request) string {
	if r.Method == http.MethodConnect {
		return ""
	}
	uri := r.URL.RequestURI()
	var b strings.Builder
	for i := range len(uri) {
		if c := uri[i]; c >= 0x80 {
			const hex = "0123456789ABCDEF"
			b.WriteString(string([]byte{'%', hex[c>>4], hex[c&15]}))
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func optionalText(s string) wit.Value {
	if s == "" {
		return wit.None()
	}
	return wit.Some(wit.String(s))
}

// The cases of scheme.
const (
	schemeHTTP  = 0
	schemeHTTPS = 1
	schemeOther = 2
)

// methods are the cases of method that have a name, in the interface's order;
// the one after them is other.
var methods = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}

func methodValue(method string) wit.Value {
	for i, m := range methods {
		if m == method {
			return wit.Variant(uint32(i), nil)
		}
	}
	name := wit.String(method)
	return wit.Variant(uint32(len(methods)), &name)
}

// methodName is the reverse; ok is false for what is not a method.
func methodName(v wit.Value) (name string, ok bool) {
	if n := int(v.Case()); n < len(methods) {
		return methods[n], true
	}
	p, _ := v.Payload()
	return strings.Clone(p.Text()), isToken(p.Text())
}
