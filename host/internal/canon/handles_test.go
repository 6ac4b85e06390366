package canon

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/writ-host/writ/wit"
)

var (
	file   = &wit.Resource{Name: "file"}
	socket = &wit.Resource{Name: "socket"}
)

func hosted(r *wit.Resource, name string) *wit.Handle { return &wit.Handle{Resource: r, Object: name} }

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestTable(t *testing.T) {
	tab := &Table{}
	index := must[uint32](t)
	a, b, c := index(tab.New(file, 10)), index(tab.New(file, 20)), index(tab.AddOwn(hosted(socket, "s")))
	if a != 1 || b != 2 || c != 3 || tab.Len() != 3 {
		t.Fatalf("indices %d %d %d of %d", a, b, c, tab.Len())
	}
	if rep := index(tab.Rep(b, file)); rep != 20 {
		t.Errorf("rep %d", rep)
	}
	h := must[*wit.Handle](t)(tab.Drop(a, file))
	if h == nil || h.Rep != 10 || h.Instance != any(tab) {
		t.Errorf("dropped %+v", h)
	}
	must[*wit.Handle](t)(tab.Drop(b, file))
	if again := index(tab.New(file, 30)); again != b {
		t.Errorf("index %d is used, not %d, which was freed last", again, b)
	}
	if again := index(tab.New(file, 40)); again != a {
		t.Errorf("index %d is used, not %d", again, a)
	}
}

func TestTableTraps(t *testing.T) {
	tab := &Table{}
	if _, err := tab.New(file, 1); err != nil {
		t.Fatal(err)
	}
	for i, want := range map[uint32]string{0: "no such handle", 2: "no such handle", 0xffffffff: "no such handle"} {
		_, err := tab.Rep(i, file)
		wantTrap(t, want, err)
		_, err = tab.Drop(i, file)
		wantTrap(t, want, err)
		_, err = tab.TakeOwn(i, file)
		wantTrap(t, want, err)
		_, err = tab.Lend(i, file, &Scope{})
		wantTrap(t, want, err)
	}
	_, err := tab.Drop(1, socket)
	wantTrap(t, "handle 1 of socket: it is a handle of file", err)
	_, err = (&Table{}).Drop(0, file)
	wantTrap(t, "no such handle", err)
	if tab.Len() != 1 {
		t.Errorf("%d handles after refusals", tab.Len())
	}
}

func TestTableIsBounded(t *testing.T) {
	tab := &Table{Shared: &Shared{Left: 2}}
	for range 2 {
		must[uint32](t)(tab.New(file, 0))
	}
	_, err := tab.New(file, 0)
	wantTrap(t, "handle table is full: 2 handles", err)
	must[*wit.Handle](t)(tab.Drop(1, file))
	must[uint32](t)(tab.New(file, 0))
}

// TestSharedRoom: handles and loans of all tables that belong together count,
// and what ends makes room.
func TestSharedRoom(t *testing.T) {
	shared := &Shared{Left: 3}
	a, b, s := &Table{Shared: shared}, &Table{Shared: shared}, &Scope{}
	must[uint32](t)(a.New(file, 0))
	must[uint32](t)(b.New(file, 0))
	must[*wit.Handle](t)(a.Lend(1, file, s))
	_, err := b.Lend(1, file, s)
	wantTrap(t, "handle table is full", err)
	_, err = b.New(file, 0)
	wantTrap(t, "handle table is full", err)
	if err := s.Exit(); err != nil || shared.Left != 1 {
		t.Fatalf("%v, room for %d after the call, want 1", err, shared.Left)
	}
	must[*wit.Handle](t)(a.Drop(1, file))
	must[*wit.Handle](t)(b.TakeOwn(1, file))
	if shared.Left != 3 {
		t.Errorf("room for %d in the end, want 3", shared.Left)
	}
}

func TestLoans(t *testing.T) {
	tab, s := &Table{}, &Scope{}
	must[uint32](t)(tab.AddOwn(hosted(file, "f")))
	must[*wit.Handle](t)(tab.Lend(1, file, s))
	must[*wit.Handle](t)(tab.Lend(1, file, s))
	_, err := tab.Drop(1, file)
	wantTrap(t, "dropped while it is lent", err)
	_, err = tab.TakeOwn(1, file)
	wantTrap(t, "given away while it is lent", err)
	if err := s.Exit(); err != nil {
		t.Fatal(err)
	}
	if h := must[*wit.Handle](t)(tab.Drop(1, file)); h.Object != "f" {
		t.Errorf("dropped %+v", h)
	}
}

