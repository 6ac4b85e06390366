package wit

import (
	"encoding/json"
	"testing"
)

func TestJSONValue(t *testing.T) {
	point := RecordOf(Field{Name: "y", Type: TypeF64}, Field{Name: "x", Type: TypeS8})
	shape := VariantOf(Case{Name: "dot", Type: point}, Case{Name: "none"})
	for _, c := range []struct {
		typ        *Type
		wave, want string
	}{
		{TypeU64, "18446744073709551615", "18446744073709551615"},
		{TypeS64, "-9223372036854775808", "-9223372036854775808"},
		{TypeF32, "0.1", "0.1"},
		{TypeF32, "nan", `"nan"`},
		{TypeF64, "-inf", `"-inf"`},
		{TypeF64, "inf", `"inf"`},
		{TypeBool, "true", "true"},
		{TypeChar, `'日'`, `"日"`},
		{TypeString, `"a\"b\n"`, `"a\"b\n"`},
		{ListOf(TypeU8), "[1, 255]", "[1,255]"},
		{ListOf(TypeString), "[]", "[]"},
		{point, "{y: 1.5, x: -2}", `{"y":1.5,"x":-2}`},
		{TupleOf(TypeU8, TypeString), `(1, "a")`, `[1,"a"]`},
		{shape, "dot({y: 0, x: 1})", `{"dot":{"y":0,"x":1}}`},
		{shape, "none", `"none"`},
		{EnumOf("a", "b"), "b", `"b"`},
		{FlagsOf("r", "w", "x"), "{r, x}", `["r","x"]`},
		{OptionOf(TypeU8), "none", "null"},
		{OptionOf(TypeU8), "some(3)", "3"},
		{OptionOf(OptionOf(TypeU8)), "some(none)", `{"some":null}`},
		{OptionOf(OptionOf(TypeU8)), "some(some(3))", `{"some":3}`},
		{ResultOf(TypeU8, nil), "ok(3)", `{"ok":3}`},
		{ResultOf(TypeU8, nil), "err", `{"error":null}`},
	} {
		v, err := ParseValue(c.typ, c.wave)
		if err != nil {
			t.Fatalf("%s: %v", c.wave, err)
		}
		got, err := JSONValue(c.typ, v)
		if err != nil {
			t.Fatalf("%s: %v", c.wave, err)
		}
		text, err := json.Marshal(got)
		if err != nil || string(text) != c.want {
			t.Errorf("%s = %s, %v; want %s", c.wave, text, err, c.want)
		}
	}
	if _, err := JSONValue(TypeU8, String("a")); err == nil {
		t.Error("a string was written as a u8")
	}
}
