package value_test

import (
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/vectors.json anew")

// valid are the vectors' types and values; -update writes their bytes.
var valid = []vector{
	{Type: "bool", Value: "false"}, {Type: "bool", Value: "true"},
	{Type: "u8", Value: "255"}, {Type: "s8", Value: "-1"}, {Type: "s8", Value: "127"},
	{Type: "u16", Value: "127"}, {Type: "u16", Value: "128"}, {Type: "u16", Value: "65535"},
	{Type: "s16", Value: "-32768"}, {Type: "s16", Value: "64"}, {Type: "s16", Value: "-64"},
	{Type: "u32", Value: "0"}, {Type: "u32", Value: "4294967295"}, {Type: "s32", Value: "-2147483648"},
	{Type: "u64", Value: "18446744073709551615"}, {Type: "s64", Value: "-9223372036854775808"}, {Type: "s64", Value: "-1"},
	{Type: "f32", Value: "1.5"}, {Type: "f32", Value: "nan"}, {Type: "f32", Value: "-0"},
	{Type: "f64", Value: "-2.25"}, {Type: "f64", Value: "nan"}, {Type: "f64", Value: "inf"},
	{Type: "char", Value: `'a'`}, {Type: "char", Value: `'\u{1f600}'`},
	{Type: "string", Value: `""`}, {Type: "string", Value: `"héllo"`},
	{Type: "list<u8>", Value: "[]"}, {Type: "list<u8>", Value: "[1, 2, 255]"},
	{Type: "list<s32>", Value: "[0, -1, 300]"}, {Type: "list<list<string>>", Value: `[[], ["a", "bc"]]`},
	{Type: "tuple<u8, string, bool>", Value: `(7, "x", true)`},
	{Type: "point", Value: "{x: -3, y: 200}"},
	{Type: "shape", Value: "empty"}, {Type: "shape", Value: "circle(0.5)"}, {Type: "shape", Value: "polygon([{x: 1, y: 2}])"},
	{Type: "color", Value: "green"}, {Type: "marks", Value: "{}"}, {Type: "marks", Value: "{m1, m9}"},
	{Type: "option<u32>", Value: "none"}, {Type: "option<u32>", Value: "some(5)"}, {Type: "option<option<u32>>", Value: "some(none)"},
	{Type: "result<u8, string>", Value: "ok(1)"}, {Type: "result<u8, string>", Value: `err("no")`},
	{Type: "result", Value: "ok"}, {Type: "result", Value: "err"}, {Type: "result<_, color>", Value: "err(blue)"},
}

// invalid are vectors that must be refused, with the class of their failure.
var invalid = []vector{
	{Type: "u8", Hex: "", Error: "ends too early"},
	{Type: "u8", Hex: "0102", Error: "left over"},
	{Type: "bool", Hex: "02", Error: "a bool is 2"},
	{Type: "u16", Hex: "808004", Error: "beyond u16"},
	{Type: "u32", Hex: "8000", Error: "longer than it has to be"},
	{Type: "u32", Hex: "80", Error: "ends too early"},
	{Type: "u32", Hex: "8080808010", Error: "beyond u32"},
	{Type: "u64", Hex: "80808080808080808002", Error: "more than 64 bits"},
	{Type: "s16", Hex: "808004", Error: "beyond s16"},
	{Type: "f32", Hex: "0000c0", Error: "ends too early"},
	{Type: "f32", Hex: "0000c0ff", Error: "NaN"},
	{Type: "f64", Hex: "010000000000f87f", Error: "NaN"},
	{Type: "char", Hex: "80b003", Error: "scalar value"},
	{Type: "char", Hex: "808044", Error: "scalar value"},
	{Type: "string", Hex: "01ff", Error: "UTF-8"},
	{Type: "string", Hex: "ffffffff0f", Error: "ends too early"},
	{Type: "list<u8>", Hex: "0401", Error: "ends too early"},
	{Type: "list<u32>", Hex: "ffffffffffffffff7f", Error: "ends too early"},
	{Type: "color", Hex: "03", Error: "case 3 of 3"},
	{Type: "shape", Hex: "01", Error: "ends too early"},
	{Type: "option<u32>", Hex: "02", Error: "case 2 of 2"},
	{Type: "marks", Hex: "0004", Error: "for 10 flags"},
}

func writeVectors(t *testing.T, v vectors) {
	t.Helper()
	if err := os.WriteFile(vectorsFile, marshal(t, v), 0o600); err != nil {
		t.Fatal(err)
	}
}
