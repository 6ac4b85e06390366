package value

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/writ-host/writ/wit"
)

// The one form that a NaN has.
const (
	nan32 = 0x7fc00000
	nan64 = 0x7ff8000000000000
)

// Append appends the binary form of a value. It fails when the value does not
// fit the type. Handles may be nil where the type has none.
func Append(b []byte, t *wit.Type, v wit.Value, handles Handles) ([]byte, error) {
	e := encoder{b, orNone(handles)}
	err := e.value(t, v)
	return e.b, err
}

// AppendArgs appends a function's arguments, one after the other.
func AppendArgs(b []byte, f *wit.Func, args []wit.Value, handles Handles) ([]byte, error) {
	if len(args) != len(f.Params) {
		return b, fmt.Errorf("encode %s: %d arguments for %d parameters", f.Name, len(args), len(f.Params))
	}
	e := encoder{b, orNone(handles)}
	for i, p := range f.Params {
		if err := e.value(p.Type, args[i]); err != nil {
			return e.b, fmt.Errorf("encode %s: parameter %s: %w", f.Name, p.Name, err)
		}
	}
	return e.b, nil
}

type encoder struct {
	b       []byte
	handles Handles
}

func (e *encoder) value(t *wit.Type, v wit.Value) error {
	if v.Kind() != t.Kind {
		return fmt.Errorf("want %s, have %s", t, v.Kind())
	}
	switch t.Kind {
	case wit.KindBool, wit.KindU8, wit.KindS8:
		e.b = append(e.b, byte(v.Bits()))
	case wit.KindU16, wit.KindU32, wit.KindU64:
		e.b = binary.AppendUvarint(e.b, v.Uint())
	case wit.KindS16, wit.KindS32, wit.KindS64:
		e.b = binary.AppendVarint(e.b, v.Int())
	case wit.KindF32:
		e.b = binary.LittleEndian.AppendUint32(e.b, bits32(v.F32()))
	case wit.KindF64:
		e.b = binary.LittleEndian.AppendUint64(e.b, bits64(v.F64()))
	case wit.KindChar:
		return e.char(v.Rune())
	case wit.KindString:
		return e.text(v.Text())
	case wit.KindList:
		return e.list(t, v)
	case wit.KindRecord, wit.KindTuple:
		return e.fields(t, v)
	case wit.KindVariant, wit.KindEnum, wit.KindOption, wit.KindResult:
		return e.oneOf(t, v)
	case wit.KindFlags:
		return e.flags(t, v.Uint())
	case wit.KindOwn, wit.KindBorrow:
		return e.handle(t, v.Handle())
	default:
		return fmt.Errorf("a %s cannot be sent to a provider", t)
	}
	return nil
}

func bits32(f float32) uint32 {
	if f != f {
		return nan32
	}
	return math.Float32bits(f)
}

func bits64(f float64) uint64 {
	if f != f {
		return nan64
	}
	return math.Float64bits(f)
}

func (e *encoder) char(r rune) error {
	if !utf8.ValidRune(r) {
		return fmt.Errorf("%#x is not a Unicode scalar value", uint32(r))
	}
	e.b = binary.AppendUvarint(e.b, uint64(r))
	return nil
}

func (e *encoder) text(s string) error {
	if !utf8.ValidString(s) {
		return fmt.Errorf("a string is not UTF-8")
	}
	e.b = append(binary.AppendUvarint(e.b, uint64(len(s))), s...)
	return nil
}

func (e *encoder) list(t *wit.Type, v wit.Value) error {
	if t.Length != 0 && v.Len() != int(t.Length) {
		return fmt.Errorf("want %s, have %d items", t, v.Len())
	}
	if t.Length == 0 {
		e.b = binary.AppendUvarint(e.b, uint64(v.Len()))
	}
	if packed, ok := v.Packed(); ok {
		if t.Elem.Kind != wit.KindU8 {
			return fmt.Errorf("want %s, have bytes", t)
		}
		e.b = append(e.b, packed...)
		return nil
	}
	for i, item := range v.Items() {
		if err := e.value(t.Elem, item); err != nil {
			return fmt.Errorf("item %d: %w", i, err)
		}
	}
	return nil
}

func (e *encoder) fields(t *wit.Type, v wit.Value) error {
	items := v.Items()
	if len(items) != len(t.Fields) {
		return fmt.Errorf("want %s, have %d fields", t, len(items))
	}
	for i, f := range t.Fields {
		if err := e.value(f.Type, items[i]); err != nil {
			return fmt.Errorf("field %s: %w", fieldName(f, i), err)
		}
	}
	return nil
}

func fieldName(f wit.Field, i int) string {
	if f.Name == "" {
		return fmt.Sprint(i)
	}
	return f.Name
}

func (e *encoder) oneOf(t *wit.Type, v wit.Value) error {
	if uint64(v.Case()) >= uint64(len(t.Cases)) {
		return fmt.Errorf("want %s, have case %d of %d", t, v.Case(), len(t.Cases))
	}
	c := t.Cases[v.Case()]
	payload, has := v.Payload()
	if has != (c.Type != nil) {
		return fmt.Errorf("want %s: case %s with the wrong payload", t, c.Name)
	}
	e.b = binary.AppendUvarint(e.b, uint64(v.Case()))
	if !has {
		return nil
	}
	if err := e.value(c.Type, payload); err != nil {
		return fmt.Errorf("case %s: %w", c.Name, err)
	}
	return nil
}

func (e *encoder) flags(t *wit.Type, bits uint64) error {
	if bits>>len(t.Labels) != 0 {
		return fmt.Errorf("want %s, have bits %#x", t, bits)
	}
	for range flagBytes(t) {
		e.b = append(e.b, byte(bits))
		bits >>= 8
	}
	return nil
}

func (e *encoder) handle(t *wit.Type, h *wit.Handle) error {
	if h == nil || h.Resource != t.Resource {
		return fmt.Errorf("want %s, have a handle of something else", t)
	}
	id, err := e.handles.ID(h)
	if err != nil {
		return err
	}
	if id == 0 {
		return fmt.Errorf("%s: a handle has the id 0", t)
	}
	e.b = binary.AppendUvarint(e.b, id)
	return nil
}
