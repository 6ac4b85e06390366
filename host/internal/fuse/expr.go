package fuse

// expr is a constant expression of the fused module, without its end.
type expr struct {
	code []byte
	// known says that it is a number of type typ, which value is the bits of.
	known bool
	typ   byte // the opcode that makes one of the type
	value uint64
	// single says that it is one instruction that makes a number.
	single bool
}

// longestExpr bounds what comes of globals whose values are made of globals.
const longestExpr = 1 << 10

// skipExpr reads an expression without a look at it.
func skipExpr(r *reader) []byte {
	start := r.pos
	e := exprReader{reader: r}
	for e.next() {
	}
	return r.b[start:r.pos]
}

// exprReader reads the instructions of an expression.
type exprReader struct {
	*reader
	op    byte
	start int
	value uint64 // of a constant, or an index
}

// next reads an instruction; false at the end.
func (e *exprReader) next() bool {
	if !e.ok() {
		return false
	}
	e.start = e.pos
	switch e.op = e.u8(); e.op {
	case opEnd:
		return false
	case opI32Const:
		e.value = uint64(uint32(e.signed(32)))
	case opI64Const:
		e.value = uint64(e.signed(64))
	case opF32Const:
		e.bytes(4)
	case opF64Const:
		e.bytes(8)
	case opGlobalGet, opRefFunc:
		e.value = uint64(e.u32())
	case opRefNull:
		if t := e.u8(); t != 0x70 && t != 0x6f {
			e.fail("heap type %#02x is not known", t)
		}
	case 0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e:
	case prefixVector:
		if sub := e.u32(); sub != 12 {
			e.fail("instruction 0xfd %d is not constant", sub)
		}
		e.bytes(16)
	default:
		e.fail("instruction %#02x is not constant", e.op)
	}
	return e.ok()
}

// expr makes an expression of a part one of the fused module.
func (l *linker) expr(p int, r *reader) expr {
	var out expr
	var stack []expr // values, without their code
	n := 0
	for e := (exprReader{reader: r}); e.next(); n++ {
		value := expr{typ: e.op, value: e.value, known: e.op == opI32Const || e.op == opI64Const,
			single: e.op >= opI32Const && e.op <= opF64Const}
		code := r.b[e.start:r.pos]
		switch e.op {
		case opGlobalGet:
			value = l.globalValue(p, r, e.value)
			code = value.code
		case opRefFunc:
			code = leb([]byte{opRefFunc}, l.index(p, r, funcs, e.value))
		case 0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e:
			if len(stack) < 2 {
				r.fail("an expression is malformed")
				return out
			}
			value = compute(e.op, stack[len(stack)-2], stack[len(stack)-1])
			stack = stack[:len(stack)-2]
		}
		out.code = append(out.code, code...)
		if stack = append(stack, value); len(out.code) > longestExpr {
			r.fail("an expression is too long")
			return out
		}
	}
	if len(stack) != 1 {
		r.fail("an expression is malformed")
		return out
	}
	return finish(out, stack[0], n)
}

// finish writes an expression that is known as one constant.
func finish(e, value expr, n int) expr {
	if !value.known {
		e.single = value.single && n == 1
		return e
	}
	value.single = true
	value.code = []byte{value.typ}
	if value.typ == opI32Const {
		value.code = signedLEB(value.code, int64(int32(value.value)))
	} else {
		value.code = signedLEB(value.code, int64(value.value))
	}
	return value
}

// compute is an operation on two values, which is known when both are.
func compute(op byte, a, b expr) expr {
	typ := byte(opI32Const)
	if op >= 0x7c {
		typ, op = opI64Const, op-0x7c+0x6a
	}
	v := expr{typ: typ, known: a.known && b.known && a.typ == typ && b.typ == typ}
	switch op {
	case 0x6a:
		v.value = a.value + b.value
	case 0x6b:
		v.value = a.value - b.value
	case 0x6c:
		v.value = a.value * b.value
	}
	if typ == opI32Const {
		v.value = uint64(uint32(v.value))
	}
	return v
}

// globalValue is what an imported global, which cannot change, has as its value:
// the expression of an earlier part, or that of the fused module's own import.
func (l *linker) globalValue(p int, r *reader, index uint64) expr {
	if index >= uint64(l.imported[p][globals]) || l.parts[p].items[Global][index].mutable() {
		r.fail("global %d is not constant", index)
		return expr{}
	}
	at := l.refs[p][Global][index]
	if at.part != Outside {
		return l.values[at.part][at.index]
	}
	return expr{code: leb([]byte{opGlobalGet}, l.outside[at.index])}
}
