package wasmtime

// #include "fiber.h"
//
// static int writ_resume_at(uintptr_t fiber) { return writ_resume((writ_fiber *)fiber); }
// #cgo nocallback writ_start
// #cgo noescape writ_start
// #cgo nocallback writ_instantiate
// #cgo noescape writ_instantiate
// #cgo nocallback writ_instantiate_linked
// #cgo noescape writ_instantiate_linked
import "C"

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"
)

// The Go half of a store's fiber: what is read from and written to the record
// that both share. The record is C memory, since it must outlive the future.

// entry is a way onto a new fiber: start its root, or make an instance. A nil
// one resumes the fiber that there is.
type entry struct {
	step   int
	link   *link // nil: start the root
	linker *C.wasmtime_linker_t
}

func (s *Store) enter(e *entry) C.int {
	switch {
	case e == nil:
		return s.resume()
	case e.link == nil:
		return C.writ_start(s.fiber)
	case e.linker == nil:
		return C.writ_instantiate(s.fiber, C.uint32_t(e.step), e.link.pre)
	default:
		return C.writ_instantiate_linked(s.fiber, C.uint32_t(e.step), e.linker, e.link.module)
	}
}

// resume is the hottest way into the library, taken twenty times for a small
// request. An address and not a pointer, since cgo looks at each pointer that it
// passes whether what it points to may be passed; this one is of C memory.
func (s *Store) resume() C.int {
	return C.writ_resume_at(C.uintptr_t(uintptr(unsafe.Pointer(s.fiber))))
}

// entry is how a call begins: the first one starts the root.
func (s *Store) entry() *entry {
	if s.fiber.future != nil {
		return nil
	}
	return &entry{}
}

// command asks the fiber to call a slot's function.
func (s *Store) command(slot int, args []uint64) {
	f := s.fiber
	f.command, f.slot = C.WRIT_CALL, C.uint32_t(slot)
	for i, a := range args {
		f.values[i] = C.uint64_t(a)
	}
}

func (s *Store) results(results []uint64) {
	for i := range results {
		results[i] = uint64(s.fiber.values[i])
	}
}

// hostCall returns the import that the guest called.
func (s *Store) hostCall() (id uint32, args, results []uint64) {
	im := s.fiber.called
	n, m := int(im.nparams), int(im.nresults)
	if n+m == 0 {
		return uint32(im.id), nil, nil
	}
	all := unsafe.Slice((*uint64)(unsafe.Pointer(s.fiber.args)), n+m)
	return uint32(im.id), all[:n:n], all[n:]
}

// answer ends the host call that is being served.
func (s *Store) answer(ok bool) {
	s.fiber.command = C.WRIT_RETURN
	if !ok {
		s.fiber.command = C.WRIT_TRAP
	}
}

func (s *Store) made() int { return int(s.fiber.made) }

// abandon unwinds what is on the fiber. The guest runs no more.
func (s *Store) abandon() { C.writ_abandon(s.fiber) }

// failure returns what an instantiation or a call left behind, nil if it went well.
func (s *Store) failure() error {
	f := s.fiber
	trap, e, cause := f.trap, f.error, s.cause
	f.trap, f.error, s.cause = nil, nil, nil
	if trap == nil && e == nil {
		return nil
	}
	t := takeTrap(trap, e, cause)
	if trap != nil || cause != nil || len(t.Frames) > 0 {
		return t
	}
	// The guest did not run: what failed is the instantiation itself.
	for part, is := range instantiationErrors {
		if strings.Contains(t.Message, part) {
			return fmt.Errorf("%w: %s", is, t.Message)
		}
	}
	return errors.New(t.Message)
}

// instantiationErrors are what the library's messages mean; it gives no codes.
var instantiationErrors = map[string]error{
	"maximum concurrent":  ErrExhausted,
	"memory minimum size": ErrMemory,
	"table minimum size":  ErrTable,
}
