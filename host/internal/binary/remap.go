package binary

import "fmt"

// budget bounds the work of one validation: types can be small to write and
// large to compare.
type budget struct{ left int }

// maxWork is how many types one validation looks at. A component of 18 MB made
// from Python takes some ten thousand steps.
const maxWork = 5_000_000

// spend takes one step off the budget. When it is used up, walks stop where they
// are and validation fails with errOver.
func (b *budget) spend() bool { return b.spendAll(1) }

// spendAll is spend for n steps.
func (b *budget) spendAll(n int) bool {
	b.left -= n
	return b.left >= 0
}

var errOver = fmt.Errorf("component too complex: validation would look at more than %d types", maxWork)

// remapper rewrites types: resource types by res, whole types by types, which
// also remembers what has been rewritten.
type remapper struct {
	*budget
	res   map[*resource]*resource
	types map[anyType]anyType
	// renames is whether types was given entries to begin with: only then can a
	// type without resources change.
	renames bool
}

func newRemapper(b *budget) *remapper {
	return &remapper{budget: b, res: map[*resource]*resource{}, types: map[anyType]anyType{}}
}

// remap rewrites a type of kind T. rewrite makes the new one, or returns its
// argument when nothing changes.
func remap[T comparable](m *remapper, t T, info typeInfo, rewrite func(T) T) T {
	if known, ok := m.types[t]; ok {
		if same, ok := known.(T); ok {
			return same
		}
	}
	if !info.resources && !m.renames {
		return t
	}
	if !m.spend() {
		return t
	}
	out := rewrite(t)
	m.types[t] = out
	return out
}

func (m *remapper) entity(e entity) entity {
	n := entity{sort: e.sort, t: m.any(e.t)}
	if e.from != nil {
		n.from = m.any(e.from)
	}
	return n
}

func (m *remapper) any(t anyType) anyType {
	switch t := t.(type) {
	case *resourceAlias:
		return m.alias(t)
	case *defined:
		return m.defined(t)
	case *funcType:
		return m.fn(t)
	case *instanceType:
		return m.instance(t)
	case *componentType:
		return m.component(t)
	}
	return t
}

func (m *remapper) alias(a *resourceAlias) *resourceAlias {
	return remap(m, a, typeInfo{resources: true}, func(a *resourceAlias) *resourceAlias {
		if to, ok := m.res[a.res]; ok {
			return &resourceAlias{res: to}
		}
		return a
	})
}

func (m *remapper) defined(d *defined) *defined {
	return remap(m, d, d.info, func(d *defined) *defined {
		n := *d
		elems, changed := remapList(m, d.elems)
		n.elems = elems
		if d.res != nil {
			n.res = m.alias(d.res)
			changed = changed || n.res != d.res
		}
		if !changed {
			return d
		}
		return &n
	})
}

func remapList(m *remapper, list []*defined) (out []*defined, changed bool) {
	if !m.spendAll(len(list)) {
		return list, false
	}
	out = make([]*defined, len(list))
	for i, d := range list {
		if d != nil {
			out[i] = m.defined(d)
			changed = changed || out[i] != d
		}
	}
	return out, changed
}

func (m *remapper) fn(f *funcType) *funcType {
	return remap(m, f, f.info, func(f *funcType) *funcType {
		n := *f
		params, changed := remapList(m, f.params)
		n.params = params
		if f.result != nil {
			n.result = m.defined(f.result)
			changed = changed || n.result != f.result
		}
		if !changed {
			return f
		}
		return &n
	})
}

func (m *remapper) instance(in *instanceType) *instanceType {
	return remap(m, in, in.info, func(in *instanceType) *instanceType {
		n := *in
		exports, changed := m.items(in.exports)
		n.exports = exports
		n.defines = make([]*resource, len(in.defines))
		for i, r := range in.defines {
			n.defines[i] = m.resource(r, &changed)
		}
		n.explicit = m.paths(in.explicit, &changed)
		if !changed {
			return in
		}
		return &n
	})
}

func (m *remapper) component(c *componentType) *componentType {
	return remap(m, c, c.info, func(c *componentType) *componentType {
		n := *c
		imports, changed := m.items(c.imports)
		exports, alsoChanged := m.items(c.exports)
		changed = changed || alsoChanged
		n.imports, n.exports = imports, exports
		n.imported = m.resourcePaths(c.imported, &changed)
		n.defined = m.resourcePaths(c.defined, &changed)
		n.explicit = m.paths(c.explicit, &changed)
		if !changed {
			return c
		}
		return &n
	})
}

// items rewrites entities under the same names.
func (m *remapper) items(it *items) (out *items, changed bool) {
	if !m.spendAll(len(it.list)) {
		return it, false
	}
	out = &items{names: it.names, index: it.index, list: make([]entity, len(it.list))}
	for i, e := range it.list {
		out.list[i] = m.entity(e)
		changed = changed || out.list[i] != e
	}
	return out, changed
}

func (m *remapper) resource(r *resource, changed *bool) *resource {
	if to, ok := m.res[r]; ok {
		*changed = true
		return to
	}
	return r
}

func (m *remapper) paths(paths map[*resource][]int, changed *bool) map[*resource][]int {
	if !m.spendAll(len(paths)) {
		return paths
	}
	out := make(map[*resource][]int, len(paths))
	for r, p := range paths {
		out[m.resource(r, changed)] = p
	}
	return out
}

func (m *remapper) resourcePaths(list []resourcePath, changed *bool) []resourcePath {
	if !m.spendAll(len(list)) {
		return list
	}
	out := make([]resourcePath, len(list))
	for i, rp := range list {
		out[i] = resourcePath{m.resource(rp.res, changed), rp.path}
	}
	return out
}

// freeResources collects the resource types that a type refers to and does not
// introduce itself.
type freeResources struct {
	*budget
	set  map[*resource]bool
	seen map[anyType]bool
}

func newFree(b *budget) *freeResources {
	return &freeResources{budget: b, set: map[*resource]bool{}, seen: map[anyType]bool{}}
}

func (f *freeResources) add(t anyType) {
	if !infoOf(t).resources || f.seen[t] || !f.spend() {
		return
	}
	f.seen[t] = true
	switch t := t.(type) {
	case *resourceAlias:
		f.set[t.res] = true
	case *defined:
		if t.res != nil {
			f.set[t.res.res] = true
		}
		f.addAll(t.elems)
	case *funcType:
		f.addAll(t.params)
		f.addAll([]*defined{t.result})
	case *instanceType:
		f.addItems(t.exports)
		for _, r := range t.defines {
			delete(f.set, r)
		}
	case *componentType:
		f.addItems(t.imports)
		f.addItems(t.exports)
		for _, rp := range t.imported {
			delete(f.set, rp.res)
		}
		for _, rp := range t.defined {
			delete(f.set, rp.res)
		}
	}
}

func (f *freeResources) addAll(list []*defined) {
	if !f.spendAll(len(list)) {
		return
	}
	for _, d := range list {
		if d != nil {
			f.add(d)
		}
	}
}

func (f *freeResources) addItems(it *items) {
	if !f.spendAll(len(it.list)) {
		return
	}
	for _, e := range it.list {
		f.add(e.t)
	}
}
