package fuse

import (
	"errors"
	"fmt"
)

// Limits of a fused module, which are those that its parts are held to.
const (
	maxFunctions = 250_000
	maxBody      = 2 << 20
	maxHops      = 1_000
)

// Refusal is what every error of [Group.Link] begins with, and that of compiling
// what it made, so that it can be told from others by who gets it as text.
const Refusal = "fuse modules"

// Link makes the module. Its memories and tables begin with what the parts'
// segments put there, which must be at constant places and within bounds: then
// they cannot fail, and their order shows only where they overlap. An error says
// that the group cannot be one module.
func (g *Group) Link() ([]byte, error) {
	l := &linker{g: g}
	for _, step := range []func() error{l.parse, l.resolve, l.number, l.look, l.globals, l.write} {
		if err := step(); err != nil {
			return nil, fmt.Errorf(Refusal+": %w", err)
		}
	}
	return l.out, nil
}

// ref is an item by where it is defined: in a part, or [Outside], where the
// index is that of the group's imports.
type ref struct {
	part  int
	index uint32
}

type linker struct {
	g     *Group
	parts []*module
	// imported, refs and final are by part and space: how many items are
	// imported, where each is defined, and its index in the fused module.
	imported [][spaces]uint32
	refs     [][kinds][]ref
	final    [][spaces][]uint32
	// outside are the indices of the group's imports, and imports their types.
	outside []uint32
	imports []*outsideImport
	// counts is how many items of each space there are.
	counts [spaces]uint32
	types  map[string]uint32
	listed []string
	// values are those of globals, by part and index. A global that is a
	// constant to all is left out: each use becomes its value.
	values   [][]expr
	constant [][]bool
	written  map[ref]bool
	exported map[ref]bool // globals
	// taken are the functions of which a reference is taken.
	taken  []uint32
	isRef  map[uint32]bool
	sizes  [kinds]map[ref]uint64 // the least that tables and memories have
	starts []uint32
	out    []byte
}

// outsideImport is an import of the fused module, as the first part has it.
type outsideImport struct {
	kind Kind
	item *item
	part int
}

func (l *linker) parse() error {
	total := uint64(0)
	for i := range l.g.Parts {
		total += uint64(len(l.g.Parts[i].Module))
	}
	if len(l.g.Parts) == 0 || total > MaxBytes {
		return fmt.Errorf("%d modules of %d bytes", len(l.g.Parts), total)
	}
	for i := range l.g.Parts {
		m, err := parse(&l.g.Parts[i])
		if err != nil {
			return fmt.Errorf("module %d: %w", i, err)
		}
		l.parts = append(l.parts, m)
	}
	n := len(l.parts)
	l.imported, l.refs, l.final = make([][spaces]uint32, n), make([][kinds][]ref, n), make([][spaces][]uint32, n)
	l.imports, l.outside = make([]*outsideImport, len(l.g.Imports)), make([]uint32, len(l.g.Imports))
	l.types, l.written, l.exported, l.isRef = map[string]uint32{}, map[ref]bool{}, map[ref]bool{}, map[uint32]bool{}
	l.sizes[Table], l.sizes[Memory] = map[ref]uint64{}, map[ref]uint64{}
	return nil
}

// resolve finds where every item is defined.
func (l *linker) resolve() error {
	for p, m := range l.parts {
		for k := range kinds {
			l.imported[p][k] = uint32(m.imported(k))
			for i := range m.items[k] {
				at, err := l.origin(k, p, uint32(i))
				if err != nil {
					return fmt.Errorf("module %d: item %d of kind %d: %w", p, i, k, err)
				}
				l.refs[p][k] = append(l.refs[p][k], at)
				if sizes := l.sizes[k]; sizes != nil {
					sizes[at] = max(sizes[at], l.least(k, p, i, at))
				}
			}
		}
	}
	for i, imp := range l.imports {
		if imp == nil {
			return fmt.Errorf("import %d is of another kind or not used", i)
		}
	}
	return l.findExports()
}

// least is what a use of a table or memory says of its size: that of one from
// outside is at least what anyone wants of it.
func (l *linker) least(k Kind, p, i int, at ref) uint64 {
	if at.part != Outside {
		return l.parts[at.part].items[k][at.index].min
	}
	return l.parts[p].items[k][i].min
}

// origin follows an item through the parts that import and export it again.
func (l *linker) origin(k Kind, p int, i uint32) (ref, error) {
	first := &l.parts[p].items[k][i]
	at := ref{p, i}
	for range maxHops {
		it := &l.parts[at.part].items[k][at.index]
		if !l.sameType(k, p, first, at.part, it) {
			return ref{}, errors.New("types differ")
		}
		s := it.source
		switch {
		case s == nil:
			return at, nil
		case s.Part == Outside:
			return ref{Outside, s.Index}, l.useOutside(k, at.part, it)
		case s.Part < 0 || s.Part >= len(l.parts) || k != Func && s.Part >= at.part:
			return ref{}, fmt.Errorf("module %d is not one to import from", s.Part)
		case uint64(s.Index) >= uint64(len(l.parts[s.Part].items[k])):
			return ref{}, fmt.Errorf("module %d has no item %d", s.Part, s.Index)
		}
		at = ref{s.Part, s.Index}
	}
	return ref{}, errors.New("imports lead nowhere")
}

func (l *linker) useOutside(k Kind, p int, it *item) error {
	i := it.source.Index
	if uint64(i) >= uint64(len(l.imports)) || l.g.Imports[i] != k {
		return fmt.Errorf("there is no import %d", i)
	}
	if have := l.imports[i]; have == nil {
		l.imports[i] = &outsideImport{k, it, p}
	} else if !l.sameType(k, p, it, have.part, have.item) {
		return errors.New("types differ")
	}
	return nil
}

