package binary

// section reads one section of a component.
func (d *decoder) section() {
	at := d.pos
	d.take(at, 1)
	id := d.u8()
	switch id {
	case 0:
		d.sub("custom section", func() { d.add(d.custom(at)) })
	case 1:
		d.sub("core module", d.coreModule)
	case 2:
		d.items("core instance", SortCoreInstance, d.coreInstance)
	case 3:
		d.items("core type", SortCoreType, d.coreTypeItem)
	case 4:
		d.sub("component", d.nested)
	case 5:
		d.items("instance", SortInstance, d.instance)
	case 6:
		d.list("alias", func() Item { return d.alias() })
	case 7:
		d.items("type", SortType, d.typeItem)
	case 8:
		d.list("canon", d.canon)
	case 9:
		d.unsupported(at, "component values", "a start function")
	case 10:
		d.list("import", d.importItem)
	case 11:
		d.list("export", d.exportItem)
	case 12:
		d.unsupported(at, "component values", "a value section")
	default:
		d.failAt(at, "unknown component section %d", id)
	}
}

// items reads a section whose items all define an index of one sort: the path
// says which.
func (d *decoder) items(label string, sort Sort, read func() Item) {
	d.sub(label+" section", func() {
		n := d.count(d.limits.Definitions, label+" definitions")
		for i := 0; i < n && d.ok(); i++ {
			d.push(label, d.counts[sort])
			if item := read(); d.ok() {
				d.add(item)
			}
			d.pop()
		}
	})
}

// list is items for sections of mixed sorts: the path says which of the section.
func (d *decoder) list(label string, read func() Item) {
	d.sub(label+" section", func() {
		n := d.count(d.limits.Definitions, label+" definitions")
		for i := 0; i < n && d.ok(); i++ {
			d.push(label+" section item", i)
			if item := read(); d.ok() {
				d.add(item)
			}
			d.pop()
		}
	})
}

func (d *decoder) custom(at int) *Custom {
	name := d.name()
	return &Custom{Pos: Pos(at), Name: name, Data: d.bytes(d.rest())}
}

func (d *decoder) coreModule() {
	d.push("core module", d.counts[SortCoreModule])
	at := d.pos
	m := decodeModule(&d.reader)
	if d.ok() {
		d.add(&CoreModule{Pos: Pos(at), Module: m})
	}
	d.pop()
}

func (d *decoder) nested() {
	d.push("component", d.counts[SortComponent])
	at := d.pos
	c := d.component()
	if d.ok() {
		d.add(&Nested{Pos: Pos(at), Component: c})
	}
	d.pop()
}

func (d *decoder) coreInstance() Item {
	in := &CoreInstance{Pos: Pos(d.pos)}
	switch kind := d.u8(); kind {
	case 0:
		in.Module = d.u32()
		in.Args = vec(&d.reader, d.left, "arguments", d.coreArg)
	case 1:
		in.Inline = true
		in.Exports = vec(&d.reader, d.left, "exports", d.coreInlineExport)
	default:
		d.failAt(in.At(), "invalid byte %#02x for a core instance", kind)
	}
	return in
}

func (d *decoder) coreArg() CoreArg {
	arg := CoreArg{Name: d.name()}
	if at, kind := d.pos, d.u8(); kind != 0x12 {
		d.failAt(at, "invalid byte %#02x for the sort of a core argument", kind)
	}
	arg.Instance = d.u32()
	return arg
}

func (d *decoder) coreInlineExport() CoreInlineExport {
	e := CoreInlineExport{Name: d.name()}
	at := d.pos
	e.Sort = d.coreSort()
	if e.Sort > SortCoreTag {
		d.failAt(at, "a core instance cannot export %s", an(e.Sort))
	}
	e.Index = d.u32()
	return e
}

func (d *decoder) instance() Item {
	in := &Instance{Pos: Pos(d.pos)}
	switch kind := d.u8(); kind {
	case 0:
		in.Component = d.u32()
		in.Args = vec(&d.reader, d.left, "arguments", d.arg)
	case 1:
		in.Inline = true
		in.Exports = vec(&d.reader, d.left, "exports", d.inlineExport)
	default:
		d.failAt(in.At(), "invalid byte %#02x for an instance", kind)
	}
	return in
}

func (d *decoder) arg() Arg {
	name := d.name()
	sort := d.externSort()
	return Arg{Name: name, Sort: sort, Index: d.u32()}
}

func (d *decoder) inlineExport() InlineExport {
	name := d.externName()
	sort := d.externSort()
	return InlineExport{Name: name, Sort: sort, Index: d.u32()}
}

func (d *decoder) importItem() Item {
	at := Pos(d.pos)
	name := d.externName()
	return &Import{Pos: at, Name: name, Type: d.externType()}
}

func (d *decoder) exportItem() Item {
	e := &Export{Pos: Pos(d.pos), Name: d.externName()}
	e.Sort = d.externSort()
	e.Index = d.u32()
	if d.bool("the ascribed type of an export") {
		t := d.externType()
		e.Type = &t
	}
	return e
}

