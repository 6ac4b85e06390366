package bind

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/writ-host/writ/wit"
)

func parse(t *testing.T, text string) []*wit.Interface {
	t.Helper()
	p, err := wit.Parse(wit.File{Name: "t.wit", Text: "package t:t@1.0.0;\n" + text})
	if err != nil {
		t.Fatal(err)
	}
	return p.Interfaces()
}

type nothing struct{}

type wrongs struct{}

func (wrongs) Add(uint32) uint32             { return 0 }
func (wrongs) Few() uint32                   { return 0 }
func (wrongs) Many(...uint32)                {}
func (wrongs) Rec(struct{ A uint8 })         {}
func (wrongs) Extra(struct{ A, B, C uint8 }) {}
func (wrongs) Opt(uint8)                     {}
func (wrongs) Var(struct{ A, B *uint8 })     {}
func (wrongs) Noerr() uint8                  { return 0 }
func (wrongs) Void() uint8                   { return 0 }
func (wrongs) Size([2]uint8)                 {}
func (wrongs) Flag(uint8)                    {}
func (wrongs) Two(a *nothing, b *wrongs)     {}
func (wrongs) Val(a nothing)                 {}
func (wrongs) Err(a struct {
	OK  *uint8
	Bad *uint8
}) {
}

func TestMistakesAreFoundAtOnce(t *testing.T) {
	for _, c := range []struct{ wit, want string }{
		{"missing: func();", "has no method Missing for missing: func()"},
		{"get-many: func();", "has no method GetMany"},
		{"add: func(a: u64) -> u32;", "parameter a: u64 is not uint32, but uint64"},
		{"add: func(a: u32) -> s32;", "result: s32 is not uint32, but int32"},
		{"add: func(a: u32, b: u32) -> u32;", "it takes 1 arguments, and not 2"},
		{"few: func();", "it returns 1 values besides an error, and not 0"},
		{"many: func(a: u32);", "it is variadic"},
		{"rec: func(r: r2); record r2 { a: u8, b: u8 }", "has 1 exported fields, and 2 are wanted"},
		{"extra: func(r: r2); record r2 { a: u8, b: u8 }", "has 3 exported fields, and 2 are wanted"},
		{"rec: func(r: r1); record r1 { other: u8 }", "has no field Other"},
		{"opt: func(o: option<u8>);", "is not uint8, but a pointer"},
		{"var: func(v: v1); variant v1 { a, b(u8) }", "it carries nothing, so its field is not *uint8, but bool"},
		{"noerr: func() -> result<u8, string>;", "it must return an error last"},
		{"void: func() -> result<_, string>;", "it must return an error last"},
		{"size: func(l: list<u8, 3>);", "but a slice"},
		{"flag: func(f: f9); flags f9 { a, b, c, d, e, f, g, h, i }", "has more flags than uint8 holds"},
		{"two: func(a: borrow<r>, b: borrow<r>); resource r;", "resource r is *bind.wrongs here and *bind.nothing elsewhere"},
		{"val: func(a: borrow<r>); resource r;", "but a pointer to the type with the methods of r"},
		{"resource r { m: func(); }", "no other function has the resource r"},
		{"val: func(a: borrow<r>); resource r { m: func(); }", "but a pointer"},
		{"err: func(r: tuple<result<u8, u8>>);", "has 2 exported fields, and 1 are wanted"},
		{"add: func(s: stream<u8>);", "has no Go type"},
	} {
		_, err := New(parse(t, "interface i { "+c.wit+" }"), reflect.TypeFor[wrongs]())
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.wit, err, c.want)
		}
	}
}

func TestAllMistakesAreNamed(t *testing.T) {
	_, err := New(parse(t, "interface i { one: func(); two: func(); }"), reflect.TypeFor[nothing]())
	if err == nil || !strings.Contains(err.Error(), "no method One") || !strings.Contains(err.Error(), "no method Two") {
		t.Error(err)
	}
}

// names has methods by every rule of naming.
type named struct{}

func (named) ADraw() string      { return "a" }
func (named) BDraw() string      { return "b" }
func (named) HTTPGetURL() string { return "initialisms" }
func (named) Tagged(r struct {
	X uint8 `wit:"odd-name"`
}) uint8 {
	return r.X
}
func (named) Next(k kind) kind            { return k + 1 }
func (named) Bits(f uint16) uint16        { return f << 1 }
func (named) Fixed(l [2]uint16) [2]uint16 { return [2]uint16{l[1], l[0]} }
func (named) Fail(how string) (uint8, error) {
	switch how {
	case "wrapped":
		return 0, fmt.Errorf("wrapped: %w", &failure{Bad: new(string)})
	case "both":
		return 0, &failure{Bad: new(string), Worse: true}
	}
	return 0, errors.New("plain")
}

type kind uint8

type failure struct {
	Bad   *string
	Worse bool
	Other *string
}

func (f *failure) Error() string { return "failure" }

func TestNamesAndForms(t *testing.T) {
	interfaces := parse(t, `interface a { draw: func() -> string; http-get-url: func() -> string; tagged: func(r: rec) -> u8; record rec { odd-name: u8 }
		next: func(k: col) -> col; enum col { red, green } bits: func(f: fl) -> fl; flags fl { x, y, z } fixed: func(l: list<u16, 2>) -> list<u16, 2>;
		fail: func(how: string) -> result<u8, fault>; variant fault { bad(string), worse, other(string) } }
		interface b { draw: func() -> string; }`)
	b, err := New(interfaces, reflect.TypeFor[named]())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ iface, name, arg, want string }{
		{"a", "draw", "", `"a"`}, {"b", "draw", "", `"b"`}, {"a", "http-get-url", "", `"initialisms"`},
		{"a", "tagged", "{odd-name: 5}", "5"}, {"a", "next", "red", "green"}, {"a", "next", "green", "error: result: 2 is no case of col"},
		{"a", "bits", "{x, y}", "{y, z}"}, {"a", "bits", "{z}", "error: result: 0x8 has bits that fl does not have"},
		{"a", "fixed", "[1, 2]", "[2, 1]"},
		{"a", "fail", `"wrapped"`, `err(bad(""))`}, {"a", "fail", `"x"`, `err(other("plain"))`}, {"a", "fail", `"both"`, `err(other("failure"))`},
	} {
		f := b.Func("t:t/"+c.iface+"@1.0.0", c.name)
		var args []wit.Value
		if c.arg != "" {
			v, err := wit.ParseValue(f.Type.Params[0].Type, c.arg)
			if err != nil {
				t.Fatal(err)
			}
			args = append(args, v)
		}
		v, err := f.Call(context.Background(), named{}, args)
		have := fmt.Sprint("error: ", err)
		if err == nil {
			have, err = wit.FormatValue(f.Type.Result, v)
		}
		if have != c.want {
			t.Errorf("%s.%s(%s): %s, want %s (%v)", c.iface, c.name, c.arg, have, c.want, err)
		}
	}
}
