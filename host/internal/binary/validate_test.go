package binary

import (
	"slices"
	"strings"
	"testing"
)

// param is a function's parameter; typ its type's bytes.
func param(name string, typ ...any) []byte { return join(name, join(typ...)) }

func params(list ...[]byte) [][]byte { return list }

// libc is a core module with a memory, realloc, and functions f of no
// parameters and g of one i32.
func libc() []byte {
	return sized(1, module(
		section(1, join(0x60, 0, 0), join(0x60, 1, 0x7f, 0), join(0x60, 4, 0x7f, 0x7f, 0x7f, 0x7f, 1, 0x7f), join(0x60, 0, 1, 0x7f)),
		section(3, join(0), join(1), join(2), join(3)),
		section(5, join(0, 1)),
		section(7, join("mem", 2, 0), join("f", 0, 0), join("g", 0, 1), join("realloc", 0, 2), join("h", 0, 3)),
		section(10, join(2, 0, 0x0b), join(2, 0, 0x0b), join(4, 0, 0x41, 0, 0x0b), join(4, 0, 0x41, 0, 0x0b)),
	))
}

// withLibc is a component that instantiates libc and aliases its exports: core
// memory 0 and core functions 0 (f), 1 (g), 2 (realloc) and 3 (h).
func withLibc(sections ...[]byte) []byte {
	return component(slices.Concat([][]byte{
		libc(), section(2, join(0, 0, 0)),
		section(6, join(0, 2, 1, 0, "mem"), join(0, 0, 1, 0, "f"), join(0, 0, 1, 0, "g"),
			join(0, 0, 1, 0, "realloc"), join(0, 0, 1, 0, "h")),
	}, sections)...)
}

func lift(f, t int, opts ...any) []byte {
	return join(0, 0, f, join(opts...), t)
}

