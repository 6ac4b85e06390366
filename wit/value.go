package wit

import (
	"math"
	"unsafe"
)

// Value is a component model value: a closed tagged union of 24 bytes. The
// zero Value is no value at all. A Value does not know its full type, so an
// enum holds a case's index and a record its fields in order; what takes a
// Value together with a [Type] checks that they fit.
//
// Strings, bytes and items are shared, not copied: who makes a Value must not
// change them afterwards.
type Value struct {
	p    unsafe.Pointer // string bytes, packed bytes, first item, payload or *Handle
	n    uint64         // scalar bits, or the length behind p
	aux  uint32         // case index; packed for a list<u8> kept as bytes
	kind Kind
}

const packed = 1

// Kind is the value's kind, 0 for no value.
func (v Value) Kind() Kind { return v.kind }

func scalar(k Kind, n uint64) Value { return Value{kind: k, n: n} }

// Bool is a bool value.
func Bool(b bool) Value {
	if b {
		return scalar(KindBool, 1)
	}
	return scalar(KindBool, 0)
}

// S8 is an s8 value.
func S8(n int8) Value { return scalar(KindS8, uint64(int64(n))) }

// U8 is a u8 value.
func U8(n uint8) Value { return scalar(KindU8, uint64(n)) }

// S16 is an s16 value.
func S16(n int16) Value { return scalar(KindS16, uint64(int64(n))) }

// U16 is a u16 value.
func U16(n uint16) Value { return scalar(KindU16, uint64(n)) }

// S32 is an s32 value.
func S32(n int32) Value { return scalar(KindS32, uint64(int64(n))) }

// U32 is a u32 value.
func U32(n uint32) Value { return scalar(KindU32, uint64(n)) }

// S64 is an s64 value.
func S64(n int64) Value { return scalar(KindS64, uint64(n)) }

// U64 is a u64 value.
func U64(n uint64) Value { return scalar(KindU64, n) }

// Float32 is an f32 value.
func Float32(f float32) Value { return scalar(KindF32, uint64(math.Float32bits(f))) }

// Float64 is an f64 value.
func Float64(f float64) Value { return scalar(KindF64, math.Float64bits(f)) }

// Char is a char value; r must be a Unicode scalar value.
func Char(r rune) Value { return scalar(KindChar, uint64(uint32(r))) }

// Scalar is a value of a kind that fits 64 bits (bool to char, flags), from
// its bits: integers sign- or zero-extended, floats as IEEE 754 bits.
func Scalar(k Kind, bits uint64) Value { return scalar(k, bits) }

// Flags is a flags value, bit i for label i.
func Flags(bits uint32) Value { return scalar(KindFlags, uint64(bits)) }

// String is a string value.
func String(s string) Value {
	return Value{kind: KindString, p: unsafe.Pointer(unsafe.StringData(s)), n: uint64(len(s))}
}

// Bytes is a list<u8> value.
func Bytes(b []byte) Value {
	return Value{kind: KindList, aux: packed, p: unsafe.Pointer(unsafe.SliceData(b)), n: uint64(len(b))}
}

// List is a list value.
func List(items ...Value) Value { return sequence(KindList, items) }

// Record is a record value, its fields in the type's order.
func Record(fields ...Value) Value { return sequence(KindRecord, fields) }

// Tuple is a tuple value.
func Tuple(items ...Value) Value { return sequence(KindTuple, items) }

func sequence(k Kind, items []Value) Value {
	return Value{kind: k, p: unsafe.Pointer(unsafe.SliceData(items)), n: uint64(len(items))}
}

// Variant is a variant value; payload is nil for a case that carries nothing.
func Variant(index uint32, payload *Value) Value { return cased(KindVariant, index, payload) }

// Enum is an enum value.
func Enum(index uint32) Value { return cased(KindEnum, index, nil) }

// None is the empty option.
func None() Value { return cased(KindOption, 0, nil) }

