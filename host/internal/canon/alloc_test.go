package canon

import (
	"runtime"
	"testing"

	"github.com/writ-host/writ/wit"
)

// TestAllocations: a call allocates the values that it passes and nothing else.
func TestAllocations(t *testing.T) {
	headers := wit.ListOf(wit.TupleOf(wit.TypeString, wit.ListOf(wit.TypeU8)))
	var items []wit.Value
	for range 10 {
		items = append(items, wit.Tuple(wit.String("content-type"), wit.Bytes([]byte("text/plain"))))
	}
	for _, c := range []struct {
		name string
		typ  *wit.Type
		v    wit.Value
		lift float64
	}{
		{"scalar", wit.TypeU32, wit.U32(1), 0},
		{"result without payload", wit.ResultOf(nil, wit.TypeString), wit.Done(), 0},
		{"bytes", wit.ListOf(wit.TypeU8), wit.Bytes(make([]byte, 4096)), 1},
		{"string", wit.TypeString, wit.String("a key"), 1},
		{"some string", wit.OptionOf(wit.TypeString), wit.Some(wit.String("a key")), 2},
		{"record", wit.TupleOf(wit.TypeU8, wit.TupleOf(wit.TypeU8, wit.TypeU16)), wit.Tuple(wit.U8(1), wit.Tuple(wit.U8(2), wit.U16(3))), 1},
		{"list of numbers", wit.ListOf(wit.TypeU64), wit.List(wit.U64(1), wit.U64(2)), 1},
		{"ten headers", headers, wit.List(items...), 8},
	} {
		f, h := compile(t, UTF8, nil, c.typ), newHeap(8192)
		flat, err := f.LowerParams(&Context{Memory: h}, []wit.Value{c.v}, nil)
		if err != nil {
			t.Fatal(err)
		}
		cx, args, room := &Context{Memory: &bump{h.mem}}, []wit.Value{c.v}, make([]wit.Value, 0, 1)
		n := testing.AllocsPerRun(100, func() { _, err = f.LiftParams(cx, flat, room) })
		if err != nil || n > c.lift {
			t.Errorf("%s: lifting allocates %v times, %v", c.name, n, err)
		}
		n = testing.AllocsPerRun(100, func() { _, err = f.LowerParams(cx, args, flat[:0]) })
		if err != nil || n != 0 {
			t.Errorf("%s: lowering allocates %v times, %v", c.name, n, err)
		}
	}
}

func TestHandleCallsAllocateNothing(t *testing.T) {
	f := compile(t, UTF8, nil, wit.OwnOf(file), wit.BorrowOf(file))
	cx := &Context{Handles: &Table{}, Scope: &Scope{}}
	must[uint32](t)(cx.Handles.AddOwn(hosted(file, "a")))
	must[uint32](t)(cx.Handles.AddOwn(hosted(file, "b")))
	room, flat := make([]wit.Value, 0, 2), make([]uint64, 0, 2)
	n := testing.AllocsPerRun(100, func() {
		got, err := f.LiftParams(cx, []uint64{1, 2}, room)
		if err != nil || cx.Scope.Exit() != nil {
			t.Fatal(err)
		}
		if flat, err = f.LowerParams(cx, got, flat[:0]); err != nil {
			t.Fatal(err)
		}
		if _, err = cx.Handles.Drop(uint32(flat[1]), file); err != nil || cx.Scope.Exit() != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestNestedListsReserveOnce: each list of a guest's says how many values follow,
// and traps before most of them do. What is allocated stays near the limit.
func TestNestedListsReserveOnce(t *testing.T) {
	const levels, bools, limit = 40, 2000, 16 << 20
	typ := wit.ListOf(wit.TypeString)
	for range levels {
		parts := []*wit.Type{typ}
		for range bools {
			parts = append(parts, wit.TypeBool)
		}
		typ = wit.ListOf(wit.TupleOf(parts...))
	}
	h := newHeap(2 << 20)
	for n := range uint32(levels) { // the first item of a list holds the next list
		little.PutUint32(h.mem[n*8:], (n+1)*8)
		little.PutUint32(h.mem[n*8+4:], 320+n/4)
	}
	little.PutUint32(h.mem[levels*8:], 1<<30) // of the innermost: out of bounds
	little.PutUint32(h.mem[levels*8+4:], 1)
	f := compile(t, UTF8, nil, typ)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := f.LiftParams(&Context{Memory: h, MaxBytes: limit}, []uint64{0, 310}, nil)
	runtime.ReadMemStats(&after)
	wantTrap(t, "reach beyond the memory", err)
	if got := after.TotalAlloc - before.TotalAlloc; got > 3*limit {
		t.Errorf("%d bytes were allocated under a limit of %d", got, limit)
	}
}
