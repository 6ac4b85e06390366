package backend

import (
	"context"
	"errors"
)

// AsError is err as an *Error: contexts that ended become [Deadline], what is
// unknown [Internal]. It is nil for nil.
func AsError(err error) *Error {
	var e *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &Error{Code: Deadline, Message: err.Error()}
	default:
		return &Error{Code: Internal, Message: err.Error()}
	}
}

// Is reports whether an error is of a kind.
func Is(err error, c Code) bool {
	e := AsError(err)
	return e != nil && e.Code == c
}
