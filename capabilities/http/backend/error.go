package backend

import (
	"errors"
	"fmt"
)

// Code is a case of wasi:http's error-code, in its order.
type Code uint8

// The cases.
const (
	DNSTimeout Code = iota
	DNSError
	DestinationNotFound
	DestinationUnavailable
	DestinationIPProhibited
	DestinationIPUnroutable
	ConnectionRefused
	ConnectionTerminated
	ConnectionTimeout
	ConnectionReadTimeout
	ConnectionWriteTimeout
	ConnectionLimitReached
	TLSProtocolError
	TLSCertificateError
	TLSAlertReceived
	HTTPRequestDenied
	HTTPRequestLengthRequired
	HTTPRequestBodySize
	HTTPRequestMethodInvalid
	HTTPRequestURIInvalid
	HTTPRequestURITooLong
	HTTPRequestHeaderSectionSize
	HTTPRequestHeaderSize
	HTTPRequestTrailerSectionSize
	HTTPRequestTrailerSize
	HTTPResponseIncomplete
	HTTPResponseHeaderSectionSize
	HTTPResponseHeaderSize
	HTTPResponseBodySize
	HTTPResponseTrailerSectionSize
	HTTPResponseTrailerSize
	HTTPResponseTransferCoding
	HTTPResponseContentCoding
	HTTPResponseTimeout
	HTTPUpgradeFailed
	HTTPProtocolError
	LoopDetected
	ConfigurationError
	InternalError
)

var names = [...]string{
	"DNS-timeout", "DNS-error", "destination-not-found", "destination-unavailable", "destination-IP-prohibited",
	"destination-IP-unroutable", "connection-refused", "connection-terminated", "connection-timeout",
	"connection-read-timeout", "connection-write-timeout", "connection-limit-reached", "TLS-protocol-error",
	"TLS-certificate-error", "TLS-alert-received", "HTTP-request-denied", "HTTP-request-length-required",
	"HTTP-request-body-size", "HTTP-request-method-invalid", "HTTP-request-URI-invalid",
	"HTTP-request-URI-too-long", "HTTP-request-header-section-size", "HTTP-request-header-size",
	"HTTP-request-trailer-section-size", "HTTP-request-trailer-size", "HTTP-response-incomplete",
	"HTTP-response-header-section-size", "HTTP-response-header-size", "HTTP-response-body-size",
	"HTTP-response-trailer-section-size", "HTTP-response-trailer-size", "HTTP-response-transfer-coding",
	"HTTP-response-content-coding", "HTTP-response-timeout", "HTTP-upgrade-failed", "HTTP-protocol-error",
	"loop-detected", "configuration-error", "internal-error",
}

// String is the name of the case.
func (c Code) String() string {
	if int(c) < len(names) {
		return names[c]
	}
	return names[InternalError]
}

// Error is why there is no response, or no more of it.
type Error struct {
	Code Code
	// Text is of a case that has one, and then reaches the component; else it is
	// for logs.
	Text string
	// Number is of a case that has one, such as a size; nil when it is not known.
	Number *uint64
}

// Errorf is an Error with a text.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Text: fmt.Sprintf(format, args...)}
}

// Sized is an Error with a number.
func Sized(code Code, n uint64) *Error { return &Error{Code: code, Number: &n} }

// Error implements error.
func (e *Error) Error() string {
	switch {
	case e.Text != "":
		return e.Code.String() + ": " + e.Text
	case e.Number != nil:
		return fmt.Sprintf("%s: %d", e.Code, *e.Number)
	}
	return e.Code.String()
}

// AsError is err as an [*Error], when it is one.
func AsError(err error) (e *Error, ok bool) {
	ok = errors.As(err, &e)
	return e, ok
}
