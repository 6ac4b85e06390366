package binary

// coreTypeItem reads a core type of a component or of a component-level type.
func (d *decoder) coreTypeItem() Item {
	t := &CoreType{Pos: Pos(d.pos)}
	switch c := d.peek(); c {
	case 0x50:
		d.u8()
		t.Module = d.moduleType()
	case 0x00:
		d.u8()
		f := d.moduleTypeFunc()
		t.Func = &f
	default:
		f := d.coreFuncType()
		t.Func = &f
	}
	d.scope().coreTypes = append(d.scope().coreTypes, t)
	return t
}

// moduleType reads a module type. Its own type index space starts empty.
func (d *decoder) moduleType() *ModuleType {
	m := &ModuleType{}
	var types []*CoreFuncType
	for i := d.count(100_000, "module type declarations"); i > 0 && d.ok(); i-- {
		at, kind := d.pos, d.u8()
		switch kind {
		case 0:
			m.Imports = append(m.Imports, d.moduleImport(types))
		case 1:
			f := d.moduleTypeFunc()
			types = append(types, &f)
		case 2:
			types = append(types, d.moduleTypeAlias())
		case 3:
			name := d.name()
			m.Exports = append(m.Exports, ModuleTypeExport{Name: name, Type: d.coreExtern(types)})
		default:
			d.failAt(at, "invalid byte %#02x for a module type declaration", kind)
		}
	}
	return m
}

// moduleTypeFunc reads a function type, or a subtype that is one.
func (d *decoder) moduleTypeFunc() CoreFuncType {
	at, c := d.pos, d.peek()
	if c != 0x50 && c != 0x4f {
		return d.coreFuncType()
	}
	d.u8()
	if d.plainCount(1, "supertypes") > 0 {
		d.unsupported(at, "garbage collection", "a supertype")
	}
	f := d.coreFuncType()
	f.Open = c == 0x50
	return f
}

// moduleTypeAlias reads an outer alias. The module type itself is scope 0.
func (d *decoder) moduleTypeAlias() *CoreFuncType {
	at := d.pos
	if sort, kind := d.u8(), d.u8(); sort != 0x10 || kind != 0x01 {
		d.failAt(at, "invalid bytes %#02x %#02x for an alias in a module type", sort, kind)
	}
	count := d.u32()
	index := d.u32()
	switch {
	case !d.ok():
		return nil
	case count == 0:
		d.failAt(at, "an alias in a module type cannot refer to the module type itself")
		return nil
	}
	t := d.outerCoreType(count-1, index)
	if t == nil || t.Func == nil {
		d.failAt(at, "an alias in a module type refers to core type %d, which is not a function type", index)
		return nil
	}
	return t.Func
}

// moduleImport reads an import of a module or module type. types is the type
// index space so far.
func (r *reader) moduleImport(types []*CoreFuncType) ModuleImport {
	module := r.name()
	name := r.name()
	return ModuleImport{Module: module, Name: name, Type: r.coreExtern(types)}
}

func (r *reader) coreExtern(types []*CoreFuncType) CoreExtern {
	at, kind := r.pos, r.u8()
	switch kind {
	case 0:
		return CoreExtern{Sort: SortCoreFunc, Func: r.funcTypeRef(types)}
	case 1:
		return CoreExtern{Sort: SortCoreTable, Table: r.tableType()}
	case 2:
		return CoreExtern{Sort: SortCoreMemory, Memory: r.memoryType()}
	case 3:
		return CoreExtern{Sort: SortCoreGlobal, Global: r.globalType()}
	case 4:
		return CoreExtern{Sort: SortCoreTag, Func: r.tagType(types)}
	default:
		r.failAt(at, "invalid byte %#02x for the kind of an import or export", kind)
	}
	return CoreExtern{}
}

// tagType reads the type of an exception.
func (r *reader) tagType(types []*CoreFuncType) *CoreFuncType {
	at := r.pos
	r.need(at, "exceptions", "a tag")
	if attribute := r.u8(); attribute != 0 {
		r.failAt(at, "invalid byte %#02x for a tag", attribute)
	}
	was := r.typeRef
	t := r.funcTypeRef(types)
	r.typeRef = was
	if len(t.Results) > 0 {
		r.failAt(at, "a tag's type has results")
	}
	return t
}

func (r *reader) funcTypeRef(types []*CoreFuncType) *CoreFuncType {
	at, i := r.pos, r.u32()
	if int64(i) >= int64(len(types)) {
		r.failAt(at, "unknown type %d: type index out of bounds", i)
		return &CoreFuncType{}
	}
	r.typeRef = i
	return types[i]
}

