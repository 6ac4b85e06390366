package wasmtime

// #include "fiber.h"
import "C"

import (
	"context"
	"fmt"
)

// Allocation is a piece of a memory, aligned to a power of two, and its address
// once it was made.
type Allocation = struct{ Align, Size, At uint32 }

var reallocType = FuncType{Params: []ValType{I32, I32, I32, I32}, Results: []ValType{I32}}

// Allocate calls a slot's function, a realloc as the canonical ABI has it, for
// one new allocation after another, and goes to the guest and back once for
// many: from within the host that is most of what a call of it costs. It
// returns how many were made. The last of them is bad, and the list not done,
// when it is not aligned or not within the slot's memory.
func (s *Store) Allocate(ctx context.Context, slot, memory int, list []Allocation) (made int, err error) {
	if err := s.checkAllocate(slot, memory); err != nil {
		return 0, err
	}
	for made < len(list) {
		some := list[made:min(made+C.WRIT_MAX_VALUES, len(list))]
		n, err := s.allocate(ctx, slot, memory, some)
		if made += n; err != nil || n < len(some) {
			return made, err
		}
	}
	return made, nil
}

func (s *Store) checkAllocate(slot, memory int) error {
	var args [4]uint64
	var result [1]uint64
	if err := s.checkCall(slot, args[:], result[:]); err != nil {
		return err
	}
	if !s.tmpl.slots[slot].Type.equal(reallocType) {
		return fmt.Errorf("slot %d is not a realloc", slot)
	}
	if s.Memory(memory) == nil {
		return fmt.Errorf("slot %d is not a memory that exists", memory)
	}
	return nil
}

// allocate is Allocate for as many as the record has room for.
func (s *Store) allocate(ctx context.Context, slot, memory int, list []Allocation) (made int, err error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	f := s.fiber
	f.command, f.slot, f.view, f.count = C.WRIT_ALLOCATE, C.uint32_t(slot), s.view(memory), C.uint32_t(len(list))
	f.allocated = 0
	for i, a := range list {
		f.values[i] = C.uint64_t(max(a.Align, 1))<<32 | C.uint64_t(a.Size)
	}
	s.depth++
	s.allocating = true
	err = errUnfinished
	defer s.leave(&err)
	err = s.drive(ctx, s.entry(), nil)
	s.allocating = false
	made = int(f.allocated)
	for i := range made {
		list[i].At = uint32(f.values[i])
	}
	return made, err
}
