package binary

func (d *decoder) typeItem() Item {
	at := Pos(d.pos)
	return &Type{Pos: at, Def: d.typeDef()}
}

var prims = map[byte]Prim{
	0x7f: Bool, 0x7e: S8, 0x7d: U8, 0x7c: S16, 0x7b: U16, 0x7a: S32, 0x79: U32, 0x78: S64, 0x77: U64,
	0x76: F32, 0x75: F64, 0x74: Char, 0x73: String, 0x64: ErrorContext,
}

// Most members of one type, as the reference validator has them.
const (
	maxFields = 10_000
	maxFlags  = 1_000
	maxParams = 1_000
)

func (d *decoder) typeDef() TypeDef {
	at, c := d.pos, d.u8()
	switch c {
	case 0x3f:
		return d.resourceType()
	case 0x40:
		return d.funcType(false)
	case 0x43:
		return d.funcType(true)
	case 0x41:
		return &ComponentType{Decls: d.decls("component type", true)}
	case 0x42:
		return &InstanceType{Decls: d.decls("instance type", false)}
	}
	if p, ok := prims[c]; ok {
		return p
	}
	return d.valueTypeDef(at, c)
}

// valueTypeDef reads a defined value type that is not primitive.
func (d *decoder) valueTypeDef(at int, c byte) TypeDef {
	switch c {
	case 0x72:
		return &Record{Fields: vec(&d.reader, maxFields, "fields", d.label)}
	case 0x71:
		return &Variant{Cases: vec(&d.reader, maxFields, "cases", d.variantCase)}
	case 0x70:
		return &List{Elem: d.valType()}
	case 0x67:
		elem := d.valType()
		return &List{Elem: elem, Fixed: true, Len: d.u32()}
	case 0x6f:
		return &Tuple{Types: vec(&d.reader, maxFields, "tuple types", d.valType)}
	case 0x6e:
		return &Flags{Labels: vec(&d.reader, maxFlags, "flags", d.name)}
	case 0x6d:
		return &Enum{Labels: vec(&d.reader, maxFields, "enum cases", d.name)}
	case 0x6b:
		return &Option{Elem: d.valType()}
	case 0x6a:
		ok := d.optValType()
		return &Result{OK: ok, Err: d.optValType()}
	case 0x69:
		return &Own{Index: d.u32()}
	case 0x68:
		return &Borrow{Index: d.u32()}
	case 0x66:
		return &Stream{Elem: d.optValType()}
	case 0x65:
		return &Future{Elem: d.optValType()}
	case 0x63:
		key := d.valType()
		return &Map{Key: key, Value: d.valType()}
	}
	d.failAt(at, "invalid byte %#02x for a type", c)
	return nil
}

func (d *decoder) valType() ValType {
	at := d.pos
	if p, ok := prims[d.peek()]; ok && d.pos < d.end {
		d.u8()
		return ValType{Prim: p}
	}
	i := d.signed(33)
	if i < 0 {
		d.failAt(at, "invalid byte %#02x for a value type", d.b[at])
	}
	return ValType{Index: uint32(i)}
}

func (d *decoder) optValType() *ValType {
	if !d.bool("an optional value type") {
		return nil
	}
	t := d.valType()
	return &t
}

func (d *decoder) label() Label {
	name := d.name()
	return Label{Name: name, Type: d.valType()}
}

func (d *decoder) variantCase() Case {
	c := Case{Name: d.name()}
	c.Type = d.optValType()
	if z := d.u8(); z != 0 {
		d.failAt(d.pos-1, "invalid byte %#02x after a variant case", z)
	}
	return c
}

func (d *decoder) funcType(async bool) *FuncType {
	params := vec(&d.reader, maxParams, "parameters", d.label)
	return &FuncType{Async: async, Params: params, Result: d.resultList()}
}

func (d *decoder) resultList() *ValType {
	at, kind := d.pos, d.u8()
	switch kind {
	case 0:
		t := d.valType()
		return &t
	case 1:
		if n := d.u8(); n != 0 {
			d.failAt(d.pos-1, "invalid byte %#02x for the number of results", n)
		}
	default:
		d.failAt(at, "invalid byte %#02x for a function's results", kind)
	}
	return nil
}

func (d *decoder) resourceType() *ResourceType {
	at := d.pos
	switch rep := d.coreValType(); {
	case !d.ok():
	case rep == I64:
		d.unsupported(at, "memory64", "a resource represented as i64")
	case rep != I32:
		d.failAt(at, "resources can only be represented by i32, not %s", rep)
	}
	r := &ResourceType{}
	if d.bool("an optional destructor") {
		dtor := d.u32()
		r.Dtor = &dtor
	}
	return r
}

// decls reads the declarations of a component or instance type.
func (d *decoder) decls(label string, imports bool) []Item {
	if !d.enter() {
		return nil
	}
	n := d.count(d.limits.Definitions, "declarations")
	items := make([]Item, 0, min(n, 256))
	for i := 0; i < n && d.ok(); i++ {
		d.push(label+" declaration", i)
		items = append(items, d.decl(imports))
		d.pop()
	}
	d.leave()
	return items
}

func (d *decoder) decl(imports bool) Item {
	at, kind := d.pos, d.u8()
	switch kind {
	case 0:
		return d.coreTypeItem()
	case 1:
		return d.typeItem()
	case 2:
		return d.declAlias()
	case 3:
		if imports {
			return d.importItem()
		}
	case 4:
		p := Pos(d.pos)
		name := d.externName()
		return &ExportDecl{Pos: p, Name: name, Type: d.externType()}
	}
	d.failAt(at, "invalid byte %#02x for a declaration", kind)
	return nil
}

// declAlias reads an alias inside a type, where fewer sorts may occur.
func (d *decoder) declAlias() Item {
	a := d.alias()
	allowed := a.Sort == SortType || a.Sort == SortInstance && a.Kind == AliasExport ||
		a.Sort == SortCoreType && a.Kind == AliasOuter
	if a.Kind == AliasCoreExport || !allowed {
		d.failAt(a.At(), "an alias of %s is not allowed inside a type", an(a.Sort))
	}
	return a
}
