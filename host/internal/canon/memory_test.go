package canon

import (
	"errors"
	"fmt"
	"testing"

	"github.com/writ-host/writ/wit"
)

// heap is a guest's memory with an allocator that never frees. It moves the
// bytes on every reallocation, so that stale views are found.
type heap struct {
	mem   []byte
	next  uint32
	calls []string
	// answer, when set, is what realloc returns.
	answer func(size uint32) (uint32, error)
}

func newHeap(size int) *heap { return &heap{mem: make([]byte, size), next: 16} }

func (h *heap) Bytes() []byte { return h.mem }

func (h *heap) Realloc(old, oldSize, align, size uint32) (uint32, error) {
	h.calls = append(h.calls, fmt.Sprintf("%d %d %d", oldSize, align, size))
	if h.answer != nil {
		return h.answer(size)
	}
	fresh := append([]byte(nil), h.mem...)
	at := (h.next + align - 1) &^ (align - 1)
	if uint64(at)+uint64(size) > uint64(len(h.mem)) {
		return 0, errors.New("out of memory")
	}
	copy(fresh[at:], h.mem[old:old+min(oldSize, size)])
	clear(h.mem) // a view from before the call must not be used any more
	h.mem, h.next = fresh, at+size
	return at, nil
}

func (h *heap) put(at uint32, b ...byte) *heap {
	copy(h.mem[at:], b)
	return h
}

func function(result *wit.Type, params ...*wit.Type) *wit.Func {
	f := &wit.Func{Name: "f", Result: result}
	for i, t := range params {
		f.Params = append(f.Params, wit.Param{Name: fmt.Sprintf("p%d", i), Type: t})
	}
	return f
}

func compile(t testing.TB, e Encoding, result *wit.Type, params ...*wit.Type) *Func {
	t.Helper()
	f, err := Compile(function(result, params...), Options{Encoding: e, HasMemory: true, HasRealloc: true})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// same reports whether two values are equal, however bytes are kept.
func same(a, b wit.Value) bool {
	if a.Kind() != b.Kind() || a.Len() != b.Len() {
		return false
	}
	switch a.Kind() {
	case wit.KindString:
		return a.Text() == b.Text()
	case wit.KindList, wit.KindRecord, wit.KindTuple:
		_, p := a.Packed()
		_, q := b.Packed()
		if p || q {
			return string(a.Bytes()) == string(b.Bytes())
		}
		for i, item := range a.Items() {
			if !same(item, b.Items()[i]) {
				return false
			}
		}
		return true
	case wit.KindVariant, wit.KindOption, wit.KindResult:
		p, ok := a.Payload()
		q, also := b.Payload()
		return a.Case() == b.Case() && ok == also && (!ok || same(p, q))
	case wit.KindOwn, wit.KindBorrow:
		return a.Handle() == b.Handle()
	case wit.KindEnum:
		return a.Case() == b.Case()
	}
	return a.Bits() == b.Bits()
}

func show(v wit.Value) string {
	switch v.Kind() {
	case wit.KindString:
		return fmt.Sprintf("%q", v.Text())
	case wit.KindList, wit.KindRecord, wit.KindTuple:
		if b, ok := v.Packed(); ok {
			return fmt.Sprintf("bytes %x", b)
		}
		s := kindName(v.Kind()) + "("
		for _, item := range v.Items() {
			s += show(item) + " "
		}
		return s + ")"
	case wit.KindVariant, wit.KindOption, wit.KindResult, wit.KindEnum:
		s := fmt.Sprintf("%s case %d", kindName(v.Kind()), v.Case())
		if p, ok := v.Payload(); ok {
			s += " " + show(p)
		}
		return s
	}
	return fmt.Sprintf("%s 0x%x", kindName(v.Kind()), v.Bits())
}
