package canon

import (
	"bytes"
	"slices"
	"testing"

	"github.com/writ-host/writ/wit"
)

// TestLayout states bytes in memory and flat values as the specification has
// them, so that lifting and lowering cannot be wrong in the same way.
func TestLayout(t *testing.T) {
	rec := wit.RecordOf(wit.Field{Name: "a", Type: wit.TypeU8}, wit.Field{Name: "b", Type: wit.TypeU32}, wit.Field{Name: "c", Type: wit.TypeS16})
	big := wit.VariantOf(slices.Repeat([]wit.Case{{Type: wit.TypeU8}}, 257)...)
	small := wit.U8(7)
	for _, c := range []struct {
		name string
		typ  *wit.Type
		v    wit.Value
		want []byte // at address 64; allocations follow at 128
		at   []byte
	}{
		{"record", rec, wit.Record(wit.U8(1), wit.U32(0x05040302), wit.S16(-2)), []byte{1, 0, 0, 0, 2, 3, 4, 5, 0xfe, 0xff, 0, 0}, nil},
		{"none", wit.OptionOf(wit.TypeU64), wit.None(), make([]byte, 16), nil},
		{"some", wit.OptionOf(wit.TypeU64), wit.Some(wit.U64(3)), []byte{1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0}, nil},
		{"wide discriminant", big, wit.Variant(256, &small), []byte{0, 1, 7, 0}, nil},
		{"flags", wit.TupleOf(wit.FlagsOf(labels(9)...), wit.TypeU8), wit.Tuple(wit.Flags(0x101), wit.U8(9)), []byte{1, 1, 9, 0}, nil},
		{"string", wit.TypeString, wit.String("hé"), []byte{128, 0, 0, 0, 3, 0, 0, 0}, []byte("hé")},
		{"bytes", wit.ListOf(wit.TypeU8), wit.Bytes([]byte{1, 2}), []byte{128, 0, 0, 0, 2, 0, 0, 0}, []byte{1, 2}},
		{"list", wit.ListOf(wit.TypeU16), wit.List(wit.U16(1), wit.U16(0x203)), []byte{128, 0, 0, 0, 2, 0, 0, 0}, []byte{1, 0, 3, 2}},
		{"fixed list", wit.FixedListOf(wit.TypeU16, 2), wit.List(wit.U16(1), wit.U16(0x203)), []byte{1, 0, 3, 2}, nil},
		{"error case", wit.ResultOf(nil, wit.TypeString), wit.Err(wit.String("no")), []byte{1, 0, 0, 0, 128, 0, 0, 0, 2, 0, 0, 0}, []byte("no")},
	} {
		f, h := compile(t, UTF8, c.typ), newHeap(256)
		h.next = 128
		if err := f.LowerResult(&Context{Memory: h}, []uint64{64}, c.v, nil); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := h.mem[64 : 64+len(c.want)]; !bytes.Equal(got, c.want) || len(c.want) != int(c.typ.Size) {
			t.Errorf("%s: stored % x, not % x", c.name, got, c.want)
		}
		if got := h.mem[128 : 128+len(c.at)]; !bytes.Equal(got, c.at) {
			t.Errorf("%s: allocated % x, not % x", c.name, got, c.at)
		}
	}
}

func TestFlat(t *testing.T) {
	one, nan := wit.Float32(1), wit.Scalar(wit.KindF64, 0x7ff0dead00000001)
	v := wit.VariantOf(wit.Case{Name: "f", Type: wit.TypeF32}, wit.Case{Name: "d", Type: wit.TypeF64},
		wit.Case{Name: "i", Type: wit.TypeS8}, wit.Case{Name: "n"})
	minus := wit.S8(-1)
	for _, c := range []struct {
		name string
		typ  *wit.Type
		v    wit.Value
		want []uint64
	}{
		{"negative s8", wit.TypeS8, minus, []uint64{0xffffffff}},
		{"negative s64", wit.TypeS64, wit.S64(-1), []uint64{1<<64 - 1}},
		{"bool", wit.TypeBool, wit.Bool(true), []uint64{1}},
		{"NaN keeps its bits", wit.TypeF64, nan, []uint64{0x7ff0dead00000001}},
		{"f32 in i64", v, wit.Variant(0, &one), []uint64{0, 0x3f800000}},
		{"f64 in i64", v, wit.Variant(1, &nan), []uint64{1, 0x7ff0dead00000001}},
		{"s8 in i64", v, wit.Variant(2, &minus), []uint64{2, 0xffffffff}},
		{"no payload is padded", v, wit.Variant(3, nil), []uint64{3, 0}},
	} {
		f := compile(t, UTF8, nil, c.typ)
		got, err := f.LowerParams(&Context{}, []wit.Value{c.v}, nil)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %x, %v", c.name, got, err)
		}
		back, err := f.LiftParams(&Context{}, c.want, nil)
		if err != nil || !same(back[0], c.v) {
			t.Errorf("%s: back to %v, %v", c.name, back, err)
		}
	}
}

// TestLiftIgnoresUnusedBits: what does not belong to a narrow type is not
// looked at. Canonical ABI, "Flat Lifting".
func TestLiftIgnoresUnusedBits(t *testing.T) {
	for _, c := range []struct {
		typ  *wit.Type
		bits uint64
		want wit.Value
	}{
		{wit.TypeU8, 0xffffff12, wit.U8(0x12)},
		{wit.TypeS8, 0x80, wit.S8(-128)},
		{wit.TypeU16, 0x12345678, wit.U16(0x5678)},
		{wit.TypeS16, 0xffff8000, wit.S16(-32768)},
		{wit.TypeU32, 0xdead_00000001, wit.U32(1)},
		{wit.TypeBool, 0x100, wit.Bool(true)},
		{wit.TypeBool, 1 << 40, wit.Bool(false)},
		{wit.TypeF32, 0xdead_3f800000, wit.Float32(1)},
		{wit.FlagsOf("a", "b"), 0xfe, wit.Flags(2)},
		{wit.OptionOf(wit.TypeU8), 1 << 32, wit.None()},
	} {
		flat := make([]uint64, c.typ.FlatCount)
		flat[0] = c.bits
		got, err := compile(t, UTF8, nil, c.typ).LiftParams(&Context{}, flat, nil)
		if err != nil || !same(got[0], c.want) {
			t.Errorf("%s 0x%x: %v, %v", kindName(c.typ.Kind), c.bits, got, err)
		}
	}
}

func TestSpilledParameters(t *testing.T) {
	f := compile(t, UTF8, nil, append(slices.Repeat([]*wit.Type{wit.TypeU16}, 16), wit.TypeU64)...)
	args := append(slices.Repeat([]wit.Value{wit.U16(0x102)}, 16), wit.U64(9))
	h := newHeap(256)
	flat, err := f.LowerParams(&Context{Memory: h}, args, []uint64{77})
	if err != nil || !slices.Equal(flat, []uint64{77, 16}) {
		t.Fatalf("%v, %v", flat, err)
	}
	want := append(bytes.Repeat([]byte{2, 1}, 16), 9, 0, 0, 0, 0, 0, 0, 0)
	if !bytes.Equal(h.mem[16:56], want) || !slices.Equal(h.calls, []string{"0 8 40"}) {
		t.Errorf("memory % x, realloc %q", h.mem[16:56], h.calls)
	}
}