var (
	ownFunc = funcDef(nil, 1)                   // result: type 1
	u32Func = funcDef(params(param("x", tU32))) // (param "x" u32)
	plain   = funcDef(nil)                      // no parameters, no result
	strFunc = funcDef(params(param("s", tString)))
	noOpts  = join(0)
	memOpt  = join(1, 3, 0)
	memReal = join(2, 3, 0, 4, 2)
)

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		name  string
		input []byte
		want  string // part of the error, or "" for a valid component
	}{
		{"function import", component(types(plain), imports(funcImport("f", 0))), ""},
		{"type index", component(imports(funcImport("f", 3))), "unknown type 3: type index out of bounds"},
		{"not a function type", component(types(join(tU8)), imports(funcImport("f", 0))), "type index 0 is not a function type"},
		{"duplicate import", component(types(plain), imports(funcImport("f", 0), funcImport("F", 0))), `conflicts with previous import name "f"`},
		{"bad name", component(types(plain), imports(funcImport("f_", 0))), "not in kebab case"},
		{"url export", component(types(plain), imports(funcImport("f", 0)), exports(export("url=<a>", 1, 0))), "not a valid export name"},
		{"empty record", component(types(join(0x72, 0))), "a record must have at least one record field"},
		{"many flags", component(types(join(0x6e, 33, slices.Concat(slices.Repeat([][]byte{join("a")}, 33)...)))), "more than 32 flags"},
		{"duplicate case", component(types(join(0x6d, 2, "a", "A"))), `conflicts with previous enum tag name "a"`},
		{"self reference", component(types(join(0x70, 0))), "unknown type 0"},
		{"empty fixed-length list", component(types(join(0x67, tU8, 0))), "more than zero elements"},
		{"huge value", component(types(join(0x67, tU8, uleb(1<<28)))), "exceeds maximum byte size"},
		{"map key", component(types(join(0x63, 0x75, tU8))), "invalid map key type f64"},
		{"stream of char", component(types(join(0x66, 1, 0x74))), "`stream<char>` is not valid"},
		{"borrowed result", component(imports(resourceImport("r")), types(join(0x68, 0), ownFunc)), "cannot contain a `borrow`"},
		{"future of borrow", component(imports(resourceImport("r")), types(join(0x68, 0), join(0x65, 1, 1))), "cannot contain a `borrow`"},

		{"method", component(imports(resourceImport("r")), types(join(0x68, 0), funcDef(params(param("self", 1)))),
			imports(funcImport("[method]r.f", 2))), ""},
		{"method of another", component(imports(resourceImport("r"), resourceImport("s")), types(join(0x68, 1), funcDef(params(param("self", 2)))),
			imports(funcImport("[method]r.f", 3))), `does not match expected resource name "s"`},
		{"method without self", component(imports(resourceImport("r")), types(plain), imports(funcImport("[method]r.f", 1))), "at least one argument"},
		{"constructor", component(imports(resourceImport("r")), types(join(0x69, 0), ownFunc), imports(funcImport("[constructor]r", 2))), ""},
		{"constructor of nothing", component(imports(resourceImport("r")), types(plain), imports(funcImport("[constructor]r", 1))), "should return one value"},
		{"static of no resource", component(types(plain), imports(funcImport("[static]r.f", 0))), "static resource name is not known"},

		{"unnamed record", component(types(join(0x72, 1, "a", tU8), funcDef(params(param("r", 0)))), imports(funcImport("f", 1))),
			"refers to a type that has no name"},
		{"named record", component(types(join(0x72, 1, "a", tU8)), imports(join(0, "rec", 3, 0, 0)), types(funcDef(params(param("r", 1)))),
			imports(funcImport("f", 2))), ""},
		{"exported type in an import", component(types(join(0x72, 1, "a", tU8)), exports(export("rec", 3, 0)), imports(join(0, "t", 3, 0, 1))),
			"type not valid to be used as import"},
		{"local resource in an import", component(types(join(0x3f, 0x7f, 0), join(0x69, 0), ownFunc), imports(funcImport("f", 2))),
			"refers to a type that has no name"},

		{"lift", withLibc(types(u32Func), section(8, lift(1, 0, noOpts))), ""},
		{"lift of wrong parameters", withLibc(types(u32Func), section(8, lift(0, 0, noOpts))), "lowered parameter types [i32] do not match parameter types []"},
		{"lift of wrong results", withLibc(types(plain), section(8, lift(3, 0, noOpts))), "lowered result types [] do not match result types [i32]"},
		{"lift of a string without realloc", withLibc(types(strFunc), section(8, lift(1, 0, memOpt))), "`realloc` is required"},
		{"lift of a string of wrong parameters", withLibc(types(strFunc), section(8, lift(1, 0, memReal))), "lowered parameter types [i32 i32] do not match"},
		{"post-return", withLibc(types(funcDef(nil, tU32)), section(8, lift(3, 0, 1, 5, 1))), ""},
		{"post-return of wrong type", withLibc(types(funcDef(nil, tU32)), section(8, lift(3, 0, 1, 5, 0))), "`post-return` uses a core function with an incorrect signature"},
		{"realloc of wrong type", withLibc(types(plain), section(8, lift(0, 0, 2, 3, 0, 4, 1))), "`realloc` uses a core function with an incorrect signature"},
		{"realloc without memory", withLibc(types(plain), section(8, lift(0, 0, 1, 4, 2))), "requires `memory`"},
		{"callback without async", withLibc(types(plain), section(8, lift(0, 0, 1, 7, 0))), "cannot specify callback without async"},
		{"async lift of a sync type", withLibc(types(plain), section(8, lift(0, 0, 1, 6))), "requires an async function type"},
		{"lower", component(types(u32Func), imports(funcImport("f", 0)), section(8, join(1, 0, 0, noOpts))), ""},
		{"lower of a string", withLibc(types(strFunc), imports(funcImport("f", 0)), section(8, join(1, 0, 0, memOpt))), ""},
		{"lower of a string without memory", component(types(strFunc), imports(funcImport("f", 0)), section(8, join(1, 0, 0, noOpts))), "`memory` is required"},
		{"lower with post-return", withLibc(types(plain), imports(funcImport("f", 0)), section(8, join(1, 0, 0, 1, 5, 0))), "cannot be specified for lowerings"},
		{"memory index", component(types(strFunc), imports(funcImport("f", 0)), section(8, join(1, 0, 0, memOpt))), "memory index out of bounds"},
		{"duplicate option", withLibc(types(strFunc), imports(funcImport("f", 0)), section(8, join(1, 0, 0, 2, 3, 0, 3, 0))), "more than once"},

		{"destructor", withLibc(types(join(0x3f, 0x7f, 1, 1))), ""},
		{"destructor of wrong type", withLibc(types(join(0x3f, 0x7f, 1, 0))), "wrong signature for a destructor"},
		{"resource in a type", component(types(join(0x42, 1, 1, 0x3f, 0x7f, 0))), "only be defined within a concrete component"},
		{"resource.new of an import", component(imports(resourceImport("r")), section(8, join(2, 0))), "not a local resource"},
		{"resource.drop of an import", component(imports(resourceImport("r")), section(8, join(3, 0))), ""},
		{"outer resource", component(types(join(0x3f, 0x7f, 0)), sized(4, component(section(6, join(3, 2, 1, 0))))), "refers to resources not defined in the current component"},
		{"outer type", component(types(join(tU8)), sized(4, component(section(6, join(3, 2, 1, 0))))), ""},
		{"outer count", component(section(6, join(3, 2, 1, 0))), "invalid outer alias count of 1"},

		{"missing core argument", component(sized(1, module(section(1, join(0x60, 0, 0)), section(2, join("env", "f", 0, 0)))),
			section(2, join(0, 0, 0))), `core instance 0: import "env"."f": missing module instantiation argument named "env"`},
		{"missing argument", component(sized(4, component(imports(resourceImport("r")))), section(5, join(0, 0, 0))), `missing import named "r"`},
		{"argument of another sort", component(sized(4, component(imports(resourceImport("r")))), types(join(tU8)), section(5, join(0, 0, 1, "r", 3, 0))),
			"expected resource, found u8"},
		{"argument", component(sized(4, component(imports(resourceImport("r")))), types(join(0x3f, 0x7f, 0)), section(5, join(0, 0, 1, "r", 3, 0))), ""},
		{"missing export", component(section(5, join(1, 0)), section(6, join(1, 0, 0, "a"))), `instance 0 has no export named "a"`},
	} {
		_, err := Parse(c.input, Limits{})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

// TestGenerativeResources checks that two instances of a component have
// different resource types, and one instance has one.
func TestGenerativeResources(t *testing.T) {
	maker := sized(4, component(types(join(0x3f, 0x7f, 0)), exports(export("r", 3, 0))))
	// same takes two resource types that must be equal.
	same := sized(4, component(imports(resourceImport("a"), join(0, "b", 3, 0, 0))))
	build := func(second int) []byte {
		return component(maker, same, section(5, join(0, 0, 0), join(0, 0, 0)),
			section(6, join(3, 0, 0, "r"), join(3, 0, second, "r")),
			section(5, join(0, 1, 2, "a", 3, 0, "b", 3, 1)))
	}
	if _, err := Parse(build(0), Limits{}); err != nil {
		t.Errorf("types of one instance: %v", err)
	}
	_, err := Parse(build(1), Limits{})
	if err == nil || !strings.Contains(err.Error(), `instance 2: component 1: type mismatch for import "b": resource types are not the same`) {
		t.Errorf("types of two instances: %v", err)
	}
}

// TestErrorPlace prints the path through nested components and the offset.
func TestErrorPlace(t *testing.T) {
	inner := component(types(plain), imports(funcImport("f", 7)))
	_, err := Parse(component(sized(4, component(sized(4, inner)))), Limits{})
	want := `component 0: component 0: import "f": unknown type 7: type index out of bounds (at offset 0x26)`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestTooComplex stops work on types that are small to write down: tuples of
// two of the one before, 65,536 parts in all.
func TestTooComplex(t *testing.T) {
	tuples := [][]byte{join(0x6f, 2, tU8, tU8)}
	for i := range 15 {
		tuples = append(tuples, join(0x6f, 2, uleb(i), uleb(i)))
	}
	var list [][]byte
	for i := range 20 {
		list = append(list, join(0, "a"+strings.Repeat("b", i), 3, 0, 15))
	}
	_, err := Parse(component(types(tuples...), imports(list...)), Limits{})
	if err == nil || !strings.Contains(err.Error(), "type size exceeds the limit") {
		t.Errorf("20 imports of the type: %v", err)
	}
	user := join(0x41, 2, 2, 3, 2, 1, 15, 3, 0, "a", 3, 0, 0)
	users := slices.Repeat([][]byte{user}, 100)
	_, err = Parse(component(types(tuples...), types(users...)), Limits{})
	if err == nil || !strings.Contains(err.Error(), "component too complex") {
		t.Errorf("100 component types that import the type: %v", err)
	}
}

func TestFlatten(t *testing.T) {
	s := newScope(inComponent)
	add := func(def TypeDef) ValType {
		d, err := s.define(def)
		if err != nil {
			t.Fatal(err)
		}
		s.types = append(s.types, d)
		return ValType{Index: uint32(len(s.types) - 1)}
	}
	prim := func(p Prim) ValType { return ValType{Prim: p} }
	ptr := func(v ValType) *ValType { return &v }
	for _, c := range []struct {
		name        string
		def         TypeDef
		flat        string
		size, align uint64
	}{
		{"record", &Record{[]Label{{"a", prim(U8)}, {"b", prim(U64)}, {"c", prim(String)}}}, "i32 i64 i32 i32", 32, 8},
		{"variant joins", &Variant{[]Case{{"a", ptr(prim(F32))}, {"b", ptr(prim(U32))}, {"c", nil}}}, "i32 i32", 8, 4},
		{"variant widens", &Variant{[]Case{{"a", ptr(prim(F64))}, {"b", ptr(prim(F32))}}}, "i32 i64", 16, 8},
		{"variant keeps", &Variant{[]Case{{"a", ptr(prim(F32))}, {"b", ptr(prim(F32))}}}, "i32 f32", 8, 4},
		{"result", &Result{ptr(prim(U8)), ptr(prim(String))}, "i32 i32 i32", 24, 8},
		{"result of nothing", &Result{}, "i32", 1, 1},
		{"option", &Option{prim(U16)}, "i32 i32", 4, 2},
		{"list", &List{Elem: prim(U8)}, "i32 i32", 16, 8},
		{"fixed-length list", &List{Elem: prim(U16), Fixed: true, Len: 3}, "i32 i32 i32", 6, 2},
		{"fixed-length list of too many", &List{Elem: prim(U16), Fixed: true, Len: 17}, "over", 34, 2},
		{"flags", &Flags{[]string{"a", "b", "c", "d", "e", "f", "g", "h", "i"}}, "i32", 2, 2},
		{"enum", &Enum{[]string{"a"}}, "i32", 1, 1},
		{"tuple", &Tuple{[]ValType{prim(F64), prim(Char)}}, "f64 i32", 16, 8},
	} {
		v := add(c.def)
		d := s.types[v.Index].(*defined)
		flat := joinTypes(d.flat.types)
		if d.flat.over {
			flat = "over"
		}
		if flat != c.flat || d.size != c.size || d.align != c.align {
			t.Errorf("%s: [%s] size %d align %d, want [%s] %d %d", c.name, flat, d.size, d.align, c.flat, c.size, c.align)
		}
	}
}

func TestLoweredSignatures(t *testing.T) {
	u32s := func(n int) *funcType {
		f := &funcType{}
		for range n {
			f.names, f.params = append(f.names, "x"), append(f.params, primTypes[U32])
		}
		return f
	}
	zero := uint32(0)
	all := CanonOptions{Memory: &zero, Realloc: &zero}
	async := all
	async.Async = true
	str := &funcType{result: primTypes[String]}
	for _, c := range []struct {
		name  string
		f     *funcType
		opts  CanonOptions
		lower string
		lift  string
	}{
		{"16 parameters", u32s(16), all, "[" + strings.Repeat("i32 ", 15) + "i32] -> []", "[" + strings.Repeat("i32 ", 15) + "i32] -> []"},
		{"17 parameters", u32s(17), all, "[i32] -> []", "[i32] -> []"},
		{"two results", str, all, "[i32] -> []", "[] -> [i32]"},
		{"async", u32s(4), async, "[i32 i32 i32 i32] -> [i32]", "[i32 i32 i32 i32] -> []"},
		{"async with five", u32s(5), async, "[i32] -> [i32]", "[i32 i32 i32 i32 i32] -> []"},
		{"async result", str, async, "[i32] -> [i32]", "[] -> []"},
	} {
		lower, err := loweredSignature(c.f, &c.opts)
		if err != nil || lower.String() != c.lower {
			t.Errorf("%s: lowered %v, %v; want %s", c.name, lower, err, c.lower)
		}
		lift, err := liftedSignature(c.f, &c.opts)
		if err != nil || lift.String() != c.lift {
			t.Errorf("%s: lifted %v, %v; want %s", c.name, lift, err, c.lift)
		}
	}
}
