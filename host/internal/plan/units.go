package plan

import (
	"fmt"

	"github.com/writ-host/writ/host/internal/binary"
	"github.com/writ-host/writ/host/internal/fuse"
)

// unit is one of the plan's core instances.
type unit struct {
	// members are the draft's instances that it is made of: more than one when
	// their modules are fused.
	members []int
	group   *group
	// starts, of a unit without members, is the unit whose group's last start
	// function it runs.
	starts int
	// next is the group before which it has to be made.
	next int
	// Of a fused one: its module, the numbers of the parts, and what is exported.
	module int
	parts  map[int]int
	names  map[exportKey]string
}

func (u *unit) fused() bool { return len(u.members) > 1 }

// number makes the units and gives the instances that are kept their numbers.
func (e *emitter) number() {
	for i := range e.instances {
		e.instances[i] = None
	}
	list := e.rewire.groups.list
	var late []unit // those of start functions
	for n := 0; n <= len(list); n++ {
		for len(late) > 0 && late[0].next <= n {
			e.addUnit(late[0])
			late = late[1:]
		}
		if n < len(list) {
			late = append(late, e.addGroup(&list[n])...)
		}
	}
}

func (e *emitter) addUnit(u unit) {
	for _, i := range u.members {
		e.instances[i] = len(e.units)
	}
	e.units = append(e.units, u)
}

// addGroup makes a unit of what is kept of a group. It returns the unit that is
// to run its last start function, when that is not run with it.
func (e *emitter) addGroup(g *group) (late []unit) {
	var kept []int
	for _, i := range g.members {
		if !e.rewire.dropped[i] {
			kept = append(kept, i)
		}
	}
	n := len(kept) - 1
	switch {
	case n < 0:
		return nil
	case n > 0 && kept[n] == g.last && e.f.instances[g.last].mod == e.f.starter:
		late = []unit{{members: kept[n:], group: g, next: g.next}}
		kept = kept[:n]
	case n > 0 && kept[n] == g.last:
		late = []unit{{starts: len(e.units), group: g, next: g.next}}
	}
	e.addUnit(unit{members: kept, group: g})
	return late
}

// unit emits one of the plan's core instances.
func (e *emitter) unit(n int) {
	u := &e.units[n]
	switch {
	case u.fused():
		e.fuse(n)
	case len(u.members) == 0:
		if e.f.starter == nil {
			e.f.starter = e.f.module(starterModule())
		}
		name := e.exportStart(u.starts, u.group.last)
		e.plan.Instances = append(e.plan.Instances, CoreInstance{Module: e.module(e.f.starter),
			Args: []Source{{Kind: FromExport, Instance: u.starts, Name: name}}})
	default:
		d := e.f.instances[u.members[0]]
		inst := CoreInstance{Module: e.module(d.mod), Args: make([]Source, len(d.args))}
		for i, src := range d.args {
			inst.Args[i] = e.source(e.rewire.resolve(src, u.members[0]))
		}
		e.plan.Instances = append(e.plan.Instances, inst)
	}
}

// module is a module's number in the plan.
func (e *emitter) module(mod *module) int {
	m, ok := e.modules[mod]
	if !ok {
		m = len(e.plan.Modules)
		e.modules[mod] = m
		e.plan.Modules = append(e.plan.Modules, Module{Bytes: mod.info.Bytes, Offset: mod.info.Offset, Info: mod.info,
			Memories: memoriesOf(mod.info)})
	}
	return m
}

func memoriesOf(m *binary.Module) int { return len(m.Memories) - m.ImportedMemories }

// fuse emits a unit of several instances.
func (e *emitter) fuse(n int) {
	u := &e.units[n]
	u.module, u.parts, u.names = len(e.plan.Modules), map[int]int{}, map[exportKey]string{}
	for p, i := range u.members {
		u.parts[i] = p
	}
	out := fusion{Module{Offset: None, Info: &binary.Module{Offset: None}, Fused: &fuse.Group{}},
		CoreInstance{Module: u.module}, map[Source]uint32{}}
	for _, i := range u.members {
		d := e.f.instances[i]
		part := fuse.Part{Module: d.mod.info.Bytes, Start: u.group.starts[i]}
		for a, src := range d.args {
			src = e.rewire.resolve(src, i)
			if p, ok := u.parts[src.Instance]; ok && src.Kind == FromExport {
				x := e.f.instances[src.Instance].mod.exports[src.Name]
				part.Imports = append(part.Imports, fuse.Source{Part: p, Index: x.Index})
				continue
			}
			index := out.outside(e.source(src), d.mod.info.Imports[a])
			part.Imports = append(part.Imports, fuse.Source{Part: fuse.Outside, Index: index})
		}
		out.module.Fused.Parts = append(out.module.Fused.Parts, part)
		out.module.Parts = append(out.module.Parts, d.mod.info)
		out.module.Memories += memoriesOf(d.mod.info)
	}
	e.plan.Modules = append(e.plan.Modules, out.module)
	e.plan.Instances = append(e.plan.Instances, out.instance)
}

// fusion is a fused module and its instance, and which of its imports serves
// each source.
type fusion struct {
	module   Module
	instance CoreInstance
	imports  map[Source]uint32
}

// outside is the number of the import that a source from outside is.
func (f *fusion) outside(src Source, imp binary.ModuleImport) uint32 {
	at, ok := f.imports[src]
	if !ok {
		at = uint32(len(f.instance.Args))
		f.imports[src] = at
		f.instance.Args = append(f.instance.Args, src)
		kind, _ := fuseKind(imp.Type.Sort)
		f.module.Fused.Imports = append(f.module.Fused.Imports, kind)
		f.module.Info.Imports = append(f.module.Info.Imports, imp)
	}
	return at
}

// source renumbers a source that was resolved.
func (e *emitter) source(src Source) Source {
	if src.Kind == FromTrampoline {
		return Source{Kind: FromTrampoline, ID: e.trampolineID(src.ID)}
	}
	n := e.instances[src.Instance]
	if n != None && e.units[n].fused() {
		src.Name = e.exported(n, src)
	}
	src.Instance = n
	return src
}

// exported is the name of a part's export in the fused module.
func (e *emitter) exported(n int, src Source) string {
	u := &e.units[n]
	key := exportKey{src.Instance, src.Name}
	name, ok := u.names[key]
	if x := e.f.instances[src.Instance].mod.exports[src.Name]; !ok && x != nil {
		name = fmt.Sprintf("%d:%s", u.parts[src.Instance], src.Name)
		u.names[key] = name
		e.addExport(u, name, src.Instance, x.Index, x.Type)
	}
	return name
}

// exportStart exports a part's start function.
func (e *emitter) exportStart(n, instance int) string {
	u, info := &e.units[n], e.f.instances[instance].mod.info
	const name = "start"
	e.addExport(u, name, instance, *info.Start, binary.CoreExtern{Sort: binary.SortCoreFunc, Func: &binary.CoreFuncType{}})
	return name
}

func (e *emitter) addExport(u *unit, name string, instance int, index uint32, typ binary.CoreExtern) {
	m := &e.plan.Modules[u.module]
	kind, _ := fuseKind(typ.Sort)
	m.Fused.Exports = append(m.Fused.Exports, fuse.Export{Name: name, Kind: kind, Part: u.parts[instance], Index: index})
	m.Info.Exports = append(m.Info.Exports, binary.ModuleExport{Name: name, Type: typ})
}
