package binary

import "fmt"

// This file has the types that validation works on: those of the binary with
// their indices resolved. A pointer is a type's identity. Two types that were
// defined alike are different pointers, and importing or exporting a type makes
// a new one, since the rule that an interface only uses types it names must
// tell them apart.

// anyType is what the type index space holds: *resourceAlias, *defined,
// *funcType, *instanceType or *componentType.
type anyType any

// resource is an abstract type. Its identity is all it has.
type resource struct{ _ byte }

// resourceAlias is one name for a resource.
type resourceAlias struct{ res *resource }

// defKind is the kind of a defined value type.
type defKind uint8

const (
	primKind defKind = iota
	recordKind
	variantKind
	listKind
	fixedListKind
	tupleKind
	flagsKind
	enumKind
	optionKind
	resultKind
	ownKind
	borrowKind
	streamKind
	futureKind
	mapKind
)

var defKindNames = [...]string{
	"primitive", "record", "variant", "list", "fixed-length list", "tuple", "flags", "enum", "option",
	"result", "own", "borrow", "stream", "future", "map",
}

// defined is a value type.
type defined struct {
	kind  defKind
	prim  Prim
	names []string // of fields, cases or flags
	elems []*defined
	len   uint32
	res   *resourceAlias
	info  typeInfo
	// size and align are in bytes with 64-bit pointers: the largest that the
	// type has in any memory.
	size, align uint64
	// flat is the type as core values; pointers says that values of it lie
	// partly elsewhere in memory.
	flat     flattened
	pointers bool
}

func (d *defined) String() string {
	if d.kind == primKind {
		return d.prim.String()
	}
	return defKindNames[d.kind]
}

// funcType is a component function type.
type funcType struct {
	async  bool
	names  []string
	params []*defined
	result *defined
	info   typeInfo
}

// instanceType is what an instance exports.
type instanceType struct {
	exports *items
	// defines are the resource types that are new in each instance of a
	// declared instance type. An instance that exists has none.
	defines []*resource
	// explicit is where each exported resource type is found: an index into
	// exports, then into those of the instance found there, and so on.
	explicit map[*resource][]int
	info     typeInfo
}

// componentType is what a component imports and exports.
type componentType struct {
	imports, exports *items
	// imported are the resource types that the imports introduce, defined those
	// that are new in each instance, both with the way to them as in
	// instanceType.explicit.
	imported, defined []resourcePath
	explicit          map[*resource][]int
	info              typeInfo
}

type resourcePath struct {
	res  *resource
	path []int
}

// moduleType is what a core module imports and exports.
type moduleType struct {
	imports []ModuleImport
	exports map[string]CoreExtern
	info    typeInfo
}

// entity is the type of something importable, by its sort: t is a *moduleType,
// *funcType, *instanceType, *componentType, or an anyType for SortType. Then
// from is the type that t was bound to, before it got the new name.
type entity struct {
	sort Sort
	t    any
	from anyType
}

func (e entity) info() typeInfo { return infoOf(e.t) }

func infoOf(t any) typeInfo {
	switch t := t.(type) {
	case *resourceAlias:
		return typeInfo{size: 1, depth: 1, resources: true}
	case *defined:
		return t.info
	case *funcType:
		return t.info
	case *instanceType:
		return t.info
	case *componentType:
		return t.info
	case *moduleType:
		return t.info
	}
	return typeInfo{}
}

func describe(t anyType) string {
	switch t := t.(type) {
	case *resourceAlias:
		return "resource"
	case *defined:
		return t.String()
	case *funcType:
		return "func type"
	case *instanceType:
		return "instance type"
	case *componentType:
		return "component type"
	}
	return "type"
}

// items are imports or exports in order.
type items struct {
	names []string
	list  []entity
	index map[string]int
}

func (it *items) add(name string, e entity) {
	if it.index == nil {
		it.index = map[string]int{}
	}
	it.index[name] = len(it.list)
	it.names = append(it.names, name)
	it.list = append(it.list, e)
}

func (it *items) get(name string) (entity, bool) {
	i, ok := it.index[name]
	if !ok {
		return entity{}, false
	}
	return it.list[i], true
}

// typeInfo sums up a type so that walking it can be bounded and avoided.
type typeInfo struct {
	// size is the number of types it consists of, written out in full.
	size uint32
	// depth is how deep it nests: the bound on recursion.
	depth uint16
	// resources says that it refers to a resource type, borrows that it
	// contains a borrow.
	resources, borrows bool
}

// The most a type may consist of and nest, as in the reference validator.
const (
	maxTypeSize  = 1_000_000
	maxTypeDepth = 100
)

// combine adds a part to a whole.
func (i *typeInfo) combine(part typeInfo) error {
	i.resources = i.resources || part.resources
	i.borrows = i.borrows || part.borrows
	i.size += part.size
	i.depth = max(i.depth, part.depth+1)
	if i.size > maxTypeSize {
		return fmt.Errorf("effective type size exceeds the limit of %d", maxTypeSize)
	}
	if i.depth > maxTypeDepth {
		return fmt.Errorf("type nesting is too deep: the limit is %d", maxTypeDepth)
	}
	return nil
}

// primTypes are the primitive types; each is one value.
var primTypes = func() [ErrorContext + 1]*defined {
	var out [ErrorContext + 1]*defined
	for p := Bool; p <= ErrorContext; p++ {
		size, align := primSize(p)
		out[p] = &defined{
			kind: primKind, prim: p, info: typeInfo{size: 1, depth: 1}, size: size, align: align,
			flat: flattenPrim(p), pointers: p == String,
		}
	}
	return out
}()

func primSize(p Prim) (size, align uint64) {
	switch p {
	case Bool, S8, U8:
		return 1, 1
	case S16, U16:
		return 2, 2
	case S64, U64, F64:
		return 8, 8
	case String:
		return 16, 8
	}
	return 4, 4
}

// renamed is t under a new name.
func renamed(t anyType) anyType {
	switch t := t.(type) {
	case *resourceAlias:
		return &resourceAlias{res: t.res}
	case *defined:
		d := *t
		return &d
	}
	return t
}
