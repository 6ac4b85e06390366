package binary

import "fmt"

// subtyping checks that one type can stand for another. Value types must be the
// same; instances may export more than is asked for, components import less.
type subtyping struct {
	*budget
	// known are pairs that fit.
	known map[[2]anyType]bool
}

func newSubtyping(b *budget) *subtyping {
	return &subtyping{budget: b, known: map[[2]anyType]bool{}}
}

// entity checks that a can be given where b is asked for.
func (s *subtyping) entity(a, b entity) error {
	if a.sort != b.sort {
		return fmt.Errorf("expected %s, found %s", b.sort, a.sort)
	}
	return s.any(a.t, b.t)
}

func (s *subtyping) any(a, b anyType) error {
	if a == b || s.known[[2]anyType{a, b}] {
		return nil
	}
	if !s.spend() {
		return errOver
	}
	err := s.compare(a, b)
	if err == nil {
		s.known[[2]anyType{a, b}] = true
	}
	return err
}

func (s *subtyping) compare(a, b anyType) error {
	switch a := a.(type) {
	case *resourceAlias:
		if b, ok := b.(*resourceAlias); ok {
			return sameResource(a, b)
		}
	case *defined:
		if b, ok := b.(*defined); ok {
			return s.value(a, b)
		}
	case *funcType:
		if b, ok := b.(*funcType); ok {
			return s.fn(a, b)
		}
	case *instanceType:
		if b, ok := b.(*instanceType); ok {
			return s.instance(a, b)
		}
	case *componentType:
		if b, ok := b.(*componentType); ok {
			return s.component(a, b)
		}
	case *moduleType:
		if b, ok := b.(*moduleType); ok {
			return moduleFits(a, b, s.budget)
		}
	}
	return fmt.Errorf("expected %s, found %s", describe(b), describe(a))
}

func sameResource(a, b *resourceAlias) error {
	if a.res != b.res {
		return fmt.Errorf("resource types are not the same")
	}
	return nil
}

func (s *subtyping) value(a, b *defined) error {
	switch {
	case a.kind != b.kind || a.prim != b.prim:
		return fmt.Errorf("expected %s, found %s", b, a)
	case a.len != b.len:
		return fmt.Errorf("expected a fixed-length list of %d, found %d", b.len, a.len)
	case a.res != nil:
		return sameResource(a.res, b.res)
	}
	if !s.spendAll(len(a.names) + len(a.elems)) {
		return errOver
	}
	if err := sameNames(a, b); err != nil {
		return err
	}
	return s.elems(a, b)
}

func sameNames(a, b *defined) error {
	if len(a.names) != len(b.names) {
		return fmt.Errorf("expected %d names in a %s, found %d", len(b.names), b, len(a.names))
	}
	for i := range a.names {
		if a.names[i] != b.names[i] {
			return fmt.Errorf("expected %s name %s, found %s", b, quote(b.names[i]), quote(a.names[i]))
		}
	}
	return nil
}

func (s *subtyping) elems(a, b *defined) error {
	if len(a.elems) != len(b.elems) {
		return fmt.Errorf("expected %d types in a %s, found %d", len(b.elems), b, len(a.elems))
	}
	for i := range a.elems {
		if err := s.optional(a.elems[i], b.elems[i]); err != nil {
			return fmt.Errorf("type mismatch in %s %s: %w", b, elemName(b, i), err)
		}
	}
	return nil
}

func elemName(d *defined, i int) string {
	if i < len(d.names) {
		return quote(d.names[i])
	}
	if d.kind == resultKind {
		return [2]string{"ok", "error"}[i&1]
	}
	return fmt.Sprintf("element %d", i)
}

func (s *subtyping) optional(a, b *defined) error {
	switch {
	case a == nil && b == nil:
		return nil
	case a == nil:
		return fmt.Errorf("expected a type, found none")
	case b == nil:
		return fmt.Errorf("expected no type, found %s", a)
	}
	return s.any(a, b)
}

