package binary

// Component is a decoded component. Items are its definitions in declaration
// order. Walking them fills these index spaces, one entry an item:
//
//	core modules     *CoreModule, *Import and *Alias and *Export of SortCoreModule
//	core instances   *CoreInstance
//	core types       *CoreType, *Alias of SortCoreType
//	core functions   *Canon other than a lift, *Alias of SortCoreFunc
//	core tables, memories, globals, tags
//	                 *Alias of the sort
//	components       *Nested, *Import and *Alias and *Export of SortComponent
//	instances        *Instance, *Import and *Alias and *Export of SortInstance
//	types            *Type, *Import and *Alias and *Export of SortType
//	functions        *Canon that is a lift, *Import and *Alias and *Export of SortFunc
//
// An export defines a new index that means the same as the one it exports (with
// the ascribed type, where it has one).
type Component struct {
	// Offset is where the component's header starts in the input.
	Offset int
	// Size is the length in bytes, the header included.
	Size int
	// Items are the definitions in declaration order, custom sections included.
	Items []Item
	// needs is why this host does not run the component although it may be valid.
	needs *Error
}

// Item is one definition: one of the pointer types of this file. Inside a
// component or instance type only *CoreType, *Type, *Alias, *Import and
// *ExportDecl occur.
type Item interface {
	// At is the item's byte offset in the input.
	At() int
}

// Pos is a byte offset in the input; every item embeds it.
type Pos int

// At implements [Item].
func (p Pos) At() int { return int(p) }

// Nested is a component defined inside another one.
type Nested struct {
	Pos
	Component *Component
}

// CoreModule is a core module defined inside a component.
type CoreModule struct {
	Pos
	Module *Module
}

// CoreInstance is a core instance: Module instantiated with Args, or, when
// Inline, a bundle of Exports.
type CoreInstance struct {
	Pos
	Inline  bool
	Module  uint32
	Args    []CoreArg
	Exports []CoreInlineExport
}

// CoreArg supplies all imports of one module name from a core instance.
type CoreArg struct {
	Name     string
	Instance uint32
}

// CoreInlineExport is one export of an inline core instance.
type CoreInlineExport struct {
	Name  string
	Sort  Sort
	Index uint32
}

// CoreType defines a core type: a function type, or a module type. One of the
// two is set.
type CoreType struct {
	Pos
	Func   *CoreFuncType
	Module *ModuleType
}

// Instance is a component instance: Component instantiated with Args, or, when
// Inline, a bundle of Exports.
type Instance struct {
	Pos
	Inline    bool
	Component uint32
	Args      []Arg
	Exports   []InlineExport
}

// Arg supplies one import of the instantiated component.
type Arg struct {
	Name  string
	Sort  Sort
	Index uint32
}

// InlineExport is one export of an inline instance.
type InlineExport struct {
	Name  ExternName
	Sort  Sort
	Index uint32
}

// AliasKind says what an [Alias] looks through.
type AliasKind uint8

// The kinds of alias.
const (
	// AliasExport takes export Name of component instance Instance.
	AliasExport AliasKind = iota
	// AliasCoreExport takes export Name of core instance Instance.
	AliasCoreExport
	// AliasOuter takes Index of the scope Count levels outward.
	AliasOuter
)

// Alias gives another definition an index of Sort in this scope.
type Alias struct {
	Pos
	Sort     Sort
	Kind     AliasKind
	Instance uint32
	Name     string
	Count    uint32
	Index    uint32
}

// Type defines a component-level type.
type Type struct {
	Pos
	Def TypeDef
}

// Import declares an import of the component, or of a component type.
type Import struct {
	Pos
	Name ExternName
	Type ExternType
}

// Export exports a definition. Type is the ascribed type, or nil.
type Export struct {
	Pos
	Name  ExternName
	Sort  Sort
	Index uint32
	Type  *ExternType
}

// ExportDecl declares an export inside a component or instance type.
type ExportDecl struct {
	Pos
	Name ExternName
	Type ExternType
}

// Custom is a custom section. Data aliases the input.
type Custom struct {
	Pos
	Name string
	Data []byte
}

// ExternName is an import's or export's name with its attributes.
type ExternName struct {
	// Name is the name: "run", "wasi:io/streams@0.2.0", "[method]r.f".
	Name string
	// Implements is the interface named by an `implements` attribute,
	// VersionSuffix completes the canonical version in Name, ExternalID is free.
	// The Has fields tell an empty attribute from none.
	Implements, VersionSuffix, ExternalID          string
	HasImplements, HasVersionSuffix, HasExternalID bool
}

// ExternType is the type of an import or export, by the sort of what it names.
type ExternType struct {
	// Sort is SortCoreModule, SortFunc, SortValue, SortType, SortComponent or
	// SortInstance.
	Sort Sort
	// Index is a core type index for SortCoreModule, otherwise a type index. It
	// is unused when SubResource is set.
	Index uint32
	// SubResource says that a SortType bound is `(sub resource)`, a fresh
	// resource type, rather than `(eq Index)`.
	SubResource bool
}

// Sort is the kind of a definition and the index space it belongs to.
type Sort uint8

// The sorts.
const (
	SortCoreFunc Sort = iota
	SortCoreTable
	SortCoreMemory
	SortCoreGlobal
	SortCoreTag
	SortCoreType
	SortCoreModule
	SortCoreInstance
	SortFunc
	SortValue
	SortType
	SortComponent
	SortInstance
)

var sortNames = [...]string{
	"core function", "core table", "core memory", "core global", "core tag", "core type",
	"core module", "core instance", "function", "value", "type", "component", "instance",
}

// String names the sort as error messages do.
func (s Sort) String() string {
	if int(s) < len(sortNames) {
		return sortNames[s]
	}
	return "unknown sort"
}

// Core says whether the sort is one of core WebAssembly's.
func (s Sort) Core() bool { return s <= SortCoreInstance }
