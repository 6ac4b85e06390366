package ledger

import (
	"fmt"
	"slices"
	"time"
)

const (
	calm    = 16       // entries that get a leaf each when no more wait
	maxLeaf = 16 << 10 // bytes of a leaf of several entries
)

// batch is what is being written of what waits.
type batch struct {
	entries int
	leaves  [][]byte
	again   bool // it was sent before
}

// health is what the writing goroutine knows of the ledger.
type health struct {
	batch   *batch    // sent, and not known to be written
	writing error     // of the last write
	due     uint64    // entries that a checkpoint has to cover; 0 when none is due
	since   time.Time // when it fell due
}

// serve writes what waits, and looks after the checkpoints over it.
func (l *Ledger) serve() {
	defer close(l.done)
	check := time.NewTicker(l.config.Retry)
	defer check.Stop()
	var h health
	for open := true; open; {
		select {
		case _, open = <-l.more:
		case <-check.C:
			l.check(&h)
		}
		for l.writeBatch(&h) {
		}
	}
}

// writeBatch writes a batch of what waits. It reports whether more waits that can be written.
func (l *Ledger) writeBatch(h *health) bool {
	if h.batch == nil {
		h.batch = l.nextBatch()
	}
	b := h.batch
	if len(b.leaves) == 0 {
		h.batch = nil
		return false
	}
	late := time.AfterFunc(l.config.Patience, func() {
		l.fail(fmt.Errorf("write the ledger: a write takes longer than %s", l.config.Patience))
	})
	h.writing = l.log.append(b.leaves, b.again)
	late.Stop()
	if h.writing != nil {
		b.again = true
		l.fail(h.writing)
		return false
	}
	h.batch = nil
	return l.settle(b.entries) > 0
}

func (l *Ledger) nextBatch() *batch {
	l.mu.Lock()
	waiting := l.waiting[:min(len(l.waiting), maxBatch)]
	l.mu.Unlock()
	return &batch{entries: len(waiting), leaves: pack(waiting)}
}

// settle takes what is written off what waits, and returns how many are left.
func (l *Ledger) settle(written int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.waiting[:written])
	l.waiting = l.waiting[written:]
	l.room.Broadcast()
	return len(l.waiting)
}

// pack puts entries into leaves of the tree: each into one of its own when they come slowly, and many into one when they
// come fast, since the files that a leaf costs are what bounds the ledger's speed.
func pack(entries [][]byte) (leaves [][]byte) {
	if len(entries) <= calm {
		return slices.Clone(entries)
	}
	for _, e := range entries {
		last := len(leaves) - 1
		if last < 0 || len(leaves[last])+1+len(e) > maxLeaf {
			leaf := make([]byte, 0, max(maxLeaf, len(e)))
			leaves = append(leaves, append(leaf, e...))
			continue
		}
		leaves[last] = append(append(leaves[last], '\n'), e...)
	}
	return leaves
}

// check fails the ledger when no checkpoint covers for too long what was written, and takes it up again when all is well.
func (l *Ledger) check(h *health) {
	size, signed, err := l.log.sizes()
	switch {
	case err != nil:
		l.fail(err)
		return
	case h.due == 0 && signed < size:
		h.due, h.since = size, time.Now()
		return
	case signed < h.due:
		mendClock(l.config.Dir)
		if time.Since(h.since) > l.config.Patience {
			l.fail(fmt.Errorf("sign the ledger: no checkpoint was written for %s", l.config.Patience))
		}
		return
	}
	h.due = 0
	if h.writing == nil {
		l.recovered()
	}
}

// fail notes that the ledger cannot be written. The entry that says so is written when that can be done again.
func (l *Ledger) fail(err error) {
	l.mu.Lock()
	first := l.failed == nil
	l.failed = err
	if first {
		l.enter(Entry{Time: l.config.Now(), Kind: Log, Event: Suspended, Detail: err.Error()})
	}
	l.mu.Unlock()
	if first && l.config.OnFail != nil {
		l.config.OnFail(err)
	}
}

// recovered notes that the ledger can be written.
func (l *Ledger) recovered() {
	l.mu.Lock()
	failed := l.failed != nil
	if failed {
		l.failed = nil
		l.enter(Entry{Time: l.config.Now(), Kind: Log, Event: Resumed})
	}
	l.mu.Unlock()
	if failed && l.config.OnRecover != nil {
		l.config.OnRecover()
	}
}
