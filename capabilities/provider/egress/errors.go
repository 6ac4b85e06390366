package egress

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/writ-host/writ/capabilities/http/backend"
)

// describe is why a request failed, in the interface's words.
func describe(ctx context.Context, err error) error {
	if e, ok := backend.AsError(context.Cause(ctx)); ok {
		return e
	}
	if e, ok := backend.AsError(err); ok {
		return e
	}
	if e := describeTLS(err); e != nil {
		return e
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return describeDNS(dns)
	}
	return backend.Errorf(codeOf(err), "%v", err)
}

// describeBody is describe for a response that began.
func describeBody(ctx context.Context, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) && ctx.Err() == nil {
		return &backend.Error{Code: backend.HTTPResponseIncomplete}
	}
	return describe(ctx, err)
}

func describeTLS(err error) *backend.Error {
	var alert tls.AlertError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &certificate):
		return backend.Errorf(backend.TLSCertificateError, "%v", err)
	case errors.As(err, &alert):
		e := backend.Sized(backend.TLSAlertReceived, uint64(alert))
		e.Text = alert.Error()
		return e
	case errors.As(err, &record), strings.Contains(err.Error(), "tls: "):
		return backend.Errorf(backend.TLSProtocolError, "%v", err)
	}
	return nil
}

func describeDNS(e *net.DNSError) *backend.Error {
	switch {
	case e.IsNotFound:
		return backend.Errorf(backend.DestinationNotFound, "%v", e)
	case e.IsTimeout:
		return backend.Errorf(backend.DNSTimeout, "%v", e)
	}
	return backend.Errorf(backend.DNSError, "%s", e.Err)
}

// errnos are what the kernel says of a connection.
var errnos = map[syscall.Errno]backend.Code{
	syscall.ECONNREFUSED: backend.ConnectionRefused,
	syscall.ECONNRESET:   backend.ConnectionTerminated,
	syscall.EPIPE:        backend.ConnectionTerminated,
	syscall.ENETUNREACH:  backend.DestinationIPUnroutable,
	syscall.EHOSTUNREACH: backend.DestinationUnavailable,
	syscall.ETIMEDOUT:    backend.ConnectionTimeout,
	syscall.EMFILE:       backend.ConnectionLimitReached,
	syscall.EACCES:       backend.DestinationIPProhibited, // a port that the operator did not allow
}

// texts are parts of the messages of net/http, which has no values for them.
var texts = []struct {
	part string
	code backend.Code
}{
	{"server response headers exceeded", backend.HTTPResponseHeaderSectionSize},
	{"response header list larger", backend.HTTPResponseHeaderSectionSize},
	{"trailer", backend.HTTPResponseTrailerSectionSize},
	{"unsupported transfer encoding", backend.HTTPResponseTransferCoding},
	{"cannot contain multiple", backend.HTTPProtocolError},
	{"malformed", backend.HTTPProtocolError},
	{"invalid", backend.HTTPProtocolError},
	{"http2: ", backend.HTTPProtocolError},
	{"stream error", backend.HTTPProtocolError},
}

func codeOf(err error) backend.Code {
	var no syscall.Errno
	var timeout net.Error
	if errors.As(err, &no) {
		if code, ok := errnos[no]; ok {
			return code
		}
	}
	if errors.As(err, &timeout) && timeout.Timeout() {
		return backend.ConnectionTimeout
	}
	for _, t := range texts {
		if strings.Contains(err.Error(), t.part) {
			return t.code
		}
	}
	return backend.ConnectionTerminated
}
