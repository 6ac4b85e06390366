package binary

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func testdata(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestNotAComponent says what the input is instead.
func TestNotAComponent(t *testing.T) {
	for _, c := range []struct{ name, input, want string }{
		{"empty", "", "this file is empty"},
		{"core module", moduleHeader, "wrap it with `wasm-tools component new`"},
		{"future module", "\x00asm\x02\x00\x00\x00", "core WebAssembly module of unknown version 2"},
		{"old component", "\x00asm\x0c\x00\x01\x00", "binary version 0xc"},
		{"unknown layer", "\x00asm\x0d\x00\x02\x00", "unknown layer"},
		{"cut header", "\x00asm\x0d", "truncated"},
		{"cut magic", "\x00as", "truncated"},
		{"text", "  (component\n)", "`wasm-tools parse`"},
		{"text with a comment", ";; hello\n(module)", "`wasm-tools parse`"},
		{"text cut within a rune", "(component " + strings.Repeat("é", 4000) + ")", "`wasm-tools parse`"},
		{"other", "\x7fELF\x02\x01\x01\x00", "not WebAssembly"},
		{"too large", string(make([]byte, 101)), "larger than the limit of 100"},
	} {
		limits := Limits{}
		if c.name == "too large" {
			limits.Bytes = 100
		}
		_, err := Parse([]byte(c.input), limits)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

// kinds lists the items of a component by their Go types.
func kinds(c *Component) string {
	var names []string
	for _, item := range c.Items {
		names = append(names, strings.TrimPrefix(fmt.Sprintf("%T", item), "*binary."))
	}
	return strings.Join(names, " ")
}

func TestDecodeGreet(t *testing.T) {
	c, err := Parse(testdata(t, "greet.wasm"), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want := "Type Import Alias CoreModule CoreModule CoreModule CoreInstance Alias Alias Canon " +
		"CoreInstance CoreInstance Alias Alias Alias Alias Canon CoreInstance CoreInstance Type Alias Alias Canon " +
		"Nested Instance Export Type Export Canon Type Type Canon Export Custom Custom"
	if got := kinds(c); got != want {
		t.Errorf("items\n got %s\nwant %s", got, want)
	}
	if p := c.Producers(); len(p) != 1 || p[0] != (Producer{"processed-by", "hand", "1.0"}) {
		t.Errorf("producers %v", p)
	}
	if c.Name() != "greeter" {
		t.Errorf("name %q", c.Name())
	}
}

func modules(c *Component) []*Module {
	var out []*Module
	for _, item := range c.Items {
		if m, ok := item.(*CoreModule); ok {
			out = append(out, m.Module)
		}
	}
	return out
}

// TestModules checks what planning reads of core modules.
func TestModules(t *testing.T) {
	b := testdata(t, "greet.wasm")
	c, err := Parse(b, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	ms := modules(c)
	main, shim, fixup := ms[0], ms[1], ms[2]
	if &main.Bytes[0] != &b[main.Offset] {
		t.Error("the module's bytes were copied")
	}
	if main.Name() != "main" || main.FuncNames()[0] != "now" {
		t.Errorf("names %q, %v", main.Name(), main.FuncNames())
	}
	if len(main.Imports) != 2 || main.ImportedFuncs != 2 || len(main.Funcs) != 5 || main.DataSegments != 1 {
		t.Errorf("main: %+v", main)
	}
	if e := main.Exports[2]; e.Name != "greet" || e.Type.Func.String() != "[i32 i32] -> [i32]" {
		t.Errorf("export %+v of type %s", e, e.Type.Func)
	}
	body := shim.Bytes[shim.Bodies[0].Start:shim.Bodies[0].End]
	if want := []byte{0, 0x20, 0, 0x20, 1, 0x41, 0, 0x11, 0, 0, 0x0b}; !bytes.Equal(body, want) {
		t.Errorf("shim body % x, want % x", body, want)
	}
	seg := fixup.Elems[0]
	if seg.Mode != ElemActive || !seg.HasConstOffset || seg.ConstOffset != 0 || len(seg.Funcs) != 1 || seg.Funcs[0] != 0 {
		t.Errorf("fixup segment %+v", seg)
	}
	if tt := fixup.Imports[1].Type; tt.Sort != SortCoreTable || tt.Table.Limits.String() != "1 to 1" {
		t.Errorf("fixup table %+v", tt)
	}
}

// Constructs of the asynchronous ABI are read, also in a component within.
func TestAsync(t *testing.T) {
	c, err := Parse(testdata(t, "async.wasm"), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, item := range c.Items {
		if n, ok := item.(*Nested); ok {
			found = found || strings.Contains(kinds(n.Component), "Canon")
		}
	}
	if !found {
		t.Error("no canonical definition in a nested component")
	}
}

// What is invalid in what this host does not run is told as such.
func TestInvalidBeforeUnsupported(t *testing.T) {
	for _, c := range []struct {
		name  string
		input []byte
		want  string
	}{
		{"tag of no type", module(section(13, join(0, 0))), "unknown type 0"},
		{"tag with a result", module(section(1, join(0x60, 0, 1, 0x7f)), section(13, join(0, 0))), "has results"},
		{"tag that is not there", module(section(7, join("t", 4, 0))), "index out of bounds"},
		{"shared memory without a maximum", module(section(5, join(2, 1))), "without a maximum"},
		{"shared table", module(section(4, join(0x70, 3, 1, 1))), "cannot be shared"},
		{"two externref tables of one name", module(section(4, join(0x6f, 0, 1)), section(7, join("t", 1, 0), join("t", 1, 0))), "duplicate export name"},
	} {
		_, err := Parse(component(sized(1, c.input)), Limits{})
		var e *Error
		if !errors.As(err, &e) || e.Feature != "" || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// TestElementSegments decodes each of the eight forms.
func TestElementSegments(t *testing.T) {
	expr := join(0xd2, 0, 0x0b)
	offset := join(0x41, 5, 0x0b)
	for flags, rest := range [][]byte{
		join(offset, 1, 0),
		join(0, 1, 0),
		join(0, offset, 0, 1, 0),
		join(0, 1, 0),
		join(offset, 1, expr),
		join(0x70, 1, expr),
		join(0, offset, 0x70, 1, expr),
		join(0x70, 1, expr),
	} {
		m := module(
			section(1, join(0x60, 0, 0)), section(3, join(0)), section(4, join(0x70, 0, 9)),
			section(9, join(flags, rest)), section(10, join(2, 0, 0x0b)))
		c, err := Decode(component(sized(1, m)), Limits{})
		if err != nil {
			t.Errorf("flags %d: %v", flags, err)
			continue
		}
		s := modules(c)[0].Elems[0]
		if len(s.Funcs) != 1 || s.Count != 1 || s.HasConstOffset != (flags&1 == 0) || s.HasConstOffset && s.ConstOffset != 5 {
			t.Errorf("flags %d: %+v", flags, s)
		}
	}
}

// TestRefused refuses features that are switched off, by name.
func TestRefused(t *testing.T) {
	body := func(local int) []byte {
		return module(section(1, join(0x60, 0, 0)), section(3, join(0)), section(10, join(4, 1, 1, local, 0x0b)))
	}
	for _, c := range []struct {
		name    string
		input   []byte
		feature string
	}{
		{"externref parameter", module(section(1, join(0x60, 1, 0x6f, 0))), "garbage-collected references"},
		{"anyref result", module(section(1, join(0x60, 0, 1, 0x6e))), "garbage collection"},
		{"externref local", body(0x6f), "garbage-collected references"},
		{"exnref local", body(0x69), "exceptions"},
		{"externref table", module(section(4, join(0x6f, 0, 1))), "garbage-collected references"},
		{"externref global", module(section(6, join(0x6f, 0, 0xd0, 0x6f, 0x0b))), "garbage-collected references"},
		{"typed reference", module(section(1, join(0x60, 1, 0x64, 0, 0))), "typed function references"},
		{"struct type", module(section(1, join(0x5f, 0))), "garbage collection"},
		{"64-bit memory", module(section(5, join(4, 1))), "memory64"},
		{"shared memory", module(section(5, join(3, 1, 1))), "threads"},
		{"64-bit table", module(section(4, join(0x70, 4, 1))), "memory64"},
		{"page size", module(section(5, join(8, 1, 0))), "custom page sizes"},
		{"tag", module(section(1, join(0x60, 0, 0)), section(13, join(0, 0))), "exceptions"},
		{"imported tag", module(section(1, join(0x60, 0, 0)), section(2, join("a", "b", 4, 0, 0))), "exceptions"},
		{"initialised table", module(section(4, join(0x40, 0, 0x70, 0, 1, 0xd0, 0x70, 0x0b))), "typed function references"},
	} {
		_, err := Parse(component(sized(1, c.input)), Limits{})
		var e *Error
		if !errors.As(err, &e) || e.Feature != c.feature || e.Path == "" {
			t.Errorf("%s: %v, want one about %s", c.name, err, c.feature)
		}
	}
}

func TestRefusedInComponents(t *testing.T) {
	for _, c := range []struct {
		name    string
		input   []byte
		feature string
	}{
		{"start", component(sized(9, join(0, 0, 0))), "component values"},
		{"value section", component(section(12, join(tU8, 1, 0))), "component values"},
		{"value import", component(imports(join(0, "a", 2, 1, tU8))), "component values"},
		{"gc option", component(section(8, join(1, 0, 0, 1, 9))), "component model gc"},
		{"thread.spawn-ref", component(section(8, join(0x40, 0, 0))), "shared-everything threads"},
		{"resource of i64", component(types(join(0x3f, 0x7e, 0))), "memory64"},
		{"64-bit context", component(section(8, join(0x0a, 0x7e, 0))), "memory64"},
	} {
		_, err := Parse(c.input, Limits{})
		var e *Error
		if !errors.As(err, &e) || e.Feature != c.feature {
			t.Errorf("%s: %v, want one about %s", c.name, err, c.feature)
		}
	}
}

// nest wraps a component in n others.
func nest(n int) []byte {
	b := component()
	for range n {
		b = component(sized(4, b))
	}
	return b
}

func TestLimits(t *testing.T) {
	one := func(m []byte) []byte { return component(sized(1, m)) }
	withLocals := func(n int) []byte {
		b := join(1, uleb(n), 0x7f, 0x0b)
		return one(module(section(1, join(0x60, 0, 0)), section(3, join(0)), section(10, join(uleb(len(b)), b))))
	}
	instances := make([][]byte, 6)
	for i := range instances {
		instances[i] = join(1, 0)
	}
	for _, c := range []struct {
		name   string
		input  []byte
		limits Limits
		want   string
	}{
		{"depth", nest(100), Limits{}, "deeper than the limit of 100"},
		{"depth cannot be raised", nest(100), Limits{Depth: 1000}, "deeper than the limit of 100"},
		{"lower depth", nest(3), Limits{Depth: 3}, "deeper than the limit of 3"},
		{"instances", component(section(5, instances...)), Limits{Instances: 5}, "more than 5 of the sort instance"},
		{"definitions", component(types(join(0x6d, 3, "a", "b", "c"))), Limits{Definitions: 3}, "the limit is 3 for the whole input"},
		{"names", component(imports(resourceImport("abcd"))), Limits{NameBytes: 3}, "longer than the limit of 3"},
		{"locals", withLocals(50_001), Limits{}, "more than 50000 locals"},
		{"locals beyond 32 bits together", one(module(section(1, join(0x60, 0, 0)), section(3, join(0)),
			section(10, join(14, 2, uleb(1<<32-1), 0x7f, uleb(1<<32-1), 0x7f, 0x0b)))), Limits{}, "more than 50000 locals"},
		{"body", withLocals(1), Limits{BodyBytes: 3}, "body of 4 bytes: the limit is 3"},
		{"functions", one(module(section(1, join(0x60, 0, 0)), section(3, join(0), join(0)))), Limits{Functions: 1}, "2 functions: the limit is 1"},
		{"imported functions", one(module(section(1, join(0x60, 0, 0)), section(2, join("", "a", 0, 0), join("", "b", 0, 0)))),
			Limits{Functions: 1}, "more than 1 functions"},
		{"sections", component(sized(0, join("")), sized(0, join("")), sized(0, join(""))), Limits{Definitions: 2}, "the limit is 2 for the whole input"},
		{"memories", one(module(section(5, join(0, 1), join(0, 1)))), Limits{}, "2 memories: the limit is 1"},
		{"table size", one(module(section(4, join(0x70, 0, uleb(10_000_001))))), Limits{}, "the limit is 10000000"},
		{"memory size", one(module(section(5, join(0, uleb(65537))))), Limits{}, "at most 65536 pages"},
		{"count beyond the input", component(sized(7, uleb(400_000))), Limits{}, "do not fit in the 0 bytes left"},
	} {
		_, err := Parse(c.input, c.limits)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := Parse(nest(99), Limits{}); err != nil {
		t.Errorf("the greatest depth is refused: %v", err)
	}
}

// TestDamaged cuts and flips a component everywhere: it is refused or accepted,
// but soon and without a panic.
func TestDamaged(t *testing.T) {
	for _, name := range []string{"greet.wasm", "async.wasm"} {
		whole := testdata(t, name)
		start := processorTime(t) // the clock's would be the load's
		for i := range whole {
			if _, err := Parse(whole[:i], Limits{}); err == nil && i != sectionEnd(whole, i) {
				t.Fatalf("%s cut to %d bytes is accepted", name, i)
			}
			for _, mask := range []byte{0x01, 0x02, 0x40, 0x80, 0xff} {
				b := bytes.Clone(whole)
				b[i] ^= mask
				c, err := Parse(b, Limits{})
				if (c == nil) == (err == nil) {
					t.Fatalf("%s with byte %d flipped: %v, %v", name, i, c, err)
				}
			}
		}
		if spent := processorTime(t) - start; spent > 15*time.Second {
			t.Errorf("%s took %s", name, spent)
		}
	}
}

func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// sectionEnd is i when a top-level section ends there, else -1.
func sectionEnd(b []byte, i int) int {
	for pos := headerBytes; pos <= i; {
		if pos == i {
			return i
		}
		r := reader{b: b, pos: pos + 1, end: len(b)}
		size := int(r.u32())
		pos = r.pos + size
	}
	return -1
}

// FuzzParse asserts that what is accepted decodes the same again, and that
// errors have a place within the input.
func FuzzParse(f *testing.F) {
	f.Add(testdata(f, "greet.wasm"))
	f.Add(testdata(f, "async.wasm"))
	f.Add(nest(3))
	f.Add(component(types(join(0x6d, 2, "a", "b")), imports(resourceImport("r"))))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Parse(b, Limits{})
		var e *Error
		switch {
		case err == nil:
			again, err := Parse(b, Limits{})
			if err != nil || kinds(again) != kinds(c) {
				t.Fatalf("accepted once, then %v", err)
			}
			c.Producers()
			for _, m := range modules(c) {
				m.FuncNames()
			}
		case !errors.As(err, &e):
			t.Fatalf("an error of type %T", err)
		case e.Offset < 0 || e.Offset > len(b) || e.Msg == "":
			t.Fatalf("bad error %+v", e)
		}
	})
}
