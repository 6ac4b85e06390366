package canon

import (
	"errors"
	"strings"
	"testing"

	"github.com/writ-host/writ/wit"
)

// TestTraps: each is what a guest can do wrong, with the message that says so.
func TestTraps(t *testing.T) {
	var (
		str     = wit.TypeString
		u8s     = wit.ListOf(wit.TypeU8)
		u32s    = wit.ListOf(wit.TypeU32)
		rec     = wit.RecordOf(wit.Field{Name: "name", Type: str}, wit.Field{Name: "kind", Type: wit.EnumOf("a", "b")})
		spilled = wit.TupleOf(wit.FixedListOf(wit.TypeU32, 17))
	)
	mem := func() *heap {
		return newHeap(128).put(16, 0xff, 0xfe).put(18, 0xed, 0xa0, 0x80).put(32, 0x00, 0xd8, 0x41, 0).put(40, 200, 0, 0, 0)
	}
	for _, c := range []struct {
		want string
		enc  Encoding
		typ  *wit.Type
		flat []uint64
	}{
		{"string at 0x10: invalid UTF-8", UTF8, str, []uint64{16, 1}},
		{"string at 0x12: invalid UTF-8", UTF8, str, []uint64{18, 3}},
		{"string at 0x7f: 2 bytes reach beyond the memory's 128", UTF8, str, []uint64{127, 2}},
		{"string at 0x81: 0 bytes reach beyond", UTF8, str, []uint64{129, 0}},
		{"are more than 268435455", UTF8, str, []uint64{0, 0xffffffff}},
		{"string at 0xffffffff: 4 bytes reach beyond", UTF8, str, []uint64{0xffffffff, 4}},
		{"not aligned to 2", UTF16, str, []uint64{17, 0}},
		{"are more than 268435455", UTF16, str, []uint64{0, 0x80000000}},
		{"4 bytes reach beyond", UTF16, str, []uint64{126, 2}},
		{"string at 0x20: invalid UTF-16 at code unit 0", UTF16, str, []uint64{32, 2}},
		{"string at 0x20: invalid UTF-16 at code unit 0", UTF16, str, []uint64{32, 1}},
		{"not aligned to 2", Latin1OrUTF16, str, []uint64{17, 1}},
		{"invalid UTF-16", Latin1OrUTF16, str, []uint64{32, utf16Tag | 1}},
		{"are more than 268435455", Latin1OrUTF16, str, []uint64{0, 0xffffffff}},
		{"list at 0x0: 4294967295 items of 1 bytes are more", UTF8, u8s, []uint64{0, 0xffffffff}},
		{"list at 0x0: 268435455 bytes reach beyond", UTF8, u8s, []uint64{0, 1<<28 - 1}},
		{"list at 0x7c: 8 bytes reach beyond", UTF8, u32s, []uint64{124, 2}},
		{"list at 0x2: not aligned to 4", UTF8, u32s, []uint64{2, 0}},
		{"items of 4 bytes are more", UTF8, u32s, []uint64{0, 1 << 30}},
		{"char 0xd800: not a Unicode", UTF8, wit.TypeChar, []uint64{0xd800}},
		{"char 0xdfff: not a Unicode", UTF8, wit.TypeChar, []uint64{0xdfff}},
		{"char 0x110000: not a Unicode", UTF8, wit.TypeChar, []uint64{0x110000}},
		{"enum discriminant 2: there are 2 cases", UTF8, wit.EnumOf("a", "b"), []uint64{2}},
		{"option discriminant 4294967295", UTF8, wit.OptionOf(wit.TypeU8), []uint64{0xffffffff, 0}},
		{"result discriminant 2", UTF8, wit.ResultOf(nil, nil), []uint64{2}},
		{`parameter "p0", item 0, field "name": string at 0xc8: 0 bytes reach`, UTF8, wit.ListOf(rec), []uint64{40, 1}},
		{`field "kind": enum discriminant 9`, UTF8, rec, []uint64{0, 0, 9}},
		{`case "some": char 0xd800`, UTF8, wit.OptionOf(wit.TypeChar), []uint64{1, 0xd800}},
		{"parameters at 0x2: not aligned to 4", UTF8, spilled, []uint64{2}},
		{"parameters at 0x7c: 68 bytes reach beyond", UTF8, spilled, []uint64{124}},
		{"handle 1 of r: the instance has no handles", UTF8, wit.OwnOf(&wit.Resource{Name: "r"}), []uint64{1}},
	} {
		f := compile(t, c.enc, nil, c.typ)
		got, err := f.LiftParams(&Context{Memory: mem()}, c.flat, nil)
		wantTrap(t, c.want, err)
		if len(got) != 0 {
			t.Errorf("%s: %d values after a trap", c.want, len(got))
		}
	}
}

