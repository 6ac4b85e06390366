package wasmtime

import (
	"context"
	"errors"
	"testing"
)

// What today's component tools emit: a shim whose table stands for functions
// that do not exist yet, the main module, and a fix-up that fills the table.
const (
	shimText = `(module
	  (type $t (func (param i32) (result i32)))
	  (table (export "$imports") 1 1 funcref)
	  (func (export "0") (param i32) (result i32) (call_indirect (type $t) (local.get 0) (i32.const 0))))`
	mainText = `(module
	  (import "shim" "0" (func $f (param i32) (result i32)))
	  (import "host" "plain" (func $plain (param i32) (result i32)))
	  (memory (export "memory") 1)
	  (global (export "counter") (mut i32) (i32.const 5))
	  (data (i32.const 16) "*")
	  (func (export "run") (param i32) (result i32) (i32.add (call $f (local.get 0)) (call $plain (local.get 0)))))`
	fixupText = `(module
	  (import "" "$imports" (table 1 1 funcref))
	  (import "" "0" (func $f (param i32) (result i32)))
	  (import "main" "memory" (memory 1))
	  (import "main" "counter" (global $g (mut i32)))
	  (elem (i32.const 0) func $f)
	  (func (export "read") (param i32) (result i32) (i32.add (i32.load8_u (local.get 0)) (global.get $g))))`
)

func shimSteps(t testing.TB) []Step {
	shim, main, fixup := compile(t, engine, shimText), compile(t, engine, mainText), compile(t, engine, fixupText)
	unary := FuncType{Params: []ValType{I32}, Results: []ValType{I32}}
	return []Step{
		{Module: shim},
		{Module: main, Imports: []Source{Export(0, "0"), Host(1, unary)}},
		{Module: fixup, Imports: []Source{Export(0, "$imports"), Host(0, unary), Export(1, "memory"), Export(1, "counter")}},
	}
}

func TestInstancesShareTablesMemoriesAndGlobals(t *testing.T) {
	tm := template(t, engine, shimSteps(t)...)
	h := handler(func(_ context.Context, s *Store, id uint32, args, results []uint64) error {
		results[0] = args[0] * []uint64{100, 1}[id]
		return nil
	})
	for range 3 { // the linkers of the first store are used again
		s := start(t, tm, h)
		if got, err := call1(s, "run", 7); err != nil || got != 707 {
			t.Fatalf("run: %d, %v", got, err)
		}
		s.Memory(tm.slot("memory"))[17] = 2
		for at, want := range map[uint64]uint64{16: '*' + 5, 17: 7} {
			if got, err := call1(s, "read", at); err != nil || got != want {
				t.Fatalf("read %d: %d, %v", at, got, err)
			}
		}
		s.Close()
	}
}

func TestTemplateRefuses(t *testing.T) {
	steps := shimSteps(t)
	main := steps[1].Module
	vec := compile(t, engine, `(module (import "a" "b" (func (param v128))) (func (export "v") (result v128) (v128.const i64x2 0 0)))`)
	twice := compile(t, engine, `(module (import "a" "b" (func)) (import "a" "b" (func)))`)
	unary := FuncType{Params: []ValType{I32}, Results: []ValType{I32}}
	with := func(imports ...Source) []Step { return []Step{steps[0], {Module: main, Imports: imports}} }
	closed := compile(t, engine, `(module)`)
	closed.Close()
	tests := []struct {
		name  string
		steps []Step
		slots []Slot
		want  string
	}{
		{"too few sources", with(), nil, "core instance 1: 0 sources for 2 imports"},
		{"wrong host type", with(Export(0, "0"), Host(1, FuncType{})), nil,
			`core instance 1: import 1, "host"."plain": the module imports type (i32) -> (i32), not () -> ()`},
		{"no such export", with(Export(0, "x"), Host(1, unary)), nil, `import 0, "shim"."0": core instance 0 has no export "x"`},
		{"kind of export", with(Export(0, "$imports"), Host(1, unary)), nil, `export "$imports" of core instance 0 is of another kind`},
		{"later instance", with(Export(1, "0"), Host(1, unary)), nil, "core instance 1 is not an earlier one"},
		{"negative instance", with(Export(-1, "0"), Host(1, unary)), nil, "core instance -1 is not an earlier one"},
		{"host memory", []Step{{Module: steps[2].Module, Imports: []Source{Host(0, unary), Host(0, unary), Host(0, unary), Host(0, unary)}}},
			nil, "the host serves functions only"},
		{"vector import", []Step{{Module: vec, Imports: []Source{Host(0, FuncType{})}}}, nil, "vector or reference"},
		{"two sources", []Step{{Module: twice, Imports: []Source{Host(0, FuncType{}), Host(1, FuncType{})}}}, nil, "declared twice with different sources"},
		{"no module", []Step{{}}, nil, "core instance 0: no module"},
		{"closed module", []Step{{Module: closed}}, nil, "module: closed"},
		{"slot instance", steps, []Slot{{Instance: 3}}, "there are 3 core instances"},
		{"slot name", steps, []Slot{{Instance: 1, Name: "x"}}, `slot 0, export "x" of core instance 1: no such export`},
		{"slot kind", steps, []Slot{{Instance: 1, Name: "memory"}}, "not a func"},
		{"slot memory", steps, []Slot{{Instance: 1, Name: "run", Kind: Memory}}, "not a memory"},
		{"slot type", steps, []Slot{{Instance: 1, Name: "run", Type: FuncType{}}}, "the function has type (i32) -> (i32), not () -> ()"},
	}
	for _, tt := range tests {
		tm, err := engine.NewTemplate(TemplateConfig{Steps: tt.steps, Slots: tt.slots})
		if err == nil || !contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		if err == nil {
			tm.Close()
		}
	}
}

// The table that a step exports is smaller than the one that is imported: only
// the library knows.
func TestInstantiateReportsLinkError(t *testing.T) {
	small := compile(t, engine, `(module (table (export "t") 1 1 funcref))`)
	large := compile(t, engine, `(module (import "a" "t" (table 2 funcref)))`)
	tm := template(t, engine, Step{Module: small}, Step{Module: large, Imports: []Source{Export(0, "t")}})
	s := newStore(t, tm, Limits{})
	err := s.Instantiate(context.Background(), noHost)
	if err == nil || !contains(err.Error(), `core instance 1: incompatible import type for `+"`a::t`") {
		t.Fatal(err)
	}
	var trap *Trap
	if errors.As(err, &trap) {
		t.Fatalf("a trap: %+v", trap)
	}
}

func TestSameImportTwiceFromOneSource(t *testing.T) {
	m := compile(t, engine, `(module (import "a" "b" (func $f)) (import "a" "b" (func $g)) (func (export "run") (call $f) (call $g)))`)
	calls := 0
	tm := template(t, engine, Step{Module: m, Imports: []Source{Host(3, FuncType{}), Host(3, FuncType{})}})
	s := start(t, tm, handler(func(_ context.Context, _ *Store, id uint32, _, _ []uint64) error {
		calls += int(id)
		return nil
	}))
	if _, err := call1(s, "run"); err != nil || calls != 6 {
		t.Fatalf("%d, %v", calls, err)
	}
}
