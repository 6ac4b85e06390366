package canon

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/writ-host/writ/wit"
)

// batchHeap is a heap that makes several allocations in one go.
type batchHeap struct {
	*heap
	batches int
}

func (h *batchHeap) Allocate(list []Allocation) (int, error) {
	h.batches++
	for i := range list {
		a := &list[i]
		at, err := h.Realloc(0, 0, a.Align, a.Size)
		if err != nil {
			return i, err
		}
		a.At = at
		if at%a.Align != 0 || uint64(at)+uint64(a.Size) > uint64(len(h.mem)) {
			return i + 1, nil
		}
	}
	return len(list), nil
}

// lowered is all that lowering does to a guest.
func lowered(f *Func, m Memory, h *heap, args []wit.Value) string {
	flat, err := f.LowerParams(&Context{Memory: m}, args, nil)
	return fmt.Sprintf("%x %v %x %q", flat, err, h.mem[:h.next], h.calls)
}

// TestAllocationsAheadChangeNothing: the guest is asked for the same, in the same order, and gets the same.
func TestAllocationsAheadChangeNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	batches := 0
	for i := range 1500 {
		types := make([]*wit.Type, 1+r.IntN(20))
		args := make([]wit.Value, len(types))
		for j := range types {
			types[j] = randomType(r, r.IntN(4))
			args[j] = randomValue(r, types[j])
		}
		f := compile(t, Encoding(i%3), nil, types...)
		one, other := newHeap(16<<10), &batchHeap{heap: newHeap(16 << 10)}
		if want, got := lowered(f, one, one, args), lowered(f, other, other.heap, args); got != want {
			t.Fatalf("ahead %s\none by one %s", got, want)
		}
		batches += other.batches
	}
	if batches < 200 {
		t.Errorf("only %d batches", batches)
	}
}

var (
	textList  = wit.ListOf(wit.TypeString)
	threeText = wit.List(wit.String("one"), wit.String("two"), wit.String("three"))
)

// TestFailuresAheadAreTheSame: what fails is named as when each allocation is made in its turn.
func TestFailuresAheadAreTheSame(t *testing.T) {
	broken := wit.List(wit.String("one"), wit.String("\xff"), wit.String("three"))
	long := wit.List(wit.String("one"), wit.U32(7), wit.String("three"))
	for name, c := range map[string]struct {
		v      wit.Value
		answer func(call int) (uint32, error)
	}{
		"invalid text":        {v: broken},
		"another type":        {v: long},
		"trap at the third":   {threeText, func(call int) (uint32, error) { return 64, failAt(call, 3) }},
		"trap at the first":   {threeText, func(call int) (uint32, error) { return 64, failAt(call, 1) }},
		"beyond at the third": {threeText, func(call int) (uint32, error) { return 64 + uint32(call/3)<<20, nil }},
		"odd at the first":    {threeText, func(int) (uint32, error) { return 65, nil }},
	} {
		t.Run(name, func(t *testing.T) {
			f := compile(t, UTF8, nil, textList)
			heaps := [2]*heap{newHeap(4096), newHeap(4096)}
			for _, h := range heaps {
				if c.answer != nil {
					h.answer = func(uint32) (uint32, error) { return c.answer(len(h.calls)) }
				}
			}
			_, want := f.LowerParams(&Context{Memory: heaps[0]}, []wit.Value{c.v}, nil)
			_, got := f.LowerParams(&Context{Memory: &batchHeap{heap: heaps[1]}}, []wit.Value{c.v}, nil)
			if want == nil || got == nil || got.Error() != want.Error() {
				t.Errorf("ahead %v, one by one %v", got, want)
			}
			if !slices.Equal(heaps[0].calls, heaps[1].calls) {
				t.Errorf("calls ahead %q, one by one %q", heaps[1].calls, heaps[0].calls)
			}
		})
	}
}

func failAt(call, last int) error {
	if call >= last {
		return errors.New("unreachable executed")
	}
	return nil
}
