package plan

import (
	"fmt"

	"github.com/writ-host/writ/host/internal/binary"
	"github.com/writ-host/writ/wit"
)

// importItem runs an import: the argument of a nested component, or something
// that the host must supply.
func (f *flattener) importItem(fr *frame, it *binary.Import) error {
	if fr.caller == nil {
		return f.rootImport(fr, it)
	}
	arg, ok := fr.args[it.Name.Name]
	if !ok || arg.sort != it.Type.Sort {
		return fmt.Errorf("import %q: no argument supplies that %s", it.Name.Name, it.Type.Sort)
	}
	fr.add(arg)
	return nil
}

// rootImport adds an import to the plan.
func (f *flattener) rootImport(fr *frame, it *binary.Import) error {
	name := fullName(it.Name)
	b := importBuilder{f: f, scope: &fr.scope, imp: Import{Name: name}, index: len(f.imports)}
	arg, err := b.root(it)
	if err != nil {
		if u, ok := err.(*unsupported); ok {
			return refuse(u.feature, "import %q: %s", name, u.msg)
		}
		return fmt.Errorf("import %q: %w", name, err)
	}
	fr.add(arg)
	f.imports = append(f.imports, b.imp)
	return nil
}

// importBuilder collects what one import of the root declares.
type importBuilder struct {
	f     *flattener
	scope *scope
	imp   Import
	index int
	iface wit.Name
	depth int // of instances within it
}

func (b *importBuilder) root(it *binary.Import) (item, error) {
	switch it.Type.Sort {
	case binary.SortFunc:
		b.imp.Kind = ImportFunction
		return b.extern(b.imp.Name, it.Type)
	case binary.SortType:
		b.imp.Kind = ImportType
		return b.extern(b.imp.Name, it.Type)
	case binary.SortInstance:
		t, err := b.scope.typeAt(it.Type.Index)
		if err == nil && t.inst == nil {
			err = fmt.Errorf("type %d is not an instance type", it.Type.Index)
		}
		if err != nil {
			return item{}, err
		}
		b.iface = parseName(b.imp.Name)
		return b.instance(t.inst)
	}
	b.imp.Kind = ImportOther
	return b.other(it.Type.Sort)
}

// other is something that no host has to offer. It can be passed on, but not used.
func (b *importBuilder) other(sort binary.Sort) (item, error) {
	b.imp.Other = sort.String()
	switch sort {
	case binary.SortCoreModule:
		return item{sort: sort, mod: &module{}}, nil
	case binary.SortComponent:
		return item{sort: sort, comp: &closure{}}, nil
	}
	return item{}, refuse(sort.String()+" import", "%s imports are not supported by this host", sort)
}

// parseName is the name of an interface, or the zero name for a name that is
// not of that form.
func parseName(s string) wit.Name {
	n, err := wit.ParseName(s)
	if err != nil || n.Namespace == "" {
		return wit.Name{}
	}
	return n
}

// instance runs an instance type's declarations, so that its resource types
// are new ones and the rest refers to them.
func (b *importBuilder) instance(t *instanceType) (item, error) {
	outer := b.scope
	b.scope = &scope{parent: t.scope}
	defer func() { b.scope = outer }()
	inst := &instance{}
	for _, d := range t.def.Decls {
		if err := b.f.charge(1); err != nil {
			return item{}, err
		}
		if err := b.declaration(inst, d); err != nil {
			return item{}, err
		}
	}
	return item{sort: binary.SortInstance, inst: inst}, nil
}

// nested is an instance within the import. WIT has no such thing.
func (b *importBuilder) nested(def typ) (item, error) {
	if def.inst == nil {
		return item{}, fmt.Errorf("its type is not an instance type")
	}
	if b.depth++; b.depth > mostNesting {
		return item{}, fmt.Errorf("instances nest more than %d deep", mostNesting)
	}
	defer func() { b.depth-- }()
	b.imp.Other = "instance within an instance"
	return b.instance(def.inst)
}

func (b *importBuilder) declaration(inst *instance, d binary.Item) error {
	switch d := d.(type) {
	case *binary.CoreType:
		return nil
	case *binary.Type:
		t, err := b.f.evaluate(b.scope, d.Def)
		b.scope.types = append(b.scope.types, t)
		return err
	case *binary.Alias:
		if d.Kind == binary.AliasOuter {
			return b.scope.aliasOuter(d)
		}
		return b.scope.aliasExport(d)
	case *binary.ExportDecl:
		it, err := b.extern(d.Name.Name, d.Type)
		if err != nil {
			return fmt.Errorf("%q: %w", d.Name.Name, err)
		}
		b.scope.add(it)
		return inst.add(d.Name.Name, it)
	}
	return fmt.Errorf("unexpected declaration %T", d)
}

