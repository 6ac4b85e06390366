package wasihttp

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/writ-host/writ/capabilities/http/backend"
	"github.com/writ-host/writ/wit"
)

// codes are the names of error-code's cases, in the interface's order.
var codes = caseNames(types.Type("error-code"))

func caseNames(t *wit.Type) []string {
	names := make([]string, len(t.Cases))
	for i, c := range t.Cases {
		names[i] = c.Name
	}
	return names
}

// codeError is an error-code as a Go error.
type codeError struct {
	name    string
	payload *wit.Value // fits the case's type; nil for a case without one
	text    string     // what Error says, when it was said before
}

// Error implements error.
func (e *codeError) Error() string {
	if e.text != "" || e.payload == nil {
		return cmp.Or(e.text, e.name)
	}
	switch p, some := e.payload.Payload(); {
	case some && p.Kind() == wit.KindString:
		return e.name + ": " + p.Text()
	case some && e.payload.Kind() == wit.KindOption && p.Kind() != wit.KindRecord:
		return fmt.Sprintf("%s: %d", e.name, p.Uint())
	}
	return e.name
}

// plain is an error-code without a payload.
func plain(name string) *codeError { return &codeError{name: name} }

// sized is an error-code that carries option<u64>.
func sized(name string, n uint64) *codeError {
	some := wit.Some(wit.U64(n))
	return &codeError{name: name, payload: &some}
}

// internal is internal-error.
func internal(text string) *codeError {
	some := wit.Some(wit.String(text))
	return &codeError{name: "internal-error", payload: &some}
}

// value is the error-code as guests know it.
func (e *codeError) value() wit.Value {
	for i, name := range codes {
		if name == e.name {
			return wit.Variant(uint32(i), e.payload)
		}
	}
	return internal(e.name).value()
}

// codeOf reads an error-code that a guest made.
func codeOf(v wit.Value) *codeError {
	e := &codeError{name: "internal-error"}
	if n := int(v.Case()); n < len(codes) {
		e.name = codes[n]
	}
	if p, ok := v.Payload(); ok {
		e.payload = &p
	}
	return e
}

// maxReason bounds what is kept of a guest's own words.
const maxReason = 512

// kept is the error-code of a guest without what belongs to its call, for logs.
func (e *codeError) kept() *codeError {
	text := e.Error()
	return &codeError{name: e.name, text: strings.ToValidUTF8(strings.Clone(text[:min(len(text), maxReason)]), "")}
}

// findCode is the error-code that err is about.
func findCode(err error) (code *codeError, ok bool) {
	if errors.As(err, &code) {
		return code, true
	}
	e, ok := backend.AsError(err)
	if !ok {
		return nil, false
	}
	return fromBackend(e), true
}

// fromBackend is an error of the backend as guests know it.
func fromBackend(e *backend.Error) *codeError {
	code := plain(e.Code.String())
	if t := types.Type("error-code").Cases[min(int(e.Code), len(codes)-1)].Type; t != nil {
		payload, _ := payloadOf(t, e)
		code.payload = &payload
	}
	return code
}

// payloadOf is what an error says as a value of a case's type; ok is false
// where it does not say anything.
func payloadOf(t *wit.Type, e *backend.Error) (v wit.Value, ok bool) {
	switch t.Kind {
	case wit.KindString:
		return wit.String(e.Text), e.Text != ""
	case wit.KindU8, wit.KindU16, wit.KindU32, wit.KindU64:
		if e.Number == nil {
			return wit.Scalar(t.Kind, 0), false
		}
		return wit.Scalar(t.Kind, min(*e.Number, 1<<(8*t.Size-1)<<1-1)), true
	case wit.KindOption:
		if p, ok := payloadOf(t.Elem, e); ok {
			return wit.Some(p), true
		}
		return wit.None(), true
	}
	fields := make([]wit.Value, len(t.Fields))
	for i, f := range t.Fields {
		fields[i], _ = payloadOf(f.Type, e)
	}
	return wit.Record(fields...), true
}

// asCode is any error as an error-code. What the host's own says stays in the host.
func asCode(err error) *codeError {
	if code, ok := findCode(err); ok {
		return code
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return sized("HTTP-request-body-size", uint64(max(tooLarge.Limit, 0)))
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return plain("connection-read-timeout")
	}
	return plain("connection-terminated")
}

// statusOf is the status that tells a client best what a guest's error-code says.
func statusOf(e *codeError) int {
	if status, ok := statuses[e.name]; ok {
		return status
	}
	return http.StatusBadGateway
}

var statuses = map[string]int{
	"internal-error":                    http.StatusInternalServerError,
	"configuration-error":               http.StatusInternalServerError,
	"DNS-timeout":                       http.StatusGatewayTimeout,
	"connection-timeout":                http.StatusGatewayTimeout,
	"connection-read-timeout":           http.StatusGatewayTimeout,
	"connection-write-timeout":          http.StatusGatewayTimeout,
	"HTTP-response-timeout":             http.StatusGatewayTimeout,
	"connection-limit-reached":          http.StatusServiceUnavailable,
	"HTTP-request-denied":               http.StatusForbidden,
	"HTTP-request-length-required":      http.StatusLengthRequired,
	"HTTP-request-body-size":            http.StatusRequestEntityTooLarge,
	"HTTP-request-method-invalid":       http.StatusMethodNotAllowed,
	"HTTP-request-URI-invalid":          http.StatusBadRequest,
	"HTTP-request-URI-too-long":         http.StatusRequestURITooLong,
	"HTTP-request-header-section-size":  http.StatusRequestHeaderFieldsTooLarge,
	"HTTP-request-header-size":          http.StatusRequestHeaderFieldsTooLarge,
	"HTTP-request-trailer-section-size": http.StatusRequestHeaderFieldsTooLarge,
	"HTTP-request-trailer-size":         http.StatusRequestHeaderFieldsTooLarge,
	"loop-detected":                     http.StatusLoopDetected,
}
