package wit

import "math"

// Kind says which of the component model's value types a [Type] or [Value] is.
type Kind uint8

// The value types, in the specification's order.
const (
	KindBool Kind = iota + 1
	KindS8
	KindU8
	KindS16
	KindU16
	KindS32
	KindU32
	KindS64
	KindU64
	KindF32
	KindF64
	KindChar
	KindString
	KindList
	KindRecord
	KindTuple
	KindVariant
	KindEnum
	KindOption
	KindResult
	KindFlags
	KindOwn
	KindBorrow
	KindStream
	KindFuture
	KindErrorContext
)

// Core is a core WebAssembly value type, as flattened parameters have them.
type Core uint8

// The core value types of the canonical ABI.
const (
	I32 Core = iota
	I64
	F32
	F64
)

// MaxFlatParams and MaxFlatResults bound what is passed without memory.
// Canonical ABI, "Flattening".
const (
	MaxFlatParams  = 16
	MaxFlatResults = 1
)

// Type is a value type with its canonical ABI layout. Make one with the
// functions of this package, which compute the layout; never change it.
type Type struct {
	Kind Kind
	Name string // the name WIT gives it, "" for an anonymous type
	// Alias is the type that this one is another name of, as in type name = alias.
	Alias *Type

	Fields   []Field   // record, tuple (without names)
	Cases    []Case    // variant, enum, option (none, some), result (ok, error)
	Labels   []string  // flags
	Elem     *Type     // list, option, stream, future; nil for a payload-less one
	Length   uint32    // list of fixed length, else 0
	Map      bool      // list of pairs that WIT calls map<key, value>
	Resource *Resource // own, borrow
	// As is what an own or borrow calls its resource, where that has another name
	// of its own.
	As string

	Size  uint32 // bytes in memory; math.MaxUint32 when it would not fit
	Align uint32 // bytes
	Flat  []Core // flattened form; nil when FlatCount exceeds MaxFlatParams
	// FlatCount is the number of core values of the flattened form, saturating.
	FlatCount int
	// PayloadOffset is where a variant's payload starts, in bytes.
	PayloadOffset uint32
	// HasPointer says that the type has a string or list somewhere in it, so
	// that lowering it needs realloc.
	HasPointer bool
	// HasHandle says that the type has an own, borrow, stream or future in it.
	HasHandle bool
}

// Field is a record's field, or a tuple's with an empty name.
type Field struct {
	Name   string
	Type   *Type
	Offset uint32 // bytes from the start of the record
}

// Case is a variant's case; Type is nil when it carries nothing.
type Case struct {
	Name string
	Type *Type
}

// Resource is the identity of a resource type: two are the same only when
// they are the same pointer.
type Resource struct {
	Name      string // kebab-case name
	Interface Name   // the interface that defines it, when there is one
}

// The primitive types.
var (
	TypeBool   = primitive(KindBool, 1, I32)
	TypeS8     = primitive(KindS8, 1, I32)
	TypeU8     = primitive(KindU8, 1, I32)
	TypeS16    = primitive(KindS16, 2, I32)
	TypeU16    = primitive(KindU16, 2, I32)
	TypeS32    = primitive(KindS32, 4, I32)
	TypeU32    = primitive(KindU32, 4, I32)
	TypeS64    = primitive(KindS64, 8, I64)
	TypeU64    = primitive(KindU64, 8, I64)
	TypeF32    = primitive(KindF32, 4, F32)
	TypeF64    = primitive(KindF64, 8, F64)
	TypeChar   = primitive(KindChar, 4, I32)
	TypeString = &Type{Kind: KindString, Size: 8, Align: 4, Flat: []Core{I32, I32}, FlatCount: 2, HasPointer: true}
	// TypeErrorContext is the async ABI's error context.
	TypeErrorContext = &Type{Kind: KindErrorContext, Size: 4, Align: 4, Flat: []Core{I32}, FlatCount: 1, HasHandle: true}
)

func primitive(k Kind, size uint32, flat Core) *Type {
	return &Type{Kind: k, Size: size, Align: size, Flat: []Core{flat}, FlatCount: 1}
}

// Named is the same type under a name, as a WIT type definition makes one.
func (t *Type) Named(name string) *Type {
	n := *t
	n.Name, n.Alias = name, nil
	if t.Name != "" {
		n.Alias = t
	}
	return &n
}

// ListOf is list<elem>.
func ListOf(elem *Type) *Type {
	return &Type{Kind: KindList, Elem: elem, Size: 8, Align: 4, Flat: []Core{I32, I32}, FlatCount: 2,
		HasPointer: true, HasHandle: elem.HasHandle}
}

// MapOf is map<key, value>: a list of pairs in all but its name.
func MapOf(key, value *Type) *Type {
	t := ListOf(TupleOf(key, value))
	t.Map = true
	return t
}

// FixedListOf is list<elem, length>, laid out as a tuple of length elements.
func FixedListOf(elem *Type, length uint32) *Type {
	t := &Type{Kind: KindList, Elem: elem, Length: length, Align: elem.Align,
		HasPointer: elem.HasPointer, HasHandle: elem.HasHandle}
	t.Size = clamp(uint64(elem.Size) * uint64(length))
	t.FlatCount = int(min(uint64(elem.FlatCount)*uint64(length), math.MaxInt32))
	if t.FlatCount > 0 && t.FlatCount <= MaxFlatParams {
		for range length {
			t.Flat = append(t.Flat, elem.Flat...)
		}
	}
	return t
}

