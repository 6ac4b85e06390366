package binary

import "fmt"

// scopeKind is what a scope belongs to.
type scopeKind uint8

const (
	inComponent scopeKind = iota
	inComponentType
	inInstanceType
)

// coreTypeDef is an entry of the core type index space: one of the two is set.
type coreTypeDef struct {
	fn     *CoreFuncType
	module *moduleType
}

// scope is what validation knows while it walks a component, component type or
// instance type.
type scope struct {
	kind scopeKind

	coreModules   []*moduleType
	coreInstances []map[string]CoreExtern
	coreTypes     []coreTypeDef
	coreFuncs     []*CoreFuncType
	coreTables    []TableType
	coreMemories  []MemoryType
	coreGlobals   []GlobalType
	coreTags      []*CoreFuncType
	components    []*componentType
	instances     []*instanceType
	types         []anyType
	funcs         []*funcType

	imports, exports externs
	// imported and defined are the resource types introduced here, in order.
	imported []resourcePath
	defined  []*resource
	// local are the defined resource types whose representation is this
	// component's own.
	local    map[*resource]bool
	explicit map[*resource][]int
	info     typeInfo
}

// externs are the imports or exports of a scope.
type externs struct {
	*items
	// unique maps keys of strong uniqueness to names.
	unique map[string]string
	// named are the types that this interface gives a name.
	named map[anyType]bool
	// resources are the names that top-level resource types have here.
	resources map[*resourceAlias]string
	// labels are the values of resources.
	labels map[string]bool
}

func newExterns() externs { return externs{items: &items{}} }

func newScope(kind scopeKind) *scope {
	return &scope{
		kind: kind, imports: newExterns(), exports: newExterns(), info: typeInfo{size: 1, depth: 1},
	}
}

// put writes to a map that is made when it is first needed: most scopes are
// small types, and input can have very many of them.
func put[K comparable, V any](m *map[K]V, k K, v V) {
	if *m == nil {
		*m = map[K]V{}
	}
	(*m)[k] = v
}

// at indexes an index space.
func at[T any](space []T, index uint32, what string) (T, error) {
	if int64(index) >= int64(len(space)) {
		var zero T
		return zero, fmt.Errorf("unknown %s %d: %s index out of bounds", what, index, what)
	}
	return space[index], nil
}

func (s *scope) typeAt(i uint32) (anyType, error) { return at(s.types, i, "type") }

// typeOf indexes the types for one of a certain kind.
func typeOf[T any](s *scope, i uint32, want string) (T, error) {
	var zero T
	t, err := s.typeAt(i)
	if err != nil {
		return zero, err
	}
	d, ok := t.(T)
	if !ok {
		return zero, fmt.Errorf("type index %d is not %s", i, want)
	}
	return d, nil
}

func (s *scope) definedAt(i uint32) (*defined, error) {
	return typeOf[*defined](s, i, "a defined type")
}

func (s *scope) resourceAt(i uint32) (*resourceAlias, error) {
	return typeOf[*resourceAlias](s, i, "a resource type")
}

func (s *scope) coreFuncAt(i uint32) (*CoreFuncType, error) {
	return at(s.coreFuncs, i, "core function")
}

// entityAt is the type of a definition that can be exported or passed along.
func (s *scope) entityAt(sort Sort, i uint32) (entity, error) {
	e := entity{sort: sort}
	var err error
	switch sort {
	case SortCoreModule:
		e.t, err = at(s.coreModules, i, "module")
	case SortFunc:
		e.t, err = at(s.funcs, i, "function")
	case SortType:
		e.t, err = s.typeAt(i)
		e.from = e.t
	case SortComponent:
		e.t, err = at(s.components, i, "component")
	case SortInstance:
		e.t, err = at(s.instances, i, "instance")
	default:
		err = fmt.Errorf("%s cannot be imported or exported by a component", an(sort))
	}
	return e, err
}

// externType resolves the type of an import or export. Types bound by equality
// get their new name; fresh is true for a new resource type.
func (s *scope) externType(t ExternType) (e entity, fresh bool, err error) {
	e.sort = t.Sort
	switch t.Sort {
	case SortCoreModule:
		e.t, err = s.moduleTypeAt(t.Index)
	case SortFunc:
		e.t, err = typeOf[*funcType](s, t.Index, "a function type")
	case SortComponent:
		e.t, err = typeOf[*componentType](s, t.Index, "a component type")
	case SortInstance:
		e.t, err = typeOf[*instanceType](s, t.Index, "an instance type")
	case SortType:
		if t.SubResource {
			r := &resourceAlias{res: &resource{}}
			return entity{SortType, r, r}, true, nil
		}
		e.from, err = s.typeAt(t.Index)
		e.t = renamed(e.from)
	default:
		err = fmt.Errorf("%s cannot be imported or exported by a component", an(t.Sort))
	}
	return e, false, err
}

func (s *scope) moduleTypeAt(i uint32) (*moduleType, error) {
	t, err := at(s.coreTypes, i, "core type")
	if err == nil && t.module == nil {
		err = fmt.Errorf("core type index %d is not a module type", i)
	}
	return t.module, err
}

// push adds an entity to the index space of its sort.
func (s *scope) push(e entity) {
	switch t := e.t.(type) {
	case *moduleType:
		s.coreModules = append(s.coreModules, t)
		return
	case *componentType:
		if e.sort == SortComponent {
			s.components = append(s.components, t)
			return
		}
	case *instanceType:
		if e.sort == SortInstance {
			s.instances = append(s.instances, t)
			return
		}
	case *funcType:
		if e.sort == SortFunc {
			s.funcs = append(s.funcs, t)
			return
		}
	}
	s.types = append(s.types, e.t)
}
