package provider

import (
	"context"
	"errors"
	"io"
	"sync"

	pb "github.com/writ-host/writ/proto/writ/provider/v1"
)

// maxOpen bounds the operations of one channel that run at once: beyond it the
// channel is not read, and the host feels it.
const maxOpen = 1024

// requests is a message of a host with operations.
type requests[O any] interface {
	GetOperations() []O
	GetCancelled() []uint64
}

// trade is how the operations of one service are done on channels.
type trade[O operation, R outcome] struct {
	caller func(O) *pb.Caller
	size   func(R) int
	// begin does what has to be done in the order of the stream; the function that
	// it returns does the rest, with others at the same time.
	begin func(O) func(context.Context) R
	// local does an operation that never waits, in place; nil where there is none.
	local func(context.Context, O) (r R, ok bool)
}

// worker is a provider's end of one channel.
type worker[O operation, R outcome] struct {
	trade *trade[O, R]
	out   *outbox[R]
	slots chan struct{}

	mu      sync.Mutex
	running map[uint64]context.CancelFunc
}

// serveChannel reads operations until the host is gone.
func serveChannel[O operation, R outcome, In requests[O]](ctx context.Context, t *trade[O, R], recv func() (In, error), send func([]R) error) error {
	w := &worker[O, R]{trade: t, out: &outbox[R]{send: send, size: t.size, bounded: true},
		slots: make(chan struct{}, maxOpen), running: map[uint64]context.CancelFunc{}}
	for {
		m, err := recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = w.take(ctx, m.GetOperations())
		}
		if err != nil {
			return err
		}
		for _, id := range m.GetCancelled() {
			w.cancel(id)
		}
	}
}

// take does what answers at once in place, in one message, and gives each
// other operation a goroutine.
func (w *worker[O, R]) take(ctx context.Context, ops []O) error {
	var done []R
	size := 0
	for _, op := range ops {
		r, ok := w.local(ctx, op)
		if !ok {
			if err := w.start(ctx, op); err != nil {
				return err
			}
			continue
		}
		done = append(done, r)
		if size += w.trade.size(r); size > chunk {
			if err := w.out.put(true, false, done...); err != nil {
				return err
			}
			done, size = nil, 0
		}
	}
	if done == nil {
		return nil
	}
	return w.out.put(true, false, done...)
}

func (w *worker[O, R]) local(ctx context.Context, op O) (r R, ok bool) {
	if w.trade.local == nil {
		return r, false
	}
	return w.trade.local(ctx, op)
}

// start has an operation done, until its deadline or its cancellation.
func (w *worker[O, R]) start(ctx context.Context, op O) error {
	select {
	case w.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	perform := w.trade.begin(op)
	ctx, cancel := withTimeout(ctx, w.trade.caller(op))
	id := op.GetId()
	w.mu.Lock()
	w.running[id] = cancel
	w.mu.Unlock()
	go func() {
		defer func() { <-w.slots }()
		r := perform(ctx)
		w.cancel(id)
		_ = w.out.put(true, len(w.slots) > 1, r) // an error ends the channel, which its reader sees
	}()
	return nil
}

// cancel ends an operation's context, if it has one still.
func (w *worker[O, R]) cancel(id uint64) {
	w.mu.Lock()
	cancel := w.running[id]
	delete(w.running, id)
	w.mu.Unlock()
	if cancel != nil {
		cancel()
	}
}
