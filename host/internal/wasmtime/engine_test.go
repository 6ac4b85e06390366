package wasmtime

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const growText = `(module (memory (export "memory") 1) (table $t 1 funcref)
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "table") (param i32) (result i32) (table.grow $t (ref.null func) (local.get 0))))`

func TestOneEngineInAProcess(t *testing.T) {
	if e, err := NewEngine(Config{Instances: 1}); err == nil {
		e.Close()
		t.Fatal("there are two engines")
	}
}

func TestEngineRefuses(t *testing.T) {
	tests := []struct {
		c    Config
		want string
	}{
		{Config{MaxMemory: 5 << 30}, "max memory 5368709120: more than 4 GiB"},
		{Config{MaxTable: 1 << 40}, "max table"},
		{Config{Instances: -1}, "instances -1"},
		{Config{Instances: 1 << 30}, "instances 1073741824"},
		{Config{Tick: 1}, "tick 1ns"},
		{Config{Slots: -1}, "slots -1"},
		{Config{KeepResident: -1}, "keep resident -1"},
	}
	for _, tt := range tests {
		if _, err := NewEngine(tt.c); err == nil || !contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.c, err, tt.want)
		}
	}
}

func TestMemoryLimit(t *testing.T) {
	tm := textTemplate(t, engine, growText)
	s := newStore(t, tm, Limits{Memory: 4 << 16, Tables: 10})
	if err := s.Instantiate(context.Background(), noHost); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name      string
		arg, want uint64
	}{
		{"grow", 4, 0xffffffff}, {"grow", 3, 1}, {"grow", 1, 0xffffffff}, {"grow", 0, 4},
		{"table", 10, 0xffffffff}, {"table", 9, 1}, {"table", 0, 10},
	}
	for _, tt := range tests {
		if got, err := call1(s, tt.name, tt.arg); err != nil || got != tt.want {
			t.Errorf("%s %d: %d, %v, want %d", tt.name, tt.arg, int32(got), err, int32(tt.want))
		}
	}
	if n := len(s.Memory(tm.slot("memory"))); n != 4<<16 {
		t.Errorf("the view has %d bytes", n)
	}
	if err := newStore(t, tm, Limits{Memory: 1000}).Instantiate(context.Background(), noHost); err == nil {
		t.Error("instantiated with less memory than its minimum")
	}
	for _, l := range []Limits{{Memory: 1 << 40}, {Tables: 1 << 40}} {
		if s, err := tm.NewStore(l); err == nil {
			s.Close()
			t.Errorf("%+v is above the engine's own limits", l)
		}
	}
	two := template(t, engine, hostStep(compile(t, engine, `(module)`)), hostStep(compile(t, engine, `(module)`)))
	if s, err := two.NewStore(Limits{Instances: 1}); err == nil {
		s.Close()
		t.Error("two instances within a limit of one")
	}
}

