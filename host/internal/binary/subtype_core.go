package binary

import (
	"fmt"
	"slices"
	"strings"
)

// String prints a function type as the text format does.
func (t *CoreFuncType) String() string {
	return "[" + joinTypes(t.Params) + "] -> [" + joinTypes(t.Results) + "]"
}

func joinTypes(types []CoreValType) string {
	var b strings.Builder
	for i, t := range types {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(t.String())
	}
	return b.String()
}

// Equal says whether two function types are the same.
func (t *CoreFuncType) Equal(u *CoreFuncType) bool {
	return t.Open == u.Open && slices.Equal(t.Params, u.Params) && slices.Equal(t.Results, u.Results)
}

// coreFits checks that a can be given where b is asked for.
func coreFits(a, b CoreExtern) error {
	if a.Sort != b.Sort {
		return fmt.Errorf("expected %s, found %s", b.Sort, a.Sort)
	}
	switch a.Sort {
	case SortCoreFunc, SortCoreTag:
		if !a.Func.Equal(b.Func) {
			return fmt.Errorf("expected function type %s, found %s", b.Func, a.Func)
		}
	case SortCoreTable:
		if a.Table.Elem != b.Table.Elem {
			return fmt.Errorf("expected table element type %s, found %s", b.Table.Elem, a.Table.Elem)
		}
		return limitsFit(a.Table.Limits, b.Table.Limits, "table")
	case SortCoreMemory:
		if a.Memory.Limits.Shared != b.Memory.Limits.Shared {
			return fmt.Errorf("mismatch in the shared flag for memories")
		}
		return limitsFit(a.Memory.Limits, b.Memory.Limits, "memory")
	case SortCoreGlobal:
		return globalFits(a.Global, b.Global)
	}
	return nil
}

func limitsFit(a, b CoreLimits, what string) error {
	if a.Min < b.Min || b.Max != nil && (a.Max == nil || *a.Max > *b.Max) {
		return fmt.Errorf("mismatch in %s limits: expected %s, found %s", what, b, a)
	}
	return nil
}

// String prints limits as a range.
func (l CoreLimits) String() string {
	if l.Max == nil {
		return fmt.Sprintf("%d or more", l.Min)
	}
	return fmt.Sprintf("%d to %d", l.Min, *l.Max)
}

func globalFits(a, b GlobalType) error {
	if a.Mutable != b.Mutable {
		return fmt.Errorf("global types differ in mutability")
	}
	if a.Type != b.Type {
		return fmt.Errorf("expected global type %s, found %s", b.Type, a.Type)
	}
	return nil
}

// moduleFits checks module types: a may import less than b and export more.
func moduleFits(a, b *moduleType, work *budget) error {
	if !work.spendAll(len(a.imports) + len(b.imports) + len(b.exports)) {
		return errOver
	}
	offered := map[[2]string]CoreExtern{}
	for _, im := range b.imports {
		offered[[2]string{im.Module, im.Name}] = im.Type
	}
	for _, im := range a.imports {
		have, ok := offered[[2]string{im.Module, im.Name}]
		if !ok {
			return fmt.Errorf("missing expected import %s.%s", quote(im.Module), quote(im.Name))
		}
		if err := coreFits(have, im.Type); err != nil {
			return fmt.Errorf("type mismatch in import %s.%s: %w", quote(im.Module), quote(im.Name), err)
		}
	}
	for name, want := range b.exports {
		have, ok := a.exports[name]
		if !ok {
			return fmt.Errorf("missing expected export %s", quote(name))
		}
		if err := coreFits(have, want); err != nil {
			return fmt.Errorf("type mismatch in export %s: %w", quote(name), err)
		}
	}
	return nil
}

// newModuleType takes a module's interface over from its binary.
func newModuleType(imports []ModuleImport, exports []ModuleExport) (*moduleType, error) {
	t := &moduleType{imports: imports, exports: make(map[string]CoreExtern, len(exports)), info: typeInfo{depth: 1}}
	for _, e := range exports {
		if _, ok := t.exports[e.Name]; ok {
			return nil, fmt.Errorf("duplicate export name %s", quote(e.Name))
		}
		t.exports[e.Name] = e.Type
	}
	seen := make(map[[2]string]bool, len(imports))
	for _, im := range imports {
		key := [2]string{im.Module, im.Name}
		if seen[key] {
			return nil, fmt.Errorf("module has a duplicate import name %s.%s", quote(im.Module), quote(im.Name))
		}
		seen[key] = true
	}
	size := 1 + len(imports) + len(exports)
	if size > maxTypeSize {
		return nil, fmt.Errorf("effective type size exceeds the limit of %d", maxTypeSize)
	}
	t.info.size = uint32(size)
	return t, nil
}
