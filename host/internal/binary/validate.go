package binary

import (
	"errors"
	"fmt"
)

// Parse decodes and validates a component. The error is an [*Error].
func Parse(b []byte, limits Limits) (*Component, error) {
	c, err := Decode(b, limits)
	if err != nil {
		return nil, err
	}
	if err := Validate(c); err != nil {
		return nil, err
	}
	if c.needs != nil {
		return nil, c.needs
	}
	return c, nil
}

// Validate checks what [Decode] left open: that indices are in bounds, names
// well formed and unique, types fit where they are used, resource types do not
// escape, and canonical definitions have the core signatures and options they
// need. After it a consumer can index without checking. Function bodies of core
// modules are left to the engine. The error is an [*Error].
func Validate(c *Component) error {
	v := &validator{budget: &budget{left: maxWork}}
	if _, err := v.component(c); err != nil {
		return err
	}
	return nil
}

// validator walks a component. Recursion is as deep as the decoder allowed.
type validator struct {
	*budget
	scopes []*scope
	path   path
}

func (v *validator) scope() *scope { return v.scopes[len(v.scopes)-1] }

// fail gives an error its place, unless an inner walk has done so.
func (v *validator) fail(at int, err error) error {
	var placed *Error
	if errors.As(err, &placed) {
		return placed
	}
	if v.left < 0 {
		err = errOver
	}
	e := &Error{Offset: at, Path: v.path.String(), Msg: err.Error()}
	var missing *missingFeature
	if errors.As(err, &missing) {
		e.Feature = missing.feature
	}
	return e
}

// component validates a component and returns its type.
func (v *validator) component(c *Component) (*componentType, error) {
	v.scopes = append(v.scopes, newScope(inComponent))
	var counts [SortInstance + 1]int
	for _, item := range c.Items {
		sort, _ := definedSort(item)
		if err := v.placed(item, counts[sort]); err != nil {
			return nil, err
		}
		counts[sort]++
	}
	return v.finish(c.Offset)
}

// placed validates one item under its path: "core instance 3".
func (v *validator) placed(item Item, index int) error {
	sort, defines := definedSort(item)
	if !defines {
		return nil
	}
	v.path = append(v.path, label(item, sort, index))
	err := v.item(item)
	if err == nil && v.left < 0 {
		err = errOver
	}
	if err != nil {
		err = v.fail(item.At(), err)
	}
	v.path = v.path[:len(v.path)-1]
	return err
}

// label names an item in a path: by what the user wrote where that has a name.
func label(item Item, sort Sort, index int) step {
	switch it := item.(type) {
	case *Import:
		return step{"import " + quote(it.Name.Name), -1}
	case *Export:
		return step{"export " + quote(it.Name.Name), -1}
	case *ExportDecl:
		return step{"export " + quote(it.Name.Name), -1}
	case *Canon:
		return step{"canon " + it.Kind.String() + ": " + sort.String(), index}
	case *Alias:
		return step{"alias: " + sort.String(), index}
	}
	return step{sort.String(), index}
}

func (v *validator) item(item Item) error {
	s := v.scope()
	switch it := item.(type) {
	case *CoreModule:
		m, err := newModuleType(it.Module.Imports, it.Module.Exports)
		s.coreModules = append(s.coreModules, m)
		return err
	case *CoreInstance:
		return v.coreInstance(it)
	case *CoreType:
		return s.coreType(it)
	case *Nested:
		c, err := v.component(it.Component)
		s.components = append(s.components, c)
		return err
	case *Instance:
		return v.instance(it)
	case *Alias:
		return v.alias(it)
	case *Type:
		return v.typeItem(it)
	case *Canon:
		return s.canon(it)
	case *Import:
		return v.importItem(it)
	case *Export:
		return v.exportItem(it)
	case *ExportDecl:
		return v.exportDecl(it)
	}
	return fmt.Errorf("unexpected item")
}

