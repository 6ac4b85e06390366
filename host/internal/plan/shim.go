package plan

import (
	"slices"

	"github.com/writ-host/writ/host/internal/binary"
)

// Tools that make components put two core modules around the main one, because
// imports are lowered with the main module's memory, which does not exist
// before it is instantiated. The shim exports functions that call through a
// table that it exports too; the main module imports those; the fixup then
// fills the table, and may start the main module. A plan needs no such detour for a trampoline, which finds
// the memory when it is called, nor for a function of an instance that is made
// before its user. Here both modules are recognised by what they do, not by
// name, and dropped when nothing needs them any more.

// rewiring says which sources stand in for others.
type rewiring struct {
	// forward maps a shim's function to what the fixup put in the table.
	forward map[exportKey]forward
	dropped []bool // by instance
	groups  *groups
}

type forward struct {
	to    Source
	fixup int // the instance that put it there
}

type exportKey struct {
	instance int
	name     string
}

// mostHops bounds how many shims are followed one after the other.
const mostHops = 8

// resolve is what instance consumer can be given in the place of a source: the
// farthest along the way that exists when the consumer is made, or is made as
// one with it. In the latter case nothing calls it before the table is filled.
func (r *rewiring) resolve(src Source, consumer int) Source {
	best, together := src, true
	for range mostHops {
		next, ok := r.forward[exportKey{src.Instance, src.Name}]
		if src.Kind != FromExport || !ok {
			break
		}
		src = next.to
		together = together && (next.fixup < consumer || r.groups.same(next.fixup, consumer))
		if src.Kind == FromTrampoline || src.Instance < consumer || together && r.groups.same(src.Instance, consumer) {
			best = src
		}
	}
	return best
}

// pair is a shim with its fixup.
type pair struct{ shim, fixup int }

// unshim finds all pairs and drops those that nothing needs.
func (f *flattener) unshim() *rewiring {
	r := &rewiring{forward: map[exportKey]forward{}, dropped: make([]bool, len(f.instances)), groups: f.group()}
	uses := f.uses()
	var pairs []pair
	for i := range f.instances {
		shim := recogniseShim(f.instances[i].mod.info)
		if shim == nil {
			continue
		}
		// Whoever else has the table could change it.
		table := uses[exportKey{i, shim.table}]
		if len(table) != 1 {
			continue
		}
		if f.follow(r, i, shim, table[0]) {
			pairs = append(pairs, pair{i, table[0]})
		}
	}
	needed := f.needed(r, pairs)
	for _, p := range pairs {
		if !needed[p.shim] {
			r.dropped[p.shim] = true
			r.dropped[p.fixup] = !f.keepStart(p.fixup)
		}
	}
	return r
}

// keepStart puts a module that only calls the fixup's start function in the
// fixup's place; false when there is no such function.
func (f *flattener) keepStart(fixup int) bool {
	d := &f.instances[fixup]
	start := startImport(d.mod.info)
	if start == None {
		return false
	}
	if f.starter == nil {
		f.starter = f.module(starterModule())
	}
	*d = draftInstance{mod: f.starter, args: []Source{d.args[start]}, frame: d.frame}
	return true
}

// startImport is the import that a module has as its start function, or None.
func startImport(m *binary.Module) int {
	if m.Start == nil {
		return None
	}
	funcs := uint32(0)
	for i := range m.Imports {
		if m.Imports[i].Type.Sort != binary.SortCoreFunc {
			continue
		}
		if funcs == *m.Start {
			return i
		}
		funcs++
	}
	return None
}

// uses lists which instances import an export of another.
func (f *flattener) uses() map[exportKey][]int {
	uses := map[exportKey][]int{}
	for i, d := range f.instances {
		for _, src := range d.args {
			if src.Kind == FromExport {
				key := exportKey{src.Instance, src.Name}
				uses[key] = append(uses[key], i)
			}
		}
	}
	return uses
}

// needed says which instances are still imported from when everything is
// resolved. What a fixup does with its own shim does not count, except to start
// a function of it.
func (f *flattener) needed(r *rewiring, pairs []pair) map[int]bool {
	fixups := map[int]int{}
	for _, p := range pairs {
		fixups[p.fixup] = p.shim
	}
	needed := map[int]bool{}
	for i, d := range f.instances {
		shim, isFixup := fixups[i]
		start := startImport(d.mod.info)
		for n, src := range d.args {
			src = r.resolve(src, i)
			own := isFixup && src.Instance == shim && n != start
			if src.Kind == FromExport && !own {
				needed[src.Instance] = true
			}
		}
	}
	return needed
}

// follow records where each of the shim's functions leads. It reports false
// when the instance at index fixup is not a fixup for it.
func (f *flattener) follow(r *rewiring, i int, shim *shimModule, fixup int) bool {
	targets := f.fixed(fixup, i, shim)
	if targets == nil {
		return false
	}
	for name, slot := range shim.funcs {
		target, ok := targets[slot]
		if ok && sameType(f.sourceType(target), f.instances[i].mod.exports[name].Type.Func) {
			r.forward[exportKey{i, name}] = forward{target, fixup}
		}
	}
	return true
}

// fixed is what a fixup puts into the shim's table, nil when it is none.
func (f *flattener) fixed(fixup, shim int, s *shimModule) map[uint64]Source {
	d := f.instances[fixup]
	if !isFixup(d.mod.info) {
		return nil
	}
	var funcs []Source
	for n, imp := range d.mod.info.Imports {
		switch {
		case imp.Type.Sort == binary.SortCoreFunc:
			funcs = append(funcs, d.args[n])
		case d.args[n].Instance != shim:
			return nil
		}
	}
	elem := &d.mod.info.Elems[0]
	end := uint64(elem.ConstOffset) + uint64(len(elem.Funcs))
	if end > s.size {
		return nil // it traps
	}
	targets := make(map[uint64]Source, len(elem.Funcs))
	for n, fn := range elem.Funcs {
		if int64(fn) >= int64(len(funcs)) {
			return nil
		}
		targets[uint64(elem.ConstOffset)+uint64(n)] = funcs[fn]
	}
	return targets
}

// sourceType is the core type of a source that is a function, else nil.
func (f *flattener) sourceType(src Source) *binary.CoreFuncType {
	if src.Kind == FromTrampoline {
		return &f.trampolines[src.ID].core
	}
	e := f.instances[src.Instance].mod.exports[src.Name]
	if e == nil {
		return nil
	}
	return e.Type.Func
}

func sameType(a, b *binary.CoreFuncType) bool {
	return a != nil && b != nil && slices.Equal(a.Params, b.Params) && slices.Equal(a.Results, b.Results)
}
