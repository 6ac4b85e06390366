package fuse

import "fmt"

const pageBytes = 64 << 10

// Bits of an element segment's flags.
const (
	notActive = 1
	explicit  = 2 // declared when not active, else with a table's index
	exprs     = 4
)

func (l *linker) elemSection() error {
	var b []byte
	n := int(l.counts[elems])
	for p, m := range l.parts {
		r := m.elems
		for i := range m.nelems {
			b = l.elem(b, p, &r)
			if r.err != nil {
				return fmt.Errorf("module %d: element segment %d: %w", p, i, r.err)
			}
		}
		if err := r.done(); err != nil {
			return fmt.Errorf("module %d: element segments: %w", p, err)
		}
	}
	if len(l.taken) > 0 {
		b = leb(append(b, notActive|explicit, 0), uint32(len(l.taken)))
		for _, f := range l.taken {
			b = leb(b, f)
		}
		n++
	}
	l.vector(9, n, b)
	return nil
}

// elem rewrites an element segment.
func (l *linker) elem(b []byte, p int, r *reader) []byte {
	flags := r.u32()
	if flags > 7 {
		r.fail("flags %d are not known", flags)
	}
	if flags&notActive != 0 {
		b = append(b, byte(flags))
	} else {
		return l.activeElem(b, p, r, flags)
	}
	b = append(b, r.u8()) // the kind, or the type
	b, _ = l.elements(b, p, r, flags)
	return b
}

func (l *linker) activeElem(b []byte, p int, r *reader, flags uint32) []byte {
	table := uint32(0)
	if flags&explicit != 0 {
		table = r.u32()
	}
	offset := l.offset(p, r)
	kind := byte(0)
	switch {
	case flags&explicit != 0:
		kind = r.u8()
	case flags&exprs != 0:
		kind = 0x70 // funcref
	}
	elements, n := l.elements(nil, p, r, flags)
	l.within(p, r, Table, table, uint64(offset), uint64(n), 1)
	b = append(b, byte(flags|explicit))
	b = leb(b, l.index(p, r, tables, uint64(table)))
	b = append(b, opI32Const)
	b = append(signedLEB(b, int64(int32(offset))), opEnd, kind)
	return append(b, elements...)
}

// elements rewrites the contents of a segment.
func (l *linker) elements(b []byte, p int, r *reader, flags uint32) ([]byte, int) {
	n := r.count()
	b = leb(b, uint32(n))
	for range n {
		if !r.ok() {
			break
		}
		if flags&exprs == 0 {
			b = leb(b, l.index(p, r, funcs, uint64(r.u32())))
			continue
		}
		b = append(append(b, l.expr(p, r).code...), opEnd)
	}
	return b, n
}

// offset reads where an active segment goes.
func (l *linker) offset(p int, r *reader) uint32 {
	e := l.expr(p, r)
	if r.ok() && (!e.known || e.typ != opI32Const) {
		r.fail("its place is not constant")
	}
	return uint32(e.value)
}

// within fails for a segment that might be out of bounds.
func (l *linker) within(p int, r *reader, k Kind, index uint32, offset, size, unit uint64) {
	if uint64(index) >= uint64(len(l.refs[p][k])) {
		r.fail("index %d is out of bounds", index)
		return
	}
	if least := l.sizes[k][l.refs[p][k][index]] * unit; offset+size > least {
		r.fail("it may be out of bounds: %d and %d of %d", offset, size, least)
	}
}

func (l *linker) dataSection() error {
	var b []byte
	for p, m := range l.parts {
		r := m.datas
		for i := range m.ndatas {
			if b = l.data(b, p, &r); len(b) > 2*MaxBytes {
				r.fail("more than %d bytes", 2*MaxBytes)
			}
			if r.err != nil {
				return fmt.Errorf("module %d: data segment %d: %w", p, i, r.err)
			}
		}
		if err := r.done(); err != nil {
			return fmt.Errorf("module %d: data segments: %w", p, err)
		}
	}
	l.vector(11, int(l.counts[datas]), b)
	return nil
}

// data rewrites a data segment.
func (l *linker) data(b []byte, p int, r *reader) []byte {
	flags, memory := r.u32(), uint32(0)
	switch flags {
	case 1:
		return text(append(b, 1), string(r.bytes(r.u32())))
	case 2:
		memory = r.u32()
	case 0:
	default:
		r.fail("flags %d are not known", flags)
	}
	offset := l.offset(p, r)
	bytes := r.bytes(r.u32())
	l.within(p, r, Memory, memory, uint64(offset), uint64(len(bytes)), pageBytes)
	if memory = l.index(p, r, mems, uint64(memory)); memory == 0 {
		b = append(b, 0)
	} else {
		b = leb(append(b, 2), memory)
	}
	b = append(b, opI32Const)
	b = append(signedLEB(b, int64(int32(offset))), opEnd)
	return append(leb(b, uint32(len(bytes))), bytes...)
}
