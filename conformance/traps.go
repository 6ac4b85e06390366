package conformance

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/writ-host/writ/host"
)

// trapped is the error of a call that ended the guest.
type trapped struct{ cause error }

func (t *trapped) Error() string { return "the call trapped: " + t.cause.Error() }

func (t *trapped) Unwrap() error { return t.cause }

// traps says how this host words what the scripts want in wasmtime's words.
// The first that fits the wanted text decides; $1 is a part of that text.
var traps = []struct {
	theirs *regexp.Regexp
	ours   string
}{
	{regexp.MustCompile("unreachable"), "unreachable executed"},
	{regexp.MustCompile("cannot enter component instance"), "cannot be entered from within|the instance has ended"},
	{regexp.MustCompile("cannot leave component instance"), "may not call out"},
	{regexp.MustCompile("cannot remove owned resource while borrowed"), "while it is lent"},
	{regexp.MustCompile("borrow handles still remain"), "borrowed handles were not dropped"},
	{regexp.MustCompile(`unknown handle index (\d+)`), `handle $1\b.*: no such handle`},
	{regexp.MustCompile(`handle index (\d+) used with the wrong type`), `handle $1\b.*: it is a handle of`},
	{regexp.MustCompile("unaligned pointer"), "not aligned"},
	{regexp.MustCompile("realloc return: result not aligned"), "what realloc returned .*not aligned"},
	{regexp.MustCompile("realloc return: beyond"), "what realloc returned .* reach beyond the memory"},
	{regexp.MustCompile("(content out-of-bounds|out of bounds of memory)"), "reach beyond the memory"},
	{regexp.MustCompile("(invalid|incomplete) utf-8"), "invalid UTF-8"},
	{regexp.MustCompile("invalid `char` bit pattern"), "char .*not a Unicode scalar value"},
	{regexp.MustCompile("invalid variant discriminant"), "discriminant [0-9]+: there are"},
}

// checkTrap wants the guest ended for the reason that the script gives.
func checkTrap(err error, want string) error {
	var missing *host.Unsupported
	var follows *dependent
	switch {
	case err == nil:
		return fmt.Errorf("it did not trap; want %q", want)
	case errors.As(err, &missing), errors.As(err, &follows):
		return err
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, host.ErrExhausted):
		return err
	}
	for _, t := range traps {
		if m := t.theirs.FindStringSubmatchIndex(want); m != nil {
			ours := regexp.MustCompile(string(t.theirs.ExpandString(nil, t.ours, want, m)))
			if !ours.MatchString(err.Error()) {
				return fmt.Errorf("it trapped for another reason: %w; want %q", err, want)
			}
			return nil
		}
	}
	return fmt.Errorf("it trapped: %w; nothing is known of %q", err, want)
}
