package wasmtime

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// ValType is a value type that may cross between guest and host. Vectors and
// references may not: a template that would pass one is refused.
type ValType uint8

// The value types, in the order of wasm's own encoding.
const (
	I32 ValType = iota
	I64
	F32
	F64
)

// String returns the type's name in the text format.
func (t ValType) String() string {
	if int(t) < len(valTypeNames) {
		return valTypeNames[t]
	}
	return fmt.Sprintf("valtype(%d)", uint8(t))
}

var valTypeNames = [...]string{"i32", "i64", "f32", "f64"}

// FuncType is the type of a core function.
type FuncType struct{ Params, Results []ValType }

// String returns the type as "(i32 i64) -> (i32)".
func (t FuncType) String() string {
	return "(" + joinTypes(t.Params) + ") -> (" + joinTypes(t.Results) + ")"
}

func joinTypes(ts []ValType) string {
	names := make([]string, len(ts))
	for i, t := range ts {
		names[i] = t.String()
	}
	return strings.Join(names, " ")
}

// SourceKind says where an import comes from.
type SourceKind uint8

// The kinds of source.
const (
	FromHost   SourceKind = iota // a trampoline to [Handler.HostCall]
	FromExport                   // an export of an earlier instance of the template
)

// Source satisfies one import. Build it with [Host] or [Export].
type Source struct {
	Kind     SourceKind
	ID       uint32   // FromHost: handed to HostCall as it is
	Type     FuncType // FromHost: must be the type the module imports
	Instance int      // FromExport: index of an earlier step
	Name     string   // FromExport: name of the export; function, memory, table or global
}

// Host is an import served by [Handler.HostCall] under the given id.
func Host(id uint32, t FuncType) Source { return Source{Kind: FromHost, ID: id, Type: t} }

// Export is an import taken from an export of the template's instance of that index.
func Export(instance int, name string) Source {
	return Source{Kind: FromExport, Instance: instance, Name: name}
}

// Step instantiates one core module.
type Step struct {
	Module  *Module
	Imports []Source // one for each import, in the order of [Module.Imports]
	// Memories is how many memories the module defines: it takes room for as
	// many core instances.
	Memories int
}

// SlotKind says what a slot holds.
type SlotKind uint8

// The kinds of slot.
const (
	Func SlotKind = iota
	Memory
)

// String returns the kind's name.
func (k SlotKind) String() string {
	if k == Func {
		return "func"
	}
	return "memory"
}

// Slot names an export that the host will use, so that at run time it is an index.
type Slot struct {
	Instance int // index of the step
	Name     string
	Kind     SlotKind
	Type     FuncType // of a Func; must be the export's type
}

// TemplateConfig is what every store of a template has in common.
type TemplateConfig struct {
	Steps []Step
	Slots []Slot
}

// Limits bounds one store. A zero field means the engine's own limit.
type Limits struct {
	Memory    uint64        // bytes of each linear memory
	Tables    uint64        // elements of each table
	Instances uint64        // core instances
	CPU       time.Duration // that the guest may run, as sampled by the ticks; it gets about that
}

// ExternKind is the kind of an import or an export.
type ExternKind uint8

// The kinds of extern.
const (
	ExternFunc ExternKind = iota
	ExternGlobal
	ExternTable
	ExternMemory
)

func (t FuncType) equal(o FuncType) bool {
	return slices.Equal(t.Params, o.Params) && slices.Equal(t.Results, o.Results)
}

// maxValues is WRIT_MAX_VALUES: the masks below have a bit for each value.
const maxValues = 64

func (t FuncType) checkSize() error {
	if len(t.Params) > maxValues || len(t.Results) > maxValues {
		return fmt.Errorf("%d parameters and %d results: more than %d of one kind", len(t.Params), len(t.Results), maxValues)
	}
	return nil
}

// mask32 has a bit for each value that is 32 bits wide.
func mask32(types []ValType) uint64 {
	var m uint64
	for i, t := range types {
		if t == I32 || t == F32 {
			m |= 1 << i
		}
	}
	return m
}

func (s Source) equal(o Source) bool {
	return s.Kind == o.Kind && s.ID == o.ID && s.Type.equal(o.Type) && s.Instance == o.Instance && s.Name == o.Name
}