// Some is a filled option.
func Some(v Value) Value { return cased(KindOption, 1, &v) }

// OK is a result's success that carries v.
func OK(v Value) Value { return cased(KindResult, 0, &v) }

// Done is a result's success that carries nothing.
func Done() Value { return cased(KindResult, 0, nil) }

// Err is a result's failure that carries v.
func Err(v Value) Value { return cased(KindResult, 1, &v) }

// Failed is a result's failure that carries nothing.
func Failed() Value { return cased(KindResult, 1, nil) }

// CaseOf is a value of a kind with cases: variant, enum, option or result.
func CaseOf(k Kind, index uint32, payload *Value) Value { return cased(k, index, payload) }

func cased(k Kind, index uint32, payload *Value) Value {
	return Value{kind: k, aux: index, p: unsafe.Pointer(payload)}
}

// Own is an owned handle.
func Own(h *Handle) Value { return Value{kind: KindOwn, p: unsafe.Pointer(h)} }

// Borrow is a borrowed handle, valid for one call.
func Borrow(h *Handle) Value { return Value{kind: KindBorrow, p: unsafe.Pointer(h)} }

// Bool is a bool's value.
func (v Value) Bool() bool { return v.n != 0 }

// Uint is an unsigned integer's, char's or flags' value.
func (v Value) Uint() uint64 { return v.n }

// Int is a signed integer's value.
func (v Value) Int() int64 { return int64(v.n) }

// Bits are a scalar's bits as [Scalar] takes them.
func (v Value) Bits() uint64 { return v.n }

// F32 is an f32's value.
func (v Value) F32() float32 { return math.Float32frombits(uint32(v.n)) }

// F64 is an f64's value.
func (v Value) F64() float64 { return math.Float64frombits(v.n) }

// Rune is a char's value.
func (v Value) Rune() rune { return rune(v.n) }

// Text is a string's value, "" for another kind.
func (v Value) Text() string {
	if v.kind != KindString || v.n == 0 {
		return ""
	}
	return unsafe.String((*byte)(v.p), int(v.n))
}

// Packed is a list<u8> kept as bytes; ok is false for any other value.
func (v Value) Packed() (b []byte, ok bool) {
	if v.kind != KindList || v.aux != packed {
		return nil, false
	}
	return unsafe.Slice((*byte)(v.p), int(v.n)), true
}

// Bytes is a list<u8>'s content, however it is kept; nil for another kind.
func (v Value) Bytes() []byte {
	if b, ok := v.Packed(); ok {
		return b
	}
	if v.kind != KindList {
		return nil
	}
	items := v.Items()
	b := make([]byte, len(items))
	for i, item := range items {
		b[i] = byte(item.n)
	}
	return b
}

// Len is the number of items of a list, record or tuple, or of a string's bytes.
func (v Value) Len() int {
	switch v.kind {
	case KindString, KindList, KindRecord, KindTuple:
		return int(v.n)
	}
	return 0
}

// Items are a list's items, a record's fields or a tuple's members; nil for
// another kind and for packed bytes (see [Value.Packed]).
func (v Value) Items() []Value {
	switch v.kind {
	case KindList, KindRecord, KindTuple:
		if v.aux == packed || v.n == 0 {
			return nil
		}
		return unsafe.Slice((*Value)(v.p), int(v.n))
	}
	return nil
}

// Case is a variant's, enum's, option's or result's case.
func (v Value) Case() uint32 { return v.aux }

// Payload is what the case carries; ok is false when it carries nothing.
func (v Value) Payload() (payload Value, ok bool) {
	switch v.kind {
	case KindVariant, KindOption, KindResult:
		if v.p != nil {
			return *(*Value)(v.p), true
		}
	}
	return Value{}, false
}

// Handle is an own's or borrow's handle, nil for another kind.
func (v Value) Handle() *Handle {
	if v.kind != KindOwn && v.kind != KindBorrow {
		return nil
	}
	return (*Handle)(v.p)
}
