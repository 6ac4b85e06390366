package canon

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/writ-host/writ/wit"
)

// fuzzTypes are parameters made from a seed, some with handles.
func fuzzTypes(seed uint64) []*wit.Type {
	r := rand.New(rand.NewPCG(seed, 7))
	types := make([]*wit.Type, 1+r.IntN(3))
	for i := range types {
		types[i] = randomType(r, r.IntN(4))
		switch r.IntN(6) {
		case 0:
			types[i] = wit.TupleOf(wit.OwnOf(file), types[i])
		case 1:
			types[i] = wit.ListOf(wit.ResultOf(wit.BorrowOf(file), types[i]))
		}
	}
	return types
}

func fuzzTable() *Table {
	t := &Table{}
	for range 3 {
		_, _ = t.AddOwn(hosted(file, "f"))
	}
	return t
}

// footprint is what a value takes in memory of the host's, as limits count it.
func footprint(v wit.Value) uint64 {
	n := uint64(0)
	if b, ok := v.Packed(); ok {
		return uint64(len(b))
	}
	if v.Kind() == wit.KindString {
		return uint64(v.Len())
	}
	if p, ok := v.Payload(); ok {
		n += valueBytes + footprint(p)
	}
	for _, item := range v.Items() {
		n += valueBytes + footprint(item)
	}
	return n
}

// FuzzLift: whatever a guest has in memory and passes, the outcome is a trap
// that moved no owned handle, or values within the limit that the host can
// lower again to the same values.
func FuzzLift(f *testing.F) {
	f.Add(uint64(1), uint8(0), []byte("memory"), []byte{0, 6, 1, 2, 3, 4})
	f.Add(uint64(9), uint8(1), make([]byte, 300), []byte{16, 1, 16, 1, 16, 1, 16, 1})
	f.Add(uint64(40), uint8(2), []byte{0xff, 0xff, 0xff, 0xff}, []byte{0xff, 0xff})
	f.Fuzz(func(t *testing.T, seed uint64, enc uint8, mem, args []byte) {
		p := compile(t, Encoding(enc%3), nil, fuzzTypes(seed)...)
		const limit = 16 << 10
		cx := &Context{Memory: &heap{mem: mem}, Handles: fuzzTable(), Scope: &Scope{}, MaxBytes: limit}
		got, err := p.LiftParams(cx, fuzzFlat(p, args), nil)
		if err != nil {
			var trap *Trap
			if !errors.As(err, &trap) || cx.Handles.Len() != 3 || len(got) != 0 {
				t.Fatalf("%v, %d handles, %d values", err, cx.Handles.Len(), len(got))
			}
			return
		}
		total := uint64(0)
		for _, v := range got {
			total += footprint(v)
		}
		if total > limit {
			t.Fatalf("values of %d bytes", total)
		}
		again(t, p, got)
	})
}

// fuzzFlat spreads bytes over the flat arguments: mostly small numbers, 0xff
// for one of the extremes.
func fuzzFlat(p *Func, args []byte) []uint64 {
	flat := make([]uint64, len(p.CoreParams(Lower)))
	for i := range flat {
		if i < len(args) {
			flat[i] = uint64(args[i])
		}
		if flat[i] == 0xff {
			flat[i] = []uint64{0xffffffff, 1 << 63, 0x80000000, 1<<64 - 1}[i%4]
		}
	}
	return flat
}

// again: values survive being lowered into another instance and lifted there.
func again(t *testing.T, p *Func, args []wit.Value) {
	t.Helper()
	h := newHeap(1 << 20)
	cx := &Context{Memory: h, Handles: &Table{}, Scope: &Scope{}}
	flat, err := p.LowerParams(cx, args, nil)
	if err != nil {
		t.Fatalf("lower what was lifted: %v", err)
	}
	got, err := p.LiftParams(cx, flat, nil)
	if err != nil {
		t.Fatalf("lift what was lowered: %v", err)
	}
	for i := range args {
		if !same(got[i], args[i]) {
			t.Fatalf("%s became %s", show(args[i]), show(got[i]))
		}
	}
}

// FuzzLower: whatever values a host gives for whatever type, and whatever a
// guest's allocator answers, the outcome is an error or what was given.
func FuzzLower(f *testing.F) {
	f.Add(uint64(1), uint64(1), uint8(0), uint32(0))
	f.Add(uint64(3), uint64(4), uint8(1), uint32(0))
	f.Add(uint64(5), uint64(5), uint8(2), uint32(0xfffffff0))
	f.Fuzz(func(t *testing.T, seed, other uint64, enc uint8, answer uint32) {
		p := compile(t, Encoding(enc%3), nil, fuzzTypes(seed)...)
		r := rand.New(rand.NewPCG(other, 3))
		var args []wit.Value
		for _, typ := range fuzzTypes(other) {
			args = append(args, randomValue(r, typ))
		}
		h := newHeap(64 << 10)
		if answer != 0 {
			h.answer = func(uint32) (uint32, error) { return answer, nil }
		}
		cx := &Context{Memory: h, Handles: &Table{}, Scope: &Scope{}}
		flat, err := p.LowerParams(cx, args, nil)
		if err != nil {
			if len(flat) != 0 || cx.Handles.Len() != 0 {
				t.Fatalf("%v left %d flat values and %d handles", err, len(flat), cx.Handles.Len())
			}
			return
		}
		checkFlat(t, flat, p.CoreParams(Lift))
		if answer == 0 {
			again(t, p, args)
		}
	})
}
