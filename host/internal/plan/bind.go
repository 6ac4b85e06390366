package plan

import (
	"fmt"

	"github.com/writ-host/writ/wit"
)

// Bind is the plan with the host's own resource types in the place of the
// imports' placeholders, everywhere. resolve is asked once for each entry of
// [Import.Resources], with the import's name and the resource's (the same for
// an [ImportType]); nil means that the host has no such resource, an error.
//
// Imports that were one resource in the component stay one, and those that
// resolve gives one identity become one, so that what remains to be checked is
// that types are equal. The plan itself is not changed; modules, instances and
// slots are shared with it.
func (p *Plan) Bind(resolve func(importName, resourceName string) *wit.Resource) (*Plan, error) {
	b := binder{resources: map[*wit.Resource]*wit.Resource{}, types: map[*wit.Type]*wit.Type{},
		funcs: map[*wit.Func]*wit.Func{}, lifted: map[*Func]*Func{}}
	for _, imp := range p.Imports {
		for _, r := range imp.Resources {
			host := resolve(imp.Name, r.Name)
			if host == nil {
				return nil, fmt.Errorf("bind import %q: the host has no resource %q", imp.Name, r.Name)
			}
			b.resources[r] = host
		}
	}
	bound := *p
	bound.Trampolines = each(p.Trampolines, b.trampoline)
	bound.Imports = each(p.Imports, b.imported)
	bound.Exports = each(p.Exports, b.exported)
	return &bound, nil
}

// binder rewrites types. Types are shared, so each is rewritten once.
type binder struct {
	resources map[*wit.Resource]*wit.Resource
	types     map[*wit.Type]*wit.Type
	funcs     map[*wit.Func]*wit.Func
	lifted    map[*Func]*Func
}

func each[T any](in []T, f func(T) T) []T {
	out := make([]T, len(in))
	for i, v := range in {
		out[i] = f(v)
	}
	return out
}

func (b *binder) trampoline(t Trampoline) Trampoline {
	t.Type = b.function(t.Type)
	t.Callee = b.callable(t.Callee)
	t.Resource = b.resource(t.Resource)
	return t
}

func (b *binder) imported(i Import) Import {
	i.Funcs = each(i.Funcs, func(f ImportFunc) ImportFunc {
		f.Type = b.function(f.Type)
		return f
	})
	i.Types = each(i.Types, func(d wit.TypeDef) wit.TypeDef {
		d.Type, d.Resource = b.value(d.Type), b.resource(d.Resource)
		return d
	})
	i.Resources = each(i.Resources, b.resource)
	return i
}

func (b *binder) exported(e Export) Export {
	e.Func = b.callable(e.Func)
	e.Type, e.Resource = b.value(e.Type), b.resource(e.Resource)
	e.Items = each(e.Items, b.exported)
	return e
}

func (b *binder) resource(r *wit.Resource) *wit.Resource {
	if host := b.resources[r]; host != nil {
		return host
	}
	return r
}

func (b *binder) callable(f *Func) *Func {
	if f == nil || b.lifted[f] != nil {
		return b.lifted[f]
	}
	bound := *f
	bound.Type = b.function(f.Type)
	b.lifted[f] = &bound
	return &bound
}

func (b *binder) function(f *wit.Func) *wit.Func {
	if f == nil || b.funcs[f] != nil {
		return b.funcs[f]
	}
	bound := *f
	bound.Params = each(f.Params, func(p wit.Param) wit.Param {
		p.Type = b.value(p.Type)
		return p
	})
	bound.Result = b.value(f.Result)
	b.funcs[f] = &bound
	return &bound
}

// value rewrites a type. Its layout does not depend on which resource a handle
// is of, so only the parts change. Flatten bounds how deep types nest.
func (b *binder) value(t *wit.Type) *wit.Type {
	if t == nil || !t.HasHandle {
		return t
	}
	if bound := b.types[t]; bound != nil {
		return bound
	}
	bound := *t
	bound.Resource = b.resource(t.Resource)
	bound.Elem = b.value(t.Elem)
	bound.Fields = each(t.Fields, func(f wit.Field) wit.Field {
		f.Type = b.value(f.Type)
		return f
	})
	bound.Cases = each(t.Cases, func(c wit.Case) wit.Case {
		c.Type = b.value(c.Type)
		return c
	})
	b.types[t] = &bound
	return &bound
}
