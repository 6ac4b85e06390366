package filesystem

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"

	"github.com/writ-host/writ/capabilities/internal/wits"
	"github.com/writ-host/writ/wit"
)

var (
	types    = wits.Interface("wasi:filesystem/types")
	errCodes = types.Type("error-code")
)

// code is an error-code of the interface, as an error.
type code uint32

func (c code) Error() string { return errCodes.Cases[c].Name }

func codeOf(name string) code { return code(errCodes.CaseIndex(name)) }

// The codes that are this package's own answers; others come from the system.
var (
	errAccess        = codeOf("access")
	errBadDescriptor = codeOf("bad-descriptor")
	errExist         = codeOf("exist")
	errIllegal       = codeOf("illegal-byte-sequence")
	errInvalid       = codeOf("invalid")
	errIO            = codeOf("io")
	errIsDirectory   = codeOf("is-directory")
	errLoop          = codeOf("loop")
	errNameTooLong   = codeOf("name-too-long")
	errNoEntry       = codeOf("no-entry")
	errNotDirectory  = codeOf("not-directory")
	errNotPermitted  = codeOf("not-permitted")
	errQuota         = codeOf("quota")
	errReadOnly      = codeOf("read-only")
	errUnsupported   = codeOf("unsupported")
)

var systemCodes = map[unix.Errno]code{
	unix.EACCES: errAccess, unix.EAGAIN: codeOf("would-block"), unix.EALREADY: codeOf("already"),
	unix.EBADF: errBadDescriptor, unix.EBUSY: codeOf("busy"), unix.EDEADLK: codeOf("deadlock"),
	unix.EDQUOT: errQuota, unix.EEXIST: errExist, unix.EFBIG: codeOf("file-too-large"),
	unix.EILSEQ: errIllegal, unix.EINPROGRESS: codeOf("in-progress"), unix.EINTR: codeOf("interrupted"),
	unix.EINVAL: errInvalid, unix.EIO: errIO, unix.EISDIR: errIsDirectory, unix.ELOOP: errLoop,
	unix.EMLINK: codeOf("too-many-links"), unix.EMSGSIZE: codeOf("message-size"), unix.ENAMETOOLONG: errNameTooLong,
	unix.ENODEV: codeOf("no-device"), unix.ENOENT: errNoEntry, unix.ENOLCK: codeOf("no-lock"),
	unix.ENOMEM: codeOf("insufficient-memory"), unix.ENOSPC: codeOf("insufficient-space"),
	unix.ENOTDIR: errNotDirectory, unix.ENOTEMPTY: codeOf("not-empty"), unix.ENOTRECOVERABLE: codeOf("not-recoverable"),
	unix.ENOTSUP: errUnsupported, unix.ENOSYS: errUnsupported, unix.ENOTTY: codeOf("no-tty"),
	unix.ENXIO: codeOf("no-such-device"), unix.EOVERFLOW: codeOf("overflow"), unix.EPERM: errNotPermitted,
	unix.EPIPE: codeOf("pipe"), unix.EROFS: errReadOnly, unix.ESPIPE: codeOf("invalid-seek"),
	unix.ETXTBSY: codeOf("text-file-busy"), unix.EXDEV: codeOf("cross-device"),
	unix.EMFILE: errQuota, unix.ENFILE: errQuota,
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
		return errQuota
	case errors.As(err, &errno):
		if c, ok := systemCodes[errno]; ok {
			return c
		}
	}
	return errIO
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

// again repeats a call of the system that a signal interrupted.
func again(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
