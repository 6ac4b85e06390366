package embedded

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/writ-host/writ/capabilities/kv/backend"
	bolt "go.etcd.io/bbolt"
)

// maxGroup is how many writes share a commit at most.
const maxGroup = 1024

// committer is the one writer. The writes that came while a commit was being
// synced make up the next one, so that a sync serves all who wait. Those who
// were just answered tend to write again: after a commit of many the next one
// waits for as many, for a fraction of what a commit takes. A write that is
// alone waits for nobody.
type committer struct {
	db    *bolt.DB
	queue chan *write
	done  chan struct{}
	fault atomic.Pointer[backend.Error]

	mu     sync.RWMutex // held shared to send to queue
	closed bool
}

// write is one operation and its outcome, valid once done is closed.
type write struct {
	apply func(*bolt.Tx) error
	note  *note       // what it changed
	tell  func(*note) // is called with it once it is on disk
	err   error
	done  chan struct{}
}

func startCommitter(db *bolt.DB) *committer {
	c := &committer{db: db, queue: make(chan *write, maxGroup), done: make(chan struct{})}
	go c.run()
	return c
}

// do has a write applied and synced. When ctx ends first, it may still happen.
func (c *committer) do(ctx context.Context, w *write) error {
	w.done = make(chan struct{})
	if err := c.enqueue(ctx, w); err != nil {
		return err
	}
	select {
	case <-w.done:
		return w.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *committer) enqueue(ctx context.Context, w *write) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.closed {
		return backend.Errorf(backend.Unavailable, "the store is closing")
	}
	select {
	case c.queue <- w:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *committer) stop() {
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		close(c.queue)
	}
	c.mu.Unlock()
	<-c.done
}

func (c *committer) run() {
	defer close(c.done)
	group := make([]*write, 0, maxGroup)
	var took time.Duration // of the last commit
	for w := range c.queue {
		last := len(group)
		clear(group)
		group = c.gather(append(group[:0], w), last, took/4)
		began := time.Now()
		c.commit(group)
		took = time.Since(began)
		for _, w := range group {
			w.end()
		}
	}
}

func (w *write) end() {
	if w.err == nil && len(w.note.changes) > 0 {
		w.tell(w.note)
	}
	close(w.done)
}

// gather adds the writes that wait already, and waits a little for more until
// there are as many as last time.
func (c *committer) gather(group []*write, last int, wait time.Duration) []*write {
	var late <-chan time.Time
	for len(group) < maxGroup {
		select {
		case w, ok := <-c.queue:
			if !ok {
				return group
			}
			group = append(group, w)
			continue
		default:
		}
		if len(group) >= last {
			return group
		}
		if late == nil {
			late = time.After(wait)
		}
		select {
		case w, ok := <-c.queue:
			if !ok {
				return group
			}
			group = append(group, w)
		case <-late:
			return group
		}
	}
	return group
}

func (c *committer) commit(group []*write) {
	if err := c.broken(); err != nil {
		fail(group, err)
		return
	}
	if err := c.db.Update(func(tx *bolt.Tx) error {
		for _, w := range group {
			w.err = w.apply(tx)
		}
		return nil
	}); err != nil {
		fail(group, c.failed(err))
	}
}

func fail(group []*write, err error) {
	for _, w := range group {
		w.err = err
	}
}

// failed is a commit's error. When the disk is full, nothing was written and the
// next may succeed. After any other error the file's pages in memory and on
// disk may differ: the store stops, and only opening the file anew goes on.
func (c *committer) failed(err error) error {
	e := backend.Errorf(backend.Unavailable, "commit: %v", err)
	if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) {
		c.fault.CompareAndSwap(nil, e)
	}
	return e
}

func (c *committer) broken() error {
	if e := c.fault.Load(); e != nil {
		return e
	}
	return nil
}
