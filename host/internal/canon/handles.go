package canon

import "github.com/writ-host/writ/wit"

// handle lifts a handle. Canonical ABI, lift_own and lift_borrow.
func (l *lifter) handle(n *node, i uint32, out *wit.Value) error {
	t := l.cx.Handles
	if t == nil {
		return trapf("handle %d of %s: the instance has no handles", i, resourceName(n.resource))
	}
	if n.op == opOwn {
		h, err := t.TakeOwn(i, n.resource)
		if err != nil {
			return err
		}
		t.taken = append(t.taken, h)
		*out = wit.Own(h)
		return nil
	}
	if l.cx.Scope == nil {
		return mismatchf("borrow of %s: the call has no scope", resourceName(n.resource))
	}
	h, err := t.Lend(i, n.resource, l.cx.Scope)
	if err != nil {
		return err
	}
	*out = wit.Borrow(h)
	return nil
}

// handle lowers a handle. Canonical ABI, lower_own and lower_borrow.
func (l *lowerer) handle(n *node, v *wit.Value) (uint32, error) {
	t, h := l.cx.Handles, v.Handle()
	switch {
	case h == nil:
		return 0, mismatchf("%s of %s: the value has no handle", kindName(n.kind), resourceName(n.resource))
	case h.Resource != n.resource:
		return 0, mismatchf("%s of %s: the handle is of %s", kindName(n.kind), resourceName(n.resource), resourceName(h.Resource))
	case t == nil:
		return 0, mismatchf("%s of %s: the instance has no handles", kindName(n.kind), resourceName(n.resource))
	case t.foreign(h):
		return 0, mismatchf("%s of %s: the handle is of another instance", kindName(n.kind), resourceName(n.resource))
	}
	if n.op == opOwn {
		return l.added(t.add(h, nil))
	}
	if h.Instance == any(t) {
		return h.Rep, nil
	}
	if l.cx.Scope == nil {
		return 0, mismatchf("borrow of %s: the call has no scope", resourceName(n.resource))
	}
	return l.added(t.AddBorrow(h, l.cx.Scope))
}

// foreign says that a guest's resource was not made by one of the instances
// that this one was made with: what its rep means, only those know.
func (t *Table) foreign(h *wit.Handle) bool {
	owner, guest := h.Instance.(*Table)
	return guest && owner.Shared != t.Shared
}

func (l *lowerer) added(i uint32, err error) (uint32, error) {
	if err == nil {
		l.cx.Handles.added = append(l.cx.Handles.added, i)
	}
	return i, err
}

// mark is where the table's logs stood before a lift or lowering. The logs let
// one that fails midway leave every handle with the side that had it.
type mark struct{ added, taken int }

func (cx *Context) mark() mark {
	if cx.Handles == nil {
		return mark{}
	}
	return mark{len(cx.Handles.added), len(cx.Handles.taken)}
}

// keep ends the lift or lowering that began at m.
func (cx *Context) keep(m mark) {
	t := cx.Handles
	if t == nil {
		return
	}
	clear(t.taken[min(m.taken, len(t.taken)):])
	t.added = t.added[:min(m.added, len(t.added))]
	t.taken = t.taken[:min(m.taken, len(t.taken))]
}

// putBack returns the handles that a failed lift took to the table, where the
// end of the instance will find them.
func (cx *Context) putBack(m mark) {
	t := cx.Handles
	if t == nil {
		return
	}
	for i := len(t.taken) - 1; i >= m.taken; i-- {
		// Each was in the table a moment ago, so there is room.
		_, _ = t.add(t.taken[i], nil)
	}
	cx.keep(m)
}

// takeBack removes the handles that a failed lowering put into the table: they
// are still the caller's.
func (cx *Context) takeBack(m mark) {
	t := cx.Handles
	if t == nil {
		return
	}
	for i := len(t.added) - 1; i >= m.added; i-- {
		t.forget(t.added[i])
	}
	cx.keep(m)
}

func (t *Table) forget(i uint32) {
	if uint64(i) >= uint64(len(t.entries)) || t.entries[i].handle == nil {
		return
	}
	if s := t.entries[i].scope; s != nil {
		s.borrows--
	}
	t.remove(i)
}

// EachOwn calls do for every owned handle in a value. It is for who is left
// with a value that nobody takes: after LowerParams or LowerResult failed, or
// when a call is refused after its parameters were lifted.
func EachOwn(v wit.Value, do func(*wit.Handle)) {
	if v.Kind() == wit.KindOwn && v.Handle() != nil {
		do(v.Handle())
	}
	if p, ok := v.Payload(); ok {
		EachOwn(p, do)
	}
	for _, item := range v.Items() {
		EachOwn(item, do)
	}
}
