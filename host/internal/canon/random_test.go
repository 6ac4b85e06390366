package canon

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/writ-host/writ/wit"
)

var numeric = []*wit.Type{
	wit.TypeBool, wit.TypeS8, wit.TypeU8, wit.TypeS16, wit.TypeU16, wit.TypeS32, wit.TypeU32,
	wit.TypeS64, wit.TypeU64, wit.TypeF32, wit.TypeF64, wit.TypeChar, wit.TypeString,
}

func randomType(r *rand.Rand, depth int) *wit.Type {
	if depth == 0 {
		return numeric[r.IntN(len(numeric))]
	}
	part := func() *wit.Type { return randomType(r, depth-1) }
	switch r.IntN(10) {
	case 0:
		return wit.ListOf(part())
	case 1:
		return wit.FixedListOf(part(), 1+r.Uint32N(4))
	case 2:
		fields := make([]wit.Field, 1+r.IntN(5))
		for i := range fields {
			fields[i] = wit.Field{Name: fmt.Sprintf("f%d", i), Type: part()}
		}
		return wit.RecordOf(fields...)
	case 3:
		return wit.TupleOf(part(), part())
	case 4:
		cases := make([]wit.Case, []int{1, 2, 5, 256, 257}[r.IntN(5)])
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
	case 8:
		return wit.FlagsOf(labels(1 + r.IntN(32))...)
	}
	return part()
}

func labels(n int) []string {
	l := make([]string, n)
	for i := range l {
		l[i] = fmt.Sprintf("l%d", i)
	}
	return l
}

var texts = []string{"", "plain", "h\u00e9llo", "\u00ff\u0100", "\U0001f600 smile", "日本", "a\u0000b", "\ufffd", "a rather longer text, "}

func randomScalar(r *rand.Rand, t *wit.Type) wit.Value {
	b := r.Uint64() >> r.IntN(64)
	switch t.Kind {
	case wit.KindBool:
		return wit.Bool(b&1 == 1)
	case wit.KindS8:
		return wit.S8(int8(b))
	case wit.KindS16:
		return wit.S16(int16(b))
	case wit.KindS32:
		return wit.S32(int32(b))
	case wit.KindF32:
		return wit.Float32(math.Float32frombits(uint32(b)))
	case wit.KindU8, wit.KindU16, wit.KindU32:
		return wit.Scalar(t.Kind, b&(1<<(8*t.Size)-1))
	case wit.KindChar:
		return wit.Char([]rune{0, 'a', 0xd7ff, 0xe000, 0x10ffff}[b%5])
	case wit.KindFlags:
		return wit.Flags(uint32(b) & uint32(1<<len(t.Labels)-1))
	case wit.KindString:
		return wit.String(texts[b%uint64(len(texts))])
	}
	return wit.Scalar(t.Kind, b)
}

func randomValue(r *rand.Rand, t *wit.Type) wit.Value {
	switch t.Kind {
	case wit.KindList:
		return randomList(r, t)
	case wit.KindRecord, wit.KindTuple:
		items := make([]wit.Value, len(t.Fields))
		for i, f := range t.Fields {
			items[i] = randomValue(r, f.Type)
		}
		return aggregateValue(t.Kind, items)
	case wit.KindVariant, wit.KindEnum, wit.KindOption, wit.KindResult:
		i := r.IntN(len(t.Cases))
		if r.IntN(2) == 0 {
			i = r.IntN(min(5, len(t.Cases)))
		}
		var payload *wit.Value
		if c := t.Cases[i].Type; c != nil {
			v := randomValue(r, c)
			payload = &v
		}
		return wit.CaseOf(t.Kind, uint32(i), payload)
	}
	return randomScalar(r, t)
}

func randomList(r *rand.Rand, t *wit.Type) wit.Value {
	n := int(t.Length)
	if n == 0 {
		n = r.IntN(4)
	}
	items := make([]wit.Value, n)
	for i := range items {
		items[i] = randomValue(r, t.Elem)
	}
	v := wit.List(items...)
	if t.Elem.Kind == wit.KindU8 && r.IntN(2) == 0 {
		return wit.Bytes(v.Bytes())
	}
	return v
}

// TestRoundTrip: what was lowered is what is lifted, for parameters flat and
// spilled, for results flat and by pointer, in every encoding.
func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	spilled, pointed := 0, 0
	for i := range 3000 {
		types := make([]*wit.Type, 1+r.IntN(4))
		args := make([]wit.Value, len(types))
		for j := range types {
			types[j] = randomType(r, r.IntN(4))
			args[j] = randomValue(r, types[j])
		}
		e := Encoding(i % 3)
		params, result := compile(t, e, nil, types...), compile(t, e, types[0])
		roundTripParams(t, params, args)
		roundTripResult(t, result, args[0])
		if params.spill {
			spilled++
		}
		if result.retptr {
			pointed++
		}
	}
	if spilled < 100 || pointed < 100 {
		t.Errorf("only %d spilled and %d by pointer", spilled, pointed)
	}
}

func roundTripParams(t *testing.T, f *Func, args []wit.Value) {
	t.Helper()
	cx := &Context{Memory: newHeap(64 << 10)}
	flat, err := f.LowerParams(cx, args, nil)
	if err != nil {
		t.Fatal(err)
	}
	checkFlat(t, flat, f.CoreParams(Lift))
	got, err := f.LiftParams(cx, flat, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range args {
		if !same(got[i], args[i]) {
			t.Fatalf("argument %d: %s became %s", i, show(args[i]), show(got[i]))
		}
	}
}

func roundTripResult(t *testing.T, f *Func, v wit.Value) {
	t.Helper()
	h := newHeap(64 << 10)
	cx := &Context{Memory: h}
	h.next = 32 << 10
	args, out := make([]uint64, len(f.CoreParams(Lower))), make([]uint64, 1)
	if f.retptr {
		args[len(args)-1] = 1024
	}
	if err := f.LowerResult(cx, args, v, out); err != nil {
		t.Fatal(err)
	}
	if f.retptr {
		out[0] = 1024
	}
	checkFlat(t, out, f.CoreResults(Lift))
	got, err := f.LiftResult(cx, out)
	if err != nil {
		t.Fatal(err)
	}
	if !same(got, v) {
		t.Fatalf("%s became %s", show(v), show(got))
	}
}

// checkFlat: the flat values are as many as the signature says, and those of
// 32 bits have no other bits.
func checkFlat(t *testing.T, flat []uint64, core []wit.Core) {
	t.Helper()
	if len(flat) != len(core) {
		t.Fatalf("%d flat values for %d core values", len(flat), len(core))
	}
	for i, c := range core {
		if (c == wit.I32 || c == wit.F32) && flat[i]>>32 != 0 {
			t.Fatalf("flat value %d: 0x%x does not fit 32 bits", i, flat[i])
		}
	}
}