func wantTrap(t *testing.T, want string, err error) {
	t.Helper()
	var trap *Trap
	if !errors.As(err, &trap) || !strings.Contains(err.Error(), want) {
		t.Errorf("want a trap with %q, got %v", want, err)
	}
}

func wantMismatch(t *testing.T, want string, err error) {
	t.Helper()
	var mismatch *Mismatch
	if !errors.As(err, &mismatch) || !strings.Contains(err.Error(), want) {
		t.Errorf("want a mismatch with %q, got %v", want, err)
	}
}

func TestResultTraps(t *testing.T) {
	f := compile(t, UTF8, wit.TypeString)
	cx := &Context{Memory: newHeap(128)}
	_, err := f.LiftResult(cx, []uint64{2})
	wantTrap(t, "result: value at 0x2: not aligned to 4", err)
	_, err = f.LiftResult(cx, []uint64{124})
	wantTrap(t, "result: value at 0x7c: 8 bytes reach beyond", err)
	err = f.LowerResult(cx, []uint64{2}, wit.String("x"), nil)
	wantTrap(t, "result: value at 0x2: not aligned to 4", err)
	err = f.LowerResult(cx, []uint64{0xfffffffc}, wit.String("x"), nil)
	wantTrap(t, "result: value at 0xfffffffc: 8 bytes reach beyond", err)
	_, err = f.LiftResult(&Context{}, []uint64{0})
	wantTrap(t, "reach beyond the memory's 0", err)
}

// TestBadRealloc: what a guest's allocator returns is not trusted.
func TestBadRealloc(t *testing.T) {
	broken := errors.New("guest trapped")
	for _, c := range []struct {
		want   string
		enc    Encoding
		v      wit.Value
		answer uint32
	}{
		{"not aligned to 2", UTF16, wit.String("ab"), 3},
		{"not aligned to 4", UTF8, wit.List(wit.U32(1)), 2},
		{"4 bytes reach beyond", UTF8, wit.List(wit.U32(1)), 128},
		{"4 bytes reach beyond", UTF16, wit.String("ab"), 126},
		{"2 bytes reach beyond", UTF8, wit.String("ab"), 0xffffffff},
		{"0 bytes reach beyond", UTF8, wit.String(""), 129},
	} {
		typ := wit.TypeString
		if c.v.Kind() == wit.KindList {
			typ = wit.ListOf(wit.TypeU32)
		}
		h := newHeap(128)
		h.answer = func(uint32) (uint32, error) { return c.answer, nil }
		_, err := compile(t, c.enc, nil, typ).LowerParams(&Context{Memory: h}, []wit.Value{c.v}, nil)
		wantTrap(t, "what realloc returned", err)
		wantTrap(t, c.want, err)
		h.answer = func(uint32) (uint32, error) { return 0, broken }
		if _, err = compile(t, c.enc, nil, typ).LowerParams(&Context{Memory: h}, []wit.Value{c.v}, nil); !errors.Is(err, broken) {
			t.Errorf("the guest's own trap became %v", err)
		}
	}
}

