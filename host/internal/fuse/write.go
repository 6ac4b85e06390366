package fuse

import (
	"fmt"
	"strconv"
)

// write puts the sections together.
func (l *linker) write() error {
	l.out = []byte(header0)
	l.typeSection()
	l.importSection()
	l.functionSection()
	l.ownSection(4, Table)
	l.ownSection(5, Memory)
	l.globalSection()
	l.exportSection()
	starter := l.startSection()
	if err := l.elemSection(); err != nil {
		return err
	}
	if n := l.counts[datas]; n > 0 {
		l.section(12, leb(nil, n))
	}
	if err := l.codeSection(starter); err != nil {
		return err
	}
	if err := l.dataSection(); err != nil {
		return err
	}
	l.nameSection()
	return nil
}

// section appends a section, if there is anything in it.
func (l *linker) section(id byte, content []byte) {
	l.out = leb(append(l.out, id), uint32(len(content)))
	l.out = append(l.out, content...)
}

// vector appends a section of n entries.
func (l *linker) vector(id byte, n int, entries []byte) {
	if n == 0 {
		return
	}
	count := leb(nil, uint32(n))
	l.out = leb(append(l.out, id), uint32(len(count)+len(entries)))
	l.out = append(append(l.out, count...), entries...)
}

func text(b []byte, s string) []byte { return append(leb(b, uint32(len(s))), s...) }

func (l *linker) typeSection() {
	if len(l.starts) > 1 {
		l.typeIndex("\x60\x00\x00")
	}
	var b []byte
	for _, t := range l.listed {
		b = append(b, t...)
	}
	l.vector(1, len(l.listed), b)
}

func (l *linker) importSection() {
	var b []byte
	for i, imp := range l.imports {
		b = append(text(text(b, ""), strconv.Itoa(i)), byte(imp.kind))
		if imp.kind == Func {
			b = leb(b, l.final[imp.part][types][imp.item.typ])
		} else {
			b = append(b, imp.item.desc...)
		}
	}
	l.vector(2, len(l.imports), b)
}

// own visits what the parts define of a kind.
func (l *linker) own(k Kind, visit func(p int, i uint32, it *item)) {
	for p, m := range l.parts {
		for i := l.imported[p][k]; i < uint32(len(m.items[k])); i++ {
			visit(p, i, &m.items[k][i])
		}
	}
}

func (l *linker) functionSection() {
	var b []byte
	n := 0
	l.own(Func, func(p int, _ uint32, it *item) {
		b = leb(b, l.final[p][types][it.typ])
		n++
	})
	if len(l.starts) > 1 {
		b = leb(b, l.types["\x60\x00\x00"])
		n++
	}
	l.vector(3, n, b)
}

func (l *linker) ownSection(id byte, k Kind) {
	var b []byte
	n := 0
	l.own(k, func(_ int, _ uint32, it *item) {
		b = append(b, it.desc...)
		n++
	})
	l.vector(id, n, b)
}

func (l *linker) globalSection() {
	var b []byte
	n := 0
	l.own(Global, func(p int, i uint32, it *item) {
		if !l.constant[p][i] {
			b = append(append(append(b, it.desc...), l.values[p][i].code...), opEnd)
			n++
		}
	})
	l.vector(6, n, b)
}

func (l *linker) exportSection() {
	var b []byte
	for _, x := range l.g.Exports {
		b = leb(append(text(b, x.Name), byte(x.Kind)), l.final[x.Part][x.Kind][x.Index])
	}
	l.vector(7, len(l.g.Exports), b)
}

// startSection starts the parts' start function, or one that calls them in
// order, whose body it returns.
func (l *linker) startSection() (starter []byte) {
	switch len(l.starts) {
	case 0:
		return nil
	case 1:
		l.section(8, leb(nil, l.starts[0]))
		return nil
	}
	l.section(8, leb(nil, l.counts[funcs]))
	starter = []byte{0} // no locals
	for _, f := range l.starts {
		starter = leb(append(starter, opCall), f)
	}
	return append(starter, opEnd)
}

func (l *linker) codeSection(starter []byte) error {
	var b []byte
	n := 0
	for p, m := range l.parts {
		for i, body := range m.bodies {
			written, err := l.body(p, body)
			if err == nil && (len(written) > maxBody || len(b)+len(written) > 2*MaxBytes) {
				err = fmt.Errorf("it is too large when it is rewritten")
			}
			if err != nil {
				return fmt.Errorf("module %d: body %d: %w", p, i, err)
			}
			b = append(leb(b, uint32(len(written))), written...)
			n++
		}
	}
	if starter != nil {
		b = append(leb(b, uint32(len(starter))), starter...)
		n++
	}
	l.vector(10, n, b)
	return nil
}

// body rewrites a function's body.
func (l *linker) body(p int, b []byte) ([]byte, error) {
	out := make([]byte, 0, len(b)+len(b)/8+8)
	last := 0
	w := walker{reader: reader{b: b}}
	w.report = func(u use) {
		if u.space == globals {
			if code := l.constantOf(p, u.index); code != nil {
				if u.op != opGlobalGet {
					w.fail("global %d cannot be written", u.index)
				}
				out = append(append(out, b[last:u.begin]...), code...)
				last = u.end
				return
			}
		}
		out = append(out, b[last:u.start]...)
		out = u.write(out, l.index(p, &w.reader, u.space, uint64(u.index)))
		last = u.end
	}
	w.locals()
	err := w.code()
	return append(out, b[last:]...), err
}

// constantOf is the value of a global that is a constant, else nil.
func (l *linker) constantOf(p int, index uint32) []byte {
	if uint64(index) >= uint64(len(l.refs[p][Global])) {
		return nil
	}
	at := l.refs[p][Global][index]
	if at.part == Outside || !l.constant[at.part][at.index] {
		return nil
	}
	return l.values[at.part][at.index].code
}

// write writes an index in the place of another.
func (u *use) write(b []byte, index uint32) []byte {
	switch {
	case u.memarg && index != 0:
		return leb(leb(b, u.align|withMemory), index)
	case u.memarg:
		return leb(b, u.align)
	case u.signed:
		return signedLEB(b, int64(index))
	}
	return leb(b, index)
}

func (l *linker) nameSection() {
	var b []byte
	n := 0
	l.own(Func, func(p int, i uint32, _ *item) {
		b = text(leb(b, l.final[p][Func][i]), l.parts[p].nameOf(i))
		n++
	})
	names := append(leb(nil, uint32(n)), b...)
	content := text(nil, "name")
	content = text(append(content, 0), string(text(nil, Name)))
	content = text(append(content, 1), string(names))
	l.section(0, content)
}
