package wasmtime

// #include <stdlib.h>
// #include "fiber.h"
import "C"

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"
)

// Template is what the stores of one program have in common: a list of
// instantiations, linked as far as that can be done before a store exists, and
// the exports the host uses. It may be used from any goroutine.
type Template struct {
	engine *Engine
	steps  []*link
	slots  []Slot
	c      *C.writ_template
	mem    cMemory

	heat heat
	// weight is how many of the pool's instances a store takes. The pool has a
	// fiber and a memory for each.
	weight int64

	mu     sync.Mutex
	fibers []*C.writ_fiber // of closed stores, to be used again
	refs   int             // stores and the template's own
	closed bool
}

const (
	maxSteps       = 1000
	maxSlots       = 100_000
	maxSpareFibers = 64
)

// NewTemplate checks and links the steps. An import that the host serves must
// have the type the module imports, and a slot the type the module exports:
// what runs later does not check again.
func (e *Engine) NewTemplate(c TemplateConfig) (*Template, error) {
	if err := e.retain(); err != nil {
		return nil, err
	}
	t := &Template{engine: e, refs: 1}
	if err := t.build(c); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

func (t *Template) build(c TemplateConfig) error {
	if len(c.Steps) > maxSteps || len(c.Slots) > maxSlots {
		return fmt.Errorf("template: %d steps and %d slots are more than %d and %d", len(c.Steps), len(c.Slots), maxSteps, maxSlots)
	}
	t.c = (*C.writ_template)(t.mem.alloc(C.sizeof_writ_template))
	t.c.engine, t.c.base = t.engine.ptr, t.engine.base
	t.c.stack = C.size_t(t.engine.cfg.Stack)
	t.c.ninstances, t.c.nslots = C.uint32_t(len(c.Steps)), C.uint32_t(len(c.Slots))
	for i := range c.Steps {
		if err := t.addStep(c.Steps, i); err != nil {
			return fmt.Errorf("core instance %d: %w", i, err)
		}
		t.weight += int64(max(c.Steps[i].Memories, 1))
	}
	t.weight = max(t.weight, 1)
	t.slots = append([]Slot{}, c.Slots...)
	t.c.slots = (*C.writ_slot)(t.mem.alloc(len(c.Slots) * C.sizeof_writ_slot))
	for i, s := range c.Slots {
		if err := t.setSlot(c.Steps, i, s); err != nil {
			return fmt.Errorf("slot %d, export %q of core instance %d: %w", i, s.Name, s.Instance, err)
		}
	}
	return nil
}

func (t *Template) addStep(steps []Step, i int) error {
	l, err := t.newLink(steps, i)
	if err != nil {
		return err
	}
	t.steps = append(t.steps, l)
	return l.prepare()
}

func (t *Template) setSlot(steps []Step, i int, s Slot) error {
	if s.Instance < 0 || s.Instance >= len(steps) {
		return fmt.Errorf("there are %d core instances", len(steps))
	}
	ex := steps[s.Instance].Module.export(s.Name)
	if err := checkSlot(s, ex); err != nil {
		return err
	}
	p := &unsafe.Slice(t.c.slots, len(t.slots))[i]
	p.name, p.name_len = t.mem.str(s.Name), C.size_t(len(s.Name))
	p.instance = C.uint32_t(s.Instance)
	if s.Kind == Memory {
		p.kind, p.view = C.WASMTIME_EXTERN_MEMORY, t.c.nviews
		t.c.nviews++
		return nil
	}
	p.kind = C.WASMTIME_EXTERN_FUNC
	p.nparams, p.nresults = C.uint16_t(len(s.Type.Params)), C.uint16_t(len(s.Type.Results))
	p.results32 = C.uint64_t(mask32(s.Type.Results))
	return nil
}

func checkSlot(s Slot, ex *exported) error {
	switch {
	case ex == nil:
		return errors.New("no such export")
	case s.Kind == Memory && ex.kind != ExternMemory, s.Kind == Func && ex.kind != ExternFunc:
		return fmt.Errorf("not a %v", s.Kind)
	case s.Kind > Memory:
		return fmt.Errorf("slot kind %d does not exist", s.Kind)
	case s.Kind == Memory:
		return nil
	case ex.typ == nil:
		return errors.New("the function takes or returns a vector or reference")
	case !ex.typ.equal(s.Type):
		return fmt.Errorf("the function has type %v, not %v", ex.typ, s.Type)
	}
	return s.Type.checkSize()
}

// Close frees the template once its last store is closed.
func (t *Template) Close() {
	t.mu.Lock()
	closed := t.closed
	t.closed = true
	t.mu.Unlock()
	if !closed {
		t.release()
	}
}

func (t *Template) retain() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return fmt.Errorf("template: %w", ErrClosed)
	}
	t.refs++
	return nil
}

func (t *Template) release() {
	t.mu.Lock()
	t.refs--
	last := t.refs == 0
	t.mu.Unlock()
	if !last {
		return
	}
	for _, f := range t.fibers {
		C.writ_fiber_delete(f)
	}
	for _, l := range t.steps {
		l.close()
	}
	t.mem.free()
	t.engine.release()
}

func (t *Template) takeFiber() *C.writ_fiber {
	t.mu.Lock()
	if n := len(t.fibers); n > 0 {
		f := t.fibers[n-1]
		t.fibers = t.fibers[:n-1]
		t.mu.Unlock()
		return f
	}
	t.mu.Unlock()
	return C.writ_fiber_new(t.c)
}

func (t *Template) putFiber(f *C.writ_fiber) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.fibers) < maxSpareFibers {
		t.fibers = append(t.fibers, f)
		return
	}
	C.writ_fiber_delete(f)
}

// cMemory is memory outside of Go's heap that lives as long as its owner.
type cMemory []unsafe.Pointer

// alloc returns zeroed memory; malloc's failure ends the process, as Go's would.
func (m *cMemory) alloc(size int) unsafe.Pointer {
	p := C.calloc(1, C.size_t(max(size, 1)))
	*m = append(*m, p)
	return p
}

func (m *cMemory) str(s string) *C.char {
	p := m.alloc(len(s))
	copy(unsafe.Slice((*byte)(p), len(s)), s)
	return (*C.char)(p)
}

func (m *cMemory) free() {
	for _, p := range *m {
		C.free(p)
	}
	*m = nil
}
