package wasmtime

// #include "fiber.h"
//
// #cgo nocallback writ_fiber_open
// #cgo noescape writ_fiber_open
// #cgo nocallback writ_fiber_close
// #cgo noescape writ_fiber_close
import "C"

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
	"unsafe"
)

// Handler serves the imports that a template takes from the host.
type Handler interface {
	// HostCall performs the import with that id. Arguments and results are raw
	// bits: 32-bit values zero-extended, floats as their bits; both slices are
	// valid until HostCall returns. It may block, and it may enter the guest
	// again with [Store.Call]. An error ends the guest's call, and
	// comes out of it as the cause of a [Trap].
	HostCall(ctx context.Context, s *Store, id uint32, args, results []uint64) error
}

// Store is the state of one template's instances: memories, globals, tables.
// One goroutine uses it at a time.
type Store struct {
	tmpl    *Template
	fiber   *C.writ_fiber
	handler Handler
	depth   int   // calls in progress, one within the other
	poison  error // why the store is unusable
	cause   error // what the handler returned, while the guest unwinds
	closing bool  // Close was called during a call
	// Allocate is under way: its record is not free for another call.
	allocating bool
	cpu        int64 // nanoseconds that the guest may still run
	turn       bool  // no tick passed while the guest ran since it was fresh or preempted
}

// NewStore takes room for the template's instances from the pool; it fails with
// [ErrExhausted] when there is none. The store must be closed.
func (t *Template) NewStore(l Limits) (*Store, error) {
	lim, err := t.limits(l)
	if err != nil {
		return nil, err
	}
	if err := t.retain(); err != nil {
		return nil, err
	}
	if !t.reserve() {
		t.release()
		return nil, ErrExhausted
	}
	f := t.takeFiber()
	if f == nil || !bool(C.writ_fiber_open(f, lim.memory, lim.tables, lim.instances, lim.instances*tablesPerModule,
		lim.instances*MemoriesPerModule)) {
		return nil, t.abandonFiber(f)
	}
	s := &Store{tmpl: t, fiber: f}
	s.SetCPU(l.CPU)
	return s, nil
}

// SetCPU counts the guest's CPU time from 0 again: it may run that long, or
// without end for 0.
func (s *Store) SetCPU(limit time.Duration) {
	s.cpu = math.MaxInt64
	if limit > 0 {
		s.cpu = int64(limit)
	}
}

func (t *Template) abandonFiber(f *C.writ_fiber) error {
	if f != nil {
		C.writ_fiber_close(f)
		C.writ_fiber_delete(f)
	}
	t.unreserve()
	t.release()
	return errors.New("make store: the engine has no root for fibers")
}

type cLimits struct{ memory, tables, instances C.int64_t }

// limits checks the limits against the engine's own.
func (t *Template) limits(l Limits) (cLimits, error) {
	c, n := t.engine.cfg, uint64(len(t.steps))
	if l.Memory > c.MaxMemory || l.Tables > c.MaxTable {
		return cLimits{}, fmt.Errorf("limits of %d bytes of memory and %d table elements: the engine allows %d and %d",
			l.Memory, l.Tables, c.MaxMemory, c.MaxTable)
	}
	if l.Instances != 0 && l.Instances < n {
		return cLimits{}, fmt.Errorf("limit of %d core instances: the template has %d", l.Instances, n)
	}
	return cLimits{orElse(l.Memory, c.MaxMemory), orElse(l.Tables, c.MaxTable), C.int64_t(n)}, nil
}

func orElse(v, otherwise uint64) C.int64_t {
	if v == 0 {
		v = otherwise
	}
	return C.int64_t(v)
}

func (t *Template) reserve() bool {
	if t.engine.free.Add(-t.weight) >= 0 {
		return true
	}
	t.engine.free.Add(t.weight)
	return false
}

func (t *Template) unreserve() { t.engine.free.Add(t.weight) }

// Memory returns the linear memory in a slot. It is valid until the guest runs
// next, that is until HostCall returns or Call is made, or the store is closed.
// It is nil when the slot's instance does not exist yet.
func (s *Store) Memory(slot int) []byte {
	if s.fiber == nil || slot < 0 || slot >= len(s.tmpl.slots) || s.tmpl.slots[slot].Kind != Memory {
		return nil
	}
	v := &unsafe.Slice(s.fiber.views, s.tmpl.c.nviews)[s.view(slot)]
	if !bool(v.live) {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(v.data)), int(v.size))
}

// view is the index among the views of a slot that is a memory.
func (s *Store) view(slot int) C.uint32_t {
	c := s.tmpl.c
	return unsafe.Slice(c.slots, c.nslots)[slot].view
}

// Close frees the store and returns its room to the pool. During a call (from a
// handler) it takes effect when that call ends.
func (s *Store) Close() {
	if s.fiber == nil {
		return
	}
	if s.depth > 0 {
		s.closing = true
		return
	}
	if s.poison == nil {
		s.tmpl.heat.look(s)
	}
	f := s.fiber
	s.fiber, s.handler = nil, nil
	C.writ_fiber_close(f)
	s.tmpl.putFiber(f)
	s.tmpl.unreserve()
	s.tmpl.release()
}
