package binary

// TypeDef is a component-level type definition: one of Prim, *Record, *Variant,
// *List, *Tuple, *Flags, *Enum, *Option, *Result, *Own, *Borrow, *Stream,
// *Future, *Map, *FuncType, *ComponentType, *InstanceType, *ResourceType.
type TypeDef interface{ typeDef() }

// Prim is a primitive value type. NotPrim is the zero value.
type Prim uint8

// The primitive value types.
const (
	NotPrim Prim = iota
	Bool
	S8
	U8
	S16
	U16
	S32
	U32
	S64
	U64
	F32
	F64
	Char
	String
	ErrorContext
)

var primNames = [...]string{
	"type index", "bool", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f32", "f64",
	"char", "string", "error-context",
}

// String is the text format's keyword.
func (p Prim) String() string {
	if int(p) < len(primNames) {
		return primNames[p]
	}
	return "unknown primitive"
}

// ValType refers to a value type: Prim, or, when that is NotPrim, type Index.
type ValType struct {
	Prim  Prim
	Index uint32
}

// Label is a named value type: a record's field or a function's parameter.
type Label struct {
	Name string
	Type ValType
}

// Case is a variant's case; Type is nil when it carries nothing.
type Case struct {
	Name string
	Type *ValType
}

// Record is `(record (field …)+)`.
type Record struct{ Fields []Label }

// Variant is `(variant (case …)+)`.
type Variant struct{ Cases []Case }

// List is `(list t)`, or, when Fixed, `(list t Len)`.
type List struct {
	Elem  ValType
	Fixed bool
	Len   uint32
}

// Tuple is `(tuple t+)`.
type Tuple struct{ Types []ValType }

// Flags is `(flags …)`, at most 32 labels.
type Flags struct{ Labels []string }

// Enum is `(enum …)`.
type Enum struct{ Labels []string }

// Option is `(option t)`.
type Option struct{ Elem ValType }

// Result is `(result t? (error u)?)`.
type Result struct{ OK, Err *ValType }

// Own is `(own i)`, a handle that owns resource type Index.
type Own struct{ Index uint32 }

// Borrow is `(borrow i)`, a handle that borrows resource type Index.
type Borrow struct{ Index uint32 }

// Stream is `(stream t?)`.
type Stream struct{ Elem *ValType }

// Future is `(future t?)`.
type Future struct{ Elem *ValType }

// Map is `(map k v)`.
type Map struct{ Key, Value ValType }

// FuncType is a component function type. Result is nil when there is none.
type FuncType struct {
	Async  bool
	Params []Label
	Result *ValType
}

// ComponentType is `(component decl*)`; its index spaces start empty.
type ComponentType struct{ Decls []Item }

// InstanceType is `(instance decl*)`; its index spaces start empty.
type InstanceType struct{ Decls []Item }

// ResourceType is a resource type defined by this component: a new type at each
// instantiation. Its representation is always i32. Dtor is the core function
// called when an owned handle is dropped, or nil.
type ResourceType struct{ Dtor *uint32 }

func (Prim) typeDef()           {}
func (*Record) typeDef()        {}
func (*Variant) typeDef()       {}
func (*List) typeDef()          {}
func (*Tuple) typeDef()         {}
func (*Flags) typeDef()         {}
func (*Enum) typeDef()          {}
func (*Option) typeDef()        {}
func (*Result) typeDef()        {}
func (*Own) typeDef()           {}
func (*Borrow) typeDef()        {}
func (*Stream) typeDef()        {}
func (*Future) typeDef()        {}
func (*Map) typeDef()           {}
func (*FuncType) typeDef()      {}
func (*ComponentType) typeDef() {}
func (*InstanceType) typeDef()  {}
func (*ResourceType) typeDef()  {}
