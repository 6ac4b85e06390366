package value_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/writ-host/writ/capabilities/provider/value"
	"github.com/writ-host/writ/wit"
)

var scalars = []*wit.Type{
	wit.TypeBool, wit.TypeS8, wit.TypeU8, wit.TypeS16, wit.TypeU16, wit.TypeS32, wit.TypeU32,
	wit.TypeS64, wit.TypeU64, wit.TypeF32, wit.TypeF64, wit.TypeChar, wit.TypeString,
}

func labels(n int) []string {
	l := make([]string, n)
	for i := range l {
		l[i] = fmt.Sprintf("l%d", i)
	}
	return l
}

func randomType(r *rand.Rand, depth int) *wit.Type {
	if depth == 0 {
		return scalars[r.IntN(len(scalars))]
	}
	part := func() *wit.Type { return randomType(r, depth-1) }
	switch r.IntN(9) {
	case 0:
		return wit.ListOf(part())
	case 1:
		return wit.FixedListOf(part(), 1+r.Uint32N(4))
	case 2:
		return wit.RecordOf(wit.Field{Name: "a", Type: part()}, wit.Field{Name: "b", Type: part()})
	case 3:
		return wit.TupleOf(part(), part())
	case 4:
		cases := make([]wit.Case, []int{1, 2, 5, 300}[r.IntN(4)])
		for i := range cases {
			cases[i].Name = fmt.Sprintf("c%d", i)
			if i < 5 && r.IntN(3) > 0 {
				cases[i].Type = part()
			}
		}
		return wit.VariantOf(cases...)
	case 5:
		return wit.EnumOf(labels(1 + r.IntN(300))...)
	case 6:
		return wit.OptionOf(part())
	case 7:
		return wit.ResultOf(part(), part())
	}
	return wit.FlagsOf(labels(1 + r.IntN(32))...)
}

func randomValue(r *rand.Rand, t *wit.Type) wit.Value {
	bits := r.Uint64() >> r.IntN(64)
	switch t.Kind {
	case wit.KindBool:
		return wit.Bool(bits&1 == 1)
	case wit.KindS8, wit.KindS16, wit.KindS32, wit.KindS64:
		spare := 64 - 8*t.Size
		return wit.Scalar(t.Kind, uint64(int64(bits<<spare)>>spare))
	case wit.KindU8, wit.KindU16, wit.KindU32, wit.KindU64:
		return wit.Scalar(t.Kind, bits<<(64-8*t.Size)>>(64-8*t.Size))
	case wit.KindF32:
		return wit.Float32(float32(r.NormFloat64()))
	case wit.KindF64:
		return wit.Float64(r.NormFloat64())
	case wit.KindChar:
		return wit.Char([]rune{'a', 0, 0xd7ff, 0xe000, 0x10ffff}[r.IntN(5)])
	case wit.KindString:
		return wit.String([]string{"", "x", "日本", "\x00", strings.Repeat("y", 200)}[r.IntN(5)])
	case wit.KindFlags:
		return wit.Flags(uint32(bits & (1<<len(t.Labels) - 1)))
	case wit.KindList:
		n := r.IntN(4)
		if t.Length > 0 {
			n = int(t.Length)
		}
		items := make([]wit.Value, n)
		for i := range items {
			items[i] = randomValue(r, t.Elem)
		}
		return wit.List(items...)
	case wit.KindRecord:
		return wit.Record(randomFields(r, t)...)
	case wit.KindTuple:
		return wit.Tuple(randomFields(r, t)...)
	}
	i := r.IntN(len(t.Cases))
	if t.Cases[i].Type == nil {
		return wit.CaseOf(t.Kind, uint32(i), nil)
	}
	v := randomValue(r, t.Cases[i].Type)
	return wit.CaseOf(t.Kind, uint32(i), &v)
}

func randomFields(r *rand.Rand, t *wit.Type) []wit.Value {
	items := make([]wit.Value, len(t.Fields))
	for i, f := range t.Fields {
		items[i] = randomValue(r, f.Type)
	}
	return items
}

// Every value survives, has one form, and no proper prefix of it is a value.
func TestRandomValuesSurvive(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		typ := randomType(r, 4)
		v := randomValue(r, typ)
		b, err := value.Append(nil, typ, v, nil)
		if err != nil {
			t.Fatalf("%s: %v", typ, err)
		}
		back, err := value.Decode(b, typ, nil)
		if err != nil {
			t.Fatalf("%s: %x: %v", typ, b, err)
		}
		want, _ := wit.FormatValue(typ, v)
		if have, err := wit.FormatValue(typ, back); err != nil || have != want {
			t.Fatalf("%s: %s came back as %s (%v)", typ, want, have, err)
		}
		if _, err := value.Decode(b[:r.IntN(len(b))], typ, nil); err == nil {
			t.Fatalf("%s: a part of %x is taken", typ, b)
		}
	}
}

