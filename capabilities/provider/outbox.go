package provider

import (
	"runtime"
	"sync"
)

// outbox sends items in as few messages as it can without ever waiting for
// more: whoever finds nobody sending sends itself, and what comes meanwhile
// goes into the next message.
type outbox[T any] struct {
	send func([]T) error // one at a time; keeps nothing
	size func(T) int     // bytes of an item, about
	// bounded makes put wait while more than maxQueued bytes wait to be sent. Else
	// it never waits, and whoever puts bounds what it puts.
	bounded bool
	counted bool    // bytes are counted though put does not wait, for wait
	release func(T) // called with each item that was sent; nil is nobody

	mu    sync.Mutex
	room  sync.Cond // of mu; the queue was taken
	bytes int       // in queue, when they are counted
	queue []T
	spare []T
	busy  bool
	err   error
}

const (
	// chunk is how many bytes of items make up one message, unless a single one is larger.
	chunk = 1 << 20
	// maxQueued is how many bytes a bounded outbox lets wait.
	maxQueued = 8 << 20
)

// put queues items and sees that they are sent. The caller sends it itself when
// nobody else is sending and self is set, else another goroutine does. crowd
// says that others are likely to come this instant: they are let go first.
func (o *outbox[T]) put(self, crowd bool, items ...T) error {
	o.mu.Lock()
	if o.bounded {
		o.await()
	}
	if o.bounded || o.counted {
		for _, item := range items {
			o.bytes += o.size(item)
		}
	}
	if o.err != nil {
		o.mu.Unlock()
		return o.err
	}
	o.queue = append(o.queue, items...)
	if o.busy {
		o.mu.Unlock()
		return nil
	}
	o.busy = true
	o.mu.Unlock()
	if !self {
		go o.drain()
		return nil
	}
	if crowd {
		runtime.Gosched()
	}
	if o.round() {
		go o.drain()
	}
	return nil
}

// wait waits for room, and leaves that to whom comes first.
func (o *outbox[T]) wait() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.await()
	return o.err
}

// await is called with mu held.
func (o *outbox[T]) await() {
	o.room.L = &o.mu
	for o.bytes > maxQueued && o.err == nil {
		o.room.Wait()
	}
}

// drain sends until the queue is empty.
func (o *outbox[T]) drain() {
	for o.round() {
		runtime.Gosched()
	}
}

// round sends what is queued. It reports whether there is more by then; if not,
// the sender's role is free again.
func (o *outbox[T]) round() bool {
	o.mu.Lock()
	batch := o.queue
	o.queue = o.spare[:0]
	o.bytes = 0
	o.mu.Unlock()
	o.room.Broadcast()
	err := o.sendAll(batch)
	clear(batch)

	o.mu.Lock()
	defer o.mu.Unlock()
	o.spare = batch[:0]
	if err != nil {
		o.err, o.queue = err, nil
		o.room.Broadcast()
	}
	o.busy = len(o.queue) > 0
	return o.busy
}

func (o *outbox[T]) sendAll(batch []T) error {
	for len(batch) > 0 {
		n, total := 1, o.size(batch[0])
		for n < len(batch) && total+o.size(batch[n]) <= chunk {
			total += o.size(batch[n])
			n++
		}
		if err := o.send(batch[:n]); err != nil {
			return err
		}
		if o.release != nil {
			for _, item := range batch[:n] {
				o.release(item)
			}
		}
		batch = batch[n:]
	}
	return nil
}
