package binary

// constExpr reads a constant expression. When it is a lone i32.const or
// ref.func, the kind says so and value is the constant or the index.
func (r *reader) constExpr() (kind byte, value uint32) {
	const opEnd = 0x0b
	for n := 0; r.ok(); n++ {
		at, op := r.pos, r.u8()
		if op == opEnd {
			if n != 1 {
				kind = 0
			}
			return kind, value
		}
		kind = op
		value = r.constOp(at, op)
	}
	return 0, 0
}

// Opcodes of constant expressions.
const (
	opI32Const = 0x41
	opRefFunc  = 0xd2
)

func (r *reader) constOp(at int, op byte) uint32 {
	switch op {
	case opI32Const:
		return uint32(r.signed(32))
	case 0x42:
		r.signed(64)
	case 0x43:
		r.bytes(4)
	case 0x44:
		r.bytes(8)
	case 0x23, opRefFunc:
		return r.u32()
	case 0xd0:
		r.refType()
	case 0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e: // extended constants
	case 0xfd:
		if sub := r.u32(); sub != 12 {
			r.failAt(at, "constant expression required: vector instruction %d", sub)
		}
		r.bytes(16)
	case 0xfb:
		r.unsupported(at, "garbage collection", "a constant expression that allocates")
	default:
		r.failAt(at, "constant expression required: instruction %#02x", op)
	}
	return 0
}

func (d *moduleDecoder) elementSection() {
	d.m.Elems = vec(d.reader, 100_000, "element segments", d.elemSegment)
}

// Bits of an element segment's flags.
const (
	elemNotActive = 1
	elemExplicit  = 2 // declared when not active, else with a table index
	elemExprs     = 4
)

func (d *moduleDecoder) elemSegment() ElemSegment {
	at, flags := d.pos, d.u32()
	if flags > 7 {
		d.failAt(at, "invalid flags %d for an element segment", flags)
	}
	s := ElemSegment{}
	switch {
	case flags&elemNotActive == 0:
		d.elemOffset(&s, flags)
	case flags&elemExplicit != 0:
		s.Mode = ElemDeclared
	default:
		s.Mode = ElemPassive
	}
	if flags&(elemNotActive|elemExplicit) != 0 {
		d.elemKind(flags)
	}
	if flags&elemExprs != 0 {
		d.elemExprs(&s)
	} else {
		d.elemFuncs(&s)
	}
	return s
}

func (d *moduleDecoder) elemOffset(s *ElemSegment, flags uint32) {
	at := d.pos
	if flags&elemExplicit != 0 {
		s.Table = d.u32()
	}
	if int64(s.Table) >= int64(len(d.m.Tables)) {
		d.failAt(at, "unknown table %d: index out of bounds", s.Table)
	}
	kind, value := d.constExpr()
	s.HasConstOffset, s.ConstOffset = kind == opI32Const, value
}

func (d *moduleDecoder) elemKind(flags uint32) {
	if flags&elemExprs != 0 {
		d.refType()
		return
	}
	if at, kind := d.pos, d.u8(); kind != 0 {
		d.failAt(at, "invalid byte %#02x for the kind of an element segment", kind)
	}
}

func (d *moduleDecoder) elemFuncs(s *ElemSegment) {
	s.Count = d.plainCount(d.limits.Elements, "elements")
	s.Funcs = make([]uint32, s.Count)
	for i := range s.Funcs {
		at := d.pos
		s.Funcs[i] = d.u32()
		if int64(s.Funcs[i]) >= int64(len(d.m.Funcs)) {
			d.failAt(at, "unknown function %d: index out of bounds", s.Funcs[i])
		}
		if !d.ok() {
			return
		}
	}
}

// elemExprs keeps the functions when every expression is a plain ref.func.
func (d *moduleDecoder) elemExprs(s *ElemSegment) {
	s.Count = d.plainCount(d.limits.Elements, "elements")
	plain := true
	for i := 0; i < s.Count && d.ok(); i++ {
		at := d.pos
		kind, f := d.constExpr()
		if plain = plain && kind == opRefFunc; !plain {
			s.Funcs = nil
			continue
		}
		if int64(f) >= int64(len(d.m.Funcs)) {
			d.failAt(at, "unknown function %d: index out of bounds", f)
		}
		s.Funcs = append(s.Funcs, f)
	}
}
