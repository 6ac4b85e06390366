package binary

// decodeModule reads the core module that fills the reader's range.
func decodeModule(r *reader) *Module {
	d := &moduleDecoder{reader: r, m: &Module{Offset: r.pos, Bytes: r.b[r.pos:r.end:r.end]}}
	d.header()
	for r.ok() && r.pos < r.end {
		d.section()
	}
	if r.ok() && len(d.m.Bodies) != len(d.m.Funcs)-d.m.ImportedFuncs {
		r.fail("function and code section have inconsistent lengths")
	}
	return d.m
}

type moduleDecoder struct {
	*reader
	m *Module
	// types points at m.Types' entries, the form that import decoding takes.
	types []*CoreFuncType
	// tags are the exceptions, imported ones first.
	tags []*CoreFuncType
	// last is the rank of the last section read.
	last int
}

func (d *moduleDecoder) header() {
	b := d.bytes(headerBytes)
	switch {
	case b == nil:
	case string(b) == moduleHeader:
	case string(b[:4]) == magic && b[6] == layer:
		d.failAt(d.m.Offset, "a component where a core module is expected")
	default:
		d.failAt(d.m.Offset, "the header of a core module is malformed")
	}
}

// moduleSection is a known section: its name, its rank in the required order,
// and its reader.
type moduleSection struct {
	name string
	rank int
	read func(*moduleDecoder)
}

var moduleSections = [...]moduleSection{
	1:  {"type section", 1, (*moduleDecoder).typeSection},
	2:  {"import section", 2, (*moduleDecoder).importSection},
	3:  {"function section", 3, (*moduleDecoder).functionSection},
	4:  {"table section", 4, (*moduleDecoder).tableSection},
	5:  {"memory section", 5, (*moduleDecoder).memorySection},
	6:  {"global section", 7, (*moduleDecoder).globalSection},
	7:  {"export section", 8, (*moduleDecoder).exportSection},
	8:  {"start section", 9, (*moduleDecoder).startSection},
	9:  {"element section", 10, (*moduleDecoder).elementSection},
	10: {"code section", 12, (*moduleDecoder).codeSection},
	11: {"data section", 13, (*moduleDecoder).dataSection},
	12: {"data count section", 11, func(d *moduleDecoder) { d.u32() }},
	13: {"tag section", 6, (*moduleDecoder).tagSection},
}

func (d *moduleDecoder) section() {
	at := d.pos
	id := int(d.u8())
	if id == 0 {
		d.sub("custom section", func() { d.customSection(at) })
		return
	}
	if id >= len(moduleSections) {
		d.failAt(at, "unknown core section %d", id)
		return
	}
	s := moduleSections[id]
	if s.rank <= d.last {
		d.failAt(at, "%s out of order or twice", s.name)
		return
	}
	d.last = s.rank
	d.push(s.name, -1)
	d.sub(s.name, func() { s.read(d) })
	d.pop()
}

func (d *moduleDecoder) customSection(at int) {
	name := d.name()
	d.take(at, 1)
	d.m.Customs = append(d.m.Customs, Custom{Pos: Pos(at), Name: name, Data: d.bytes(d.rest())})
}

func (d *moduleDecoder) typeSection() {
	d.m.Types = vec(d.reader, d.left, "types", d.coreFuncType)
	d.types = make([]*CoreFuncType, len(d.m.Types))
	for i := range d.m.Types {
		d.types[i] = &d.m.Types[i]
	}
}

func (d *moduleDecoder) importSection() {
	n := d.count(d.left, "imports")
	for i := 0; i < n && d.ok(); i++ {
		d.push("import", i)
		d.addImport()
		d.pop()
	}
	m := d.m
	m.ImportedFuncs, m.ImportedTables = len(m.Funcs), len(m.Tables)
	m.ImportedMemories, m.ImportedGlobals = len(m.Memories), len(m.Globals)
}

func (d *moduleDecoder) addImport() {
	at := d.pos
	im := d.moduleImport(d.types)
	if !d.ok() {
		return
	}
	m := d.m
	m.Imports = append(m.Imports, im)
	switch im.Type.Sort {
	case SortCoreFunc:
		m.Funcs = append(m.Funcs, d.typeRef)
		d.checkFunctions(at)
	case SortCoreTable:
		m.Tables = append(m.Tables, im.Type.Table)
	case SortCoreMemory:
		m.Memories = append(m.Memories, im.Type.Memory)
		d.checkMemories(at)
	case SortCoreGlobal:
		m.Globals = append(m.Globals, im.Type.Global)
	case SortCoreTag:
		d.tags = append(d.tags, im.Type.Func)
	}
}

func (d *moduleDecoder) checkFunctions(at int) {
	if n := len(d.m.Funcs); n > d.limits.Functions {
		d.failAt(at, "more than %d functions", d.limits.Functions)
	}
}

func (d *moduleDecoder) checkMemories(at int) {
	if n := len(d.m.Memories); n > d.limits.Memories {
		d.failAt(at, "%d memories: the limit is %d", n, d.limits.Memories)
	}
}

