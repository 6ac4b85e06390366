package wit

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// waveTypes are types under short names for the tables below.
var waveTypes = map[string]*Type{
	"point":  RecordOf(Field{Name: "x", Type: TypeS32}, Field{Name: "label", Type: OptionOf(TypeString)}),
	"shape":  VariantOf(Case{Name: "none"}, Case{Name: "dots", Type: ListOf(TypeU8)}, Case{Name: "pair", Type: TupleOf(TypeU8, TypeBool)}),
	"color":  EnumOf("red", "true", "dark-blue"),
	"marks":  FlagsOf("a", "b-c", "inf"),
	"either": ResultOf(TypeU8, TypeString),
	"done":   ResultOf(nil, nil),
	"maybe":  OptionOf(OptionOf(TypeU8)),
	"four":   FixedListOf(TypeU16, 2),
}

func waveType(name string) *Type {
	if t := primitives[name]; t != nil {
		return t
	}
	return waveTypes[name]
}

func TestParseValue(t *testing.T) {
	for _, c := range []struct{ typ, text, want string }{
		{"bool", " true ", "true"},
		{"u8", "255", "255"},
		{"s8", "-128", "-128"},
		{"s64", "-9223372036854775808", "-9223372036854775808"},
		{"u64", "18446744073709551615", "18446744073709551615"},
		{"f32", "3.5e+2", "350"},
		{"f32", "nan", "nan"},
		{"f64", "-inf", "-inf"},
		{"f64", "0.1", "0.1"},
		{"f64", "-0", "-0"},
		{"char", `'"'`, `'"'`},
		{"char", `'\''`, `'\''`},
		{"char", `'\u{1f600}'`, "'😀'"},
		{"string", `"a\tb\n\"\\\u{7f}ü'"`, `"a\tb\n\"\\\u{7f}ü'"`},
		{"point", `{x: -1, label: some("a")}`, `{x: -1, label: some("a")}`},
		{"point", "{ // first\n label: \"a\", x: 1, }", `{x: 1, label: some("a")}`},
		{"point", "{x: 1}", "{x: 1, label: none}"},
		{"shape", "%none", "%none"},
		{"shape", "none", "%none"},
		{"shape", "dots([1, 2,])", "dots([1, 2])"},
		{"shape", "pair((1, true))", "pair((1, true))"},
		{"color", "dark-blue", "dark-blue"},
		{"color", "%true", "%true"},
		{"marks", "{}", "{}"},
		{"marks", "{inf, a}", "{a, %inf}"},
		{"either", "ok(1)", "ok(1)"},
		{"either", "1", "ok(1)"},
		{"either", `err("no")`, `err("no")`},
		{"done", "ok", "ok"},
		{"done", "err", "err"},
		{"maybe", "some(none)", "some(none)"},
		{"maybe", "some(2)", "some(some(2))"},
		{"maybe", "none", "none"},
		{"four", "[1, 2]", "[1, 2]"},
	} {
		typ := waveType(c.typ)
		v, err := ParseValue(typ, c.text)
		if err != nil {
			t.Errorf("%s %s: %v", c.typ, c.text, err)
			continue
		}
		if got, err := FormatValue(typ, v); got != c.want || err != nil {
			t.Errorf("%s %s: got %s (%v), want %s", c.typ, c.text, got, err, c.want)
		}
	}
}

func TestParseValueErrors(t *testing.T) {
	for _, c := range []struct{ typ, text, want string }{
		{"bool", "yes", "1:1: want true or false"},
		{"bool", "true false", "1:6: unexpected text"},
		{"u8", "256", `1:1: "256" is not a u8`},
		{"u8", "-1", "is not a u8"},
		{"u8", "01", "is not a u8"},
		{"s8", "+1", "is not a s8"},
		{"f32", "1e99", "is not a f32"},
		{"f64", "0x1p3", "is not a f64"},
		{"f64", ".5", "is not a f64"},
		{"f64", "infinity", "is not a f64"},
		{"char", "''", "a char is one character"},
		{"char", "'ab'", "a char is one character"},
		{"char", `'\u{d800}'`, "d800 is not a character"},
		{"string", `"a`, "the quote is not closed"},
		{"string", `"\q"`, "there is no such escape"},
		{"string", "\"\xff\"", "text is not UTF-8"},
		{"point", "{\n  y: 1}", "2:4: there is no field y"},
		{"point", "{x: 1, x: 2}", "field x is there twice"},
		{"point", "{:}", "field x is missing"},
		{"u8", "[1]", "1:1: want a u8"},
		{"shape", "dots", "dots carries a value: want dots(list<u8>)"},
		{"maybe", "none(1)", "1:5: none carries nothing"},
		{"four", "[1, 2, 3]", "want 2 items for list<u16, 2>, not 3"},
		{"shape", "lines", "there is no case lines, only "},
		{"marks", "{d}", "there is no flag d"},
		{"four", "[1]", "want 2 items for list<u16, 2>, not 1"},
		{"maybe", "2", "want a value of type option<option<u8>>"},
	} {
		_, err := ParseValue(waveType(c.typ), c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: got %v, want …%s…", c.typ, c.text, err, c.want)
		}
	}
	if _, err := ParseValue(OwnOf(&Resource{Name: "file"}), "file"); err == nil {
		t.Error("a handle was read")
	}
}

