package fuse

// space is an index space of a module. The first are those of the kinds.
type space byte

const (
	funcs space = iota
	tables
	mems
	globals
	types
	elems
	datas
	spaces
)

// use is an index in a function's body.
type use struct {
	space space
	index uint32
	op    byte
	// The index takes the bytes from start to end, and the instruction begins
	// at begin.
	begin, start, end int
	// align is what stands before a memory's index in a load or store; memarg
	// says that it is one.
	align  uint32
	memarg bool
	// signed says that the index is written as a signed number.
	signed bool
}

// Opcodes that something is done with.
const (
	opCall               = 0x10
	opCallIndirect       = 0x11
	opReturnCall         = 0x12
	opReturnCallIndirect = 0x13
	opSelectTyped        = 0x1c
	opGlobalGet          = 0x23
	opGlobalSet          = 0x24
	opI32Const           = 0x41
	opI64Const           = 0x42
	opF32Const           = 0x43
	opF64Const           = 0x44
	opRefNull            = 0xd0
	opRefFunc            = 0xd2
	opEnd                = 0x0b
	prefixMisc           = 0xfc
	prefixVector         = 0xfd
)

// walker reads instructions and reports every index.
type walker struct {
	reader
	report func(use)
	op     byte
	begin  int
}

// locals reads the declarations that a body starts with.
func (w *walker) locals() {
	for n := w.count(); n > 0 && w.ok(); n-- {
		w.u32()
		w.valType()
	}
}

// code reads instructions to the end. What is not known is a fault.
func (w *walker) code() error {
	for w.more() {
		w.begin = w.pos
		w.op = w.u8()
		w.immediates()
	}
	return w.err
}

func (w *walker) immediates() {
	switch op := w.op; {
	case op <= 0x01, op == 0x05, op == opEnd, op == 0x0f, op == 0x1a, op == 0x1b, op >= 0x45 && op <= 0xc4, op == 0xd1:
	case op >= 0x02 && op <= 0x04:
		w.blockType()
	case op == 0x0c, op == 0x0d, op >= 0x20 && op <= 0x22:
		w.u32()
	case op == 0x0e:
		for n := w.count(); n >= 0 && w.ok(); n-- {
			w.u32()
		}
	case op == opCall, op == opReturnCall, op == opRefFunc:
		w.index(funcs)
	case op == opCallIndirect, op == opReturnCallIndirect:
		w.index(types)
		w.index(tables)
	case op == opSelectTyped:
		for n := w.count(); n > 0 && w.ok(); n-- {
			w.valType()
		}
	case op == opGlobalGet, op == opGlobalSet:
		w.index(globals)
	case op == 0x25, op == 0x26:
		w.index(tables)
	case op >= 0x28 && op <= 0x3e:
		w.memarg()
	case op == 0x3f, op == 0x40:
		w.index(mems)
	case op == opI32Const:
		w.signed(32)
	case op == opI64Const:
		w.signed(64)
	case op == opF32Const:
		w.bytes(4)
	case op == opF64Const:
		w.bytes(8)
	case op == opRefNull:
		w.heapType()
	case op == prefixMisc:
		w.misc()
	case op == prefixVector:
		w.vector()
	default:
		w.fail("instruction %#02x is not known", op)
	}
}

func (w *walker) index(s space) {
	start := w.pos
	i := w.u32()
	if w.ok() {
		w.report(use{space: s, index: i, op: w.op, begin: w.begin, start: start, end: w.pos})
	}
}

func (w *walker) blockType() {
	if w.pos < len(w.b) && w.b[w.pos] >= 0x40 && w.b[w.pos] < 0x80 {
		if w.b[w.pos] == 0x40 {
			w.pos++
			return
		}
		w.valType()
		return
	}
	start := w.pos
	i := w.signed(33)
	if w.ok() && i < 0 {
		w.fail("a block's type is not known")
	}
	if w.ok() {
		w.report(use{space: types, index: uint32(i), op: w.op, begin: w.begin, start: start, end: w.pos, signed: true})
	}
}

func (w *walker) valType() {
	switch t := w.u8(); t {
	case 0x7f, 0x7e, 0x7d, 0x7c, 0x7b, 0x70, 0x6f:
	default:
		w.fail("value type %#02x is not known", t)
	}
}

func (w *walker) heapType() {
	if t := w.u8(); t != 0x70 && t != 0x6f {
		w.fail("heap type %#02x is not known", t)
	}
}

// withMemory is the bit of a memarg's alignment that says that a memory's index follows.
const withMemory = 0x40

func (w *walker) memarg() {
	start := w.pos
	align, memory := w.u32(), uint32(0)
	if align >= 2*withMemory {
		w.fail("alignment %d is not known", align)
	}
	if align&withMemory != 0 {
		memory = w.u32()
	}
	end := w.pos
	w.u32()
	if w.ok() {
		w.report(use{space: mems, index: memory, op: w.op, begin: w.begin, start: start, end: end,
			align: align &^ withMemory, memarg: true})
	}
}

func (w *walker) misc() {
	switch sub := w.u32(); sub {
	case 0, 1, 2, 3, 4, 5, 6, 7:
	case 8:
		w.index(datas)
		w.index(mems)
	case 9:
		w.index(datas)
	case 10:
		w.index(mems)
		w.index(mems)
	case 11:
		w.index(mems)
	case 12:
		w.index(elems)
		w.index(tables)
	case 13:
		w.index(elems)
	case 14:
		w.index(tables)
		w.index(tables)
	case 15, 16, 17:
		w.index(tables)
	default:
		w.fail("instruction 0xfc %d is not known", sub)
	}
}

func (w *walker) vector() {
	switch sub := w.u32(); {
	case sub <= 11, sub == 92, sub == 93:
		w.memarg()
	case sub == 12, sub == 13:
		w.bytes(16)
	case sub >= 21 && sub <= 34:
		w.u8()
	case sub >= 84 && sub <= 91:
		w.memarg()
		w.u8()
	case sub <= 255:
	default:
		w.fail("instruction 0xfd %d is not known", sub)
	}
}

// Effects are what a function does by itself.
type Effects struct {
	// Calls are the functions that it calls. Indirect says that it may call
	// others too.
	Calls    []uint32
	Indirect bool
	// Tables and Memories are those that it reads, writes, grows or measures.
	Tables, Memories []uint32
}

// Scan reads a function's body, which starts with its locals.
func Scan(body []byte) (Effects, error) {
	var e Effects
	w := walker{reader: reader{b: body}, report: func(u use) { e.add(u) }}
	w.locals()
	err := w.code()
	return e, err
}

func (e *Effects) add(u use) {
	switch u.space {
	case funcs:
		if u.op != opRefFunc {
			e.Calls = append(e.Calls, u.index)
		}
	case tables:
		e.Indirect = e.Indirect || u.op == opCallIndirect || u.op == opReturnCallIndirect
		e.Tables = append(e.Tables, u.index)
	case mems:
		e.Memories = append(e.Memories, u.index)
	}
}
