package canon

import (
	"errors"
	"fmt"
)

// Trap says that the guest broke the canonical ABI. It ends the guest.
type Trap struct {
	Place string // where in the parameters or the result, "" when it is not in a value
	Text  string
	Limit string // of the instance that was reached, as [wit.LimitError] names it; or ""
}

// Error is the place and the text.
func (t *Trap) Error() string { return placed(t.Place, t.Text) }

// Mismatch says that the host gave a value that is not of the function's type.
// It is the host's mistake; the guest has seen nothing of the value.
type Mismatch struct {
	Place string
	Text  string
}

// Error is the place and the text.
func (m *Mismatch) Error() string { return placed(m.Place, m.Text) }

func placed(place, text string) string {
	if place == "" {
		return text
	}
	return place + ": " + text
}

func trapf(format string, args ...any) error { return &Trap{Text: fmt.Sprintf(format, args...)} }

func overBuffers(format string, args ...any) error {
	return &Trap{Text: fmt.Sprintf(format, args...), Limit: "buffers"}
}

func mismatchf(format string, args ...any) error {
	return &Mismatch{Text: fmt.Sprintf(format, args...)}
}

// within puts a place in front of the one that err has.
func within(err error, format string, args ...any) error {
	place := fmt.Sprintf(format, args...)
	var trap *Trap
	var mismatch *Mismatch
	switch {
	case errors.As(err, &trap):
		trap.Place = join(place, trap.Place)
		return err
	case errors.As(err, &mismatch):
		mismatch.Place = join(place, mismatch.Place)
		return err
	}
	return fmt.Errorf("%s: %w", place, err)
}

func join(outer, inner string) string {
	if inner == "" {
		return outer
	}
	return outer + ", " + inner
}
