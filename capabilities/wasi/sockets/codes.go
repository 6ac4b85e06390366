package sockets

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/writ-host/writ/capabilities/internal/wits"
	"github.com/writ-host/writ/wit"
)

var (
	networkTypes = wits.Interface("wasi:sockets/network")
	errCodes     = networkTypes.Type("error-code")
)

// code is an error-code of the interface, as an error.
type code uint32

func (c code) Error() string { return errCodes.Cases[c].Name }

func codeOf(name string) code { return code(errCodes.CaseIndex(name)) }

// The codes that are this package's own answers; others come from the system.
var (
	errUnknown         = codeOf("unknown")
	errAccessDenied    = codeOf("access-denied")
	errNotSupported    = codeOf("not-supported")
	errInvalidArgument = codeOf("invalid-argument")
	errOutOfMemory     = codeOf("out-of-memory")
	errTimeout         = codeOf("timeout")
	errConcurrency     = codeOf("concurrency-conflict")
	errNotInProgress   = codeOf("not-in-progress")
	errWouldBlock      = codeOf("would-block")
	errInvalidState    = codeOf("invalid-state")
	errSocketLimit     = codeOf("new-socket-limit")
	errNotBindable     = codeOf("address-not-bindable")
	errInUse           = codeOf("address-in-use")
	errUnreachable     = codeOf("remote-unreachable")
	errRefused         = codeOf("connection-refused")
	errReset           = codeOf("connection-reset")
	errAborted         = codeOf("connection-aborted")
	errDatagramSize    = codeOf("datagram-too-large")
	errUnresolvable    = codeOf("name-unresolvable")
	errResolverNow     = codeOf("temporary-resolver-failure")
)

var systemCodes = map[unix.Errno]code{
	unix.EACCES: errAccessDenied, unix.EPERM: errAccessDenied,
	unix.ENOTSUP: errNotSupported, unix.ENOPROTOOPT: errNotSupported, unix.EPFNOSUPPORT: errNotSupported,
	unix.EPROTONOSUPPORT: errNotSupported, unix.ESOCKTNOSUPPORT: errNotSupported, unix.EAFNOSUPPORT: errNotSupported,
	unix.EINVAL: errInvalidArgument, unix.ENOMEM: errOutOfMemory, unix.ENOBUFS: errOutOfMemory,
	unix.ETIMEDOUT: errTimeout, unix.EALREADY: errConcurrency, unix.EAGAIN: errWouldBlock,
	unix.EMFILE: errSocketLimit, unix.ENFILE: errSocketLimit, unix.EADDRNOTAVAIL: errNotBindable, unix.EADDRINUSE: errInUse,
	unix.EHOSTUNREACH: errUnreachable, unix.EHOSTDOWN: errUnreachable, unix.ENETUNREACH: errUnreachable,
	unix.ENETDOWN: errUnreachable, unix.ENONET: errUnreachable, unix.ECONNREFUSED: errRefused,
	unix.ECONNRESET: errReset, unix.EPIPE: errReset, unix.ECONNABORTED: errAborted, unix.EMSGSIZE: errDatagramSize,
	unix.ENOTCONN: errInvalidState, unix.EISCONN: errInvalidState,
}

// codeFor is an error as the interface has it.
func codeFor(err error) code {
	var c code
	var errno unix.Errno
	var limit *wit.LimitError
	switch {
	case errors.As(err, &c):
		return c
	case errors.As(err, &limit):
		return errSocketLimit
	case errors.As(err, &errno):
		if c, ok := systemCodes[errno]; ok {
			return c
		}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errTimeout
	}
	return errUnknown
}

func failure(err error) wit.Value { return wit.Err(wit.Enum(uint32(codeFor(err)))) }

// give is a function that answers with a value or an error-code.
func give(run func(context.Context, *wit.Call) (wit.Value, error)) wit.HostFunc {
	return func(ctx context.Context, c *wit.Call) error {
		v, err := run(ctx, c)
		if err != nil {
			c.Return(failure(err))
			return ctx.Err()
		}
		c.Return(wit.OK(v))
		return nil
	}
}

// do is a function that answers with nothing or an error-code.
func do(run func(context.Context, *wit.Call) error) wit.HostFunc {
	return func(ctx context.Context, c *wit.Call) error {
		if err := run(ctx, c); err != nil {
			c.Return(failure(err))
			return ctx.Err()
		}
		c.Return(wit.Done())
		return nil
	}
}