func (d *moduleDecoder) functionSection() {
	at := d.pos
	n := d.plainCount(d.limits.Functions, "functions")
	funcs := make([]uint32, len(d.m.Funcs), len(d.m.Funcs)+n)
	copy(funcs, d.m.Funcs)
	for i := 0; i < n && d.ok(); i++ {
		start, t := d.pos, d.u32()
		if int64(t) >= int64(len(d.types)) {
			d.failAt(start, "unknown type %d: type index out of bounds", t)
		}
		funcs = append(funcs, t)
	}
	d.m.Funcs = funcs
	d.checkFunctions(at)
}

func (d *moduleDecoder) tableSection() {
	d.m.Tables = append(d.m.Tables, vec(d.reader, 100, "tables", d.tableType)...)
}

func (d *moduleDecoder) memorySection() {
	at := d.pos
	d.m.Memories = append(d.m.Memories, vec(d.reader, 100, "memories", d.memoryType)...)
	d.checkMemories(at)
}

func (d *moduleDecoder) globalSection() {
	d.m.Globals = append(d.m.Globals, vec(d.reader, d.left, "globals", func() GlobalType {
		t := d.globalType()
		d.constExpr()
		return t
	})...)
}

func (d *moduleDecoder) tagSection() {
	d.tags = append(d.tags, vec(d.reader, d.left, "tags", func() *CoreFuncType { return d.tagType(d.types) })...)
}

func (d *moduleDecoder) exportSection() {
	seen := make(map[string]bool)
	d.m.Exports = vec(d.reader, d.left, "exports", func() ModuleExport {
		at := d.pos
		e := d.moduleExport()
		if seen[e.Name] {
			d.failAt(at, "duplicate export name %s", quote(e.Name))
		}
		seen[e.Name] = true
		return e
	})
}

func (d *moduleDecoder) moduleExport() ModuleExport {
	e := ModuleExport{Name: d.name()}
	at, kind := d.pos, d.u8()
	e.Index = d.u32()
	if !d.ok() {
		return e
	}
	i, m, found := int64(e.Index), d.m, false
	switch kind {
	case 0:
		e.Type.Sort = SortCoreFunc
		if found = i < int64(len(m.Funcs)); found {
			e.Type.Func = d.types[m.Funcs[i]]
		}
	case 1:
		e.Type.Sort = SortCoreTable
		if found = i < int64(len(m.Tables)); found {
			e.Type.Table = m.Tables[i]
		}
	case 2:
		e.Type.Sort = SortCoreMemory
		if found = i < int64(len(m.Memories)); found {
			e.Type.Memory = m.Memories[i]
		}
	case 3:
		e.Type.Sort = SortCoreGlobal
		if found = i < int64(len(m.Globals)); found {
			e.Type.Global = m.Globals[i]
		}
	case 4:
		e.Type.Sort = SortCoreTag
		if found = i < int64(len(d.tags)); found {
			e.Type.Func = d.tags[i]
		}
	default:
		d.failAt(at, "invalid byte %#02x for the kind of an export", kind)
	}
	if !found {
		d.failAt(at, "export %s: unknown %s %d: index out of bounds", quote(e.Name), e.Type.Sort, e.Index)
	}
	return e
}

func (d *moduleDecoder) startSection() {
	at, i := d.pos, d.u32()
	if int64(i) >= int64(len(d.m.Funcs)) {
		d.failAt(at, "unknown function %d: index out of bounds", i)
	}
	d.m.Start = &i
}

// dataSection counts the segments; the engine reads them.
func (d *moduleDecoder) dataSection() {
	d.m.DataSegments = d.plainCount(100_000, "data segments")
	d.pos = d.end
}

// codeSection notes where each body is and checks what the engine should never
// see: bodies too large, locals too many or of types that are switched off.
func (d *moduleDecoder) codeSection() {
	n := d.plainCount(d.limits.Functions, "functions")
	d.m.Bodies = make([]Span, 0, n)
	for i := 0; i < n && d.ok(); i++ {
		d.body()
	}
	if !d.ok() && d.err.Path != "" {
		d.err.Path += ": " + path{{"function", d.m.ImportedFuncs + len(d.m.Bodies)}}.String()
	}
}

func (d *moduleDecoder) body() {
	at, size := d.pos, int64(d.u32())
	start := d.pos
	switch {
	case d.err != nil:
		return
	case size > int64(d.rest()):
		d.failAt(at, "unexpected end: body of %d bytes, %d left", size, d.rest())
		return
	case size > int64(d.limits.BodyBytes):
		d.failAt(at, "body of %d bytes: the limit is %d", size, d.limits.BodyBytes)
		return
	}
	outer := d.end
	d.end = start + int(size)
	d.locals()
	if d.err != nil {
		return
	}
	d.pos, d.end = d.end, outer
	d.m.Bodies = append(d.m.Bodies, Span{uint32(start - d.m.Offset), uint32(d.pos - d.m.Offset)})
}

func (d *moduleDecoder) locals() {
	at, total := d.pos, int64(0)
	for groups := d.plainCount(d.limits.Locals, "groups of locals"); groups > 0 && d.ok(); groups-- {
		total += int64(d.u32())
		d.coreValType()
		if total > int64(d.limits.Locals) {
			d.failAt(at, "more than %d locals", d.limits.Locals)
		}
	}
}
