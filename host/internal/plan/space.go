package plan

import (
	"fmt"

	"github.com/writ-host/writ/host/internal/binary"
	"github.com/writ-host/writ/wit"
)

// scope is the part of a frame that nested components, and the types in it, can
// look out to. Indices stay valid while the spaces grow, so a scope can be kept
// by reference.
type scope struct {
	parent     *scope
	modules    []*module
	components []*closure
	instances  []*instance
	types      []typ
	funcs      []*function
}

// item is a component-level definition of any sort: the field of its sort is set.
type item struct {
	sort binary.Sort
	mod  *module
	fn   *function
	typ  typ
	comp *closure
	inst *instance
	pos  int // of the definition that exports it
}

// typ is an entry of the type index space: one field is set. Component types
// are never looked into and have none. What is missing must not be used.
type typ struct {
	val  *wit.Type
	res  *wit.Resource
	as   string // of a resource: its name here, when it has another one of its own
	fn   *wit.Func
	inst *instanceType

	missing *unsupported
}

// instanceType is an instance type with the scope it was written in.
type instanceType struct {
	def   *binary.InstanceType
	scope *scope
}

// closure is a component with the scope it was defined in.
type closure struct {
	comp  *binary.Component // nil for an imported one
	scope *scope
}

// function is a component function: imported by the root (lifted is nil), or
// lifted from core code.
type function struct {
	typ        *wit.Func
	imp, index int // in the draft's imports and their functions
	lifted     *lifted
	missing    *unsupported // why nothing may call it
}

// lifted is what a canon lift made.
type lifted struct {
	core  coreDef
	opts  options
	frame *frame
}

// instance is a component instance: its exports, in order.
type instance struct {
	names  []string
	byName map[string]item
}

func (i *instance) add(name string, it item) error {
	if _, taken := i.byName[name]; taken {
		return fmt.Errorf("export %q is there twice", name)
	}
	if i.byName == nil {
		i.byName = map[string]item{}
	}
	i.names = append(i.names, name)
	i.byName[name] = it
	return nil
}

// at is s[i], checked.
func at[T any](s []T, i uint32, sort binary.Sort) (T, error) {
	if uint64(i) < uint64(len(s)) {
		return s[i], nil
	}
	var none T
	return none, fmt.Errorf("%s %d does not exist", sort, i)
}

// typeAt is a type that is to be used.
func (s *scope) typeAt(i uint32) (typ, error) {
	t, err := at(s.types, i, binary.SortType)
	if err == nil && t.missing != nil {
		err = t.missing
	}
	return t, err
}

// item looks up a component-level definition.
func (s *scope) item(sort binary.Sort, i uint32) (it item, err error) {
	it.sort = sort
	switch sort {
	case binary.SortCoreModule:
		it.mod, err = at(s.modules, i, sort)
	case binary.SortFunc:
		it.fn, err = at(s.funcs, i, sort)
	case binary.SortType:
		it.typ, err = at(s.types, i, sort)
	case binary.SortComponent:
		it.comp, err = at(s.components, i, sort)
	case binary.SortInstance:
		it.inst, err = at(s.instances, i, sort)
	default:
		err = refuse(sort.String(), "%s %d: this host does not support that sort here", sort, i)
	}
	return it, err
}

// add gives a component-level definition the next index of its sort.
func (s *scope) add(it item) {
	switch it.sort {
	case binary.SortCoreModule:
		s.modules = append(s.modules, it.mod)
	case binary.SortFunc:
		s.funcs = append(s.funcs, it.fn)
	case binary.SortType:
		s.types = append(s.types, it.typ)
	case binary.SortComponent:
		s.components = append(s.components, it.comp)
	case binary.SortInstance:
		s.instances = append(s.instances, it.inst)
	}
}

// outer is the scope count levels out.
func (s *scope) outer(count uint32) (*scope, error) {
	for out := s; out != nil; out = out.parent {
		if count == 0 {
			return out, nil
		}
		count--
	}
	return nil, fmt.Errorf("outer alias looks beyond the outermost component")
}

// aliasOuter adds what an outer alias refers to. Core types are not tracked:
// nothing that is planned needs them.
func (s *scope) aliasOuter(a *binary.Alias) error {
	from, err := s.outer(a.Count)
	if err != nil || a.Sort == binary.SortCoreType {
		return err
	}
	it, err := from.item(a.Sort, a.Index)
	if err == nil {
		s.add(it)
	}
	return err
}

// aliasExport adds an export of a component instance.
func (s *scope) aliasExport(a *binary.Alias) error {
	inst, err := at(s.instances, a.Instance, binary.SortInstance)
	if err != nil {
		return err
	}
	it, ok := inst.byName[a.Name]
	if !ok || it.sort != a.Sort {
		return fmt.Errorf("alias: instance %d has no %s %q", a.Instance, a.Sort, a.Name)
	}
	s.add(it)
	return nil
}

// fullName is a name of the root with the rest of its version, as the host
// knows it. Inside a component, names go without.
func fullName(n binary.ExternName) string { return n.Name + n.VersionSuffix }
