package host

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/writ-host/writ/host/internal/binary"
	"github.com/writ-host/writ/host/internal/canon"
	"github.com/writ-host/writ/host/internal/plan"
	"github.com/writ-host/writ/host/internal/wasmtime"
	"github.com/writ-host/writ/wit"
)

// Prepared is a component with its imports resolved and checked: all that can
// be done before an instance is needed. It is immutable and may be shared.
type Prepared struct {
	plan        *plan.Plan
	template    *wasmtime.Template
	trampolines []trampoline
	exports     map[string]map[string]*Func // interface, "" for the world; function
	lifted      map[*plan.Func]*Func
	dtors       []dtor
	spare       sync.Pool // *parts of instances that ended
}

// Func is an exported function, ready to be called on any instance of the
// [Prepared] it came from.
type Func struct {
	Type     *wit.Func
	prepared *Prepared
	canon    *canon.Func
	slot     int
	memory   memorySlots
	post     int // slot of post-return, or plan.None
	table    int
	results  int // core results
}

// trampoline is what a core import does, with everything resolved.
type trampoline struct {
	kind     plan.TrampolineKind
	table    int
	name     string // for errors
	typ      *wit.Func
	canon    *canon.Func
	run      wit.HostFunc
	memory   memorySlots
	callee   *Func
	resource *wit.Resource
	guest    int
}

type memorySlots struct{ memory, realloc int }

// dtor is a guest resource's destructor and the instance that it runs in.
type dtor struct{ slot, table int }

// Prepare resolves a component's imports. Every import that is missing or of
// another type is named in the error.
func (l *Linker) Prepare(c *Component) (*Prepared, error) {
	bound, err := l.bind(c.info.plan)
	if err != nil {
		return nil, err
	}
	p := &Prepared{plan: bound, exports: map[string]map[string]*Func{}, lifted: map[*plan.Func]*Func{}}
	for _, r := range bound.Resources {
		p.dtors = append(p.dtors, dtor{r.Dtor, r.Instance})
	}
	for i := range bound.Trampolines {
		t, err := p.trampoline(l, &bound.Trampolines[i])
		if err != nil {
			return nil, fmt.Errorf("trampoline %d: %w", i, err)
		}
		p.trampolines = append(p.trampolines, t)
	}
	if err := p.prepareExports("", bound.Exports); err != nil {
		return nil, err
	}
	p.template, err = c.engine.core.NewTemplate(templateOf(bound, c.modules))
	return p, err
}

// Close frees what the instances share. All of them must have been closed.
func (p *Prepared) Close() { p.template.Close() }

// Func finds an exported function: of an interface, in any version compatible
// with the one named or in any at all when none is, or of the world itself when
// iface is "". An interface of just that name comes first.
func (p *Prepared) Func(iface, name string) (*Func, error) {
	if f := p.exports[iface][name]; f != nil {
		return f, nil
	}
	want := interfaceName(iface)
	var elsewhere []string
	for _, exported := range slices.Sorted(maps.Keys(p.exports)) {
		f := p.exports[exported][name]
		switch {
		case f == nil:
		case iface != "" && serves(want, interfaceName(exported)):
			return f, nil
		default:
			elsewhere = append(elsewhere, strings.TrimPrefix(exported+"#"+name, "#"))
		}
	}
	if iface != "" {
		name = iface + "#" + name
	}
	if len(elsewhere) > 0 {
		return nil, fmt.Errorf("the component does not export %s, but %s", name, strings.Join(elsewhere, ", "))
	}
	return nil, fmt.Errorf("the component does not export %s", name)
}

func serves(want, exported wit.Name) bool {
	return want.Compatible(exported) || want.Version == "" && want.Unversioned() == exported.Unversioned()
}

func (p *Prepared) prepareExports(iface string, exports []plan.Export) error {
	for i := range exports {
		e := &exports[i]
		switch e.Kind {
		case plan.ExportInterface:
			if iface != "" {
				continue // an instance within an instance has no name to call it by
			}
			if err := p.prepareExports(e.Name, e.Items); err != nil {
				return err
			}
		case plan.ExportFunction:
			f, err := p.function(e.Func)
			if err != nil {
				return fmt.Errorf("export %s %s: %w", iface, e.Name, err)
			}
			if p.exports[iface] == nil {
				p.exports[iface] = map[string]*Func{}
			}
			p.exports[iface][e.Name] = f
		}
	}
	return nil
}

