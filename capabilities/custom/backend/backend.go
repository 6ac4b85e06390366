// Package backend is what a provider of interfaces of its own has to be able
// to do, for those who use one (package custom). It depends on little, so that
// a provider's program stays small.
//
// Start with [Custom].
package backend

import (
	"context"

	"github.com/writ-host/writ/capabilities/kv/backend"
)

// Caller says for whom a function is called. The host has decided already.
type Caller struct {
	App       string
	Component string
	Grant     string // id of the grant that allowed it
	// Scope is the component instance whose the resources are: a number that no
	// other instance has.
	Scope uint64
	// Traceparent is the trace that the call is part of, as W3C has it, or "". A
	// provider is told of it; a host leaves it empty.
	Traceparent string
}

// Call is a call of a function. Values are in the form of package value.
type Call struct {
	Interface string // as the provider describes it
	Function  string // as components spell it
	Args      []byte
	// Life is the life of the provider's process in which the handles among Args
	// are good; 0 when there are none. In any other the call fails.
	Life uint64
}

// Answer is what a function returned.
type Answer struct {
	Result []byte
	// Life is the life of the process in which the handles of the result are good.
	Life uint64
}

// Custom calls a provider's functions. What goes wrong is an [*Error].
type Custom interface {
	Invoke(ctx context.Context, at Caller, call Call) (Answer, error)
	// Drop ends resources of a life, or with ended all that the scope has.
	Drop(ctx context.Context, at Caller, life uint64, handles []uint64, ended bool) error
}

// Error is a call's failure that is none of the function's own results.
type Error = backend.Error

// The kinds of failure that matter here; others count as Internal.
const (
	AccessDenied  = backend.AccessDenied
	Invalid       = backend.Invalid
	TooLarge      = backend.TooLarge
	Deadline      = backend.Deadline
	Unavailable   = backend.Unavailable
	Unimplemented = backend.Unimplemented
	Internal      = backend.Internal
)

// Errorf is an Error with a message.
func Errorf(c backend.Code, format string, args ...any) *Error {
	return backend.Errorf(c, format, args...)
}

// AsError is err as an *Error.
func AsError(err error) *Error { return backend.AsError(err) }
