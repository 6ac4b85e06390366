package provider

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/writ-host/writ/capabilities/kv/backend"
	"golang.org/x/sync/semaphore"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

const (
	// directBytes is how much may be unanswered for a caller to write into the
	// stream itself, and directCalls how many operations. gRPC takes 64 KiB before a
	// write can block, and a socket 200 KiB, of which each write takes one at least:
	// below that a caller never waits there, whatever the provider does.
	directBytes = 32 << 10
	directCalls = 128
	// maxUnderWay is how many operations are unanswered at once; more wait here. It
	// is less than what a provider takes up before it stops reading, so that it
	// hears of what is cancelled.
	maxUnderWay = 1000
	// maxUnanswered bounds what a provider that stalls can make the host hold.
	maxUnanswered = 256 << 20
	// maxLarge is how many bytes of large operations, each of largeBytes or more,
	// are under way at once: the provider's memory is bounded, too. Others wait.
	largeBytes = 64 << 10
	maxLarge   = 64 << 20
)

// operation is what travels to a provider, and outcome what comes back.
type operation interface {
	proto.Message
	GetId() uint64
}

type outcome interface {
	proto.Message
	GetId() uint64
}

// channel is the host's end of one Channel stream. It fails as a whole: then
// each call on it gets an error at once, and a new channel takes its place.
type channel[O operation, R outcome] struct {
	name   string
	stream stream[O, R]
	cancel context.CancelFunc
	out    outbox[posted[O]]
	lost   func() // called when the connection is gone

	waiters    waiterPool[R]
	unanswered atomic.Int64 // bytes of operations
	large      *semaphore.Weighted
	places     chan struct{} // one for each operation under way
	calls      atomic.Int32  // callers that wait
	messages   atomic.Uint64 // that came
	lastHeard  atomic.Int64  // when the last one came, in nanoseconds since 1970

	mu      sync.Mutex
	pending map[uint64]*waiter[R]
	last    uint64
	err     error // why the channel is over
}

// waiter is one call, from when it is registered until its answer came, even
// when its caller has left by then.
type waiter[R outcome] struct {
	answer chan answer[R] // room for one
	timer  *time.Timer
	size   int64
	id     uint64
	due    time.Time // the end of the caller's time
}

type answer[R outcome] struct {
	result R
	err    error
}

// waiterPool keeps waiters that are done with.
type waiterPool[R outcome] struct{ pool sync.Pool }

func (p *waiterPool[R]) get() *waiter[R] {
	if w, ok := p.pool.Get().(*waiter[R]); ok {
		return w
	}
	t := time.NewTimer(time.Hour)
	t.Stop()
	return &waiter[R]{answer: make(chan answer[R], 1), timer: t}
}

// openChannel opens a channel; lost is called when its connection is gone.
func openChannel[O operation, R outcome](name string, open func(context.Context) (stream[O, R], error), lost func()) (*channel[O, R], error) {
	stream, cancel, err := openWithin(name, open)
	if err != nil {
		return nil, err
	}
	c := &channel[O, R]{name: name, stream: stream, cancel: cancel, lost: lost, large: semaphore.NewWeighted(maxLarge),
		places: make(chan struct{}, maxUnderWay), pending: map[uint64]*waiter[R]{}}
	c.out.send, c.out.size = stream.poster(), posted[O].size
	go c.receive()
	return c, nil
}

// receive hands out answers until the stream ends.
func (c *channel[O, R]) receive() {
	for {
		results, err := c.stream.recv()
		if err != nil {
			if status.Code(err) == codes.Unavailable {
				c.lost()
			}
			c.fail(fromStatus(c.name, err))
			return
		}
		c.messages.Add(1)
		c.lastHeard.Store(time.Now().UnixNano())
		for _, r := range results {
			if w := c.take(r.GetId()); w != nil {
				w.answer <- answer[R]{result: r}
			}
		}
	}
}

// take removes the waiter of an operation; nil when nobody ever asked.
func (c *channel[O, R]) take(id uint64) *waiter[R] {
	c.mu.Lock()
	w := c.pending[id]
	delete(c.pending, id)
	c.mu.Unlock()
	if w != nil {
		c.release(w)
	}
	return w
}

// admit makes an operation count, once there is a place for it.
func (c *channel[O, R]) admit(ctx context.Context, w *waiter[R], timeout time.Duration) (unanswered int64, err error) {
	if !c.enter(ctx, w, timeout) {
		return 0, backend.Errorf(backend.Deadline, "provider %s had too much to do within %v", c.name, timeout)
	}
	if unanswered = c.unanswered.Add(w.size); unanswered > maxUnanswered {
		c.release(w)
		return 0, backend.Errorf(backend.Unavailable, "provider %s has too much to answer", c.name)
	}
	return unanswered, nil
}

