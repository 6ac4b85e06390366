package host

import (
	"context"
	"errors"

	"github.com/writ-host/writ/host/internal/canon"
	"github.com/writ-host/writ/host/internal/plan"
	"github.com/writ-host/writ/wit"
)

// frame is what one call needs while it runs. An instance keeps its frames, so
// that a call allocates nothing but the values it passes.
type frame struct {
	cx      canon.Context
	memory  guestMemory
	scope   canon.Scope
	call    wit.Call
	args    []wit.Value
	flat    []uint64
	results [wit.MaxFlatResults]uint64
}

// maxDepth bounds calls within calls: guests calling guests and destructors.
const maxDepth = 200

func (i *Instance) push() *frame {
	if i.depth == len(i.frames) {
		i.frames = append(i.frames, &frame{flat: make([]uint64, 0, wit.MaxFlatParams+1)})
	}
	i.depth++
	return i.frames[i.depth-1]
}

// pop forgets the values of the call, so that the garbage collector can have
// them, and the borrows of one that failed: the frame will serve other calls,
// of other instances even.
func (i *Instance) pop() {
	i.depth--
	fr := i.frames[i.depth]
	_ = fr.scope.Exit() // a call that succeeded has done so, and seen the error
	clear(fr.args)
	fr.args, fr.call, fr.memory = fr.args[:0], wit.Call{}, guestMemory{}
}

// context is one side of a call: of a component instance with its handles, and
// of the memory that the function's options name. Field by field: a struct that
// is made and copied is written in small pieces and read in large ones, for
// which the processor must wait.
func (fr *frame) context(ctx context.Context, i *Instance, table int, m memorySlots) *canon.Context {
	mem, cx := &fr.memory, &fr.cx
	mem.ctx, mem.i, mem.table, mem.slots = ctx, i, table, m
	cx.Handles, cx.Scope, cx.MaxBytes, cx.Memory = &i.tables[table], &fr.scope, i.limits.Transfer, nil
	if m.memory != plan.None {
		cx.Memory = mem
	}
	return cx
}

// guestMemory is a memory of the instance and its allocator.
type guestMemory struct {
	ctx   context.Context
	i     *Instance
	table int
	slots memorySlots
}

// Bytes is the memory as it is now.
func (m *guestMemory) Bytes() []byte { return m.i.store.Memory(m.slots.memory) }

var errNoRealloc = errors.New("the component gave no realloc function")

// Allocate is Realloc for several new allocations.
func (m *guestMemory) Allocate(list []canon.Allocation) (int, error) {
	if m.slots.realloc == plan.None {
		return 0, errNoRealloc
	}
	was := m.i.locked[m.table]
	m.i.locked[m.table] = true
	made, err := m.i.store.Allocate(m.ctx, m.slots.realloc, m.slots.memory, list)
	m.i.locked[m.table] = was
	return made, err
}

// Realloc calls the guest's allocator, which may not call out meanwhile.
// Canonical ABI, "Context and Call State": may_leave.
func (m *guestMemory) Realloc(oldPtr, oldSize, align, newSize uint32) (uint32, error) {
	if m.slots.realloc == plan.None {
		return 0, errNoRealloc
	}
	was := m.i.locked[m.table]
	m.i.locked[m.table] = true
	args := [4]uint64{uint64(oldPtr), uint64(oldSize), uint64(align), uint64(newSize)}
	var result [1]uint64
	err := m.i.store.Call(m.ctx, m.slots.realloc, args[:], result[:])
	m.i.locked[m.table] = was
	return uint32(result[0]), err
}
