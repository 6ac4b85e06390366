package plan

import (
	"fmt"

	"github.com/writ-host/writ/host/internal/binary"
	"github.com/writ-host/writ/wit"
)

// emit makes the plan from the draft: what nothing uses is left out, and
// everything is numbered in the order of its first use.
func (f *flattener) emit(exports instance) (*Plan, error) {
	e := &emitter{
		f:           f,
		plan:        &Plan{Imports: f.imports},
		rewire:      f.unshim(),
		modules:     map[*module]int{},
		instances:   make([]int, len(f.instances)),
		trampolines: map[int]int{},
		slots:       map[slotKey]int{},
		frames:      map[*frame]int{},
		funcs:       map[*function]*Func{},
		resources:   map[*wit.Resource]int{},
	}
	e.number()
	for n := range e.units {
		e.unit(n)
	}
	for i, r := range f.resources {
		e.resources[r.typ] = i
		e.plan.Resources = append(e.plan.Resources,
			Resource{Type: r.typ, Dtor: e.option(r.dtor, SlotFunc), Instance: e.frame(r.frame)})
	}
	if err := e.exports(exports); err != nil {
		return nil, err
	}
	for n := 0; n < len(e.queue) && e.missing == nil; n++ {
		e.trampoline(f.trampolines[e.queue[n]])
	}
	if e.missing != nil {
		return nil, e.missing
	}
	e.wrap()
	e.plan.Tables = len(e.frames)
	return e.plan, nil
}

// emitter numbers the draft's parts.
type emitter struct {
	f      *flattener
	plan   *Plan
	rewire *rewiring
	// modules, instances, trampolines, slots, frames and resources give the
	// numbers in the plan; funcs what was emitted for a function.
	modules     map[*module]int
	instances   []int
	units       []unit
	trampolines map[int]int
	slots       map[slotKey]int
	frames      map[*frame]int
	funcs       map[*function]*Func
	resources   map[*wit.Resource]int
	// queue holds the draft's numbers of the plan's trampolines.
	queue []int
	// missing is why the first thing that this host does not have, and that is
	// used, cannot be.
	missing error
	// wrapped are the trampolines that a slot needs as a core export.
	wrapped wrapper
}

type slotKey struct {
	kind     SlotKind
	instance int
	name     string
}

func (e *emitter) trampolineID(draft int) int {
	id, ok := e.trampolines[draft]
	if u := e.f.trampolines[draft].missing; u != nil && e.missing == nil {
		e.missing = u
	}
	if !ok {
		id = len(e.queue)
		e.trampolines[draft] = id
		e.queue = append(e.queue, draft)
	}
	return id
}

// slot is the number of a core export that the host uses.
func (e *emitter) slot(d coreDef, kind SlotKind) int {
	src := e.rewire.resolve(d.src, len(e.f.instances))
	if src.Kind == FromTrampoline {
		src = e.wrapped.export(e.trampolineID(src.ID), d.fn, len(e.units))
	} else {
		src = e.source(src)
	}
	key := slotKey{kind, src.Instance, src.Name}
	n, ok := e.slots[key]
	if !ok {
		n = len(e.plan.Slots)
		e.slots[key] = n
		s := Slot{Kind: kind, Instance: src.Instance, Name: src.Name}
		if d.fn != nil {
			s.Type = *d.fn
		}
		e.plan.Slots = append(e.plan.Slots, s)
	}
	return n
}

func (e *emitter) option(d *coreDef, kind SlotKind) int {
	if d == nil {
		return None
	}
	return e.slot(*d, kind)
}

func (e *emitter) options(o options) Options {
	return Options{
		Encoding:   o.encoding,
		Memory:     e.option(o.memory, SlotMemory),
		Realloc:    e.option(o.realloc, SlotFunc),
		PostReturn: e.option(o.postReturn, SlotFunc),
	}
}

// frame is the number of a runtime instance.
func (e *emitter) frame(fr *frame) int {
	n, ok := e.frames[fr]
	if !ok {
		n = len(e.frames)
		e.frames[fr] = n
	}
	return n
}