func (r *reader) coreFuncType() CoreFuncType {
	at, c := r.pos, r.u8()
	switch c {
	case 0x60:
	case 0x4e, 0x4f, 0x50, 0x5e, 0x5f:
		r.unsupported(at, "garbage collection", "a recursive, sub-, array or struct type")
	case 0x5d:
		r.unsupported(at, "stack switching", "a continuation type")
	case 0x65:
		r.unsupported(at, "shared-everything threads", "a shared type")
	default:
		r.failAt(at, "invalid byte %#02x for a core type", c)
	}
	params := r.coreValTypes("parameters")
	return CoreFuncType{Params: params, Results: r.coreValTypes("results")}
}

func (r *reader) coreValTypes(what string) []CoreValType {
	n := r.plainCount(maxParams, what)
	if n == 0 {
		return nil
	}
	out := make([]CoreValType, n)
	for i := range out {
		out[i] = r.coreValType()
	}
	return out
}

// coreValType reads a value type and refuses those the engine has switched off.
func (r *reader) coreValType() CoreValType {
	at, c := r.pos, r.u8()
	switch t := CoreValType(c); t {
	case I32, I64, CoreF32, CoreF64, V128, FuncRef:
		return t
	case ExternRef:
		r.need(at, "garbage-collected references", "externref")
		return t
	}
	r.refuseRefType(at, c)
	return I32
}

// refuseRefType names the feature that a reference type other than funcref
// needs.
func (r *reader) refuseRefType(at int, c byte) {
	switch c {
	case 0x6e:
		r.unsupported(at, "garbage collection", "anyref")
	case 0x69, 0x74:
		r.unsupported(at, "exceptions", "exnref")
	case 0x6d, 0x6c, 0x6b, 0x6a, 0x71, 0x72, 0x73:
		r.unsupported(at, "garbage collection", "a reference type other than funcref")
	case 0x63, 0x64:
		r.unsupported(at, "typed function references", "a typed reference")
	case 0x68, 0x75:
		r.unsupported(at, "stack switching", "contref")
	case 0x65:
		r.unsupported(at, "shared-everything threads", "a shared reference")
	default:
		r.failAt(at, "invalid byte %#02x for a core value type", c)
	}
}

func (r *reader) refType() CoreValType {
	at := r.pos
	t := r.coreValType()
	if r.ok() && t != FuncRef && t != ExternRef {
		r.failAt(at, "%s is not a reference type", t)
	}
	return t
}

// Bits of the flags byte before table and memory limits.
const (
	limitMax      = 1
	limitShared   = 2
	limit64       = 4
	limitPageSize = 8
)

func (r *reader) coreLimits(what string) CoreLimits {
	at, flags := r.pos, r.u8()
	switch {
	case flags == limitShared|limitMax && what == "memory":
		r.need(at, "threads", "a shared memory")
	case flags&limitShared != 0:
		r.failAt(at, "a shared %s without a maximum, or that cannot be shared", what)
	case flags&limit64 != 0:
		r.unsupported(at, "memory64", "a 64-bit "+what)
	case flags&limitPageSize != 0:
		r.unsupported(at, "custom page sizes", "a "+what+" with its own page size")
	case flags > limitMax:
		r.failAt(at, "invalid byte %#02x for limits", flags)
	}
	l := CoreLimits{Min: uint64(r.u32()), Shared: flags&limitShared != 0}
	if flags&limitMax != 0 {
		most := uint64(r.u32())
		l.Max = &most
		if most < l.Min {
			r.failAt(at, "size minimum must not be greater than maximum")
		}
	}
	return l
}

func (r *reader) tableType() TableType {
	if r.peek() == 0x40 {
		r.unsupported(r.pos, "typed function references", "a table with an initial value")
	}
	at := r.pos
	elem := r.refType()
	t := TableType{Elem: elem, Limits: r.coreLimits("table")}
	if t.Limits.Min > uint64(r.limits.Elements) {
		r.failAt(at, "a table of %d entries: the limit is %d", t.Limits.Min, r.limits.Elements)
	}
	return t
}

// memoryPages is how many pages of 64 KiB a 32-bit memory can have.
const memoryPages = 1 << 16

func (r *reader) memoryType() MemoryType {
	at := r.pos
	m := MemoryType{Limits: r.coreLimits("memory")}
	if m.Limits.Min > memoryPages || m.Limits.Max != nil && *m.Limits.Max > memoryPages {
		r.failAt(at, "memory size must be at most %d pages (4 GiB)", memoryPages)
	}
	return m
}

func (r *reader) globalType() GlobalType {
	t := r.coreValType()
	at, flags := r.pos, r.u8()
	switch {
	case flags == 2 || flags == 3:
		r.unsupported(at, "shared-everything threads", "a shared global")
	case flags > 3:
		r.failAt(at, "invalid byte %#02x for a global's mutability", flags)
	}
	return GlobalType{Type: t, Mutable: flags == 1}
}