func TestAllocationIsBounded(t *testing.T) {
	h := newHeap(1 << 20)
	u8s, pairs := wit.ListOf(wit.TypeU8), wit.ListOf(wit.TupleOf(wit.TypeU8, wit.TypeU8))
	for _, c := range []struct {
		name  string
		typ   *wit.Type
		bytes uint64
		n     uint64 // items
		fails bool
	}{
		{"bytes within", u8s, 1000, 1000, false},
		{"bytes beyond", u8s, 999, 1000, true},
		{"string within", wit.TypeString, 1000, 1000, false},
		{"string beyond", wit.TypeString, 999, 1000, true},
		{"values within", wit.ListOf(wit.TypeU16), 2400, 100, false},
		{"values beyond", wit.ListOf(wit.TypeU16), 2399, 100, true},
		{"nested values within", pairs, 7200, 100, false},
		{"nested values beyond", pairs, 7199, 100, true},
	} {
		f := compile(t, UTF8, nil, c.typ)
		_, err := f.LiftParams(&Context{Memory: h, MaxBytes: c.bytes}, []uint64{0, c.n}, nil)
		if (err != nil) != c.fails {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.fails {
			wantTrap(t, "need more memory than its limit", err)
		}
	}
}

// TestMismatch: a host's value that is not of the type is an error before the
// guest sees it.
func TestMismatch(t *testing.T) {
	one := wit.U8(1)
	rec := wit.RecordOf(wit.Field{Name: "a", Type: wit.TypeU8}, wit.Field{Name: "b", Type: wit.TypeBool})
	variant := wit.VariantOf(wit.Case{Name: "none"}, wit.Case{Name: "num", Type: wit.TypeU8})
	r, other := &wit.Resource{Name: "r"}, &wit.Resource{Name: "other"}
	for _, c := range []struct {
		want string
		typ  *wit.Type
		v    wit.Value
	}{
		{"u8 is needed, not no value", wit.TypeU8, wit.Value{}},
		{"u8 is needed, not s8", wit.TypeU8, wit.S8(1)},
		{"u8: 0x100 is out of range", wit.TypeU8, wit.Scalar(wit.KindU8, 256)},
		{"s8: 0x80 is out of range", wit.TypeS8, wit.Scalar(wit.KindS8, 128)},
		{"s16: 0x8000 is out of range", wit.TypeS16, wit.Scalar(wit.KindS16, 1<<15)},
		{"s32: 0x80000000 is out of range", wit.TypeS32, wit.Scalar(wit.KindS32, 1<<31)},
		{"f32: 0x100000000 is out of range", wit.TypeF32, wit.Scalar(wit.KindF32, 1<<32)},
		{"char: 0xd800 is out of range", wit.TypeChar, wit.Char(0xd800)},
		{"char: 0xffffffff is out of range", wit.TypeChar, wit.Char(-1)},
		{"flags: 0x4 is out of range", wit.FlagsOf("a", "b"), wit.Flags(4)},
		{"string is not valid UTF-8", wit.TypeString, wit.String("\xff")},
		{"record of 2 is needed, not of 1", rec, wit.Record(one)},
		{"record is needed, not tuple", rec, wit.Tuple(one, wit.Bool(true))},
		{`field "b": bool is needed, not u8`, rec, wit.Record(one, one)},
		{"variant case 2: there are 2 cases", variant, wit.Variant(2, nil)},
		{`case "num" needs a payload`, variant, wit.Variant(1, nil)},
		{`case "none" carries nothing`, variant, wit.Variant(0, &one)},
		{`case "num": u8 is needed`, variant, wit.CaseOf(wit.KindVariant, 1, &wit.Value{})},
		{"enum case 1: there are 1 cases", wit.EnumOf("a"), wit.Enum(1)},
		{"list of u16 is needed, not bytes", wit.ListOf(wit.TypeU16), wit.Bytes([]byte{1})},
		{"item 1: u8 is needed, not bool", wit.ListOf(wit.TypeU8), wit.List(one, wit.Bool(true))},
		{"item 0: u8: 0x100 is out of range", wit.ListOf(wit.TypeU8), wit.List(wit.Scalar(wit.KindU8, 256))},
		{"list of 2 items is needed, not of 3", wit.FixedListOf(wit.TypeU8, 2), wit.Bytes([]byte{1, 2, 3})},
		{"own of r: the handle is of other", wit.OwnOf(r), wit.NewOwn(other, nil)},
		{"own of r: the value has no handle", wit.OwnOf(r), wit.Own(nil)},
		{"own is needed, not borrow", wit.OwnOf(r), wit.Borrow(&wit.Handle{Resource: r})},
		{"borrow of r: the call has no scope", wit.BorrowOf(r), wit.Borrow(&wit.Handle{Resource: r})},
	} {
		cx := &Context{Memory: newHeap(256), Handles: &Table{}}
		_, err := compile(t, UTF8, nil, c.typ).LowerParams(cx, []wit.Value{c.v}, nil)
		wantMismatch(t, c.want, err)
		inMemory := wit.TupleOf(c.typ, wit.FixedListOf(wit.TypeU8, 17))
		v := wit.Tuple(c.v, wit.Bytes(make([]byte, 17)))
		_, err = compile(t, UTF8, nil, inMemory).LowerParams(cx, []wit.Value{v}, nil)
		wantMismatch(t, c.want, err)
		if cx.Handles.Len() != 0 {
			t.Errorf("%s: left %d handles", c.want, cx.Handles.Len())
		}
	}
}

func TestWrongCounts(t *testing.T) {
	f := compile(t, UTF8, nil, wit.TypeU8)
	_, err := f.LiftParams(&Context{}, nil, nil)
	wantMismatch(t, "0 flat parameters, not 1", err)
	_, err = f.LowerParams(&Context{}, nil, nil)
	wantMismatch(t, "0 arguments, not 1", err)
	wantMismatch(t, "returns nothing", f.LowerResult(&Context{}, []uint64{1}, wit.U8(1), nil))
	g := compile(t, UTF8, wit.TypeU8)
	_, err = g.LiftResult(&Context{}, nil)
	wantMismatch(t, "0 flat results, not 1", err)
	wantMismatch(t, "room for 0 flat results", g.LowerResult(&Context{}, nil, wit.U8(1), nil))
	wantMismatch(t, "1 flat parameters, not 0", g.LowerResult(&Context{}, []uint64{1}, wit.U8(1), make([]uint64, 1)))
	wantMismatch(t, "u8 is needed, not no value", g.LowerResult(&Context{}, nil, wit.Value{}, make([]uint64, 1)))
	s := compile(t, UTF8, nil, wit.TypeString)
	_, err = s.LowerParams(&Context{}, []wit.Value{wit.String("x")}, nil)
	wantMismatch(t, "the instance has no memory", err)
}
