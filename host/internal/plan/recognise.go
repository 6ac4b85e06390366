package plan

import "github.com/writ-host/writ/host/internal/binary"

// isFixup says whether instantiating a module does nothing but write imported
// functions to one place of an imported table, and perhaps start one of them.
func isFixup(m *binary.Module) bool {
	if len(m.Exports) != 0 || len(m.Bodies) != 0 || m.DataSegments != 0 ||
		len(m.Memories) != 0 || len(m.Globals) != 0 || len(m.Tables) != 1 || m.ImportedTables != 1 ||
		m.ImportedFuncs+m.ImportedTables != len(m.Imports) || len(m.Elems) != 1 {
		return false
	}
	e := &m.Elems[0]
	return e.Mode == binary.ElemActive && e.Table == 0 && e.HasConstOffset && len(e.Funcs) == e.Count
}

// shimModule is a module that only forwards calls.
type shimModule struct {
	table string            // the name its table is exported by
	size  uint64            // of the table
	funcs map[string]uint64 // exported function to index in the table
}

// recogniseShim looks for a module that has a table, which starts empty, and
// functions that pass their parameters on to the function at a constant place
// in it; nil for any other module.
func recogniseShim(m *binary.Module) *shimModule {
	if len(m.Imports) != 0 || len(m.Tables) != 1 || len(m.Memories) != 0 || len(m.Globals) != 0 ||
		m.Start != nil || len(m.Elems) != 0 || m.DataSegments != 0 || len(m.Bodies) != len(m.Funcs) {
		return nil
	}
	shim := &shimModule{size: m.Tables[0].Limits.Min, funcs: map[string]uint64{}}
	tables := 0
	for _, x := range m.Exports {
		switch x.Type.Sort {
		case binary.SortCoreTable:
			shim.table = x.Name
			tables++
		case binary.SortCoreFunc:
			slot, ok := forwards(m, x.Index)
			if !ok {
				return nil
			}
			shim.funcs[x.Name] = slot
		default:
			return nil
		}
	}
	if tables != 1 {
		return nil
	}
	return shim
}

// The instructions of a forwarding function.
const (
	opEnd                = 0x0b
	opCallIndirect       = 0x11
	opReturnCallIndirect = 0x13
	opLocalGet           = 0x20
	opI32Const           = 0x41
)

// forwards reads a function that calls the entry of table 0 at a constant
// index, with its own parameters and type.
func forwards(m *binary.Module, fn uint32) (slot uint64, ok bool) {
	if uint64(fn) >= uint64(len(m.Bodies)) || uint64(m.Funcs[fn]) >= uint64(len(m.Types)) {
		return 0, false
	}
	span := m.Bodies[fn]
	if span.Start > span.End || uint64(span.End) > uint64(len(m.Bytes)) {
		return 0, false
	}
	c := code{b: m.Bytes[span.Start:span.End]}
	c.want(0) // no locals
	for i := range m.Types[m.Funcs[fn]].Params {
		c.want(opLocalGet)
		c.wantNumber(uint64(i))
	}
	c.want(opI32Const)
	slot = c.constant()
	if op := c.next(); op != opCallIndirect && op != opReturnCallIndirect {
		return 0, false
	}
	c.wantNumber(uint64(m.Funcs[fn]))
	c.wantNumber(0)
	c.want(opEnd)
	return slot, !c.bad && len(c.b) == 0
}

// code reads a function body; bad says that it is not what was wanted.
type code struct {
	b   []byte
	bad bool
}

func (c *code) next() byte {
	if len(c.b) == 0 {
		c.bad = true
		return 0
	}
	op := c.b[0]
	c.b = c.b[1:]
	return op
}

func (c *code) want(op byte) { c.bad = c.next() != op || c.bad }

// number reads an unsigned LEB128 number of at most 32 bits.
func (c *code) number() (n uint64, last byte) {
	for shift := 0; shift < 35; shift += 7 {
		last = c.next()
		n |= uint64(last&0x7f) << shift
		if last&0x80 == 0 {
			return n, last
		}
	}
	c.bad = true
	return 0, 0
}

func (c *code) wantNumber(want uint64) {
	n, _ := c.number()
	c.bad = c.bad || n != want
}

// constant reads a signed number that is not negative.
func (c *code) constant() uint64 {
	n, last := c.number()
	c.bad = c.bad || last&0x40 != 0
	return n
}