// RecordOf is a record; the offsets of fields are computed.
func RecordOf(fields ...Field) *Type { return aggregate(KindRecord, fields) }

// TupleOf is tuple<types…>.
func TupleOf(types ...*Type) *Type {
	fields := make([]Field, len(types))
	for i, t := range types {
		fields[i].Type = t
	}
	return aggregate(KindTuple, fields)
}

func aggregate(k Kind, fields []Field) *Type {
	t := &Type{Kind: k, Fields: append([]Field(nil), fields...), Align: 1}
	var size uint64
	for i := range t.Fields {
		f := &t.Fields[i]
		size = alignUp(size, f.Type.Align)
		f.Offset = clamp(size)
		size += uint64(f.Type.Size)
		t.contain(f.Type)
		t.FlatCount = min(t.FlatCount+f.Type.FlatCount, math.MaxInt32)
	}
	t.Size = clamp(alignUp(size, t.Align))
	if t.FlatCount <= MaxFlatParams {
		for _, f := range t.Fields {
			t.Flat = append(t.Flat, f.Type.Flat...)
		}
	}
	return t
}

// contain takes over what a part of an aggregate says about the whole.
func (t *Type) contain(part *Type) {
	t.Align = max(t.Align, part.Align)
	t.HasPointer = t.HasPointer || part.HasPointer
	t.HasHandle = t.HasHandle || part.HasHandle
}

// VariantOf is a variant with the given cases.
func VariantOf(cases ...Case) *Type { return variant(KindVariant, cases, nil) }

// EnumOf is an enum with the given cases.
func EnumOf(names ...string) *Type {
	cases := make([]Case, len(names))
	for i, n := range names {
		cases[i].Name = n
	}
	return variant(KindEnum, cases, nil)
}

// OptionOf is option<elem>.
func OptionOf(elem *Type) *Type {
	return variant(KindOption, []Case{{Name: "none"}, {Name: "some", Type: elem}}, elem)
}

// ResultOf is result<ok, err>; either may be nil.
func ResultOf(ok, err *Type) *Type {
	return variant(KindResult, []Case{{Name: "ok", Type: ok}, {Name: "error", Type: err}}, nil)
}

func variant(k Kind, cases []Case, elem *Type) *Type {
	disc := DiscriminantSize(len(cases))
	t := &Type{Kind: k, Cases: append([]Case(nil), cases...), Elem: elem, Align: disc}
	var size, align uint32 = 0, 1
	var flat []Core
	for _, c := range t.Cases {
		if c.Type == nil {
			continue
		}
		t.contain(c.Type)
		size, align = max(size, c.Type.Size), max(align, c.Type.Align)
		t.FlatCount = max(t.FlatCount, c.Type.FlatCount)
		flat = joinFlat(flat, c.Type.Flat)
	}
	t.PayloadOffset = clamp(alignUp(uint64(disc), align))
	t.Size = clamp(alignUp(uint64(t.PayloadOffset)+uint64(size), t.Align))
	t.FlatCount = min(t.FlatCount+1, math.MaxInt32)
	if t.FlatCount <= MaxFlatParams {
		t.Flat = append([]Core{I32}, flat...)
	}
	return t
}

// DiscriminantSize is the size in bytes of a discriminant among n cases.
func DiscriminantSize(n int) uint32 {
	switch {
	case n <= 1<<8:
		return 1
	case n <= 1<<16:
		return 2
	default:
		return 4
	}
}

// joinFlat is the pointwise join of flattened payloads. Canonical ABI, "Flattening".
func joinFlat(a, b []Core) []Core {
	joined := append([]Core(nil), a...)
	for i, c := range b {
		switch {
		case i >= len(joined):
			joined = append(joined, c)
		case joined[i] == c:
		case (joined[i] == I32 && c == F32) || (joined[i] == F32 && c == I32):
			joined[i] = I32
		default:
			joined[i] = I64
		}
	}
	return joined
}

// FlagsOf is a flags type with at most 32 labels.
func FlagsOf(labels ...string) *Type {
	size := uint32(4)
	switch {
	case len(labels) <= 8:
		size = 1
	case len(labels) <= 16:
		size = 2
	}
	return &Type{Kind: KindFlags, Labels: append([]string(nil), labels...), Size: size, Align: size,
		Flat: []Core{I32}, FlatCount: 1}
}

// OwnOf is own<r>.
func OwnOf(r *Resource) *Type { return handleType(KindOwn, r, nil) }

// BorrowOf is borrow<r>.
func BorrowOf(r *Resource) *Type { return handleType(KindBorrow, r, nil) }

// StreamOf is stream<elem>; elem may be nil.
func StreamOf(elem *Type) *Type { return handleType(KindStream, nil, elem) }

// FutureOf is future<elem>; elem may be nil.
func FutureOf(elem *Type) *Type { return handleType(KindFuture, nil, elem) }

func handleType(k Kind, r *Resource, elem *Type) *Type {
	return &Type{Kind: k, Resource: r, Elem: elem, Size: 4, Align: 4, Flat: []Core{I32}, FlatCount: 1, HasHandle: true}
}

// CaseIndex is the index of a variant's, enum's, option's or result's case, -1 when there is none.
func (t *Type) CaseIndex(name string) int {
	for i := range t.Cases {
		if t.Cases[i].Name == name {
			return i
		}
	}
	return -1
}

func alignUp(n uint64, align uint32) uint64 {
	return (n + uint64(align) - 1) &^ (uint64(align) - 1)
}

func clamp(n uint64) uint32 { return uint32(min(n, math.MaxUint32)) }
