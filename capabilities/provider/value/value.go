package value

import (
	"errors"
	"fmt"

	"github.com/writ-host/writ/wit"
)

// MaxValues is how many values one decoded message may hold, items of lists
// and fields of records included. A list<u8> counts as one.
const MaxValues = 4 << 20

// Handles says what the ids of resources stand for. An id is never 0.
type Handles interface {
	// ID is the id of a handle that is sent.
	ID(h *wit.Handle) (uint64, error)
	// Handle is what an id that came stands for; t is an own or a borrow.
	Handle(t *wit.Type, id uint64) (*wit.Handle, error)
}

var errNoHandles = errors.New("there are no handles here")

// none is Handles for where there are none.
type none struct{}

func (none) ID(*wit.Handle) (uint64, error)                { return 0, errNoHandles }
func (none) Handle(*wit.Type, uint64) (*wit.Handle, error) { return nil, errNoHandles }
func orNone(h Handles) Handles {
	if h == nil {
		return none{}
	}
	return h
}

// Check reports whether values of a type have a binary form: streams, futures
// and error contexts have none.
func Check(t *wit.Type) error {
	if t == nil {
		return nil
	}
	switch t.Kind {
	case wit.KindStream, wit.KindFuture, wit.KindErrorContext:
		return fmt.Errorf("a %s cannot be sent to a provider", t)
	}
	if err := Check(t.Elem); err != nil {
		return err
	}
	for _, f := range t.Fields {
		if err := Check(f.Type); err != nil {
			return err
		}
	}
	for _, c := range t.Cases {
		if err := Check(c.Type); err != nil {
			return err
		}
	}
	return nil
}

// flagBytes is how many bytes flags take.
func flagBytes(t *wit.Type) int { return (len(t.Labels) + 7) / 8 }

// least is the fewest bytes that a value of a type takes.
func least(t *wit.Type) uint64 {
	switch t.Kind {
	case wit.KindF32:
		return 4
	case wit.KindF64:
		return 8
	case wit.KindFlags:
		return uint64(flagBytes(t))
	case wit.KindList:
		if t.Length == 0 {
			return 1
		}
		return min(uint64(t.Length)*least(t.Elem), 1<<32)
	case wit.KindRecord, wit.KindTuple:
		var n uint64
		for _, f := range t.Fields {
			n = min(n+least(f.Type), 1<<32)
		}
		return n
	}
	return 1
}
