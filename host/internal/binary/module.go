package binary

// Module is what linking needs to know of a core module. Index spaces
// (Funcs, Tables, Memories, Globals) start with the imports, in order.
type Module struct {
	// Offset is where the module's header starts in the input.
	Offset int
	// Bytes are the whole module; they alias the input.
	Bytes []byte
	// Types is the type section.
	Types   []CoreFuncType
	Imports []ModuleImport
	Exports []ModuleExport
	// Funcs holds the type index of every function, imported ones first.
	Funcs    []uint32
	Tables   []TableType
	Memories []MemoryType
	Globals  []GlobalType
	// ImportedFuncs, ImportedTables, ImportedMemories and ImportedGlobals say
	// how many of each index space are imports.
	ImportedFuncs, ImportedTables, ImportedMemories, ImportedGlobals int
	// Start is the start function's index, or nil.
	Start *uint32
	// Elems are the element segments.
	Elems []ElemSegment
	// DataSegments is how many data segments there are.
	DataSegments int
	// Bodies are the code section's entries, one for each defined function:
	// Bodies[i] is the body of function ImportedFuncs+i. A body starts with
	// its locals.
	Bodies []Span
	// Customs are the custom sections.
	Customs []Custom
}

// Span is a range of the module's Bytes.
type Span struct{ Start, End uint32 }

// ModuleImport is a core import.
type ModuleImport struct {
	Module, Name string
	Type         CoreExtern
}

// ModuleExport is a core export. Index is in the index space of its type's
// sort.
type ModuleExport struct {
	Name  string
	Index uint32
	Type  CoreExtern
}

// CoreExtern is the type of a core import or export, by its sort: SortCoreFunc
// (Func), SortCoreTable (Table), SortCoreMemory (Memory), SortCoreGlobal
// (Global) or SortCoreTag (Func).
type CoreExtern struct {
	Sort   Sort
	Func   *CoreFuncType
	Table  TableType
	Memory MemoryType
	Global GlobalType
}

// CoreValType is a core value type, as its binary code.
type CoreValType byte

// The core value types this host's engine runs.
const (
	I32     CoreValType = 0x7f
	I64     CoreValType = 0x7e
	CoreF32 CoreValType = 0x7d
	CoreF64 CoreValType = 0x7c
	V128    CoreValType = 0x7b
	FuncRef CoreValType = 0x70
	// ExternRef is validated, but not run.
	ExternRef CoreValType = 0x6f
)

// String is the text format's keyword.
func (t CoreValType) String() string {
	switch t {
	case I32:
		return "i32"
	case I64:
		return "i64"
	case CoreF32:
		return "f32"
	case CoreF64:
		return "f64"
	case V128:
		return "v128"
	case FuncRef:
		return "funcref"
	case ExternRef:
		return "externref"
	}
	return "unknown value type"
}

// CoreFuncType is a core function type.
type CoreFuncType struct {
	Params, Results []CoreValType
	// Open types may have subtypes. Only core types of components can be.
	Open bool
}

// CoreLimits are a table's or memory's limits; Max is nil when there is none.
type CoreLimits struct {
	Min    uint64
	Max    *uint64
	Shared bool // of a memory, by threads
}

// TableType is a table's type.
type TableType struct {
	Elem   CoreValType
	Limits CoreLimits
}

// MemoryType is a memory's type, in pages of 64 KiB.
type MemoryType struct{ Limits CoreLimits }

// GlobalType is a global's type.
type GlobalType struct {
	Type    CoreValType
	Mutable bool
}

// ElemSegment is an element segment.
type ElemSegment struct {
	Mode ElemMode
	// Table is the table of an active segment.
	Table uint32
	// ConstOffset is the offset of an active segment when it is a plain
	// i32.const; HasConstOffset says so.
	ConstOffset    uint32
	HasConstOffset bool
	// Funcs are the function indices; nil when the segment is written with
	// expressions other than a plain ref.func.
	Funcs []uint32
	// Count is the number of elements.
	Count int
}

// ElemMode is when an element segment is used.
type ElemMode uint8

// The modes of an element segment.
const (
	ElemActive ElemMode = iota
	ElemPassive
	ElemDeclared
)

// ModuleType is `(core module …)` as a type.
type ModuleType struct {
	Imports []ModuleImport
	Exports []ModuleTypeExport
}

// ModuleTypeExport is an export that a module type declares.
type ModuleTypeExport struct {
	Name string
	Type CoreExtern
}