// sameType compares what has to be equal. That sizes fit is for who links to see to.
func (l *linker) sameType(k Kind, p int, a *item, q int, b *item) bool {
	switch k {
	case Func:
		x, y := l.parts[p].typeOf(a), l.parts[q].typeOf(b)
		return x == y && x != ""
	case Table:
		return a.desc[0] == b.desc[0]
	case Global:
		return string(a.desc) == string(b.desc)
	}
	return true
}

// typeOf is a function's type, "" when there is no such type.
func (m *module) typeOf(it *item) string {
	if uint64(it.typ) >= uint64(len(m.types)) {
		return ""
	}
	return m.types[it.typ]
}

func (l *linker) findExports() error {
	for _, x := range l.g.Exports {
		if x.Part < 0 || x.Part >= len(l.parts) || x.Kind >= kinds || uint64(x.Index) >= uint64(len(l.refs[x.Part][x.Kind])) {
			return fmt.Errorf("export %q: no such item", x.Name)
		}
		if x.Kind == Global {
			l.exported[l.refs[x.Part][Global][x.Index]] = true
		}
	}
	return nil
}

// number gives everything but globals its index in the fused module.
func (l *linker) number() error {
	for i, imp := range l.imports {
		l.outside[i] = l.counts[imp.kind]
		l.counts[imp.kind]++
	}
	for p, m := range l.parts {
		for _, t := range m.types {
			l.final[p][types] = append(l.final[p][types], l.typeIndex(t))
		}
		for s, n := range map[space]int{elems: m.nelems, datas: m.ndatas} {
			for range n {
				l.final[p][s] = append(l.final[p][s], l.counts[s])
				l.counts[s]++
			}
		}
		for _, k := range []Kind{Func, Table, Memory} {
			l.define(p, k)
		}
	}
	for p := range l.parts {
		for _, k := range []Kind{Func, Table, Memory} {
			l.borrow(p, k)
		}
	}
	if l.counts[funcs] > maxFunctions {
		return fmt.Errorf("more than %d functions", maxFunctions)
	}
	return nil
}

func (l *linker) typeIndex(t string) uint32 {
	i, ok := l.types[t]
	if !ok {
		i = uint32(len(l.listed))
		l.types[t] = i
		l.listed = append(l.listed, t)
	}
	return i
}

// define numbers what a part defines, borrow what it imports.
func (l *linker) define(p int, k Kind) {
	l.final[p][k] = make([]uint32, len(l.refs[p][k]))
	for i := l.imported[p][k]; i < uint32(len(l.refs[p][k])); i++ {
		l.final[p][k][i] = l.counts[k]
		l.counts[k]++
	}
}

func (l *linker) borrow(p int, k Kind) {
	for i := range l.imported[p][k] {
		if at := l.refs[p][k][i]; at.part == Outside {
			l.final[p][k][i] = l.outside[at.index]
		} else {
			l.final[p][k][i] = l.final[at.part][k][at.index]
		}
	}
}

// index is an index of a part in the fused module.
func (l *linker) index(p int, r *reader, s space, i uint64) uint32 {
	if i >= uint64(len(l.final[p][s])) {
		r.fail("index %d is out of bounds", i)
		return 0
	}
	return l.final[p][s][i]
}

// look reads every function for what has to be known before any is written.
func (l *linker) look() error {
	for p, m := range l.parts {
		w := walker{}
		w.report = func(u use) {
			switch {
			case u.op == opGlobalSet && u.space == globals && uint64(u.index) < uint64(len(l.refs[p][Global])):
				l.written[l.refs[p][Global][u.index]] = true
			case u.op == opRefFunc && u.space == funcs:
				l.take(l.index(p, &w.reader, funcs, uint64(u.index)))
			}
		}
		for i, b := range m.bodies {
			w.reader = reader{b: b}
			w.locals()
			if err := w.code(); err != nil {
				return fmt.Errorf("module %d: body %d: %w", p, i, err)
			}
		}
		if m.start >= 0 && l.g.Parts[p].Start {
			var r reader
			l.starts = append(l.starts, l.index(p, &r, funcs, uint64(m.start)))
			if r.err != nil {
				return fmt.Errorf("module %d: start function: %w", p, r.err)
			}
		}
	}
	return nil
}

// take remembers that a reference to a function is taken.
func (l *linker) take(f uint32) {
	if !l.isRef[f] {
		l.isRef[f] = true
		l.taken = append(l.taken, f)
	}
}

// globals finds the values of globals and numbers those that are kept.
func (l *linker) globals() error {
	l.values, l.constant = make([][]expr, len(l.parts)), make([][]bool, len(l.parts))
	for p, m := range l.parts {
		items := m.items[Global]
		l.values[p], l.constant[p] = make([]expr, len(items)), make([]bool, len(items))
		l.final[p][globals] = make([]uint32, len(items))
		l.borrow(p, Global)
		for i := int(l.imported[p][globals]); i < len(items); i++ {
			r := &reader{b: items[i].init}
			l.values[p][i] = l.expr(p, r)
			if err := r.done(); err != nil {
				return fmt.Errorf("module %d: global %d: %w", p, i, err)
			}
			at := ref{p, uint32(i)}
			fixed := !items[i].mutable() || !l.written[at]
			if l.constant[p][i] = fixed && l.values[p][i].single && !l.exported[at]; l.constant[p][i] {
				continue
			}
			l.final[p][globals][i] = l.counts[globals]
			l.counts[globals]++
		}
	}
	return nil
}