// function prepares a lifted function, once.
func (p *Prepared) function(f *plan.Func) (*Func, error) {
	if done := p.lifted[f]; done != nil {
		return done, nil
	}
	compiled, err := canon.Compile(f.Type, canonOptions(f.Options))
	if err == nil {
		err = compiled.Check(canon.Lift)
	}
	if err != nil {
		return nil, err
	}
	prepared := &Func{Type: f.Type, prepared: p, canon: compiled, slot: f.Slot, memory: slotsOf(f.Options),
		post: f.Options.PostReturn, table: f.Instance, results: len(compiled.CoreResults(canon.Lift))}
	p.lifted[f] = prepared
	return prepared, nil
}

func (p *Prepared) trampoline(l *Linker, t *plan.Trampoline) (trampoline, error) {
	out := trampoline{kind: t.Kind, table: t.Instance, typ: t.Type, resource: t.Resource, guest: t.Guest, memory: slotsOf(t.Options)}
	var err error
	switch t.Kind {
	case plan.LowerImport:
		imp := p.plan.Imports[t.Import]
		out.name = imp.Name + " " + t.Type.Name
		if imp.Kind == plan.ImportFunction {
			out.run = l.funcs[imp.Name].run
			break
		}
		b, err := l.fitting(imp)
		if err != nil {
			return out, err
		}
		out.run = b.Funcs[t.Type.Name]
	case plan.LowerGuest:
		out.name = t.Type.Name
		if out.callee, err = p.function(t.Callee); err != nil {
			return out, err
		}
	case plan.AlwaysTrap:
		out.name = t.Type.Name
		return out, nil
	default:
		return out, nil
	}
	if out.canon, err = canon.Compile(t.Type, canonOptions(t.Options)); err != nil {
		return out, err
	}
	return out, out.canon.Check(canon.Lower)
}

func slotsOf(o plan.Options) memorySlots { return memorySlots{o.Memory, o.Realloc} }

func canonOptions(o plan.Options) canon.Options {
	encoding := map[binary.Encoding]canon.Encoding{
		binary.UTF8: canon.UTF8, binary.UTF16: canon.UTF16, binary.Latin1OrUTF16: canon.Latin1OrUTF16,
	}[o.Encoding]
	return canon.Options{Encoding: encoding, HasMemory: o.Memory != plan.None, HasRealloc: o.Realloc != plan.None}
}

// templateOf is the engine's form of a plan.
func templateOf(p *plan.Plan, modules []*wasmtime.Module) wasmtime.TemplateConfig {
	var c wasmtime.TemplateConfig
	for _, i := range p.Instances {
		step := wasmtime.Step{Module: modules[i.Module], Memories: p.Modules[i.Module].Memories}
		for _, arg := range i.Args {
			if arg.Kind == plan.FromTrampoline {
				step.Imports = append(step.Imports, wasmtime.Host(uint32(arg.ID), coreType(p.Trampolines[arg.ID].Core)))
			} else {
				step.Imports = append(step.Imports, wasmtime.Export(arg.Instance, arg.Name))
			}
		}
		c.Steps = append(c.Steps, step)
	}
	for _, s := range p.Slots {
		slot := wasmtime.Slot{Instance: s.Instance, Name: s.Name, Kind: wasmtime.Memory}
		if s.Kind == plan.SlotFunc {
			slot.Kind, slot.Type = wasmtime.Func, coreType(s.Type)
		}
		c.Slots = append(c.Slots, slot)
	}
	return c
}

func coreType(t binary.CoreFuncType) wasmtime.FuncType {
	return wasmtime.FuncType{Params: valTypes(t.Params), Results: valTypes(t.Results)}
}

func valTypes(types []binary.CoreValType) []wasmtime.ValType {
	out := make([]wasmtime.ValType, len(types))
	for i, t := range types {
		switch t {
		case binary.I64:
			out[i] = wasmtime.I64
		case binary.CoreF32:
			out[i] = wasmtime.F32
		case binary.CoreF64:
			out[i] = wasmtime.F64
		default:
			out[i] = wasmtime.I32
		}
	}
	return out
}