func TestFormatValueRejectsWhatDoesNotFit(t *testing.T) {
	for _, c := range []struct {
		typ string
		v   Value
	}{
		{"u8", U16(1)}, {"u8", Value{}}, {"point", Record(S32(1))}, {"color", Enum(3)},
		{"either", Done()}, {"string", String("\xff")}, {"point", Record(S32(1), Some(U8(1)))},
	} {
		if s, err := FormatValue(waveType(c.typ), c.v); err == nil {
			t.Errorf("%s: formatted as %s", c.typ, s)
		}
	}
}

// Random values of all types survive being printed and read.
func TestValuesRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		typ := randomType(rng, 4)
		v := randomValue(rng, typ)
		text, err := FormatValue(typ, v)
		if err != nil {
			t.Fatalf("%s: %v", typ, err)
		}
		back, err := ParseValue(typ, text)
		if err != nil {
			t.Fatalf("%s: %s: %v", typ, text, err)
		}
		if !sameValue(v, back) {
			t.Fatalf("%s: %s reads as another value", typ, text)
		}
	}
}

func randomType(rng *rand.Rand, depth int) *Type {
	scalars := []*Type{TypeBool, TypeS8, TypeU8, TypeS16, TypeU16, TypeS32, TypeU32, TypeS64, TypeU64,
		TypeF32, TypeF64, TypeChar, TypeString, EnumOf("a", "some", "b"), FlagsOf("x", "y", "ok")}
	if depth == 0 || rng.IntN(3) == 0 {
		return scalars[rng.IntN(len(scalars))]
	}
	a, b := randomType(rng, depth-1), randomType(rng, depth-1)
	return []*Type{ListOf(a), FixedListOf(a, 2), OptionOf(a), ResultOf(a, b), ResultOf(nil, b), ResultOf(a, nil), TupleOf(a, b),
		RecordOf(Field{Name: "a", Type: a}, Field{Name: "none", Type: b}),
		VariantOf(Case{Name: "ok", Type: a}, Case{Name: "empty"}, Case{Name: "c", Type: b})}[rng.IntN(9)]
}

func randomValue(rng *rand.Rand, t *Type) Value {
	switch t.Kind {
	case KindBool:
		return Bool(rng.IntN(2) == 0)
	case KindF32:
		return Float32(float32(rng.NormFloat64()))
	case KindF64:
		return Float64(rng.NormFloat64() * 1e30)
	case KindChar:
		return Char(rune(rng.IntN(0xd800)))
	case KindString:
		return String(string([]rune{rune(rng.IntN(0x80)), rune(rng.IntN(0xd800)), 0x1f600}))
	case KindFlags:
		return Flags(rng.Uint32N(1 << len(t.Labels)))
	case KindList:
		return randomList(rng, t)
	case KindTuple, KindRecord:
		return sequence(t.Kind, []Value{randomValue(rng, t.Fields[0].Type), randomValue(rng, t.Fields[1].Type)})
	case KindEnum, KindVariant, KindOption, KindResult:
		i := rng.IntN(len(t.Cases))
		if t.Cases[i].Type == nil {
			return CaseOf(t.Kind, uint32(i), nil)
		}
		v := randomValue(rng, t.Cases[i].Type)
		return CaseOf(t.Kind, uint32(i), &v)
	}
	if bits := integerBits[t.Kind]; bits < 0 {
		return Scalar(t.Kind, uint64(int64(rng.Uint64())>>(64+bits)))
	}
	return Scalar(t.Kind, rng.Uint64()>>(64-integerBits[t.Kind]))
}

func randomList(rng *rand.Rand, t *Type) Value {
	n := rng.IntN(4)
	if t.Length > 0 {
		n = int(t.Length)
	}
	items := make([]Value, n)
	for i := range items {
		items[i] = randomValue(rng, t.Elem)
	}
	return List(items...)
}

func sameValue(a, b Value) bool {
	if a.kind != b.kind || a.kind != KindList && a.aux != b.aux || a.Len() != b.Len() || a.Text() != b.Text() {
		return false
	}
	if packed, ok := b.Packed(); ok {
		return string(packed) == string(a.Bytes())
	}
	for i, item := range a.Items() {
		if !sameValue(item, b.Items()[i]) {
			return false
		}
	}
	p, hasP := a.Payload()
	q, hasQ := b.Payload()
	if hasP != hasQ || hasP && !sameValue(p, q) {
		return false
	}
	return a.n == b.n
}

func FuzzParseValue(f *testing.F) {
	typ := RecordOf(Field{Name: "a", Type: waveTypes["point"]}, Field{Name: "b", Type: OptionOf(waveTypes["shape"])},
		Field{Name: "c", Type: OptionOf(TupleOf(TypeF32, TypeF64, TypeChar, waveTypes["marks"], waveTypes["color"], waveTypes["maybe"]))})
	f.Add(`{a: {x: 1}, b: dots([1]), c: (1, -inf, '\n', {a}, red, some(none))}`)
	f.Fuzz(func(t *testing.T, text string) {
		v, err := ParseValue(typ, text)
		if err != nil {
			return
		}
		first, err := FormatValue(typ, v)
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParseValue(typ, first)
		if err != nil || !sameValue(v, back) {
			t.Fatalf("%s reads as another value: %v", first, err)
		}
	})
}
