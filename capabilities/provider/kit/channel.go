package kit

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// collect receives the results of a channel's operations, which wait under
// their ids: each has to come once, and of its kind.
func collect[R any](want map[uint64]func(R) bool, id func(R) uint64, recv func() ([]R, error)) error {
	for len(want) > 0 {
		results, err := recv()
		if status.Code(err) == codes.Unimplemented {
			return skip("it has no channels, and is called with unary calls")
		}
		if err != nil {
			return fmt.Errorf("with %d operations unanswered: %w", len(want), err)
		}
		for _, r := range results {
			fits := want[id(r)]
			if fits == nil {
				return fmt.Errorf("operation %d is answered that is not open", id(r))
			}
			if !fits(r) {
				return fmt.Errorf("operation %d has an answer of another kind: %v", id(r), r)
			}
			delete(want, id(r))
		}
	}
	return quiet(func() error { _, err := recv(); return err })
}

// quiet checks that nothing more comes for a moment.
func quiet(recv func() error) error {
	more := make(chan error, 1)
	go func() { more <- recv() }()
	select {
	case err := <-more:
		if err == nil {
			return errors.New("an operation is answered twice")
		}
		return fmt.Errorf("the channel ended: %w", err)
	case <-time.After(50 * time.Millisecond):
		return nil
	}
}
