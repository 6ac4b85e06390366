package conformance

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/writ-host/writ/wit"
)

var primitives = []*wit.Type{
	wit.TypeBool, wit.TypeS8, wit.TypeU8, wit.TypeS16, wit.TypeU16, wit.TypeS32, wit.TypeU32,
	wit.TypeS64, wit.TypeU64, wit.TypeF32, wit.TypeF64, wit.TypeChar, wit.TypeString,
}

// randomType is a type of at most that depth. Lists of fixed length and maps
// are left out: the oracle's version has none.
func randomType(r *rand.Rand, depth int) *wit.Type {
	if depth == 0 {
		return primitives[r.IntN(len(primitives))]
	}
	part := func() *wit.Type { return randomType(r, r.IntN(depth)) }
	maybe := func() *wit.Type {
		if r.IntN(3) == 0 {
			return nil
		}
		return part()
	}
	switch r.IntN(9) {
	case 0:
		return wit.ListOf(part())
	case 1:
		fields := make([]wit.Field, 1+r.IntN(6))
		for i := range fields {
			fields[i] = wit.Field{Name: label("f", i), Type: part()}
		}
		return wit.RecordOf(fields...)
	case 2:
		types := make([]*wit.Type, 1+r.IntN(4))
		for i := range types {
			types[i] = part()
		}
		return wit.TupleOf(types...)
	case 3:
		cases := make([]wit.Case, []int{1, 2, 3, 5, 257}[r.IntN(5)])
		for i := range cases {
			cases[i].Name = label("c", i)
			if i < 5 {
				cases[i].Type = maybe()
			}
		}
		return wit.VariantOf(cases...)
	case 4:
		return wit.EnumOf(labels("e", 1+r.IntN(300))...)
	case 5:
		return wit.OptionOf(part())
	case 6:
		return wit.ResultOf(maybe(), maybe())
	case 7:
		return wit.FlagsOf(labels("l", 1+r.IntN(32))...)
	}
	return part()
}

func label(prefix string, i int) string { return fmt.Sprintf("%s%d", prefix, i) }

func labels(prefix string, n int) []string {
	l := make([]string, n)
	for i := range l {
		l[i] = label(prefix, i)
	}
	return l
}

// texts have characters of one to four bytes, and of every form in which
// strings widen or shrink when they are transcoded.
var texts = []string{
	"", "a", "plain ascii", "h\u00e9llo", "\u00ff\u0100", "\u0100\u00ff", "\U0001f600 smile", "日本語", "a\u0000b", "\ufffd\ufeff",
	"\u007f\u0080\u07ff\u0800\uffff\U00010000\U0010ffff", "a rather longer text that is latin-1 at first, then not: \u20ac",
}

func randomValue(r *rand.Rand, t *wit.Type) wit.Value {
	switch t.Kind {
	case wit.KindString:
		return wit.String(texts[r.IntN(len(texts))] + texts[r.IntN(len(texts))])
	case wit.KindList:
		return randomList(r, t)
	case wit.KindRecord, wit.KindTuple:
		items := make([]wit.Value, len(t.Fields))
		for i, f := range t.Fields {
			items[i] = randomValue(r, f.Type)
		}
		if t.Kind == wit.KindRecord {
			return wit.Record(items...)
		}
		return wit.Tuple(items...)
	case wit.KindVariant, wit.KindEnum, wit.KindOption, wit.KindResult:
		return randomCase(r, t)
	}
	return randomScalar(r, t)
}

func randomList(r *rand.Rand, t *wit.Type) wit.Value {
	items := make([]wit.Value, []int{0, 1, 2, 3, 40}[r.IntN(5)]%(1+int(4000/max(t.Elem.Size, 1))))
	for i := range items {
		items[i] = randomValue(r, t.Elem)
	}
	v := wit.List(items...)
	if t.Elem.Kind == wit.KindU8 {
		return wit.Bytes(v.Bytes())
	}
	return v
}

func randomCase(r *rand.Rand, t *wit.Type) wit.Value {
	i := r.IntN(len(t.Cases))
	if r.IntN(2) == 0 {
		i = r.IntN(min(5, len(t.Cases)))
	}
	c := t.Cases[i].Type
	if c == nil {
		return wit.CaseOf(t.Kind, uint32(i), nil)
	}
	payload := randomValue(r, c)
	return wit.CaseOf(t.Kind, uint32(i), &payload)
}

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
	}
	return wit.Scalar(t.Kind, b)
}