func TestAppendRefusesWhatDoesNotFit(t *testing.T) {
	one := wit.U8(1)
	for i, c := range []struct {
		t *wit.Type
		v wit.Value
	}{
		{wit.TypeU8, wit.U16(1)}, {wit.TypeU8, wit.Value{}}, {wit.TypeString, wit.String("\xff")}, {wit.TypeChar, wit.Char(0xd800)},
		{wit.EnumOf("a"), wit.Enum(1)}, {wit.OptionOf(wit.TypeU8), wit.CaseOf(wit.KindOption, 1, nil)},
		{wit.OptionOf(wit.TypeU8), wit.CaseOf(wit.KindOption, 0, &one)}, {wit.FlagsOf("a"), wit.Flags(2)},
		{wit.FixedListOf(wit.TypeU8, 2), wit.Bytes([]byte{1})}, {wit.ListOf(wit.TypeU16), wit.Bytes([]byte{1})},
		{wit.TupleOf(wit.TypeU8), wit.Tuple()}, {wit.StreamOf(nil), wit.Scalar(wit.KindStream, 1)},
		{wit.OwnOf(&wit.Resource{}), wit.Own(nil)}, {wit.OwnOf(&wit.Resource{}), wit.NewOwn(&wit.Resource{Name: "x"}, nil)},
	} {
		if b, err := value.Append(nil, c.t, c.v, nil); err == nil {
			t.Errorf("%d: %s: encoded as %x", i, c.t, b)
		}
	}
}

// table is Handles whose objects are their ids.
type table struct{}

func (table) ID(h *wit.Handle) (uint64, error) { return h.Object.(uint64), nil }

func (table) Handle(t *wit.Type, id uint64) (*wit.Handle, error) {
	if id > 1000 {
		return nil, errors.New("no such handle")
	}
	return &wit.Handle{Resource: t.Resource, Object: id}, nil
}

func TestHandles(t *testing.T) {
	r := &wit.Resource{Name: "r"}
	f := &wit.Func{Name: "f", Params: []wit.Param{{Name: "a", Type: wit.OwnOf(r)}, {Name: "b", Type: wit.ListOf(wit.BorrowOf(r))}}}
	args := []wit.Value{wit.NewOwn(r, uint64(300)), wit.List(wit.Borrow(&wit.Handle{Resource: r, Object: uint64(7)}))}
	b, err := value.AppendArgs(nil, f, args, table{})
	if err != nil || !bytes.Equal(b, []byte{0xac, 2, 1, 7}) {
		t.Fatalf("%x, %v", b, err)
	}
	back, err := value.DecodeArgs(b, f, table{})
	if err != nil || back[0].Handle().Object != uint64(300) || back[1].Items()[0].Kind() != wit.KindBorrow {
		t.Errorf("%v, %v", back, err)
	}
	for _, bad := range []string{"\x00\x00", "\xe9\x07\x00", "\x01", "\x01\x00\x00"} {
		if _, err := value.DecodeArgs([]byte(bad), f, table{}); err == nil {
			t.Errorf("%x is taken", bad)
		}
	}
	if _, err := value.DecodeArgs(b, f, nil); err == nil {
		t.Error("handles are taken where there are none")
	}
	if _, err := value.AppendArgs(nil, f, args[:1], table{}); err == nil {
		t.Error("too few arguments are taken")
	}
}

// What is decoded is bounded, however few bytes stand for it.
func TestDecodeIsBounded(t *testing.T) {
	b := append([]byte{0x80, 0x80, 0x80, 4}, make([]byte, 8<<20)...) // 8 Mi bools
	if _, err := value.Decode(b, wit.ListOf(wit.TypeBool), nil); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("a list of 8 Mi bools: %v", err)
	}
	if _, err := value.Decode(b, wit.ListOf(wit.TypeU8), nil); err != nil {
		t.Errorf("8 MiB of bytes: %v", err)
	}
}

func TestNaNsHaveOneForm(t *testing.T) {
	b, err := value.Append(nil, wit.TypeF64, wit.Float64(math.Float64frombits(0xfff8000000000001)), nil)
	if err != nil || !bytes.Equal(b, []byte{0, 0, 0, 0, 0, 0, 0xf8, 0x7f}) {
		t.Errorf("%x, %v", b, err)
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []*wit.Type{wit.StreamOf(nil), wit.ListOf(wit.FutureOf(nil)), wit.ResultOf(nil, wit.TypeErrorContext),
		wit.RecordOf(wit.Field{Name: "a", Type: wit.StreamOf(wit.TypeU8)})} {
		if value.Check(c) == nil {
			t.Errorf("%s passes", c)
		}
	}
	if err := value.Check(wit.ListOf(wit.OptionOf(wit.OwnOf(&wit.Resource{})))); err != nil {
		t.Error(err)
	}
}

// What is decoded encodes as the very same bytes.
func FuzzDecode(f *testing.F) {
	f.Add(uint64(1), []byte{1, 2, 3})
	f.Add(uint64(7), []byte{0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, seed uint64, b []byte) {
		typ := randomType(rand.New(rand.NewPCG(seed, 0)), 3)
		v, err := value.Decode(b, typ, nil)
		if err != nil {
			return
		}
		again, err := value.Append(nil, typ, v, nil)
		if err != nil || !bytes.Equal(b, again) {
			t.Fatalf("%s: %x encodes as %x (%v)", typ, b, again, err)
		}
	})
}

func BenchmarkDecodeRecord(b *testing.B) {
	typ := wit.RecordOf(wit.Field{Name: "a", Type: wit.TypeString}, wit.Field{Name: "b", Type: wit.ListOf(wit.TypeU32)})
	bytes, err := value.Append(nil, typ, wit.Record(wit.String("hello"), wit.List(wit.U32(1), wit.U32(1<<20), wit.U32(3))), nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := value.Decode(bytes, typ, nil); err != nil {
			b.Fatal(err)
		}
	}
}
