package oracle

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/writ-host/writ/wit"
)

func TestMain(m *testing.M) {
	Serve()
	os.Exit(m.Run())
}

func start(t *testing.T) *Process {
	t.Helper()
	p, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// Our declarations must be those of the headers that belong to the library.
func TestHeadersAgree(t *testing.T) {
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/bytecodealliance/wasmtime-go/v39").Output()
	if err != nil {
		t.Fatal(err)
	}
	both := filepath.Join(t.TempDir(), "both.c")
	text := "#include <wasmtime.h>\n#include <wasmtime/component.h>\n#define WRIT_REAL_HEADERS\n#include \"libwasmtime.h\"\n"
	compileBoth := func(text string) ([]byte, error) {
		if err := os.WriteFile(both, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return exec.Command(cc, "-std=c11", "-fsyntax-only", "-Werror", "-I",
			filepath.Join(strings.TrimSpace(string(dir)), "build", "include"), "-I", ".", both).CombinedOutput()
	}
	if out, err := compileBoth(text); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if _, err := compileBoth(text + "void wasmtime_component_delete(int);\n"); err == nil {
		t.Fatal("a declaration that differs is not noticed")
	}
}

const adder = `(component
  (core module $m
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "trap") unreachable))
  (core instance $i (instantiate $m))
  (func (export "add") (param "a" u32) (param "b" u32) (result u32) (canon lift (core func $i "add")))
  (func (export "trap") (canon lift (core func $i "trap"))))`

func TestCallsAndTraps(t *testing.T) {
	p := start(t)
	b, err := p.Text(adder)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.Load(b), p.Instantiate()); err != nil {
		t.Fatal(err)
	}
	add := &wit.Func{Name: "add", Result: wit.TypeU32,
		Params: []wit.Param{{Name: "a", Type: wit.TypeU32}, {Name: "b", Type: wit.TypeU32}}}
	if got, err := p.Call(add, wit.U32(40), wit.U32(2)); err != nil || got.Uint() != 42 {
		t.Errorf("add = %d, %v", got.Uint(), err)
	}
	var refusal *Refusal
	if _, err := p.Call(&wit.Func{Name: "trap"}); !errors.As(err, &refusal) || !strings.Contains(err.Error(), "unreachable") {
		t.Errorf("trap = %v", err)
	}
	if _, err := p.Call(&wit.Func{Name: "none"}); err == nil || errors.As(err, &refusal) {
		t.Errorf("no such function = %v", err)
	}
}

func TestRefusals(t *testing.T) {
	p := start(t)
	var refusal *Refusal
	if err := p.Load([]byte("not a component")); !errors.As(err, &refusal) {
		t.Errorf("load = %v, want a refusal", err)
	}
	if err := p.Instantiate(); err == nil {
		t.Error("nothing was instantiated")
	}
	if _, err := p.Text("(component"); !errors.As(err, &refusal) {
		t.Errorf("text = %v, want a refusal", err)
	}
}

// A crash is told from a refusal, and the next request is answered.
func TestCrash(t *testing.T) {
	p := start(t)
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Text(adder); !errors.Is(err, ErrCrashed) {
		t.Fatalf("text = %v, want a crash", err)
	}
	if _, err := p.Text(adder); err != nil {
		t.Fatal(err)
	}
}

// What needs more memory than the child may use ends it, and nothing else.
func TestMemoryLimit(t *testing.T) {
	p := start(t)
	b, err := p.Text(adder)
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	p.memory = 32 << 20
	if err := p.Load(b); !errors.Is(err, ErrCrashed) {
		t.Errorf("load = %v, want a crash", err)
	}
	p.memory = maxMemory
	if err := p.Load(b); err != nil {
		t.Error(err)
	}
}

// TestWrongValues: bytes that are no value of the type are errors.
func TestWrongValues(t *testing.T) {
	record := wit.RecordOf(wit.Field{Name: "a", Type: wit.TypeString}, wit.Field{Name: "b", Type: wit.ListOf(wit.TypeU8)})
	types := []*wit.Type{record, wit.VariantOf(wit.Case{Name: "a", Type: record}), wit.OptionOf(record),
		wit.ResultOf(record, nil), wit.FlagsOf("a", "b"), wit.EnumOf("a"), wit.TupleOf(record)}
	value := wit.Record(wit.String("text"), wit.Bytes([]byte{1, 2}))
	values := []wit.Value{value, wit.Variant(0, &value), wit.Some(value), wit.OK(value), wit.Flags(2), wit.Enum(0), wit.Tuple(value)}
	for i, typ := range types {
		b := appendValue(nil, typ, values[i])
		if _, err := readValue(b, typ); err != nil {
			t.Errorf("%s: %v", typ, err)
		}
		for n := range b {
			if _, err := readValue(b[:n], typ); err == nil {
				t.Errorf("%s: %d of %d bytes were read", typ, n, len(b))
			}
		}
		if _, err := readValue(append(b, 0), typ); err == nil {
			t.Errorf("%s: a byte too many was read", typ)
		}
	}
}
