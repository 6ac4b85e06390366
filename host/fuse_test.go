package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/writ-host/writ/host/internal/fuse"
	"github.com/writ-host/writ/host/internal/plan"
	"github.com/writ-host/writ/host/internal/wasmtime"
	"github.com/writ-host/writ/wit"
)

// fusions are components of several core modules, one to a file. Each imports
// "see", to which it passes what shows whether something is as it was, and
// exports "run".
func fusions(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/fuse/*.wat")
	if err != nil || len(files) == 0 {
		t.Fatalf("no components: %v", err)
	}
	all := map[string][]byte{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		b, err := wasmtime.Text(string(text))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[strings.TrimSuffix(filepath.Base(file), ".wat")] = b
	}
	return all
}

// outcome is what can be seen of a component from outside.
type outcome struct {
	instances int
	seen      []uint32 // by the host
	ended     string   // where, and why
	frames    []string
}

// live makes an instance of a component and calls "run" twice.
func live(t *testing.T, b []byte, limits plan.Limits) (o outcome) {
	t.Helper()
	work := &compilation{engine: engine, ctx: t.Context()}
	c, err := work.component(b, limits)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	l := &Linker{}
	l.DefineFunc(&wit.Func{Name: "see", Params: []wit.Param{{Name: "v", Type: wit.TypeU32}}},
		func(_ context.Context, c *wit.Call) error {
			o.seen = append(o.seen, uint32(c.Args[0].Uint()))
			return nil
		})
	l.DefineFunc(&wit.Func{Name: "read", Params: []wit.Param{{Name: "s", Type: wit.TypeString}}},
		func(_ context.Context, c *wit.Call) error {
			for _, b := range []byte(c.Args[0].Text()) {
				o.seen = append(o.seen, uint32(b))
			}
			return nil
		})
	p, err := l.Prepare(c)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	o.instances = p.CoreInstances()
	i, err := p.Instantiate(t.Context(), Limits{Memory: 1 << 20}, nil)
	if err != nil {
		o.end("instantiate", err)
		return o
	}
	defer i.Close()
	run, err := p.Func("", "run")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		v, err := i.Call(t.Context(), run)
		if err != nil {
			o.end("run", err)
			return o
		}
		o.seen = append(o.seen, uint32(v.Uint()))
	}
	return o
}

func (o *outcome) end(where string, err error) {
	o.ended = where + ": " + err.Error()
	var trap *Trap
	if errors.As(err, &trap) {
		o.ended = where + ": " + trap.Message
		for _, f := range trap.Frames {
			o.frames = append(o.frames, fmt.Sprintf("%s of %q, %d", f.Name, f.Module, f.Func))
		}
	}
}

// Nobody can tell whether modules were fused, but by the time that it takes.
func TestFusedModulesDoTheSame(t *testing.T) {
	for name, want := range map[string]struct{ fused, apart int }{
		"code":         {1, 3}, // every instruction with an index
		"constants":    {1, 4}, // globals that are constants, and offsets made of them
		"cycle":        {1, 4}, // a function of a later module, through a shim
		"escaping":     {3, 4}, // a start function that calls the host
		"escaping-mid": {3, 4}, // one that others import from
		"grow":         {1, 2}, // a start function that only touches what nobody fills later
		"late":         {2, 3}, // a slot that a start function may not use yet
		"memories":     {2, 5}, // more memories than a module may have
		"order":        {2, 2}, // a start function whose work a later segment overwrites
		"overlap":      {1, 3}, // segments that overwrite each other's
		"start":        {1, 3}, // start functions in order
		"tables":       {1, 3}, // a shared table that grows
		"trap":         {1, 2}, // a trap, and where it was
		"trap-start":   {1, 2}, // a trap in a start function
		"twice":        {4, 4}, // a module that is instantiated twice
	} {
		t.Run(name, func(t *testing.T) {
			b := fusions(t)[name]
			fused, apart := live(t, b, plan.Limits{}), live(t, b, plan.Limits{Unfused: true})
			if fused.instances != want.fused || apart.instances != want.apart {
				t.Errorf("%d core instances, and %d apart: want %d and %d", fused.instances, apart.instances, want.fused, want.apart)
			}
			if len(apart.seen) == 0 && apart.ended == "" {
				t.Error("nothing can be seen")
			}
			if !slices.Equal(fused.seen, apart.seen) || fused.ended != apart.ended || !slices.Equal(fused.frames, apart.frames) {
				t.Errorf("fused:\n%+v\napart:\n%+v", fused, apart)
			}
		})
	}
}

// What cannot be fused runs all the same, and the cache remembers that.
func TestModulesThatCannotBeFused(t *testing.T) {
	large := strings.Repeat("(global v128 (v128.const i64x2 1 2))", 40_000) // half of what an instance may have
	for name, test := range map[string]struct {
		modules string
		want    wasmtime.TrapCode
	}{
		"segment out of bounds": {`(core module $a (memory (export "m") 1))
		  (core module $b (import "a" "m" (memory 1)) (data (i32.const 65535) "ab"))`, wasmtime.TrapMemoryOutOfBounds},
		"too large together": {`(core module $a (memory (export "m") 1) ` + large + `)
		  (core module $b (import "a" "m" (memory 1)) ` + large + `)`, wasmtime.TrapUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := wasmtime.Text(`(component ` + test.modules + `
			  (core instance $a (instantiate $a))
			  (core instance $b (instantiate $b (with "a" (instance $a)))))`)
			if err != nil {
				t.Fatal(err)
			}
			compileApart(t, b, test.want)
		})
	}
}

// compileApart wants a component of two modules to be compiled as two, once, and
// to trap so when it is instantiated.
func compileApart(t *testing.T, b []byte, want wasmtime.TrapCode) {
	cached := *engine
	var err error
	if cached.cache, err = openCache(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	events := 0
	cached.config.OnCompile = func(CompileEvent) { events++ }
	for _, fresh := range []int{2, 0} {
		events = 0
		c, err := cached.Compile(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		p, err := (&Linker{}).Prepare(c)
		if err != nil {
			t.Fatal(err)
		}
		if n := p.CoreInstances(); n != 2 || events != fresh {
			t.Errorf("%d core instances and %d events, want 2 and %d", n, events, fresh)
		}
		var trap *Trap
		i, err := p.Instantiate(t.Context(), Limits{}, nil)
		if errors.As(err, &trap) && trap.Code != want || (err == nil) != (want == wasmtime.TrapUnknown) {
			t.Errorf("instantiate: %v, want %v", err, want)
		}
		if err == nil {
			i.Close()
		}
		p.Close()
		c.Close()
	}
}

// A module has to be valid by itself, also where it would be as a part of another.
func TestFusedModulesAreValidated(t *testing.T) {
	for name, text := range map[string]string{
		"reference to a function that is not declared": `(component
		  (core module $a (func $f) (func (export "g") (drop (ref.func $f))))
		  (core module $b (func $f) (elem declare func $f))
		  (core instance (instantiate $a)) (core instance (instantiate $b)))`,
		"value of a global of its own": `(component
		  (core module $a (global $a i32 (i32.const 1)) (global $b i32 (global.get $a)) (export "b" (global $b)))
		  (core module $b (func))
		  (core instance (instantiate $a)) (core instance (instantiate $b)))`,
		"body that does not fit its type": `(component
		  (core module $a (func (result i32)))
		  (core module $b (func))
		  (core instance (instantiate $a)) (core instance (instantiate $b)))`,
	} {
		t.Run(name, func(t *testing.T) {
			b, err := wasmtime.Text(text)
			if err != nil {
				t.Fatal(err)
			}
			if c, err := engine.Compile(t.Context(), b); err == nil {
				c.Close()
				t.Error("accepted")
			}
		})
	}
}

// FuzzFuse: whatever modules can be fused are a valid module, if each is valid.
func FuzzFuse(f *testing.F) {
	for _, b := range fusions(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		info, err := Inspect(b, 1<<20)
		if err != nil {
			return
		}
		for _, m := range info.plan.Modules {
			if m.Fused == nil {
				continue
			}
			packed, err := m.Fused.Pack()
			if err != nil {
				t.Fatal(err)
			}
			g, err := fuse.Unpack(packed)
			if err != nil {
				t.Fatal(err)
			}
			made, err := g.Link()
			if err != nil || slices.ContainsFunc(g.Parts, func(p fuse.Part) bool { return engine.core.Validate(p.Module) != nil }) {
				continue
			}
			if err := engine.core.Validate(made); err != nil {
				t.Fatal(err)
			}
		}
	})
}
