package fuse

import (
	"fmt"
	"strings"
)

// module is a core module, taken apart.
type module struct {
	types []string // as they are written
	// items are what can be imported, by kind, imported ones first.
	items  [kinds][]item
	start  int64 // the function's index, or -1
	elems  reader
	bodies [][]byte
	datas  reader
	// counts of segments
	nelems, ndatas int
	names          nameSection
}

// item is one entry of an index space that can be imported.
type item struct {
	source *Source // nil for one that the module defines
	// desc is its type as it is written: two bytes of a global's, type and
	// mutability; of a function, typ is the index of its type instead.
	desc []byte
	typ  uint32
	min  uint64 // size of a table or memory, in its own unit
	init []byte // a global's value, an expression
}

const header0 = "\x00asm\x01\x00\x00\x00"

// parse takes a part apart.
func parse(p *Part) (*module, error) {
	m := &module{start: -1}
	r := &reader{b: p.Module}
	if string(r.bytes(uint32(len(header0)))) != header0 {
		return nil, fmt.Errorf("not a core module")
	}
	imports := p.Imports
	for r.more() {
		id := r.u8()
		s := r.sub()
		if err := m.section(id, s, &imports); err != nil {
			return nil, fmt.Errorf("section %d: %w", id, err)
		}
	}
	if r.err == nil && len(imports) > 0 {
		r.fail("%d sources are left over", len(imports))
	}
	if r.err == nil && m.defined() != len(m.bodies) {
		r.fail("functions and bodies differ in number")
	}
	return m, r.err
}

// defined is how many functions the module defines.
func (m *module) defined() int {
	return len(m.items[Func]) - m.imported(Func)
}

// imported is how many items of a kind are imported.
func (m *module) imported(k Kind) int {
	n := 0
	for n < len(m.items[k]) && m.items[k][n].source != nil {
		n++
	}
	return n
}

func (m *module) section(id byte, r *reader, imports *[]Source) error {
	switch id {
	case 0:
		if r.name() == "name" {
			m.names.read(r.b[r.pos:])
		}
		return r.err
	case 1:
		m.typeSection(r)
	case 2:
		m.importSection(r, imports)
	case 3:
		for n := r.count(); n > 0 && r.ok(); n-- {
			m.add(Func, item{typ: r.u32()})
		}
	case 4:
		m.define(r, Table)
	case 5:
		m.define(r, Memory)
	case 6:
		m.define(r, Global)
	case 7:
		return nil // exports are found by index
	case 8:
		m.start = int64(r.u32())
	case 9:
		m.nelems, m.elems = r.count(), *r
		return r.err
	case 10:
		for n := r.count(); n > 0 && r.ok(); n-- {
			m.bodies = append(m.bodies, r.bytes(r.u32()))
		}
	case 11:
		m.ndatas, m.datas = r.count(), *r
		return r.err
	case 12:
		r.u32()
	default:
		return fmt.Errorf("not known")
	}
	return r.done()
}

func (m *module) add(k Kind, it item) { m.items[k] = append(m.items[k], it) }

func (m *module) typeSection(r *reader) {
	for n := r.count(); n > 0 && r.ok(); n-- {
		start := r.pos
		if form := r.u8(); form != 0x60 {
			r.fail("type %#02x is not known", form)
		}
		r.bytes(r.u32())
		r.bytes(r.u32())
		m.types = append(m.types, string(r.b[start:r.pos]))
	}
}

func (m *module) importSection(r *reader, sources *[]Source) {
	for k := range m.items {
		if len(m.items[k]) > 0 {
			r.fail("imports come late")
		}
	}
	for n := r.count(); n > 0 && r.ok(); n-- {
		r.name()
		r.name()
		kind := Kind(r.u8())
		if kind >= kinds {
			r.fail("import of kind %d is not known", kind)
			return
		}
		if len(*sources) == 0 {
			r.fail("an import has no source")
			return
		}
		it := m.item(r, kind)
		it.source = &(*sources)[0]
		*sources = (*sources)[1:]
		m.add(kind, it)
	}
}

func (m *module) define(r *reader, kind Kind) {
	for n := r.count(); n > 0 && r.ok(); n-- {
		it := m.item(r, kind)
		if kind == Global {
			it.init = skipExpr(r)
		}
		m.add(kind, it)
	}
}

// item reads a type.
func (m *module) item(r *reader, kind Kind) (it item) {
	start := r.pos
	switch kind {
	case Func:
		it.typ = r.u32()
		return it
	case Table:
		if elem := r.u8(); elem != 0x70 && elem != 0x6f {
			r.fail("a table of %#02x is not known", elem)
		}
		it.min = limits(r)
	case Memory:
		it.min = limits(r)
	case Global:
		r.u8()
		if mut := r.u8(); mut > 1 {
			r.fail("mutability %#02x is not known", mut)
		}
	}
	it.desc = r.b[start:r.pos]
	return it
}

func limits(r *reader) uint64 {
	flags := r.u8()
	if flags > 1 {
		r.fail("limits %#02x are not known", flags)
	}
	least := r.u32()
	if flags == 1 {
		r.u32()
	}
	return uint64(least)
}

func (it *item) mutable() bool { return it.desc[1] == 1 }

// nameSection is what a module says of its names. A malformed one says nothing.
type nameSection struct {
	module string
	funcs  map[uint32]string
}

func (s *nameSection) read(b []byte) {
	*s = nameSection{funcs: map[uint32]string{}}
	for r := (&reader{b: b}); r.more(); {
		id, sub := r.u8(), r.sub()
		switch id {
		case 0:
			s.module = sub.name()
		case 1:
			for n := sub.count(); n > 0 && sub.ok(); n-- {
				index := sub.u32()
				s.funcs[index] = sub.name()
			}
		}
		if r.err != nil || sub.err != nil {
			*s = nameSection{}
			return
		}
	}
}

// separator parts a function's name in a fused module: the name of the module
// that it was in, its index there, and its own name.
const separator = "\x1f"

// Name is the name of a fused module. In one of that name, functions are named
// as [Origin] reads them.
const Name = "writ fused modules"

// longestModule is how much of a module's name stands before each function's.
const longestModule = 64

func (m *module) nameOf(function uint32) string {
	name := strings.ReplaceAll(m.names.module, separator, "")
	if len(name) > longestModule {
		name = strings.ToValidUTF8(name[:longestModule], "")
	}
	return fmt.Sprint(name, separator, function, separator, m.names.funcs[function])
}

// Origin says where a function of a fused module was, by its name: in which
// module, at which index, and with which name.
func Origin(name string) (module string, index uint32, function string, ok bool) {
	module, rest, ok1 := strings.Cut(name, separator)
	number, function, ok2 := strings.Cut(rest, separator)
	if !ok1 || !ok2 {
		return "", 0, "", false
	}
	if _, err := fmt.Sscan(number, &index); err != nil {
		return "", 0, "", false
	}
	return module, index, function, true
}
