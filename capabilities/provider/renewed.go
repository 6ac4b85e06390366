package provider

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/writ-host/writ/capabilities/kv/backend"
)

// openWait is how long a channel may take to open.
const openWait = time.Second

// renewed is a channel that is opened when somebody needs it, and again after
// it failed.
type renewed[C interface{ failed() error }] struct {
	name string // the provider's, for errors
	open func() (C, error)

	current atomic.Pointer[opening[C]]

	mu   sync.Mutex
	next *opening[C] // nil while none is being opened
}

// opening is a channel that is being opened, for all who wait for it.
type opening[C interface{ failed() error }] struct {
	done    chan struct{} // closed when there is a channel, or an error
	channel C
	err     error
}

// get is the channel that works now.
func (r *renewed[C]) get(ctx context.Context, timeout time.Duration) (C, error) {
	if c, ok := r.now(); ok {
		return c, nil
	}
	o := r.begin()
	late := time.NewTimer(timeout)
	defer late.Stop()
	var none C
	select {
	case <-o.done:
		return o.channel, o.err
	case <-late.C:
		return none, backend.Errorf(backend.Deadline, "provider %s did not answer within %v", r.name, timeout)
	case <-ctx.Done():
		return none, backend.Errorf(backend.Deadline, "the call to provider %s was given up: %v", r.name, ctx.Err())
	}
}

// now is the channel that works, if one does.
func (r *renewed[C]) now() (c C, ok bool) {
	if o := r.current.Load(); o != nil && o.channel.failed() == nil {
		return o.channel, true
	}
	return c, false
}

// begin opens a channel, unless somebody does already.
func (r *renewed[C]) begin() *opening[C] {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next != nil {
		return r.next
	}
	if _, ok := r.now(); ok {
		return r.current.Load() // somebody just did
	}
	o := &opening[C]{done: make(chan struct{})}
	r.next = o
	go func() {
		o.channel, o.err = r.open()
		r.mu.Lock()
		defer r.mu.Unlock()
		if o.err == nil {
			r.current.Store(o)
		}
		r.next = nil
		close(o.done)
	}()
	return o
}

// openWithin opens a stream, which lasts until cancel is called. Opening takes
// a while at most where the connection has to be made anew.
func openWithin[S any](name string, open func(context.Context) (S, error)) (stream S, cancel context.CancelFunc, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	late := time.AfterFunc(openWait, cancel)
	stream, err = open(ctx)
	inTime := late.Stop()
	if !inTime {
		err = nil // it is our own cancelling
	}
	if !inTime || err != nil {
		cancel()
		return stream, nil, fromStatus(name, err)
	}
	return stream, cancel, nil
}
