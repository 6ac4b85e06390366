package binary

import "fmt"

// coreInstance validates an instantiation of a core module or a bundle of core
// definitions.
func (v *validator) coreInstance(it *CoreInstance) error {
	s := v.scope()
	var exports map[string]CoreExtern
	var err error
	if it.Inline {
		exports, err = s.coreBundle(it.Exports)
	} else {
		exports, err = s.coreInstantiate(it, v.budget)
	}
	s.coreInstances = append(s.coreInstances, exports)
	return err
}

func (s *scope) coreInstantiate(it *CoreInstance, work *budget) (map[string]CoreExtern, error) {
	m, err := at(s.coreModules, it.Module, "module")
	if err != nil {
		return nil, err
	}
	args := make(map[string]map[string]CoreExtern, len(it.Args))
	for _, a := range it.Args {
		if _, ok := args[a.Name]; ok {
			return nil, fmt.Errorf("duplicate module instantiation argument named %s", quote(a.Name))
		}
		if args[a.Name], err = at(s.coreInstances, a.Instance, "core instance"); err != nil {
			return nil, err
		}
	}
	if !work.spendAll(len(m.imports)) {
		return nil, errOver
	}
	for _, im := range m.imports {
		if err := coreArgFits(args, im); err != nil {
			return nil, fmt.Errorf("import %s.%s: %w", quote(im.Module), quote(im.Name), err)
		}
	}
	return m.exports, nil
}

func coreArgFits(args map[string]map[string]CoreExtern, im ModuleImport) error {
	exports, ok := args[im.Module]
	if !ok {
		return fmt.Errorf("missing module instantiation argument named %s", quote(im.Module))
	}
	have, ok := exports[im.Name]
	if !ok {
		return fmt.Errorf("module instantiation argument %s does not export an item named %s", quote(im.Module), quote(im.Name))
	}
	return coreFits(have, im.Type)
}

func (s *scope) coreBundle(list []CoreInlineExport) (map[string]CoreExtern, error) {
	exports := make(map[string]CoreExtern, len(list))
	for _, e := range list {
		if _, ok := exports[e.Name]; ok {
			return nil, fmt.Errorf("duplicate instantiation export name %s already defined", quote(e.Name))
		}
		x, err := s.coreExternAt(e.Sort, e.Index)
		if err != nil {
			return nil, fmt.Errorf("export %s: %w", quote(e.Name), err)
		}
		exports[e.Name] = x
	}
	return exports, nil
}

func (s *scope) coreExternAt(sort Sort, i uint32) (x CoreExtern, err error) {
	x.Sort = sort
	switch sort {
	case SortCoreFunc:
		x.Func, err = s.coreFuncAt(i)
	case SortCoreTable:
		x.Table, err = at(s.coreTables, i, "table")
	case SortCoreMemory:
		x.Memory, err = at(s.coreMemories, i, "memory")
	case SortCoreGlobal:
		x.Global, err = at(s.coreGlobals, i, "global")
	case SortCoreTag:
		x.Func, err = at(s.coreTags, i, "tag")
	default:
		err = fmt.Errorf("a %s cannot be exported by a core instance", sort)
	}
	return x, err
}

func (s *scope) coreExportAlias(it *Alias) error {
	exports, err := at(s.coreInstances, it.Instance, "core instance")
	if err != nil {
		return err
	}
	x, ok := exports[it.Name]
	if !ok {
		return fmt.Errorf("core instance %d has no export named %s", it.Instance, quote(it.Name))
	}
	if x.Sort != it.Sort {
		return fmt.Errorf("export %s for core instance %d is not %s", quote(it.Name), it.Instance, an(it.Sort))
	}
	switch it.Sort {
	case SortCoreFunc:
		s.coreFuncs = append(s.coreFuncs, x.Func)
	case SortCoreTable:
		s.coreTables = append(s.coreTables, x.Table)
	case SortCoreMemory:
		s.coreMemories = append(s.coreMemories, x.Memory)
	case SortCoreGlobal:
		s.coreGlobals = append(s.coreGlobals, x.Global)
	case SortCoreTag:
		s.coreTags = append(s.coreTags, x.Func)
	}
	return nil
}
