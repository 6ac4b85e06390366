package host

import (
	"errors"

	"github.com/writ-host/writ/host/internal/binary"
)

// Unsupported is the error of a component that may well be valid, but needs a
// feature that this host does not have.
type Unsupported struct {
	Feature string
	cause   error
}

func (u *Unsupported) Error() string { return u.cause.Error() }

func (u *Unsupported) Unwrap() error { return u.cause }

// nameFeature makes the error of decoding or planning an [Unsupported] when it
// is about a feature.
func nameFeature(err error) error {
	var e *binary.Error
	if errors.As(err, &e) && e.Feature != "" {
		return &Unsupported{e.Feature, err}
	}
	return err
}
