package plan

import (
	"github.com/writ-host/writ/host/internal/binary"
	"github.com/writ-host/writ/host/internal/fuse"
	"github.com/writ-host/writ/wit"
)

// None is the index of a slot or runtime instance that is not there.
const None = -1

// Plan is what it takes to instantiate and call a component. It is immutable
// and may be shared.
type Plan struct {
	// Modules are the distinct core modules that are instantiated.
	Modules []Module
	// Instances are the core instances, in the order in which to make them.
	Instances []CoreInstance
	// Trampolines are the host functions that core code calls, by id.
	Trampolines []Trampoline
	// Slots are the core exports that the host calls or reads. A slot can be
	// used once its instance exists; a trampoline that is called earlier (by a
	// start function) traps.
	Slots []Slot
	// Tables is the number of runtime component instances: each has a handle
	// table of its own. Their ids are 0 to Tables-1.
	Tables int
	// Resources are the resource types that the component itself defines.
	Resources []Resource
	// Imports are what the component needs of its host, in order.
	Imports []Import
	// Exports are what it offers, in order.
	Exports []Export
}

// Module is a core module to compile.
type Module struct {
	// Bytes are the module; they alias the component unless Offset is None.
	Bytes []byte
	// Offset is where the module starts in the component, or None for a
	// module that the plan made up.
	Offset int
	// Info is what is known of the module: imports, exports, memories.
	Info *binary.Module
	// Fused, instead of Bytes, is what the module is to be made of: Parts, in
	// their order.
	Fused *fuse.Group
	Parts []*binary.Module
	// Memories is how many memories the module defines.
	Memories int
}

// CoreInstance instantiates Modules[Module].
type CoreInstance struct {
	Module int
	// Args has one source for each of the module's imports, in their order.
	Args []Source
}

// SourceKind says what a [Source] is.
type SourceKind uint8

// The kinds of source.
const (
	FromTrampoline SourceKind = iota
	FromExport
)

// Source is where a core import comes from: trampoline ID, or the export Name
// of core instance Instance, an earlier one.
type Source struct {
	Kind     SourceKind
	ID       int
	Instance int
	Name     string
}

// SlotKind says what a [Slot] is.
type SlotKind uint8

// The kinds of slot.
const (
	SlotFunc SlotKind = iota
	SlotMemory
)

// Slot is export Name of core instance Instance.
type Slot struct {
	Kind     SlotKind
	Instance int
	Name     string
	Type     binary.CoreFuncType // of a SlotFunc
}

// Options are canonical options. Slots are None when the option is absent.
type Options struct {
	Encoding   binary.Encoding
	Memory     int
	Realloc    int
	PostReturn int
}

// Func is a component function that core code implements: a lifted one.
type Func struct {
	// Slot is the core function.
	Slot    int
	Type    *wit.Func
	Options Options
	// Instance is the runtime component instance that the function runs in.
	Instance int
}

// TrampolineKind says what a [Trampoline] does.
type TrampolineKind uint8

// The kinds of trampoline.
const (
	// LowerImport calls function Func of Imports[Import].
	LowerImport TrampolineKind = iota
	// LowerGuest calls Callee, a function of another runtime instance.
	LowerGuest
	// ResourceNew, ResourceRep and ResourceDrop are the canonical built-ins for
	// Resource.
	ResourceNew
	ResourceRep
	ResourceDrop
	// AlwaysTrap is a call into the calling instance itself or into one that
	// contains it or is contained by it: the component model forbids it.
	AlwaysTrap
)

// Trampoline is a host function that core code imports.
type Trampoline struct {
	Kind TrampolineKind
	// Core is its core type.
	Core binary.CoreFuncType
	// Instance is the runtime component instance that calls it.
	Instance int
	// Type is the component function type of LowerImport, LowerGuest and
	// AlwaysTrap.
	Type *wit.Func
	// Options are the caller's, for LowerImport and LowerGuest.
	Options Options
	// Import and Func index Imports and its Funcs, for LowerImport.
	Import, Func int
	// Callee is what LowerGuest calls.
	Callee *Func
	// Resource is the resource type of the resource built-ins, and Guest its
	// index in Resources, or None when the host defines it.
	Resource *wit.Resource
	Guest    int
}

// Resource is a resource type that the component defines.
type Resource struct {
	// Type is the identity by which types refer to it.
	Type *wit.Resource
	// Dtor is the slot of its destructor, or None. It takes the
	// representation, an i32, and returns nothing.
	Dtor int
	// Instance is the runtime component instance that defines it: there, a
	// borrow is the representation itself.
	Instance int
}

// ImportKind says what an [Import] is.
type ImportKind uint8

// The kinds of import.
const (
	// ImportInterface is an instance: an interface's functions and types.
	ImportInterface ImportKind = iota
	// ImportFunction is a function of the world itself.
	ImportFunction
	// ImportType is a type of the world itself.
	ImportType
	// ImportOther is something else: nothing on a host can satisfy it.
	ImportOther
)

// Import is one import of the component. An ImportFunction has one function, an
// ImportType one type, under the import's own name.
type Import struct {
	Kind ImportKind
	// Name is the full name, with its version: "wasi:io/streams@0.2.0".
	Name string
	// Funcs are the functions the component declares.
	Funcs []ImportFunc
	// Types are the types it declares, in order: value types, and resources
	// whether new here or from an earlier import.
	Types []wit.TypeDef
	// Other says what it is that no host can satisfy: the import as a whole, or a
	// part of an interface.
	Other string
	// Resources are the resource types that are new here. They are
	// placeholders until [Plan.Bind] replaces them.
	Resources []*wit.Resource
}

// ImportFunc is a function of an import.
type ImportFunc struct {
	Type *wit.Func
	// Used says that core code can call it: some trampoline lowers it.
	Used bool
}

// ExportKind says what an [Export] is.
type ExportKind uint8

// The kinds of export.
const (
	ExportInterface ExportKind = iota
	ExportFunction
	ExportType
)

// Export is one export of the component, or one of an exported interface.
type Export struct {
	Kind ExportKind
	Name string
	// Func is set for ExportFunction.
	Func *Func
	// Type or Resource is set for ExportType.
	Type     *wit.Type
	Resource *wit.Resource
	// Items are an ExportInterface's functions and types.
	Items []Export
}

// Find returns the item of that name, or nil.
func (e *Export) Find(name string) *Export { return find(e.Items, name) }

// Export returns the export of that name, or nil.
func (p *Plan) Export(name string) *Export { return find(p.Exports, name) }

func find(exports []Export, name string) *Export {
	for i := range exports {
		if exports[i].Name == name {
			return &exports[i]
		}
	}
	return nil
}