func TestBorrowsMustBeDropped(t *testing.T) {
	tab, s := &Table{}, &Scope{}
	h := hosted(file, "f")
	must[uint32](t)(tab.AddBorrow(h, s))
	must[uint32](t)(tab.AddBorrow(h, s))
	_, err := tab.TakeOwn(1, file)
	wantTrap(t, "it is borrowed, an owned handle is needed", err)
	if d := must[*wit.Handle](t)(tab.Drop(1, file)); d != nil {
		t.Errorf("dropping a borrow destroys %+v", d)
	}
	wantTrap(t, "1 borrowed handles were not dropped", s.Exit())
	if err := s.Exit(); err != nil {
		t.Errorf("the scope is not fresh: %v", err)
	}
}

// TestBorrowOfBorrow: a borrow that was lent on cannot be dropped either.
func TestBorrowOfBorrow(t *testing.T) {
	tab, task, call := &Table{}, &Scope{}, &Scope{}
	must[uint32](t)(tab.AddBorrow(hosted(file, "f"), task))
	must[*wit.Handle](t)(tab.Lend(1, file, call))
	_, err := tab.Drop(1, file)
	wantTrap(t, "dropped while it is lent", err)
	if err := call.Exit(); err != nil {
		t.Fatal(err)
	}
	must[*wit.Handle](t)(tab.Drop(1, file))
	if err := task.Exit(); err != nil {
		t.Error(err)
	}
}

func TestDropAll(t *testing.T) {
	tab, s := &Table{}, &Scope{}
	must[uint32](t)(tab.AddOwn(hosted(file, "parent")))
	must[uint32](t)(tab.New(socket, 5))
	must[uint32](t)(tab.AddBorrow(hosted(file, "lent to it"), s))
	must[uint32](t)(tab.AddOwn(hosted(file, "child")))
	var got []string
	tab.DropAll(func(h *wit.Handle) { got = append(got, h.Object.(string)) })
	if !slices.Equal(got, []string{"child", "parent"}) {
		t.Errorf("dropped %q", got)
	}
	tab.DropAll(func(h *wit.Handle) { t.Errorf("%v dropped twice", h.Object) })
	if tab.Len() != 0 || must[uint32](t)(tab.New(file, 0)) != 1 {
		t.Error("the table is not fresh")
	}
}

func TestTableReusesMemory(t *testing.T) {
	tab, s, h := &Table{}, &Scope{}, hosted(file, "f")
	round := func() {
		i, _ := tab.AddOwn(h)
		_, _ = tab.Lend(i, file, s)
		_ = s.Exit()
		tab.Reset()
	}
	round()
	if n := testing.AllocsPerRun(100, round); n != 0 {
		t.Errorf("%v allocations for a table that is used again", n)
	}
	for range 2 * keepHandles {
		must[uint32](t)(tab.AddOwn(h))
	}
	tab.Reset()
	if cap(tab.entries) != 0 {
		t.Errorf("a large table keeps room for %d", cap(tab.entries))
	}
}

// TestExitAfterReset: a call that outlives its instance does no harm.
func TestExitAfterReset(t *testing.T) {
	tab, s := &Table{}, &Scope{}
	must[uint32](t)(tab.AddOwn(hosted(file, "f")))
	must[*wit.Handle](t)(tab.Lend(1, file, s))
	tab.Reset()
	must[uint32](t)(tab.AddOwn(hosted(file, "g")))
	if err := s.Exit(); err != nil || tab.entries[1].lends != 0 {
		t.Errorf("%v, %d loans", err, tab.entries[1].lends)
	}
}

