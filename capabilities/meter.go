package capabilities

import (
	"fmt"
	"sync/atomic"

	"github.com/writ-host/writ/wit"
)

// What an instance may hold of its host when nothing is said.
const (
	DefaultStreams = 1024
	DefaultBuffers = 128 << 20
)

// meter counts what one instance holds of its host. Goroutines that work for
// the instance count as well.
type meter struct {
	streams, buffers atomic.Int64
	told             atomic.Bool
}

// Open makes room for one more open stream, file or socket, which Shut gives
// back. The error is a [wit.LimitError], for the guest's call to end with where
// its interface has no error of its own; the log has it in any case.
func (i *Instance) Open() error {
	if i == nil {
		return nil
	}
	most := int64(orDefault(i.Streams, DefaultStreams))
	if i.held.streams.Add(1) <= most {
		return nil
	}
	i.Shut()
	return i.exceeded("streams", fmt.Errorf("the instance has %d streams, files and sockets open", most))
}

// Shut gives back what Open made room for.
func (i *Instance) Shut() {
	if i != nil {
		i.held.streams.Add(-1)
	}
}

// OpenCount is how many there are.
func (i *Instance) OpenCount() int { return int(i.held.streams.Load()) }

// Hold takes n bytes of the host's memory for what is on its way to or from
// the guest. The error is a [wit.LimitError].
func (i *Instance) Hold(n int) error {
	if i == nil {
		return nil
	}
	most := int64(orDefault(i.Buffers, DefaultBuffers))
	if i.held.buffers.Add(int64(n)) <= most {
		return nil
	}
	i.Release(n)
	return i.exceeded("buffers", fmt.Errorf("the host holds %d bytes for the instance, and %d more are too many", i.held.buffers.Load(), n))
}

// Release gives back what Hold took.
func (i *Instance) Release(n int) {
	if i != nil {
		i.held.buffers.Add(-int64(n))
	}
}

// exceeded says so in the log, once for each instance: guests may go on.
func (i *Instance) exceeded(limit string, err error) error {
	if i.held.told.CompareAndSwap(false, true) {
		i.Logger().Warn("an instance is held to its limit", "limit", "limits."+limit, "instance", i.ID, "reason", err)
	}
	return &wit.LimitError{Limit: limit, Err: err}
}

func orDefault(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}