func (e *emitter) function(fn *function) *Func {
	out := e.funcs[fn]
	if out == nil {
		l := fn.lifted
		out = &Func{Slot: e.slot(l.core, SlotFunc), Type: fn.typ, Options: e.options(l.opts), Instance: e.frame(l.frame)}
		e.funcs[fn] = out
	}
	return out
}

func (e *emitter) trampoline(t *trampoline) {
	out := Trampoline{Kind: t.kind, Core: t.core, Instance: e.frame(t.frame),
		Options: e.options(t.opts), Import: None, Func: None, Guest: None}
	switch t.kind {
	case LowerImport:
		out.Type, out.Import, out.Func = t.fn.typ, t.fn.imp, t.fn.index
		e.plan.Imports[out.Import].Funcs[out.Func].Used = true
	case LowerGuest:
		out.Type, out.Callee = t.fn.typ, e.function(t.fn)
	case AlwaysTrap:
		out.Type = t.fn.typ
	default:
		out.Resource = t.res
		if n, ok := e.resources[t.res]; ok {
			out.Guest = n
		}
	}
	e.plan.Trampolines = append(e.plan.Trampolines, out)
}

// mostNesting is how deep exported instances may nest. WIT has one level.
const mostNesting = 8

// exports adds the root's exports.
func (e *emitter) exports(inst instance) error {
	for _, name := range inst.names {
		it := inst.byName[name]
		x, err := e.export(name, it, mostNesting)
		if err != nil {
			return place(it.pos, "", err)
		}
		if x != nil {
			e.plan.Exports = append(e.plan.Exports, *x)
		}
	}
	return nil
}

// export makes one export: nil for what has no meaning to a caller, such as a
// function type by itself, a core module or a component. Instances may be in instances to the given depth.
func (e *emitter) export(name string, it item, depth int) (*Export, error) {
	if err := e.f.charge(1); err != nil {
		return nil, err
	}
	switch {
	case it.fn != nil && it.fn.missing != nil:
		return nil, it.fn.missing
	case it.typ.missing != nil:
		return nil, it.typ.missing
	case it.fn != nil && it.fn.lifted == nil:
		imp := e.plan.Imports[it.fn.imp].Name
		return nil, refuse("re-exported import", "export %q is function %q of import %q: this host does not pass imports on as exports",
			name, it.fn.typ.Name, imp)
	case it.fn != nil:
		fn := *it.fn
		fn.typ = renamed(fn.typ, name)
		return &Export{Kind: ExportFunction, Name: name, Func: e.function(&fn)}, nil
	case it.typ.val != nil:
		return &Export{Kind: ExportType, Name: name, Type: it.typ.val}, nil
	case it.typ.res != nil:
		return &Export{Kind: ExportType, Name: name, Resource: it.typ.res}, nil
	case it.sort == binary.SortType, it.mod != nil, it.comp != nil:
		return nil, nil
	case it.inst != nil && depth > 0:
		return e.exportInterface(name, it.inst, depth-1)
	case it.inst != nil:
		return nil, fmt.Errorf("export %q: instances nest more than %d deep", name, mostNesting)
	}
	return nil, refuse("exported "+it.sort.String(), "export %q: %s exports are not supported by this host", name, it.sort)
}

func (e *emitter) exportInterface(name string, inst *instance, depth int) (*Export, error) {
	x := &Export{Kind: ExportInterface, Name: name}
	for _, n := range inst.names {
		item, err := e.export(n, inst.byName[n], depth)
		if err != nil {
			return nil, err
		}
		if item == nil {
			continue
		}
		e.adopt(item.Resource, name)
		x.Items = append(x.Items, *item)
	}
	return x, nil
}

// adopt names the interface of a resource that the component defines: the first
// one that exports it.
func (e *emitter) adopt(r *wit.Resource, iface string) {
	if _, own := e.resources[r]; own && r.Interface == (wit.Name{}) {
		r.Interface = parseName(iface)
	}
}
