package host

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/writ-host/writ/host/internal/plan"
	"github.com/writ-host/writ/wit"
)

// Linker holds the interfaces that components may import. Fill it in, then
// prepare any number of components.
type Linker struct {
	bindings []wit.Binding
	// World functions, by name, of components that import functions without an interface.
	funcs map[string]worldFunc
}

type worldFunc struct {
	typ *wit.Func
	run wit.HostFunc
}

// Define offers an interface. An import of a compatible version of it is
// linked to it, by [wit.Name.Compatible]; the first that has the import's types
// serves. Of one that is offered with several types, only the first may have
// resources of its own.
func (l *Linker) Define(b wit.Binding) error {
	for _, f := range b.Interface.Funcs {
		if b.Funcs[f.Name] == nil {
			return fmt.Errorf("define %s: nothing implements %s", b.Interface.Name, f.Name)
		}
	}
	l.bindings = append(l.bindings, b)
	return nil
}

// DefineFunc offers a function that a component's world imports directly.
func (l *Linker) DefineFunc(f *wit.Func, run wit.HostFunc) {
	if l.funcs == nil {
		l.funcs = map[string]worldFunc{}
	}
	l.funcs[f.Name] = worldFunc{f, run}
}

// binding finds what satisfies an import.
func (l *Linker) binding(importName string) *wit.Binding {
	name := interfaceName(importName)
	for i := range l.bindings {
		if name.Compatible(l.bindings[i].Interface.Name) {
			return &l.bindings[i]
		}
	}
	return nil
}

// bind checks that every import is there with the right types, and puts the
// linker's resources into the plan.
func (l *Linker) bind(p *plan.Plan) (*plan.Plan, error) {
	if err := l.checkPresent(p); err != nil {
		return nil, err
	}
	bound, err := p.Bind(func(importName, resource string) *wit.Resource {
		if b := l.binding(importName); b != nil {
			return b.Interface.Resource(resource)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var problems []error
	for _, i := range bound.Imports {
		problems = append(problems, l.checkImport(i))
	}
	return bound, errors.Join(problems...)
}

// checkPresent names every import that nothing satisfies.
func (l *Linker) checkPresent(p *plan.Plan) error {
	var missing []error
	for _, i := range p.Imports {
		if i.Other != "" {
			missing = append(missing, fmt.Errorf("import %q: no host can offer a %s", i.Name, i.Other))
			continue
		}
		switch i.Kind {
		case plan.ImportInterface:
			if l.binding(i.Name) == nil {
				missing = append(missing, fmt.Errorf("import %q: nothing offers this interface%s", i.Name, l.versions(i.Name)))
			}
		case plan.ImportFunction:
			if l.funcs[i.Name].run == nil {
				missing = append(missing, fmt.Errorf("import %q: nothing offers this function", i.Name))
			}
		case plan.ImportType:
			if len(i.Resources) > 0 {
				missing = append(missing, fmt.Errorf("import %q: a resource without an interface is not supported", i.Name))
			}
		}
	}
	return errors.Join(missing...)
}

// versions says which incompatible versions of an interface there are.
func (l *Linker) versions(importName string) string {
	name, text := interfaceName(importName), ""
	for _, b := range l.bindings {
		if b.Interface.Name.Unversioned() == name.Unversioned() {
			text += ", only the incompatible version " + b.Interface.Name.Version
		}
	}
	return text
}

// checkImport looks for what has an import's types.
func (l *Linker) checkImport(i plan.Import) error {
	switch i.Kind {
	case plan.ImportFunction:
		return checkFunc(i.Name, i.Funcs[0].Type, l.funcs[i.Name].typ)
	case plan.ImportType:
		return nil
	}
	_, err := l.fitting(i)
	return err
}

// fitting is what satisfies an import of an interface: of all that offer it, the
// first with its types. The error is about the first one.
func (l *Linker) fitting(i plan.Import) (*wit.Binding, error) {
	name := interfaceName(i.Name)
	var problem error
	for n := range l.bindings {
		b := &l.bindings[n]
		if !name.Compatible(b.Interface.Name) {
			continue
		}
		err := checkTypes(i, b.Interface)
		if err == nil {
			return b, nil
		}
		problem = cmp.Or(problem, err)
	}
	return nil, problem
}

// checkTypes compares an import's types with those that are offered.
func checkTypes(i plan.Import, offered *wit.Interface) error {
	for _, t := range i.Types {
		have := offered.Type(t.Name)
		if t.Type != nil && (have == nil || !wit.Equal(t.Type, have)) {
			return fmt.Errorf("import %q: type %s is not the one of %s:\n  wanted %s\n  found  %s",
				i.Name, t.Name, offered.Name, describe(t.Name, t.Type), describe(t.Name, have))
		}
	}
	for _, f := range i.Funcs {
		if err := checkFunc(i.Name, f.Type, offered.Func(f.Type.Name)); err != nil {
			return err
		}
	}
	return nil
}

func checkFunc(importName string, want, have *wit.Func) error {
	switch {
	case have == nil:
		return fmt.Errorf("import %q: function %s is not offered", importName, want.Name)
	case !wit.EqualFunc(want, have):
		return fmt.Errorf("import %q: function %s has another type:\n  wanted %s\n  found  %s",
			importName, want.Name, want, have)
	}
	return nil
}

func describe(name string, t *wit.Type) string {
	if t == nil {
		return "none"
	}
	return t.Definition(name)
}
