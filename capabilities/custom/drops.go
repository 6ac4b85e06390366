package custom

import (
	"context"
	"sync"
	"time"

	"github.com/writ-host/writ/capabilities/custom/backend"
)

const (
	dropWait    = 5 * time.Second // for a provider to take a drop
	dropsAtOnce = 32              // messages under way
)

// drop is one resource that ended, or a whole scope.
type drop struct {
	scope *scope
	life  uint64
	id    uint64
	ended bool
}

// drops tells the provider what ended, without anybody waiting for that. What
// waits is bounded by the resources that there may be.
type drops struct {
	backend backend.Custom
	wake    chan struct{} // room for one
	stop    context.CancelFunc
	sending sync.WaitGroup
	slots   chan struct{}

	mu    sync.Mutex
	queue []drop
}

func newDrops(b backend.Custom) *drops {
	ctx, stop := context.WithCancel(context.Background())
	d := &drops{backend: b, wake: make(chan struct{}, 1), stop: stop, slots: make(chan struct{}, dropsAtOnce)}
	d.sending.Go(func() { d.run(ctx) })
	return d
}

// close ends the sending. The provider ends next, and all resources with it.
func (d *drops) close() {
	d.stop()
	d.sending.Wait()
}

func (d *drops) put(one drop) {
	d.mu.Lock()
	d.queue = append(d.queue, one)
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

func (d *drops) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.wake:
		}
		d.mu.Lock()
		batch := d.queue
		d.queue = nil
		d.mu.Unlock()
		for len(batch) > 0 {
			n := together(batch)
			message := batch[:n]
			select {
			case d.slots <- struct{}{}:
			case <-ctx.Done():
				return
			}
			d.sending.Go(func() {
				defer func() { <-d.slots }()
				d.send(ctx, message)
			})
			batch = batch[n:]
		}
	}
}

// together is how many drops at the front go into one message: what one scope
// drops of one life.
func together(batch []drop) int {
	first, n := batch[0], 1
	for n < len(batch) && batch[n].scope == first.scope && batch[n].ended == first.ended && batch[n].life == first.life {
		n++
	}
	return n
}

func (d *drops) send(ctx context.Context, message []drop) {
	first := message[0]
	var ids []uint64
	for _, one := range message {
		if !one.ended {
			ids = append(ids, one.id)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, dropWait)
	defer cancel()
	// A provider that cannot be reached has ended, and its resources with it; one
	// that stalls is found out by its health.
	_ = d.backend.Drop(ctx, first.scope.caller, first.life, ids, first.ended)
	first.scope.live.Add(-int64(len(ids)))
}
