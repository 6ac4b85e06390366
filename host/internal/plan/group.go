package plan

import (
	"maps"

	"github.com/writ-host/writ/host/internal/binary"
	"github.com/writ-host/writ/host/internal/fuse"
)

// Tools that link dynamically make a component of many core modules, and
// linking their instances anew each time costs more than all else. What is
// linked to what is known beforehand, so the modules of a component instance
// become one, as far as nobody can tell: instances are made together when
// nothing runs between them that could see, or be seen by, what is not there yet.

// groups are the core instances that are made as one.
type groups struct {
	of   []int // by instance
	list []group
	open map[*frame]int
}

// group is what becomes one core instance, or a core instance by itself.
type group struct {
	members []int
	// starts are the members whose start function the fused module runs.
	starts map[int]bool
	// last is the member whose start function runs once the group is made, and
	// before the group with the number next is; or None.
	last, next int
	// touched is what start functions use: a later member puts nothing there.
	touched map[spot]bool
	// What the group has so far.
	functions, bytes int
	tables, memories map[spot]bool
}

// spot is a function, table or memory, by the instance that defines it.
type spot struct {
	sort     binary.Sort
	instance int
	index    uint32
}

// What a fused module may have of each, as the engine's pool is made and as the
// decoder limits modules.
const (
	mostTables    = 4
	mostMemories  = 4
	mostFunctions = 250_000
)

// group finds what can be made as one.
func (f *flattener) group() *groups {
	g := &groups{open: map[*frame]int{}}
	used := map[*module]int{}
	for i := range f.instances {
		used[f.instances[i].mod]++
	}
	for i := range f.instances {
		d := &f.instances[i]
		start := f.startOf(i)
		g.place(f, i, start, !f.limits.Unfused && used[d.mod] == 1 && fusible(d.mod.info) && !(start.escapes && d.shown))
	}
	return g
}

// place puts an instance into its component instance's group, or into one of its
// own when it cannot be fused with others.
func (g *groups) place(f *flattener, i int, start start, fusible bool) {
	d := &f.instances[i]
	n, ok := g.open[d.frame]
	if !ok || !fusible || !f.fits(&g.list[n], i) {
		n = len(g.list)
		g.list = append(g.list, group{starts: map[int]bool{}, last: None, touched: map[spot]bool{},
			tables: map[spot]bool{}, memories: map[spot]bool{}})
	}
	g.of = append(g.of, n)
	into := &g.list[n]
	into.members = append(into.members, i)
	if start.escapes {
		into.last, into.next = i, len(g.list)
		clear(g.open)
		return
	}
	if !fusible {
		delete(g.open, d.frame)
		return
	}
	g.open[d.frame] = n
	into.starts[i] = d.mod.info.Start != nil
	maps.Copy(into.touched, start.touched)
	f.add(into, i)
}

// same says whether two instances are made as one. The host, as a consumer, is
// none of them.
func (g *groups) same(a, b int) bool { return b < len(g.of) && g.of[a] == g.of[b] }

// fusible says whether a module has only what can be fused.
func fusible(m *binary.Module) bool {
	if len(m.Tables) > mostTables || len(m.Memories) > mostMemories {
		return false
	}
	for i := range m.Imports {
		if _, ok := fuseKind(m.Imports[i].Type.Sort); !ok {
			return false
		}
	}
	return true
}

func fuseKind(s binary.Sort) (fuse.Kind, bool) {
	switch s {
	case binary.SortCoreFunc:
		return fuse.Func, true
	case binary.SortCoreTable:
		return fuse.Table, true
	case binary.SortCoreMemory:
		return fuse.Memory, true
	case binary.SortCoreGlobal:
		return fuse.Global, true
	}
	return 0, false
}

// shared are the tables and memories of an instance, by where they are defined.
func (f *flattener) shared(i int) (tables, memories []spot) {
	info := f.instances[i].mod.info
	for n := range info.Tables {
		tables = append(tables, f.spotOf(i, binary.SortCoreTable, uint32(n)))
	}
	for n := range info.Memories {
		memories = append(memories, f.spotOf(i, binary.SortCoreMemory, uint32(n)))
	}
	return tables, memories
}

// add counts a member that can be fused.
func (f *flattener) add(g *group, i int) {
	info := f.instances[i].mod.info
	g.functions += len(info.Funcs)
	g.bytes += len(info.Bytes)
	tables, memories := f.shared(i)
	for _, t := range tables {
		g.tables[t] = true
	}
	for _, m := range memories {
		g.memories[m] = true
	}
}

