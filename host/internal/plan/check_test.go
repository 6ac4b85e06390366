package plan

import (
	"testing"

	"github.com/writ-host/writ/host/internal/binary"
)

// checkRefs checks what every plan promises about its numbers.
func checkRefs(t testing.TB, p *Plan) {
	within := func(what string, i, n int) {
		if i < 0 || i >= n {
			t.Errorf("%s %d of %d", what, i, n)
		}
	}
	optional := func(what string, i, n int) {
		if i != None {
			within(what, i, n)
		}
	}
	options := func(o Options) {
		optional("memory slot", o.Memory, len(p.Slots))
		optional("realloc slot", o.Realloc, len(p.Slots))
		optional("post-return slot", o.PostReturn, len(p.Slots))
	}
	function := func(f *Func) {
		within("slot", f.Slot, len(p.Slots))
		within("instance", f.Instance, p.Tables)
		options(f.Options)
	}
	for i, inst := range p.Instances {
		within("module", inst.Module, len(p.Modules))
		if got, want := len(inst.Args), len(p.Modules[inst.Module].Info.Imports); got != want {
			t.Errorf("core instance %d has %d arguments for %d imports", i, got, want)
		}
		for _, src := range inst.Args {
			if src.Kind == FromTrampoline {
				within("trampoline", src.ID, len(p.Trampolines))
			} else {
				within("earlier instance", src.Instance, i)
			}
		}
	}
	for _, s := range p.Slots {
		within("core instance", s.Instance, len(p.Instances))
	}
	for _, r := range p.Resources {
		within("instance", r.Instance, p.Tables)
		optional("dtor slot", r.Dtor, len(p.Slots))
	}
	for _, tr := range p.Trampolines {
		within("instance", tr.Instance, p.Tables)
		options(tr.Options)
		switch tr.Kind {
		case LowerImport:
			within("import", tr.Import, len(p.Imports))
			within("function", tr.Func, len(p.Imports[tr.Import].Funcs))
		case LowerGuest:
			function(tr.Callee)
		case ResourceNew, ResourceRep, ResourceDrop:
			optional("resource", tr.Guest, len(p.Resources))
		}
	}
	var exports func([]Export)
	exports = func(all []Export) {
		for _, e := range all {
			if e.Kind == ExportFunction {
				function(e.Func)
			}
			exports(e.Items)
		}
	}
	exports(p.Exports)
}

// checkTypes checks that every core import of a valid component's plan gets
// what it asks for, and that every slot is what it says.
func checkTypes(t testing.TB, p *Plan) {
	for i, inst := range p.Instances {
		for n, src := range inst.Args {
			want := p.Modules[inst.Module].Info.Imports[n].Type
			sort, fn := p.provides(src)
			if sort != want.Sort || (fn == nil) != (want.Func == nil) || fn != nil && !sameType(fn, want.Func) {
				t.Errorf("core instance %d: import %d is a %s, gets a %s, or their types differ", i, n, want.Sort, sort)
			}
		}
	}
	for i, s := range p.Slots {
		sort, fn := p.provides(Source{Kind: FromExport, Instance: s.Instance, Name: s.Name})
		switch s.Kind {
		case SlotMemory:
			if sort != binary.SortCoreMemory {
				t.Errorf("slot %d is a %s", i, sort)
			}
		case SlotFunc:
			if sort != binary.SortCoreFunc || !sameType(fn, &s.Type) {
				t.Errorf("slot %d is a %s, or its type differs", i, sort)
			}
		}
	}
}

// provides is the sort of a source, and the type of a function.
func (p *Plan) provides(src Source) (binary.Sort, *binary.CoreFuncType) {
	if src.Kind == FromTrampoline {
		return binary.SortCoreFunc, &p.Trampolines[src.ID].Core
	}
	for _, x := range p.Modules[p.Instances[src.Instance].Module].Info.Exports {
		if x.Name == src.Name {
			return x.Type.Sort, x.Type.Func
		}
	}
	return binary.SortValue, nil
}
