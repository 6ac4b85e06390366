package binary

import "fmt"

// direction is whether something is imported or exported.
type direction uint8

const (
	importing direction = iota
	exporting
)

func (d direction) String() string { return [...]string{"import", "export"}[d] }

func (v *validator) importItem(it *Import) error {
	e, fresh, err := v.scope().externType(it.Type)
	if err != nil {
		return err
	}
	return v.extern(importing, it.Name, e, fresh)
}

func (v *validator) exportDecl(it *ExportDecl) error {
	e, fresh, err := v.scope().externType(it.Type)
	if err != nil {
		return err
	}
	return v.extern(exporting, it.Name, e, fresh)
}

func (v *validator) exportItem(it *Export) error {
	s := v.scope()
	e, err := s.entityAt(it.Sort, it.Index)
	if err != nil {
		return err
	}
	fresh := false
	if it.Type == nil {
		if it.Sort == SortType {
			e.t = renamed(e.t)
		}
		return v.extern(exporting, it.Name, e, false)
	}
	ascribed, fresh, err := s.externType(*it.Type)
	if err != nil {
		return err
	}
	if err := newSubtyping(v.budget).entity(e, ascribed); err != nil {
		return fmt.Errorf("ascribed type of export is not compatible with item's type: %w", err)
	}
	return v.extern(exporting, it.Name, ascribed, fresh)
}

// extern adds an import or export to the scope: to its index space, to the
// resource types it introduces, and to its interface.
func (v *validator) extern(dir direction, name ExternName, e entity, fresh bool) error {
	s := v.scope()
	switch t := e.t.(type) {
	case *resourceAlias:
		s.introduce(dir, t, fresh)
	case *instanceType:
		if e.sort == SortInstance {
			e.t = v.concrete(dir, t)
		}
	}
	s.push(e)
	if r, ok := e.t.(*resourceAlias); ok {
		x := s.externs(dir)
		put(&x.resources, r, name.Name)
		put(&x.labels, name.Name, true)
	}
	if !v.nameTypes(dir, e) {
		return fmt.Errorf("%s not valid to be used as %s: it refers to a type that has no name in this interface",
			e.sort.plain(), dir)
	}
	if err := s.externs(dir).checkName(dir, name, e); err != nil {
		return err
	}
	s.externs(dir).add(name.Name, e)
	return s.info.combine(e.info())
}

func (s *scope) externs(dir direction) *externs {
	if dir == importing {
		return &s.imports
	}
	return &s.exports
}

// plain is the sort as the text format calls it.
func (s Sort) plain() string {
	switch s {
	case SortFunc:
		return "func"
	case SortCoreModule:
		return "module"
	}
	return s.String()
}

// introduce notes a resource type that is imported or exported by itself.
func (s *scope) introduce(dir direction, r *resourceAlias, fresh bool) {
	if dir == importing {
		if fresh {
			s.imported = append(s.imported, resourcePath{r.res, []int{len(s.imports.list)}})
		}
		return
	}
	if fresh {
		s.defined = append(s.defined, r.res)
	}
	put(&s.explicit, r.res, []int{len(s.exports.list)})
}

// concrete turns a declared instance type into that of one instance: the
// resource types it introduces become new ones of this scope.
func (v *validator) concrete(dir direction, t *instanceType) *instanceType {
	s := v.scope()
	n := *t
	if len(t.defines) > 0 {
		m := newRemapper(v.budget)
		for _, r := range t.defines {
			fresh := &resource{}
			m.res[r] = fresh
			if dir == importing {
				s.imported = append(s.imported, resourcePath{fresh, prefix(len(s.imports.list), t.explicit[r])})
			} else {
				s.defined = append(s.defined, fresh)
			}
		}
		changed := false
		n.exports, _ = m.items(t.exports)
		n.explicit = m.paths(t.explicit, &changed)
		n.defines = nil
		t = &n
	}
	if dir == exporting && v.spendAll(len(t.explicit)) {
		for r, p := range t.explicit {
			put(&s.explicit, r, prefix(len(s.exports.list), p))
		}
	}
	return t
}

func prefix(first int, rest []int) []int {
	return append([]int{first}, rest...)
}

// nameTypes checks that an import or export refers only to types which the same
// interface names, and adds the types it names itself. Instance types need not
// be closed in that way.
func (v *validator) nameTypes(dir direction, e entity) bool {
	s := v.scope()
	if s.kind == inInstanceType {
		return true
	}
	named := s.externs(dir).named
	switch e.sort {
	case SortType:
		onlyExported := s.exports.named[e.from] && !s.imports.named[e.from]
		if dir == importing && onlyExported || !v.partsNamed(named, e.t) {
			return false
		}
		put(&s.exports.named, e.t, true)
		if dir == importing {
			put(&s.imports.named, e.t, true)
		}
	case SortInstance:
		for _, inner := range e.t.(*instanceType).exports.list {
			if !v.spend() || !v.nameTypes(dir, inner) {
				return false
			}
		}
	case SortFunc:
		return v.partsNamed(named, e.t)
	}
	return true
}

// partsNamed checks the types that t is made of.
func (v *validator) partsNamed(named map[anyType]bool, t anyType) bool {
	if !v.spend() {
		return false
	}
	switch t := t.(type) {
	case *defined:
		return (t.res == nil || named[t.res]) && v.allNamed(named, t.elems)
	case *funcType:
		return v.allNamed(named, t.params) && v.allNamed(named, []*defined{t.result})
	case *instanceType:
		if !v.spendAll(len(t.exports.list)) {
			return false
		}
		for _, e := range t.exports.list {
			if e.sort != SortComponent && e.sort != SortCoreModule && !v.partsNamed(named, e.t) {
				return false
			}
		}
	}
	return true
}

func (v *validator) allNamed(named map[anyType]bool, list []*defined) bool {
	if !v.spendAll(len(list)) {
		return false
	}
	for _, d := range list {
		if d != nil && !v.isNamed(named, d) {
			return false
		}
	}
	return true
}

// isNamed checks one value type: records, variants, enums and flags need a
// name, the others only names for what they are made of.
func (v *validator) isNamed(named map[anyType]bool, d *defined) bool {
	switch d.kind {
	case primKind:
		return true
	case recordKind, variantKind, enumKind, flagsKind:
		return named[d]
	}
	return v.partsNamed(named, d)
}
