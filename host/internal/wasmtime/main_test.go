package wasmtime

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// engine serves all tests but those that need one of their own; see withEngine.
var engine *Engine

func TestMain(m *testing.M) {
	engine = mustEngine(Config{Instances: 600, Tick: time.Millisecond})
	os.Exit(m.Run())
}

func mustEngine(c Config) *Engine {
	e, err := NewEngine(c)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return e
}

// withEngine runs a test on another engine: there is one in a process.
func withEngine(t *testing.T, c Config, f func(*Engine)) {
	t.Helper()
	old := engine.cfg
	engine.Close()
	e, err := NewEngine(c)
	if err != nil {
		engine = mustEngine(old)
		t.Fatal(err)
	}
	f(e)
	e.Close()
	engine = mustEngine(old)
}

// handler serves host calls with a function.
type handler func(ctx context.Context, s *Store, id uint32, args, results []uint64) error

func (h handler) HostCall(ctx context.Context, s *Store, id uint32, args, results []uint64) error {
	return h(ctx, s, id, args, results)
}

var noHost = handler(func(context.Context, *Store, uint32, []uint64, []uint64) error { return nil })

func compile(t testing.TB, e *Engine, wat string) *Module {
	t.Helper()
	wasm, err := Text(wat)
	if err != nil {
		t.Fatal(err)
	}
	m, err := e.Compile(wasm)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// hostStep imports every function of the module from the host; ids are the
// indexes of the imports.
func hostStep(m *Module) Step {
	s := Step{Module: m}
	for i, im := range m.Imports() {
		s.Imports = append(s.Imports, Host(uint32(i), *im.Type))
	}
	return s
}

// allSlots has a slot for each function and memory that the modules export.
func allSlots(steps []Step) []Slot {
	var slots []Slot
	for i, s := range steps {
		for _, ex := range s.Module.exports {
			switch {
			case ex.kind == ExternMemory:
				slots = append(slots, Slot{Instance: i, Name: ex.name, Kind: Memory})
			case ex.kind == ExternFunc && ex.typ != nil:
				slots = append(slots, Slot{Instance: i, Name: ex.name, Kind: Func, Type: *ex.typ})
			}
		}
	}
	return slots
}

func template(t testing.TB, e *Engine, steps ...Step) *Template {
	t.Helper()
	tm, err := e.NewTemplate(TemplateConfig{Steps: steps, Slots: allSlots(steps)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tm.Close)
	return tm
}

// textTemplate is a template of one module whose imports come from the host.
func textTemplate(t testing.TB, e *Engine, wat string) *Template {
	t.Helper()
	return template(t, e, hostStep(compile(t, e, wat)))
}

func newStore(t testing.TB, tm *Template, l Limits) *Store {
	t.Helper()
	s, err := tm.NewStore(l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func start(t testing.TB, tm *Template, h Handler) *Store {
	t.Helper()
	s := newStore(t, tm, Limits{})
	if err := s.Instantiate(context.Background(), h); err != nil {
		t.Fatal(err)
	}
	return s
}

// slot finds a slot by its export's name.
func (t *Template) slot(name string) int {
	for i, s := range t.slots {
		if s.Name == name {
			return i
		}
	}
	panic("no slot " + name)
}

// call1 calls a function with one or no result.
func call1(s *Store, name string, args ...uint64) (uint64, error) {
	i := s.tmpl.slot(name)
	results := make([]uint64, len(s.tmpl.slots[i].Type.Results))
	err := s.Call(context.Background(), i, args, results)
	if len(results) == 0 {
		return 0, err
	}
	return results[0], err
}

func contains(s, sub string) bool { return strings.Contains(s, sub) }
