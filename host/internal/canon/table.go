package canon

import (
	"fmt"

	"github.com/writ-host/writ/wit"
)

// MaxHandles is the specification's bound on the length of a handle table.
// Canonical ABI, "Table State".
const MaxHandles = 1<<28 - 1

// keepHandles is how many entries a table keeps memory for when it is reset.
const keepHandles = 1024

// Table holds the resource handles of one component instance. Index 0 is never
// used, and the index freed last is used first, as the specification has it.
// The zero value is an empty table; one that is never used allocates nothing.
// One goroutine at a time may use it.
//
// Its address identifies the component instance: it is in the handles of the
// resources which that instance implements, and a borrow of such a resource
// that is passed back to its own instance is its rep.
type Table struct {
	// Shared is what the table has in common with those of the other component
	// instances that it was made with. A table with none stands alone.
	Shared *Shared

	entries []entry // entry 0 is reserved
	free    uint32  // head of the list of free entries, 0 when there is none
	live    int
	added   []uint32 // entries made by the lowering under way
	taken   []*wit.Handle
}

// Shared is what the tables of all components within one instance have in common.
type Shared struct {
	// Left is how many more handles they may have together, and loans of handles
	// to calls that are under way.
	Left uint32
}

// entry is a handle, or a free entry when handle is nil.
type entry struct {
	handle *wit.Handle
	scope  *Scope // the call that a borrow belongs to; nil for an own
	lends  uint32 // how many borrows of it are under way
	next   uint32 // the next free entry
}

// Len is the number of handles in the table.
func (t *Table) Len() int { return t.live }

// New is resource.new: it adds an owned handle of a resource that this
// instance implements.
func (t *Table) New(r *wit.Resource, rep uint32) (uint32, error) {
	return t.add(&wit.Handle{Resource: r, Rep: rep, Instance: t}, nil)
}

// Rep is resource.rep: what was given to New.
func (t *Table) Rep(i uint32, r *wit.Resource) (uint32, error) {
	e, err := t.get(i, r)
	if err != nil {
		return 0, err
	}
	return e.handle.Rep, nil
}

// Drop is resource.drop. It returns the handle to destroy, which is nil for a
// borrow.
func (t *Table) Drop(i uint32, r *wit.Resource) (*wit.Handle, error) {
	e, err := t.get(i, r)
	if err != nil {
		return nil, err
	}
	if e.lends > 0 {
		return nil, trapf("handle %d of %s: dropped while it is lent", i, resourceName(r))
	}
	h, scope := e.handle, e.scope
	t.remove(i)
	if scope != nil {
		scope.borrows--
		return nil, nil
	}
	return h, nil
}

// AddOwn lowers an owned handle.
func (t *Table) AddOwn(h *wit.Handle) (uint32, error) { return t.add(h, nil) }

// AddBorrow lowers a borrowed handle for the duration of a call.
func (t *Table) AddBorrow(h *wit.Handle, s *Scope) (uint32, error) {
	i, err := t.add(h, s)
	if err == nil {
		s.borrows++
	}
	return i, err
}

// TakeOwn lifts an owned handle: it leaves the table.
func (t *Table) TakeOwn(i uint32, r *wit.Resource) (*wit.Handle, error) {
	e, err := t.get(i, r)
	switch {
	case err != nil:
		return nil, err
	case e.scope != nil:
		return nil, trapf("handle %d of %s: it is borrowed, an owned handle is needed", i, resourceName(r))
	case e.lends > 0:
		return nil, trapf("handle %d of %s: given away while it is lent", i, resourceName(r))
	}
	h := e.handle
	t.remove(i)
	return h, nil
}

// Lend lifts a borrowed handle: it stays, and cannot be dropped until the
// scope's call ends.
func (t *Table) Lend(i uint32, r *wit.Resource, s *Scope) (*wit.Handle, error) {
	e, err := t.get(i, r)
	if err != nil {
		return nil, err
	}
	if err := t.take(); err != nil {
		return nil, err
	}
	e.lends++
	s.lent = append(s.lent, loan{t, i})
	return e.handle, nil
}

// DropAll empties the table and hands over every owned handle of a resource
// that the host implements, the youngest entry first, so that children go
// before their parents. Guests' own resources die with their instance.
func (t *Table) DropAll(drop func(*wit.Handle)) {
	entries := t.entries
	t.entries = nil
	for i := len(entries) - 1; i > 0; i-- {
		if h := entries[i].handle; h != nil && entries[i].scope == nil && h.Instance == nil {
			drop(h)
		}
	}
	t.entries = entries
	t.Reset()
}

// Reset empties the table for another instance. It drops nothing; see DropAll.
func (t *Table) Reset() {
	clear(t.entries)
	clear(t.taken)
	t.entries, t.added, t.taken = t.entries[:0], t.added[:0], t.taken[:0]
	if cap(t.entries) > keepHandles {
		t.entries = nil
	}
	t.free, t.live, t.Shared = 0, 0, nil
}

// take makes room for a handle or a loan, and give gives it back.
func (t *Table) take() error {
	switch {
	case t.Shared == nil:
	case t.Shared.Left == 0:
		return t.full()
	default:
		t.Shared.Left--
	}
	return nil
}

func (t *Table) give() {
	if t.Shared != nil {
		t.Shared.Left++
	}
}

func (t *Table) full() error {
	return &Trap{Text: fmt.Sprintf("handle table is full: %d handles", t.live), Limit: "handles"}
}

func (t *Table) add(h *wit.Handle, s *Scope) (uint32, error) {
	if t.free == 0 && len(t.entries) > MaxHandles {
		return 0, t.full()
	}
	if err := t.take(); err != nil {
		return 0, err
	}
	if i := t.free; i != 0 {
		t.free = t.entries[i].next
		t.entries[i] = entry{handle: h, scope: s}
		t.live++
		return i, nil
	}
	if len(t.entries) == 0 {
		t.entries = append(t.entries, entry{})
	}
	i := len(t.entries)
	t.entries = append(t.entries, entry{handle: h, scope: s})
	t.live++
	return uint32(i), nil
}

func (t *Table) get(i uint32, r *wit.Resource) (*entry, error) {
	if uint64(i) >= uint64(len(t.entries)) || t.entries[i].handle == nil {
		return nil, trapf("handle %d of %s: no such handle", i, resourceName(r))
	}
	e := &t.entries[i]
	if e.handle.Resource != r {
		return nil, trapf("handle %d of %s: it is a handle of %s", i, resourceName(r), resourceName(e.handle.Resource))
	}
	return e, nil
}

func (t *Table) remove(i uint32) {
	t.entries[i] = entry{next: t.free}
	t.free = i
	t.live--
	t.give()
}

// unlend takes one loan back. The entry cannot have gone while it was lent,
// except with all others when the table was reset.
func (t *Table) unlend(i uint32) {
	if uint64(i) < uint64(len(t.entries)) && t.entries[i].lends > 0 {
		t.entries[i].lends--
		t.give()
	}
}