func (s *scope) coreType(it *CoreType) error {
	def := coreTypeDef{fn: it.Func}
	if it.Module != nil {
		var err error
		if def.module, err = moduleTypeOf(it.Module); err != nil {
			return err
		}
	}
	s.coreTypes = append(s.coreTypes, def)
	return nil
}

func moduleTypeOf(m *ModuleType) (*moduleType, error) {
	exports := make([]ModuleExport, len(m.Exports))
	for i, e := range m.Exports {
		exports[i] = ModuleExport{Name: e.Name, Type: e.Type}
	}
	return newModuleType(m.Imports, exports)
}

func (v *validator) typeItem(it *Type) error {
	s := v.scope()
	var t anyType
	var err error
	switch def := it.Def.(type) {
	case *FuncType:
		t, err = s.defineFunc(def)
	case *ComponentType:
		t, err = v.componentType(def, it.At())
	case *InstanceType:
		t, err = v.instanceType(def)
	case *ResourceType:
		t, err = s.resourceType(def)
	default:
		t, err = s.define(def)
	}
	s.types = append(s.types, t)
	return err
}

// resourceType introduces a resource type of this component's own.
func (s *scope) resourceType(def *ResourceType) (anyType, error) {
	if s.kind != inComponent {
		return nil, fmt.Errorf("resources can only be defined within a concrete component")
	}
	if def.Dtor != nil {
		f, err := s.coreFuncAt(*def.Dtor)
		if err != nil {
			return nil, err
		}
		if !f.Equal(signature(1, 0)) {
			return nil, fmt.Errorf("core function %d has the wrong signature for a destructor: %s", *def.Dtor, f)
		}
	}
	r := &resource{}
	s.defined = append(s.defined, r)
	put(&s.local, r, true)
	return &resourceAlias{res: r}, nil
}

func (v *validator) componentType(def *ComponentType, at int) (*componentType, error) {
	v.scopes = append(v.scopes, newScope(inComponentType))
	if err := v.decls(def.Decls); err != nil {
		return nil, err
	}
	return v.finish(at)
}

func (v *validator) instanceType(def *InstanceType) (*instanceType, error) {
	v.scopes = append(v.scopes, newScope(inInstanceType))
	if err := v.decls(def.Decls); err != nil {
		return nil, err
	}
	s := v.scope()
	v.scopes = v.scopes[:len(v.scopes)-1]
	return &instanceType{exports: s.exports.items, defines: s.defined, explicit: s.explicit, info: s.info}, nil
}

func (v *validator) decls(items []Item) error {
	var counts [SortInstance + 1]int
	for _, item := range items {
		sort, _ := definedSort(item)
		if err := v.placed(item, counts[sort]); err != nil {
			return err
		}
		counts[sort]++
	}
	return nil
}

// finish leaves the scope and sums it up as a component's type: resource types
// of its own must not occur in its imports, and in its exports only when they
// are exported themselves.
func (v *validator) finish(at int) (*componentType, error) {
	s := v.scope()
	v.scopes = v.scopes[:len(v.scopes)-1]
	c := &componentType{
		imports: s.imports.items, exports: s.exports.items,
		imported: s.imported, explicit: s.explicit, info: s.info,
	}
	inImports, inExports := newFree(v.budget), newFree(v.budget)
	inImports.addItems(c.imports)
	inExports.addItems(c.exports)
	for _, r := range s.defined {
		if inImports.set[r] {
			return nil, v.fail(at, errors.New("local resource type found in imports"))
		}
		if !inExports.set[r] {
			continue
		}
		p, ok := s.explicit[r]
		if !ok {
			return nil, v.fail(at, errors.New("local resource type found in export but not exported itself"))
		}
		c.defined = append(c.defined, resourcePath{r, p})
	}
	if v.left < 0 {
		return nil, v.fail(at, errOver)
	}
	return c, nil
}
