package plan

import (
	"fmt"

	"github.com/writ-host/writ/host/internal/binary"
)

// module is a core module. It is one however often it is instantiated.
type module struct {
	info    *binary.Module // nil for an imported one
	exports map[string]*binary.ModuleExport
	imports map[binary.Sort][]int // see importsOf
}

func (f *flattener) module(info *binary.Module) *module {
	m := f.modules[info]
	if m != nil {
		return m
	}
	m = &module{info: info, exports: make(map[string]*binary.ModuleExport, len(info.Exports))}
	for i := range info.Exports {
		m.exports[info.Exports[i].Name] = &info.Exports[i]
	}
	f.modules[info] = m
	return m
}

// coreDef is a core definition: where it comes from, and the type of a function.
type coreDef struct {
	sort binary.Sort
	src  Source
	fn   *binary.CoreFuncType
}

// coreInstance is a core instance: the draft's index of a real one, or the
// exports of an inline one, which exists only while planning.
type coreInstance struct {
	index  int
	mod    *module // nil for an inline one
	inline map[string]coreDef
}

// draftInstance is a core instance before the plan is cut down.
type draftInstance struct {
	mod   *module
	args  []Source
	frame *frame
	// shown says that an export of it has a name in the component: a canonical
	// function may use it.
	shown bool
}

// export finds a core export.
func (i *coreInstance) export(name string) (coreDef, bool) {
	if i.mod == nil {
		d, ok := i.inline[name]
		return d, ok
	}
	e := i.mod.exports[name]
	if e == nil {
		return coreDef{}, false
	}
	src := Source{Kind: FromExport, Instance: i.index, Name: name}
	return coreDef{e.Type.Sort, src, e.Type.Func}, true
}

func (f *flattener) coreInstance(fr *frame, it *binary.CoreInstance) error {
	if it.Inline {
		return f.coreBundle(fr, it.Exports)
	}
	mod, err := at(fr.modules, it.Module, binary.SortCoreModule)
	if err != nil {
		return err
	}
	if mod.info == nil {
		return refuse("core module import", "an imported core module: this host does not instantiate it")
	}
	if len(f.instances) == f.limits.CoreInstances {
		return fmt.Errorf("the component makes more than %d core instances", f.limits.CoreInstances)
	}
	if err := f.charge(len(it.Args) + len(mod.info.Imports)); err != nil {
		return err
	}
	args, err := fr.link(mod, it.Args)
	if err != nil {
		return fmt.Errorf("core instance %d: %w", len(fr.coreInstances), err)
	}
	fr.coreInstances = append(fr.coreInstances, &coreInstance{index: len(f.instances), mod: mod})
	f.instances = append(f.instances, draftInstance{mod: mod, args: args, frame: fr})
	return nil
}

// link finds a source for each of the module's imports.
func (fr *frame) link(mod *module, args []binary.CoreArg) ([]Source, error) {
	from := make(map[string]*coreInstance, len(args))
	for _, a := range args {
		inst, err := at(fr.coreInstances, a.Instance, binary.SortCoreInstance)
		if err != nil {
			return nil, fmt.Errorf("argument %q: %w", a.Name, err)
		}
		from[a.Name] = inst
	}
	sources := make([]Source, len(mod.info.Imports))
	for i, imp := range mod.info.Imports {
		inst := from[imp.Module]
		if inst == nil {
			return nil, fmt.Errorf("import %q %q: no argument supplies it", imp.Module, imp.Name)
		}
		def, ok := inst.export(imp.Name)
		if !ok || def.sort != imp.Type.Sort {
			return nil, fmt.Errorf("import %q %q: the argument has no such %s", imp.Module, imp.Name, imp.Type.Sort)
		}
		sources[i] = def.src
	}
	return sources, nil
}

// coreBundle makes an inline core instance.
func (f *flattener) coreBundle(fr *frame, exports []binary.CoreInlineExport) error {
	if err := f.charge(len(exports)); err != nil {
		return err
	}
	inst := &coreInstance{inline: make(map[string]coreDef, len(exports))}
	for _, e := range exports {
		def, err := fr.coreItem(e.Sort, e.Index)
		if err != nil {
			return fmt.Errorf("core export %q: %w", e.Name, err)
		}
		inst.inline[e.Name] = def
	}
	fr.coreInstances = append(fr.coreInstances, inst)
	return nil
}

// coreSpace is the frame's index space of a core sort, nil for another sort.
func (fr *frame) coreSpace(sort binary.Sort) *[]coreDef {
	switch sort {
	case binary.SortCoreFunc:
		return &fr.coreFuncs
	case binary.SortCoreTable:
		return &fr.coreTables
	case binary.SortCoreMemory:
		return &fr.coreMemories
	case binary.SortCoreGlobal:
		return &fr.coreGlobals
	case binary.SortCoreTag:
		return &fr.coreTags
	}
	return nil
}

func (fr *frame) coreItem(sort binary.Sort, i uint32) (coreDef, error) {
	space := fr.coreSpace(sort)
	if space == nil {
		return coreDef{}, fmt.Errorf("a %s cannot be exported by a core instance", sort)
	}
	return at(*space, i, sort)
}

// alias gives another definition an index in the frame.
func (f *flattener) alias(fr *frame, a *binary.Alias) error {
	switch a.Kind {
	case binary.AliasOuter:
		return fr.aliasOuter(a)
	case binary.AliasExport:
		return fr.aliasExport(a)
	}
	inst, err := at(fr.coreInstances, a.Instance, binary.SortCoreInstance)
	if err != nil {
		return err
	}
	def, ok := inst.export(a.Name)
	space := fr.coreSpace(a.Sort)
	if !ok || def.sort != a.Sort || space == nil {
		return fmt.Errorf("alias: core instance %d has no %s %q", a.Instance, a.Sort, a.Name)
	}
	if inst.mod != nil {
		f.instances[inst.index].shown = true
	}
	*space = append(*space, def)
	return nil
}
