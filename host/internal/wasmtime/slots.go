package wasmtime

import (
	"context"
	"sync"
	"sync/atomic"
)

// slots bounds how many guests run at the same moment. A poll is a cgo call,
// and Go starts a thread for each one that runs long: without a bound, a
// thousand busy guests are a thousand threads.
//
// There are three lines, each first come, first served: those who begin, those
// who come from a host call, or are called by one, before a tick ended their
// turn, and those whose time was over. The first two go first, in turn, so that
// a request does not wait for every busy guest, nor a result of a hundred
// strings a hundred times for every request that begins. The third gets every
// fourth slot, so that it never starves.
type slots struct {
	total int64
	free  atomic.Int64 // negative: how many wait, or are about to

	mu     sync.Mutex
	lines  [3][]*waiter
	passed int  // slots given to the other lines since the preempted had one
	began  bool // the latest of those slots went to a fresh guest
	handed int  // slots given to waiters that are not in a line yet
}

type line int

const (
	fresh line = iota
	preempted
	continuing
	shareOfPreempted = 4
)

type waiter struct {
	turn chan struct{}
	gone bool // gave up; passes its turn on
}

func (s *slots) init(n int) {
	s.total = int64(n)
	s.free.Store(s.total)
}

// idle says that nobody holds a slot.
func (s *slots) idle() bool { return s.free.Load() >= s.total }

// contended says whether anyone waits for a slot.
func (s *slots) contended() bool { return s.free.Load() < 0 }

// acquire takes a slot, or fails when the context ends first.
func (s *slots) acquire(ctx context.Context, l line) error {
	if s.free.Add(-1) >= 0 {
		return nil
	}
	return s.wait(ctx, l)
}

// release gives the slot to the next in line.
func (s *slots) release() {
	for s.free.Add(1) <= 0 {
		if s.handOver() {
			return
		}
	}
}

// handOver wakes the next waiter. False means that it had given up: its turn
// counts as taken and must be released again.
func (s *slots) handOver() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.next()
	if w == nil {
		s.handed++
		return true
	}
	if !w.gone {
		close(w.turn)
	}
	return !w.gone
}

func (s *slots) next() *waiter {
	l := s.pick()
	s.passed++
	if l == preempted {
		s.passed = 0
	} else {
		s.began = l == fresh
	}
	if len(s.lines[l]) == 0 {
		return nil
	}
	w := s.lines[l][0]
	s.lines[l][0] = nil
	s.lines[l] = s.lines[l][1:]
	return w
}

func (s *slots) pick() line {
	some := func(l line) bool { return len(s.lines[l]) > 0 }
	switch {
	case some(preempted) && (s.passed >= shareOfPreempted-1 || !some(fresh) && !some(continuing)):
		return preempted
	case some(continuing) && (s.began || !some(fresh)):
		return continuing
	}
	return fresh
}

func (s *slots) wait(ctx context.Context, l line) error {
	w := s.enqueue(l)
	if w == nil {
		return nil
	}
	select {
	case <-w.turn:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-w.turn: // both happened: the slot is ours, and the caller looks at the context soon
		return nil
	default:
		w.gone = true
		return context.Cause(ctx)
	}
}

// enqueue returns nil when a slot was handed over meanwhile.
func (s *slots) enqueue(l line) *waiter {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handed > 0 {
		s.handed--
		return nil
	}
	w := &waiter{turn: make(chan struct{})}
	s.lines[l] = append(s.lines[l], w)
	return w
}
