package provider

import (
	"context"
	"errors"

	"github.com/writ-host/writ/capabilities/kv/backend"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// statusOf is an error as the status of a control call.
func statusOf(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return status.Error(codes.DeadlineExceeded, err.Error())
	}
	return status.Error(codes.FailedPrecondition, err.Error())
}

// fromStatus is a failed call as an operation's error. A cancelled one was not
// cancelled by its caller, who has left: its connection was closed.
func fromStatus(name string, err error) error {
	if err == nil {
		err = status.Error(codes.DeadlineExceeded, "it did not answer in time")
	}
	code := backend.Unavailable
	switch status.Code(err) {
	case codes.DeadlineExceeded:
		code = backend.Deadline
	case codes.Unimplemented:
		code = backend.Unimplemented
	case codes.ResourceExhausted:
		code = backend.TooLarge
	}
	return backend.Errorf(code, "provider %s: %s", name, status.Convert(err).Message())
}