// enter waits for a place, and for one among the large operations.
func (c *channel[O, R]) enter(ctx context.Context, w *waiter[R], timeout time.Duration) bool {
	if w.size < largeBytes {
		select {
		case c.places <- struct{}{}:
			return true
		default:
		}
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	select {
	case c.places <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	if w.size >= largeBytes && c.large.Acquire(ctx, min(w.size, maxLarge)) != nil {
		<-c.places
		return false
	}
	return true
}

// release makes an operation count no longer.
func (c *channel[O, R]) release(w *waiter[R]) {
	c.unanswered.Add(-w.size)
	<-c.places
	if w.size >= largeBytes {
		c.large.Release(min(w.size, maxLarge))
	}
}

// fail ends the channel: who waits is told, and nobody new is let in.
func (c *channel[O, R]) fail(err error) {
	c.cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
	for id, w := range c.pending {
		delete(c.pending, id)
		c.release(w)
		w.answer <- answer[R]{err: err}
	}
}

func (c *channel[O, R]) failed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// do performs one operation. It returns by the deadline, whatever happens.
func (c *channel[O, R]) do(ctx context.Context, op O, timeout time.Duration) (R, error) {
	var none R
	w := c.waiters.get()
	if w.size = int64(proto.Size(op)); w.size > maxAnswer {
		return none, backend.Errorf(backend.TooLarge, "an operation of %d bytes for provider %s, and %d are the most", w.size, c.name, maxAnswer)
	}
	began := time.Now()
	w.due = began.Add(timeout)
	unanswered, err := c.admit(ctx, w, timeout)
	if err != nil {
		return none, err
	}
	under, err := c.register(w, op)
	if err != nil {
		c.release(w)
		return none, err
	}
	others := c.calls.Add(1) > 1
	defer c.calls.Add(-1)
	w.timer.Reset(timeout - time.Since(began))
	if err := c.out.put(unanswered <= directBytes && under <= directCalls, others, posted[O]{op: op}); err != nil && !isOver(err) {
		c.fail(fromStatus(c.name, err))
	}
	return c.wait(ctx, w, timeout)
}

// register gives an operation its id. It returns how many have one.
func (c *channel[O, R]) register(w *waiter[R], op O) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return 0, c.err
	}
	c.last++
	c.stream.setID(op, c.last)
	w.id = c.last
	c.pending[c.last] = w
	return len(c.pending), nil
}

// wait waits for the answer. A waiter whose caller leaves early stays with the
// channel, since its answer may still come.
func (c *channel[O, R]) wait(ctx context.Context, w *waiter[R], timeout time.Duration) (R, error) {
	var none R
	id := w.id
	select {
	case a := <-w.answer:
		w.timer.Stop()
		c.waiters.pool.Put(w)
		return a.result, a.err
	case <-w.timer.C:
		c.giveUp(id)
		return none, backend.Errorf(backend.Deadline, "provider %s did not answer within %v", c.name, timeout)
	case <-ctx.Done():
		w.timer.Stop()
		c.giveUp(id)
		return none, backend.Errorf(backend.Deadline, "the call to provider %s was given up: %v", c.name, ctx.Err())
	}
}

// giveUp tells the provider that nobody waits for an operation any more. It
// never waits itself.
func (c *channel[O, R]) giveUp(id uint64) {
	c.mu.Lock()
	_, open := c.pending[id]
	c.mu.Unlock()
	if open {
		_ = c.out.put(false, false, posted[O]{cancelled: id}) // where it cannot be told, the channel ends
	}
}

func (c *channel[O, R]) heard() uint64 { return c.messages.Load() }

// ask sends an operation that no provider knows, which it answers at once.
func (c *channel[O, R]) ask() {
	var none O
	op := none.ProtoReflect().New().Interface().(O)
	c.mu.Lock()
	c.last++
	c.stream.setID(op, c.last)
	c.mu.Unlock()
	_ = c.out.put(false, false, posted[O]{op: op}) // where it cannot be sent, the channel ends
}

func (c *channel[O, R]) wedged(grace time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	last, now := time.Unix(0, c.lastHeard.Load()), time.Now()
	for _, w := range c.pending {
		if last.Before(w.due) && now.After(w.due.Add(grace)) {
			return true
		}
	}
	return false
}
