package provider

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/writ-host/writ/capabilities/http/backend"
	pb "github.com/writ-host/writ/proto/writ/provider/v1"
)

// HTTP's values, between Go and the wire.

func wireFields(h http.Header) []*pb.HTTPField {
	fields := make([]*pb.HTTPField, 0, len(h))
	for name, values := range h {
		for _, v := range values {
			fields = append(fields, &pb.HTTPField{Name: name, Value: []byte(v)})
		}
	}
	return fields
}

// wireAnnounced are the fields that say which trailers may follow.
func wireAnnounced(trailers http.Header) []*pb.HTTPField {
	fields := make([]*pb.HTTPField, 0, len(trailers))
	for name := range trailers {
		fields = append(fields, &pb.HTTPField{Name: "Trailer", Value: []byte(name)})
	}
	return fields
}

// maxHeadFields bounds the fields of a head, or the trailers, that a provider answers.
const maxHeadFields = 1 << 20

// fieldsSize is what fields take, as HTTP/2 counts it.
func fieldsSize(fields []*pb.HTTPField) (n int) {
	for _, f := range fields {
		n += len(f.GetName()) + len(f.GetValue()) + 32
	}
	return n
}

func readFields(fields []*pb.HTTPField) http.Header {
	h := make(http.Header, len(fields))
	for _, f := range fields {
		h.Add(f.GetName(), string(f.GetValue()))
	}
	return h
}

func microseconds(d time.Duration) uint64 { return uint64(max(0, d.Microseconds())) }

func duration(us uint64) time.Duration {
	return time.Duration(min(us, uint64(24*time.Hour/time.Microsecond))) * time.Microsecond
}

func wireRequest(r *backend.Request, traceparent string) *pb.HTTPRequest {
	head := &pb.HTTPRequest{
		Caller: &pb.Caller{App: r.App, Component: r.Component, GrantId: r.Grant, Traceparent: traceparent},
		Method: r.Method, Scheme: r.URL.Scheme, Authority: r.URL.Host, PathWithQuery: r.URL.RequestURI(),
		Headers: wireFields(r.Header), Named: r.Named, Unverified: r.Unverified, ConnectTimeoutUs: microseconds(r.Connect),
		FirstByteTimeoutUs: microseconds(r.FirstByte), BetweenBytesTimeoutUs: microseconds(r.BetweenBytes),
	}
	head.Headers = append(head.Headers, wireAnnounced(r.Trailer)...)
	if r.ContentLength >= 0 {
		n := uint64(r.ContentLength)
		head.ContentLength = &n
	}
	if traceparent != "" && r.Named && len(r.Header["Traceparent"]) == 0 { // the component's own one counts
		head.Headers = append(head.Headers, &pb.HTTPField{Name: "Traceparent", Value: []byte(traceparent)})
	}
	return head
}

var errNoHead = errors.New("the exchange does not begin with a head")

// readRequest makes a request without a body of its head. Nothing but the
// authority says where it goes.
func readRequest(head *pb.HTTPRequest) (*backend.Request, error) {
	if head == nil {
		return nil, errNoHead
	}
	u, err := url.Parse(head.GetScheme() + "://" + head.GetAuthority() + head.GetPathWithQuery())
	if err != nil {
		return nil, fmt.Errorf("the address does not parse: %w", err)
	}
	if u.Scheme != head.GetScheme() || u.Scheme != "http" && u.Scheme != "https" || u.Host != head.GetAuthority() || u.Port() == "" ||
		u.User != nil || u.Fragment != "" || !strings.HasPrefix(head.GetPathWithQuery(), "/") {
		return nil, errors.New("the address is not that of a request")
	}
	r := &http.Request{Method: head.GetMethod(), URL: u, Host: shortHost(u), Header: readFields(head.GetHeaders()), Body: http.NoBody, ContentLength: -1}
	for _, name := range r.Header["Trailer"] {
		if r.Trailer == nil {
			r.Trailer = http.Header{}
		}
		r.Trailer[http.CanonicalHeaderKey(name)] = nil
	}
	for _, name := range []string{"Trailer", "Host", "Content-Length", "Transfer-Encoding", "Connection"} {
		delete(r.Header, name)
	}
	if n := head.ContentLength; n != nil && *n <= 1<<62 {
		r.ContentLength = int64(*n)
	}
	c := head.GetCaller()
	return &backend.Request{Request: r, App: c.GetApp(), Component: c.GetComponent(), Grant: c.GetGrantId(), Named: head.GetNamed(),
		Unverified: head.GetUnverified(), Connect: duration(head.GetConnectTimeoutUs()), FirstByte: duration(head.GetFirstByteTimeoutUs()),
		BetweenBytes: duration(head.GetBetweenBytesTimeoutUs())}, nil
}

// shortHost leaves out the port that goes without saying.
func shortHost(u *url.URL) string {
	if u.Scheme == "https" && u.Port() == "443" || u.Scheme == "http" && u.Port() == "80" {
		return strings.TrimSuffix(u.Host, ":"+u.Port())
	}
	return u.Host
}

func wireHTTPError(err error) *pb.HTTPError {
	e, ok := backend.AsError(err)
	if !ok {
		e = backend.Errorf(backend.ConnectionTerminated, "%v", err)
	}
	return &pb.HTTPError{Code: pb.HTTPError_Code(e.Code) + 1, Message: e.Text, Number: e.Number}
}

func readHTTPError(e *pb.HTTPError) *backend.Error {
	code := backend.InternalError
	if n := e.GetCode(); n > 0 && n <= pb.HTTPError_CODE_INTERNAL_ERROR {
		code = backend.Code(n - 1)
	}
	return &backend.Error{Code: code, Text: e.GetMessage(), Number: e.Number}
}