func TestHandleValues(t *testing.T) {
	own, borrow := wit.OwnOf(file), wit.BorrowOf(file)
	caller := &Context{Handles: &Table{}, Scope: &Scope{}}
	h, k := hosted(file, "h"), hosted(file, "k")
	must[uint32](t)(caller.Handles.AddOwn(h))
	must[uint32](t)(caller.Handles.AddOwn(k))
	f := compile(t, UTF8, nil, own, borrow)
	got, err := f.LiftParams(caller, []uint64{1, 2}, nil)
	if err != nil || got[0].Handle() != h || got[1].Handle() != k || caller.Handles.Len() != 1 {
		t.Fatalf("%v, %v, %d left", got, err, caller.Handles.Len())
	}
	callee := &Context{Handles: &Table{}, Scope: &Scope{}}
	flat, err := f.LowerParams(callee, got, nil)
	if err != nil || !slices.Equal(flat, []uint64{1, 2}) || callee.Scope.borrows != 1 {
		t.Fatalf("%v, %v, %d borrows", flat, err, callee.Scope.borrows)
	}
	must[*wit.Handle](t)(callee.Handles.Drop(2, file))
	if err := callee.Scope.Exit(); err != nil {
		t.Error(err)
	}
	if !f.NeedsScope() || !f.HasHandles() || compile(t, UTF8, own).NeedsScope() {
		t.Error("the function does not know its handles")
	}
}

// TestBorrowOfOwnResource: the instance that implements a resource gets the rep.
func TestBorrowOfOwnResource(t *testing.T) {
	f := compile(t, UTF8, nil, wit.BorrowOf(file))
	one := &Shared{Left: 10}
	owner, beside, other := &Table{Shared: one}, &Table{Shared: one}, &Table{Shared: &Shared{Left: 10}}
	h := &wit.Handle{Resource: file, Rep: 77, Instance: owner}
	for _, c := range []struct {
		name    string
		table   *Table
		want    uint64
		handles int
	}{{"its own", owner, 77, 0}, {"one beside it", beside, 1, 1}} {
		cx := &Context{Handles: c.table, Scope: &Scope{}}
		flat, err := f.LowerParams(cx, []wit.Value{wit.Borrow(h)}, nil)
		if err != nil || flat[0] != c.want || cx.Handles.Len() != c.handles || cx.Scope.borrows != c.handles {
			t.Errorf("%s: %v, %v", c.name, flat, err)
		}
	}
	_, err := f.LowerParams(&Context{Handles: other, Scope: &Scope{}}, []wit.Value{wit.Borrow(h)}, nil)
	var m *Mismatch
	if !errors.As(err, &m) || !strings.Contains(err.Error(), "of another instance") || other.Len() != 0 {
		t.Errorf("a handle of another instance = %v", err)
	}
	cx := &Context{Handles: &Table{}, Scope: &Scope{}}
	flat, err := f.LowerParams(cx, []wit.Value{wit.Borrow(hosted(file, "x"))}, nil)
	if err != nil || flat[0] != 1 || cx.Handles.Len() != 1 {
		t.Errorf("a host's resource became %v, %v", flat, err)
	}
}

// TestFailureMovesNoHandle: a lift or lowering that fails midway leaves every
// owned handle with the side that had it.
func TestFailureMovesNoHandle(t *testing.T) {
	cx := &Context{Handles: &Table{}, Scope: &Scope{}, Memory: newHeap(64)}
	must[uint32](t)(cx.Handles.AddOwn(hosted(file, "a")))
	must[uint32](t)(cx.Handles.AddOwn(hosted(file, "b")))
	f := compile(t, UTF8, nil, wit.OwnOf(file), wit.OwnOf(file), wit.TypeChar)
	_, err := f.LiftParams(cx, []uint64{1, 2, 0xd800}, nil)
	wantTrap(t, "char", err)
	for i := uint32(1); i <= 2; i++ {
		if _, err := cx.Handles.Rep(i, file); err != nil {
			t.Error(err)
		}
	}
	g := compile(t, UTF8, nil, wit.OwnOf(file), wit.BorrowOf(file), wit.TypeChar)
	fresh := wit.NewOwn(file, "c")
	_, err = g.LowerParams(cx, []wit.Value{fresh, wit.Borrow(fresh.Handle()), wit.U8(1)}, nil)
	wantMismatch(t, "char is needed", err)
	if cx.Handles.Len() != 2 || cx.Scope.borrows != 0 || len(cx.Handles.added)+len(cx.Handles.taken) != 0 {
		t.Errorf("%d handles, %d borrows", cx.Handles.Len(), cx.Scope.borrows)
	}
}