// fits says whether an instance that can be fused can be a further member of a
// group.
func (f *flattener) fits(g *group, i int) bool {
	info := f.instances[i].mod.info
	tables, memories := f.shared(i)
	if len(g.touched) > 0 && fills(info, tables, memories, g.touched) {
		return false
	}
	return g.functions+len(info.Funcs) <= mostFunctions && g.bytes+len(info.Bytes) <= fuse.MaxBytes &&
		len(g.tables)+lacks(g.tables, tables) <= mostTables && len(g.memories)+lacks(g.memories, memories) <= mostMemories
}

func lacks(set map[spot]bool, list []spot) int {
	n := 0
	for _, s := range list {
		if !set[s] {
			n++
		}
	}
	return n
}

// fills says whether a module's segments may write to one of a set.
func fills(m *binary.Module, tables, memories []spot, touched map[spot]bool) bool {
	for _, memory := range memories {
		if m.DataSegments > 0 && touched[memory] {
			return true
		}
	}
	for n := range m.Elems {
		e := &m.Elems[n]
		if e.Mode == binary.ElemActive && touched[tables[e.Table]] {
			return true
		}
	}
	return false
}

// spotOf follows an item of an instance to the instance that defines it. It
// ends because instances import from earlier ones.
func (f *flattener) spotOf(i int, sort binary.Sort, index uint32) spot {
	for ; ; f.scanned++ {
		d := &f.instances[i]
		imports := d.mod.importsOf(sort)
		if uint64(index) >= uint64(len(imports)) {
			return spot{sort, i, index}
		}
		src := d.args[imports[index]]
		if src.Kind != FromExport {
			return spot{sort, i, index}
		}
		x := f.instances[src.Instance].mod.exports[src.Name]
		i, index = src.Instance, x.Index
	}
}

// importsOf lists which imports are of a sort, by their index in its space.
func (m *module) importsOf(sort binary.Sort) []int {
	if m.imports == nil {
		m.imports = map[binary.Sort][]int{}
		for n := range m.info.Imports {
			s := m.info.Imports[n].Type.Sort
			m.imports[s] = append(m.imports[s], n)
		}
	}
	return m.imports[sort]
}

// start is what is known of an instance's start function.
type start struct {
	// escapes says that it may call out of the core instances, or what is not
	// known. Then others may see when it runs.
	escapes bool
	// touched are the tables and memories that it uses.
	touched map[spot]bool
}

// mostScanned bounds how far start functions are followed, for all of them
// together: bytes of functions, calls, and imports that lead to others.
const mostScanned = 1 << 20

// startOf follows an instance's start function through all that it calls.
func (f *flattener) startOf(i int) start {
	s := start{touched: map[spot]bool{}}
	info := f.instances[i].mod.info
	if info.Start == nil {
		return s
	}
	seen := map[spot]bool{}
	for work := []spot{f.spotOf(i, binary.SortCoreFunc, *info.Start)}; len(work) > 0 && !s.escapes; {
		at := work[len(work)-1]
		work = work[:len(work)-1]
		if !seen[at] {
			seen[at] = true
			work = append(work, f.scan(at, &s)...)
		}
	}
	return s
}

// scan reads one function, and returns those that it calls.
func (f *flattener) scan(at spot, s *start) (calls []spot) {
	body := f.body(at)
	f.scanned += len(body)
	effects, err := fuse.Scan(body)
	if body == nil || err != nil || effects.Indirect || f.scanned > mostScanned {
		s.escapes = true
		return nil
	}
	for _, c := range effects.Calls {
		calls = append(calls, f.spotOf(at.instance, binary.SortCoreFunc, c))
	}
	for _, t := range effects.Tables {
		s.touched[f.spotOf(at.instance, binary.SortCoreTable, t)] = true
	}
	for _, m := range effects.Memories {
		s.touched[f.spotOf(at.instance, binary.SortCoreMemory, m)] = true
	}
	s.escapes = f.scanned > mostScanned
	return calls
}

// body is a function's, nil for one that no core module defines.
func (f *flattener) body(at spot) []byte {
	info := f.instances[at.instance].mod.info
	n := int64(at.index) - int64(info.ImportedFuncs)
	if n < 0 || n >= int64(len(info.Bodies)) {
		return nil
	}
	return info.Bytes[info.Bodies[n].Start:info.Bodies[n].End]
}