// extern adds a function or type to the import.
func (b *importBuilder) extern(name string, t binary.ExternType) (item, error) {
	switch {
	case t.Sort == binary.SortType && t.SubResource:
		r := &wit.Resource{Name: name, Interface: b.iface}
		b.imp.Resources = append(b.imp.Resources, r)
		b.imp.Types = append(b.imp.Types, wit.TypeDef{Name: name, Resource: r})
		return item{sort: binary.SortType, typ: typ{res: r}}, nil
	case t.Sort != binary.SortType && t.Sort != binary.SortFunc && t.Sort != binary.SortInstance:
		return b.other(t.Sort)
	}
	def, err := b.scope.typeAt(t.Index)
	if err != nil {
		return item{}, err
	}
	switch t.Sort {
	case binary.SortFunc:
		return b.function(name, def)
	case binary.SortInstance:
		return b.nested(def)
	}
	return b.typeDef(name, def), nil
}

func (b *importBuilder) function(name string, def typ) (item, error) {
	if def.fn == nil {
		return item{}, fmt.Errorf("its type is not a function type")
	}
	fn := &function{typ: renamed(def.fn, name), imp: b.index, index: len(b.imp.Funcs)}
	b.imp.Funcs = append(b.imp.Funcs, ImportFunc{Type: fn.typ})
	return item{sort: binary.SortFunc, fn: fn}, nil
}

// typeDef adds a type that equals an earlier one. Function, instance and
// component types have no name in an interface.
func (b *importBuilder) typeDef(name string, def typ) item {
	if def.val != nil {
		def.val = b.f.named(def.val, name)
	}
	if def.res != nil {
		def.as = name
	}
	if def.val != nil || def.res != nil {
		b.imp.Types = append(b.imp.Types, wit.TypeDef{Name: name, Type: def.val, Resource: def.res})
	}
	return item{sort: binary.SortType, typ: def}
}

func renamed(fn *wit.Func, name string) *wit.Func {
	if fn.Name == name {
		return fn
	}
	n := *fn
	n.Name = name
	return &n
}

// exportItem runs an export: it defines an index, and an export of the instance.
func (f *flattener) exportItem(fr *frame, it *binary.Export) error {
	def, err := fr.item(it.Sort, it.Index)
	if err != nil {
		return fmt.Errorf("export %q: %w", it.Name.Name, err)
	}
	if def.fn != nil && it.Type != nil {
		if def.fn, err = f.ascribe(fr, def.fn, it.Type); err != nil {
			return err
		}
	}
	def.pos = it.At()
	name := it.Name.Name
	if fr.caller == nil {
		name = fullName(it.Name)
	}
	def, err = f.export(&fr.exports, name, def)
	if err == nil {
		fr.add(def)
	}
	return err
}

// ascribe takes over a function's type from its export: the same type, in
// which the parts have the names that the interface gives them.
func (f *flattener) ascribe(fr *frame, fn *function, as *binary.ExternType) (*function, error) {
	if fn.missing != nil {
		return fn, nil
	}
	t, err := fr.typeAt(as.Index)
	if err != nil || t.fn == nil || fn.lifted == nil {
		return fn, err
	}
	if err := f.charge(f.funcSize(t.fn)); err != nil {
		return nil, err
	}
	if !wit.EqualFunc(t.fn, fn.typ) {
		return nil, fmt.Errorf("the exported function is not of the type that the export gives it")
	}
	named := *fn
	named.typ = t.fn
	return &named, nil
}

// export adds an export under a name, by which types and functions that have
// none are known from here on.
func (f *flattener) export(inst *instance, name string, it item) (item, error) {
	switch {
	case it.fn != nil && it.fn.lifted != nil && it.fn.typ.Name == "":
		fn := *it.fn
		fn.typ = renamed(fn.typ, name)
		it.fn = &fn
	case it.typ.val != nil:
		it.typ.val = f.named(it.typ.val, name)
	case it.typ.res != nil && it.typ.res.Name == "":
		it.typ.res.Name = name
	case it.typ.res != nil:
		it.typ.as = name
	}
	return it, inst.add(name, it)
}
