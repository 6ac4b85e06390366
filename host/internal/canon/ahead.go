package canon

import (
	"slices"
	"unicode/utf8"

	"github.com/writ-host/writ/wit"
)

// Allocation is a new piece of a guest's memory, and its address once it was
// made.
type Allocation = struct{ Align, Size, At uint32 }

// BatchMemory is a [Memory] that can make several allocations in one go.
type BatchMemory interface {
	Memory
	// Allocate calls the guest's realloc function for one new allocation after
	// another, as Realloc(0, 0, align, size) does. It returns how many were made: a
	// result that is not aligned or not within the memory is the last.
	Allocate(list []Allocation) (made int, err error)
}

// maxAhead bounds what is allocated in one go; the rest is as it comes.
const maxAhead = 1 << 16

// plan begins a plan of the allocations for values of a type that may need
// several: what takes long is the way to the guest and back, not what its
// allocator does. The guest sees the same calls of its allocator, in the same
// order, as when each comes when its turn is; only what is written between
// them comes later.
func (l *lowerer) plan(n *node) (p planner, ok bool) {
	l.batch, ok = l.cx.Memory.(BatchMemory)
	return p, ok && n.several && l.encoding == UTF8
}

// allocate makes what was planned.
func (l *lowerer) allocate(p *planner) {
	if len(p.list) < 2 {
		return
	}
	made, err := l.batch.Allocate(p.list)
	l.made, l.after = p.list[:made], err
	l.mem = l.batch.Bytes()
}

// next is the allocation that was made for what is stored now.
func (l *lowerer) next(align, size uint32) (at uint32, ok bool, err error) {
	if len(l.made) == 0 {
		return 0, false, l.after
	}
	a := l.made[0]
	l.made = l.made[1:]
	if a.Align != align || a.Size != size {
		return 0, false, mismatchf("%d bytes are needed, and %d were made ready", size, a.Size)
	}
	return a.At, true, nil
}

// planner lists what storing values is going to allocate, in the order of
// storing. It ends where storing would fail.
type planner struct {
	list []Allocation
	end  bool
}

func (p *planner) params(f *Func, args []wit.Value) {
	if f.spill {
		p.add(f.params.align, uint64(f.params.size))
	}
	for i, part := range f.params.fields {
		p.value(part.node, &args[i])
	}
}

func (p *planner) value(n *node, v *wit.Value) {
	if p.end || !n.typ.HasPointer {
		return
	}
	if n.fits(v) != nil {
		p.end = true
		return
	}
	switch n.op {
	case opString:
		s := v.Text()
		p.end = len(s) > maxStringBytes || !utf8.ValidString(s)
		p.add(1, uint64(len(s)))
	case opBytes, opList:
		length := uint64(v.Len())
		p.end = length > maxListBytes || length*uint64(n.elem.size) > maxListBytes
		if n.elem.typ.HasPointer {
			p.list = slices.Grow(p.list, 1+int(min(length, maxAhead)))
		}
		p.add(n.elem.align, length*uint64(n.elem.size))
		p.items(n.elem, v)
	case opFixed:
		p.items(n.elem, v)
	case opRecord:
		items := v.Items()
		for i, f := range n.fields {
			p.value(f.node, &items[i])
		}
	case opVariant:
		if payload, ok := v.Payload(); ok {
			p.value(n.cases[v.Case()], &payload)
		}
	}
}

func (p *planner) add(align uint32, size uint64) {
	if p.end = p.end || len(p.list) == maxAhead; !p.end {
		p.list = append(p.list, Allocation{Align: align, Size: uint32(size)})
	}
}

func (p *planner) items(elem *node, v *wit.Value) {
	if p.end || !elem.typ.HasPointer {
		return
	}
	items := v.Items()
	for i := range items {
		p.value(elem, &items[i])
	}
}