func TestPoolExhaustion(t *testing.T) {
	withEngine(t, Config{Instances: 3}, func(e *Engine) {
		wasm, _ := Text(growText)
		m, err := e.Compile(wasm)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		step := Step{Module: m}
		two, err := e.NewTemplate(TemplateConfig{Steps: []Step{step, step}})
		if err != nil {
			t.Fatal(err)
		}
		defer two.Close()
		for range 3 {
			s, err := two.NewStore(Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Instantiate(context.Background(), noHost); err != nil {
				t.Fatal(err)
			}
			if _, err := two.NewStore(Limits{}); !errors.Is(err, ErrExhausted) {
				t.Fatalf("four instances in a pool of three: %v", err)
			}
			s.Close()
			s.Close()
		}
		if total, free := e.Instances(); total != 3 || free != 3 {
			t.Fatalf("%d of %d free", free, total)
		}
	})
}

// What was open when the engine was closed keeps working, and keeps the next
// engine from being made, until it is closed.
func TestCloseWaitsForWhatIsOpen(t *testing.T) {
	withEngine(t, Config{Instances: 2}, func(e *Engine) {
		wasm, _ := Text(growText)
		m, err := e.Compile(wasm)
		if err != nil {
			t.Fatal(err)
		}
		tm, err := e.NewTemplate(TemplateConfig{Steps: []Step{{Module: m}}, Slots: allSlots([]Step{{Module: m}})})
		if err != nil {
			t.Fatal(err)
		}
		m.Close()
		s, err := tm.NewStore(Limits{})
		if err != nil {
			t.Fatal(err)
		}
		tm.Close()
		e.Close()
		if _, err := NewEngine(Config{Instances: 1}); err == nil {
			t.Error("a second engine while the first has an open store")
		}
		if err := s.Instantiate(context.Background(), noHost); err != nil {
			t.Fatal(err)
		}
		if got, err := call1(s, "grow", 1); err != nil || got != 1 {
			t.Fatalf("%d, %v", got, err)
		}
		for _, err := range []error{second(tm.NewStore(Limits{})), second(e.Compile(wasm)), second(e.NewTemplate(TemplateConfig{}))} {
			if !errors.Is(err, ErrClosed) {
				t.Errorf("use after close: %v", err)
			}
		}
		s.Close()
	})
}

func second[T any](_ T, err error) error { return err }

func TestPrecompiledCode(t *testing.T) {
	wasm, err := Text(growText)
	if err != nil {
		t.Fatal(err)
	}
	code, err := engine.Precompile(wasm)
	if err != nil {
		t.Fatal(err)
	}
	m, err := engine.Load(code)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	s := start(t, template(t, engine, hostStep(m)), noHost)
	if got, err := call1(s, "grow", 1); err != nil || got != 1 {
		t.Fatalf("%d, %v", got, err)
	}
	head := len(engine.artefactHeader(0))
	other := bytes.Clone(code)
	copy(other[15:], "X")
	bad := map[string][]byte{
		"nothing": nil, "garbage": []byte(strings.Repeat("garbage ", 1000)), "wasm": wasm, "header only": code[:head],
		"within the header": code[:head-3], "truncated": code[:len(code)/2], "one byte too many": append(bytes.Clone(code), 0),
		"other engine": other, "empty code": engine.artefactHeader(0),
		"garbage of the right size": append(engine.artefactHeader(8000), strings.Repeat("garbage ", 1000)...),
	}
	for name, b := range bad {
		if m, err := engine.Load(b); err == nil {
			m.Close()
			t.Errorf("%s: loaded", name)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	texts := map[string]string{
		"not wasm":           "",
		"memory64":           `(module (memory i64 1))`,
		"threads":            `(module (memory 1 2 shared))`,
		"relaxed simd":       `(module (func (param v128 v128) (result v128) (i8x16.relaxed_swizzle (local.get 0) (local.get 1))))`,
		"exceptions":         `(module (tag))`,
		"gc":                 `(module (type (struct (field i32))) (func (param (ref 0))))`,
		"typed references":   `(module (type $t (func)) (func (param (ref $t))))`,
		"too many memories":  `(module (memory 1) (memory 1) (memory 1) (memory 1) (memory 1))`,
		"too many tables":    `(module (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref))`,
		"memory above limit": `(module (memory 5000))`,
		"component":          `(component)`,
	}
	for name, text := range texts {
		wasm := []byte("not wasm")
		if text != "" {
			var err error
			if wasm, err = Text(text); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if m, err := engine.Compile(wasm); err == nil {
			m.Close()
			t.Errorf("%s: compiled", name)
		} else if contains(err.Error(), "\n") {
			t.Errorf("%s: more than one line: %q", name, err)
		}
	}
	if _, err := engine.Compile(nil); err == nil {
		t.Error("nothing compiled")
	}
}

func TestFingerprintIsStable(t *testing.T) {
	first := engine.Fingerprint()
	withEngine(t, Config{Instances: 2}, func(e *Engine) {
		if e.Fingerprint() != first {
			t.Errorf("%s, then %s, with the same settings for code", first, e.Fingerprint())
		}
	})
	if len(first) < 20 {
		t.Errorf("fingerprint %q", first)
	}
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
	text := "#include <wasmtime.h>\n#include <wasmtime/async.h>\n#include <wasmtime/component.h>\n#define WRIT_REAL_HEADERS\n#include \"libwasmtime.h\"\n"
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
	if _, err := compileBoth(text + "void wasm_engine_delete(int);\n"); err == nil {
		t.Fatal("a declaration that differs is not noticed")
	}
}