func TestEachOwn(t *testing.T) {
	inner := wit.NewOwn(file, "inner")
	v := wit.Record(wit.NewOwn(file, "first"), wit.U8(1), wit.Borrow(hosted(file, "borrowed")),
		wit.List(wit.Some(inner), wit.None()), wit.Bytes([]byte{1}), wit.Own(nil))
	var got []string
	EachOwn(v, func(h *wit.Handle) { got = append(got, h.Object.(string)) })
	if !slices.Equal(got, []string{"first", "inner"}) {
		t.Errorf("%q", got)
	}
}

func TestPass(t *testing.T) {
	sig := []*wit.Type{wit.TypeString, wit.OwnOf(file)}
	from, to := compile(t, UTF16, wit.TypeString, sig...), compile(t, Latin1OrUTF16, wit.TypeString, sig...)
	a := &Context{Memory: newHeap(256).put(32, 'h', 0, 0xe9, 0), Handles: &Table{}}
	b := &Context{Memory: newHeap(256), Handles: &Table{}}
	must[uint32](t)(a.Handles.AddOwn(hosted(file, "f")))
	args := []uint64{32, 2, 1, 128}
	out, err := PassParams(from, a, args, to, b, nil)
	if err != nil || a.Handles.Len() != 0 || b.Handles.Len() != 1 {
		t.Fatalf("%v, %v", out, err)
	}
	if got := b.Memory.Bytes()[out[0]:][:out[1]]; string(got) != "h\xe9" {
		t.Errorf("passed %q", got)
	}
	little.PutUint32(b.Memory.Bytes()[200:], uint32(out[0]))
	little.PutUint32(b.Memory.Bytes()[204:], 2)
	if err := PassResult(to, b, []uint64{200}, from, a, args, nil); err != nil {
		t.Fatal(err)
	}
	mem := a.Memory.Bytes()
	if at := little.Uint32(mem[128:]); string(mem[at:at+4]) != "h\x00\xe9\x00" || mem[132] != 2 {
		t.Errorf("result % x at %d", mem[at:at+4], at)
	}
}

// TestPassFailure: what the callee cannot take goes back to the caller.
func TestPassFailure(t *testing.T) {
	f := compile(t, UTF8, nil, wit.TypeString, wit.OwnOf(file))
	a := &Context{Memory: newHeap(64), Handles: &Table{}}
	must[uint32](t)(a.Handles.AddOwn(hosted(file, "f")))
	b := &Context{Memory: newHeap(64), Handles: &Table{Shared: &Shared{Left: 1}}}
	must[uint32](t)(b.Handles.AddOwn(hosted(file, "g")))
	_, err := PassParams(f, a, []uint64{0, 0, 1}, f, b, nil)
	wantTrap(t, "handle table is full", err)
	if a.Handles.Len() != 1 || b.Handles.Len() != 1 {
		t.Errorf("the caller has %d handles and the callee %d", a.Handles.Len(), b.Handles.Len())
	}
}

// TestOneHandleTwice: a guest that passes one handle for two parameters.
func TestOneHandleTwice(t *testing.T) {
	own, borrow := wit.OwnOf(file), wit.BorrowOf(file)
	for _, c := range []struct {
		want   string
		params []*wit.Type
	}{
		{"no such handle", []*wit.Type{own, own}},
		{"no such handle", []*wit.Type{own, borrow}},
		{"given away while it is lent", []*wit.Type{borrow, own}},
		{"", []*wit.Type{borrow, borrow}},
	} {
		cx := &Context{Handles: &Table{}, Scope: &Scope{}}
		must[uint32](t)(cx.Handles.AddOwn(hosted(file, "f")))
		_, err := compile(t, UTF8, nil, c.params...).LiftParams(cx, []uint64{1, 1}, nil)
		if c.want != "" {
			wantTrap(t, c.want, err)
		} else if err != nil {
			t.Error(err)
		}
		if err := cx.Scope.Exit(); err != nil {
			t.Error(err)
		}
		if h := must[*wit.Handle](t)(cx.Handles.Drop(1, file)); h == nil || h.Object != "f" {
			t.Errorf("the handle that was passed twice is %+v", h)
		}
	}
}
