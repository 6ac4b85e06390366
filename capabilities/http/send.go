package wasihttp

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities/http/backend"
	wasiio "github.com/writ-host/writ/capabilities/wasi/io"
)

// build makes the request of the address that was decided about.
func (r *outgoingRequest) build(ctx context.Context, l *leave) (*http.Request, error) {
	resource, err := r.resource()
	if err != nil {
		return nil, plain("HTTP-request-URI-invalid")
	}
	u, err := url.Parse(resource)
	if err != nil {
		return nil, plain("HTTP-request-URI-invalid")
	}
	if u.Scheme == broker.AppScheme {
		l.callee = u.Host
		u.Scheme, u.Host = "http", u.Host+broker.AppDomain
	}
	if r.method == http.MethodConnect {
		return nil, plain("HTTP-request-method-invalid") // it asks for a tunnel, which no path is the name of
	}
	path, query, _ := strings.Cut(r.path, "?")
	u.RawPath, u.RawQuery = normalPath(path), query
	if u.Path, err = url.PathUnescape(u.RawPath); err != nil {
		return nil, plain("HTTP-request-URI-invalid")
	}
	req := (&http.Request{Method: r.method, URL: u, Host: hostHeader(u), Header: http.Header{}, Body: http.NoBody}).WithContext(ctx)
	r.headers.addTo(req.Header, "")
	req.Trailer = announced(req.Header)
	req.Header.Del("Content-Length") // the request has it from the body
	req.Header.Del("Trailer")        // and this from Trailer
	if r.body != nil {
		r.body.attach(ctx, req, l)
	}
	return req, nil
}

// normalPath is a path in the form of RFC 3986, 6.2.2: what needs no escape has
// none, and what does is in capitals. Other than the resource, which escapes all
// that it can, it leaves delimiters as the guest wrote them.
func normalPath(path string) string {
	if path == "" {
		return "/"
	}
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] != '%' || i+2 >= len(path) {
			b.WriteByte(path[i])
			continue
		}
		escape := strings.ToUpper(path[i : i+3])
		if plain, err := url.PathUnescape(escape); err == nil && isUnreserved(plain[0]) {
			escape = plain
		}
		b.WriteString(escape)
		i += 2
	}
	return b.String()
}

// isUnreserved follows RFC 3986, 2.3.
func isUnreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// hostHeader leaves out the port that goes without saying.
func hostHeader(u *url.URL) string {
	port := u.Port()
	if u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		return strings.TrimSuffix(u.Host, ":"+port)
	}
	return u.Host
}

// announced are the names that a trailer field says will follow the body.
func announced(h http.Header) http.Header {
	var names http.Header
	for _, line := range h["Trailer"] {
		for name := range strings.SplitSeq(line, ",") {
			name = http.CanonicalHeaderKey(strings.TrimSpace(name))
			if !isToken(name) || name == "Content-Length" || name == "Trailer" || isForbidden(strings.ToLower(name)) {
				continue
			}
			if names == nil {
				names = http.Header{}
			}
			names[name] = nil
		}
	}
	return names
}

// run sends the request, and leaves the response in the future.
func (f *futureResponse) run(egress backend.Egress, req *backend.Request) {
	defer f.Set()
	resp, err := egress.Send(req)
	if err != nil {
		f.err = transportError(req.Context(), err)
		f.cancel(f.err)
		return
	}
	source := &bodySource{r: resp.Body, ctx: req.Context(), cancel: f.cancel, quiet: req.BetweenBytes, leave: f.leave}
	source.options.Interrupt = func() { f.cancel(context.Canceled) }
	source.close = func() {
		f.cancel(context.Canceled)
		_ = resp.Body.Close()
	}
	f.response = &incomingResponse{
		status:  resp.StatusCode,
		headers: withAnnounced(resp.Header, resp.Trailer),
		body:    &incomingBody{source: source, trailers: func() http.Header { return resp.Trailer }},
	}
}

// transportError is what the guest hears of a request that failed.
func transportError(ctx context.Context, err error) error {
	if code, ok := findCode(context.Cause(ctx)); ok {
		return code
	}
	if code, ok := findCode(err); ok {
		return code
	}
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &dns):
		return plain("destination-not-found")
	case errors.As(err, &timeout) && timeout.Timeout():
		return plain("connection-timeout")
	}
	return plain("destination-unavailable")
}

var _ wasiio.Pollable = (*futureResponse)(nil)