var coreSorts = map[byte]Sort{
	0x00: SortCoreFunc, 0x01: SortCoreTable, 0x02: SortCoreMemory, 0x03: SortCoreGlobal, 0x04: SortCoreTag,
	0x10: SortCoreType, 0x11: SortCoreModule, 0x12: SortCoreInstance,
}

func (d *decoder) coreSort() Sort {
	at, c := d.pos, d.u8()
	sort, ok := coreSorts[c]
	if !ok {
		d.failAt(at, "invalid byte %#02x for a core sort", c)
	}
	return sort
}

// sort reads any sort.
func (d *decoder) sort() Sort {
	at, c := d.pos, d.u8()
	switch c {
	case 0:
		return d.coreSort()
	case 1:
		return SortFunc
	case 2:
		d.unsupported(at, "component values", "a value")
		return SortValue
	case 3:
		return SortType
	case 4:
		return SortComponent
	case 5:
		return SortInstance
	}
	d.failAt(at, "invalid byte %#02x for a sort", c)
	return 0
}

// externSort reads the sort of something a component can import or export.
func (d *decoder) externSort() Sort {
	at := d.pos
	s := d.sort()
	if s.Core() && s != SortCoreModule {
		d.failAt(at, "%s cannot be imported or exported by a component", an(s))
	}
	return s
}

func (d *decoder) alias() *Alias {
	a := &Alias{Pos: Pos(d.pos)}
	a.Sort = d.sort()
	at := d.pos
	switch kind := d.u8(); kind {
	case 0:
		d.exportAlias(a)
	case 1:
		d.coreExportAlias(a)
	case 2:
		d.outerAlias(a)
	default:
		d.failAt(at, "invalid byte %#02x for an alias", kind)
	}
	return a
}

func (d *decoder) exportAlias(a *Alias) {
	if a.Sort.Core() && a.Sort != SortCoreModule {
		d.failAt(a.At(), "an instance cannot export %s", an(a.Sort))
	}
	a.Kind, a.Instance = AliasExport, d.u32()
	a.Name = d.name()
}

func (d *decoder) coreExportAlias(a *Alias) {
	if a.Sort > SortCoreTag {
		d.failAt(a.At(), "a core instance cannot export %s", an(a.Sort))
	}
	a.Kind, a.Instance = AliasCoreExport, d.u32()
	a.Name = d.name()
}

// outerAlias also resolves core types, since module types need them decoded.
func (d *decoder) outerAlias(a *Alias) {
	a.Kind, a.Count = AliasOuter, d.u32()
	a.Index = d.u32()
	switch a.Sort {
	case SortCoreType:
		d.scope().coreTypes = append(d.scope().coreTypes, d.outerCoreType(a.Count, a.Index))
	case SortCoreModule, SortType, SortComponent:
	default:
		d.failAt(a.At(), "an outer alias cannot refer to %s", an(a.Sort))
	}
}

// outerCoreType finds a core type count scopes outward.
func (d *decoder) outerCoreType(count, index uint32) *CoreType {
	if int64(count) >= int64(len(d.scopes)) {
		d.fail("invalid outer alias count %d: there are %d enclosing scopes", count, len(d.scopes)-1)
		return nil
	}
	types := d.scopes[len(d.scopes)-1-int(count)].coreTypes
	if int64(index) >= int64(len(types)) {
		d.fail("unknown core type %d: index out of bounds", index)
		return nil
	}
	return types[index]
}

// externName reads a name and its attributes.
func (d *decoder) externName() ExternName {
	at, kind := d.pos, d.u8()
	if kind > 2 {
		d.failAt(at, "invalid byte %#02x for a name", kind)
	}
	n := ExternName{Name: d.name()}
	if kind == 2 {
		seen := 0
		for i := d.count(3, "name attributes"); i > 0 && d.ok(); i-- {
			seen |= d.attribute(&n, seen)
		}
	}
	return n
}

// attribute reads one attribute and returns its bit.
func (d *decoder) attribute(n *ExternName, seen int) int {
	at, kind := d.pos, d.u8()
	value := d.name()
	switch kind {
	case 0:
		n.Implements, n.HasImplements = value, true
	case 1:
		n.VersionSuffix, n.HasVersionSuffix = value, true
	case 2:
		n.ExternalID, n.HasExternalID = value, true
	default:
		d.failAt(at, "invalid byte %#02x for a name attribute", kind)
		return 0
	}
	if seen&(1<<kind) != 0 {
		d.failAt(at, "duplicate name attribute")
	}
	return 1 << kind
}

func (d *decoder) externType() ExternType {
	at := d.pos
	t := ExternType{Sort: d.externSort()}
	if t.Sort == SortType {
		t.SubResource = d.bool("a type bound")
		if t.SubResource {
			return t
		}
	}
	if t.Sort == SortValue {
		d.unsupported(at, "component values", "a value")
	}
	t.Index = d.u32()
	return t
}