func (s *subtyping) fn(a, b *funcType) error {
	if a.async != b.async {
		return fmt.Errorf("expected %s function, found %s function", syncness(b), syncness(a))
	}
	if len(a.params) != len(b.params) {
		return fmt.Errorf("expected %d parameters, found %d", len(b.params), len(a.params))
	}
	if !s.spendAll(len(a.params)) {
		return errOver
	}
	for i := range a.params {
		if a.names[i] != b.names[i] {
			return fmt.Errorf("expected parameter named %s, found %s", quote(b.names[i]), quote(a.names[i]))
		}
		if err := s.any(a.params[i], b.params[i]); err != nil {
			return fmt.Errorf("type mismatch in function parameter %s: %w", quote(a.names[i]), err)
		}
	}
	if err := s.optional(a.result, b.result); err != nil {
		return fmt.Errorf("type mismatch with result type: %w", err)
	}
	return nil
}

func syncness(f *funcType) string {
	if f.async {
		return "async"
	}
	return "sync"
}

func (s *subtyping) instance(a, b *instanceType) error {
	if !s.spendAll(len(b.exports.list)) {
		return errOver
	}
	for i, want := range b.exports.list {
		name := b.exports.names[i]
		have, ok := a.exports.get(name)
		if !ok {
			return fmt.Errorf("missing expected export %s", quote(name))
		}
		if err := s.entity(have, want); err != nil {
			return fmt.Errorf("type mismatch in instance export %s: %w", quote(name), err)
		}
	}
	return nil
}

// component checks a against b with their parts swapped for imports: what b
// supplies must satisfy a, and then what a exports must satisfy b.
func (s *subtyping) component(a, b *componentType) error {
	m, err := s.open(b.imports, a.imports, a.imported, "import")
	if err != nil {
		return err
	}
	exports, _ := m.items(a.exports)
	_, err = s.open(exports, b.exports, b.defined, "export")
	return err
}

// open checks that given has everything wanted, with the wanted side's own
// resource types replaced by what given has in their place. The result rewrites
// types of the wanted side into given's: resources, and types that were bound
// by name.
func (s *subtyping) open(given, wanted *items, resources []resourcePath, what string) (*remapper, error) {
	if !s.spendAll(len(resources) + len(wanted.list)) {
		return nil, errOver
	}
	m := newRemapper(s.budget)
	for _, rp := range resources {
		if a, ok := follow(given, wanted, rp.path).(*resourceAlias); ok {
			m.res[rp.res] = a.res
		}
	}
	renames := map[anyType]anyType{}
	for i, want := range wanted.list {
		name := wanted.names[i]
		have, ok := given.get(name)
		if !ok {
			return nil, fmt.Errorf("missing %s named %s", what, quote(name))
		}
		if err := s.entity(have, m.entity(want)); err != nil {
			return nil, fmt.Errorf("type mismatch for %s %s: %w", what, quote(name), err)
		}
		s.rename(have, want, renames)
	}
	m.types, m.renames = renames, len(renames) > 0
	return m, nil
}

// follow finds in given what path leads to in wanted, or nil.
func follow(given, wanted *items, path []int) anyType {
	for i, step := range path {
		e, ok := given.get(wanted.names[step])
		if !ok {
			return nil
		}
		if i == len(path)-1 {
			return e.t
		}
		next, ok := wanted.list[step].t.(*instanceType)
		have, ok2 := e.t.(*instanceType)
		if !ok || !ok2 {
			return nil
		}
		given, wanted = have.exports, next.exports
	}
	return nil
}

// rename notes that a type which the wanted side named is now given's.
func (s *subtyping) rename(have, want entity, renames map[anyType]anyType) {
	if !s.spend() {
		return
	}
	switch want.sort {
	case SortType:
		renames[want.t] = have.t
	case SortInstance:
		h, w := have.t.(*instanceType), want.t.(*instanceType)
		for i, e := range w.exports.list {
			if inner, ok := h.exports.get(w.exports.names[i]); ok {
				s.rename(inner, e, renames)
			}
		}
	}
}
