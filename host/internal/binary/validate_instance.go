package binary

import "fmt"

// instance validates an instantiation or a bundle of exports.
func (v *validator) instance(it *Instance) error {
	var t *instanceType
	var err error
	if it.Inline {
		t, err = v.bundle(it.Exports)
	} else {
		t, err = v.instantiate(it)
	}
	v.scope().instances = append(v.scope().instances, t)
	return err
}

// instantiate checks the arguments against the imports and types the result.
func (v *validator) instantiate(it *Instance) (*instanceType, error) {
	s := v.scope()
	c, err := at(s.components, it.Component, "component")
	if err != nil {
		return nil, err
	}
	args := &items{}
	for _, a := range it.Args {
		e, err := s.entityAt(a.Sort, a.Index)
		if err != nil {
			return nil, fmt.Errorf("argument %s: %w", quote(a.Name), err)
		}
		if _, ok := args.get(a.Name); ok {
			return nil, fmt.Errorf("instantiation argument %s conflicts with previous argument of that name", quote(a.Name))
		}
		args.add(a.Name, e)
	}
	m, err := newSubtyping(v.budget).open(args, c.imports, c.imported, "import")
	if err != nil {
		return nil, fmt.Errorf("component %d: %w", it.Component, err)
	}
	return v.generate(c, m)
}

// generate is the type of a new instance of c: its exports with the arguments'
// types in place, and with resource types of its own.
func (v *validator) generate(c *componentType, m *remapper) (*instanceType, error) {
	s := v.scope()
	for _, rp := range c.defined {
		fresh := &resource{}
		m.res[rp.res] = fresh
		s.defined = append(s.defined, fresh)
	}
	changed := false
	t := &instanceType{info: typeInfo{size: 1, depth: 1}}
	t.exports, _ = m.items(c.exports)
	t.explicit = m.paths(c.explicit, &changed)
	for _, e := range t.exports.list {
		if err := t.info.combine(e.info()); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// bundle types an instance made of definitions at hand. No resource has a name
// in it, so annotated names cannot occur.
func (v *validator) bundle(exports []InlineExport) (*instanceType, error) {
	s, x := v.scope(), newExterns()
	t := &instanceType{exports: x.items, explicit: map[*resource][]int{}, info: typeInfo{size: 1, depth: 1}}
	for i, ex := range exports {
		e, err := s.entityAt(ex.Sort, ex.Index)
		if err != nil {
			return nil, fmt.Errorf("export %s: %w", quote(ex.Name.Name), err)
		}
		switch inner := e.t.(type) {
		case *resourceAlias:
			t.explicit[inner.res] = []int{i}
		case *instanceType:
			if e.sort == SortInstance && v.spendAll(len(inner.explicit)) {
				for r, p := range inner.explicit {
					t.explicit[r] = prefix(i, p)
				}
			}
		}
		if err := x.checkName(exporting, ex.Name, e); err != nil {
			return nil, fmt.Errorf("export %s: %w", quote(ex.Name.Name), err)
		}
		x.add(ex.Name.Name, e)
		if err := t.info.combine(e.info()); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// alias validates an alias of any kind.
func (v *validator) alias(it *Alias) error {
	switch it.Kind {
	case AliasExport:
		return v.scope().exportAlias(it)
	case AliasCoreExport:
		return v.scope().coreExportAlias(it)
	}
	return v.outerAlias(it)
}

func (s *scope) exportAlias(it *Alias) error {
	in, err := at(s.instances, it.Instance, "instance")
	if err != nil {
		return err
	}
	e, ok := in.exports.get(it.Name)
	if !ok {
		return fmt.Errorf("instance %d has no export named %s", it.Instance, quote(it.Name))
	}
	if e.sort != it.Sort {
		return fmt.Errorf("export %s for instance %d is not %s", quote(it.Name), it.Instance, an(it.Sort))
	}
	s.push(e)
	return nil
}

// outerAlias brings in a definition of an enclosing scope.
func (v *validator) outerAlias(it *Alias) error {
	if int64(it.Count) >= int64(len(v.scopes)) {
		return fmt.Errorf("invalid outer alias count of %d", it.Count)
	}
	pos := len(v.scopes) - 1 - int(it.Count)
	from, s := v.scopes[pos], v.scope()
	if it.Sort == SortCoreType {
		t, err := at(from.coreTypes, it.Index, "core type")
		s.coreTypes = append(s.coreTypes, t)
		return err
	}
	e, err := from.entityAt(it.Sort, it.Index)
	if err != nil {
		return err
	}
	if it.Sort == SortType && v.crosses(pos) && v.open(e.t) {
		return fmt.Errorf("cannot alias outer type which transitively refers to resources not defined in the current component")
	}
	s.push(e)
	return nil
}

// crosses says whether going from scope pos inward enters a component.
func (v *validator) crosses(pos int) bool {
	return pos+1 < len(v.scopes) && v.scopes[pos+1].kind == inComponent
}

// open says whether a type refers to resource types that it does not introduce.
func (v *validator) open(t anyType) bool {
	free := newFree(v.budget)
	free.add(t)
	return len(free.set) > 0
}
