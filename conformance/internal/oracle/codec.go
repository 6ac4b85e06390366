package oracle

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/writ-host/writ/wit"
)

// kinds are wasmtime's numbers of the kinds of values.
var kinds = map[wit.Kind]byte{
	wit.KindBool: 0, wit.KindS8: 1, wit.KindU8: 2, wit.KindS16: 3, wit.KindU16: 4, wit.KindS32: 5,
	wit.KindU32: 6, wit.KindS64: 7, wit.KindU64: 8, wit.KindF32: 9, wit.KindF64: 10, wit.KindChar: 11,
	wit.KindString: 12, wit.KindList: 13, wit.KindRecord: 14, wit.KindTuple: 15, wit.KindVariant: 16,
	wit.KindEnum: 17, wit.KindOption: 18, wit.KindResult: 19, wit.KindFlags: 20, wit.KindOwn: 21, wit.KindBorrow: 21,
}

var native = binary.NativeEndian

// appendValue appends a value in the form that codec.c reads.
func appendValue(b []byte, t *wit.Type, v wit.Value) []byte {
	b = append(b, kinds[t.Kind])
	switch t.Kind {
	case wit.KindString:
		return appendName(b, v.Text())
	case wit.KindList:
		return appendList(b, t, v)
	case wit.KindRecord, wit.KindTuple:
		return appendFields(b, t, v)
	case wit.KindFlags:
		return appendLabels(b, t, v)
	case wit.KindVariant, wit.KindEnum, wit.KindOption, wit.KindResult:
		return appendCase(b, t, v)
	case wit.KindOwn, wit.KindBorrow:
		return native.AppendUint64(b, uint64(v.Handle().Rep))
	}
	return native.AppendUint64(b, v.Bits())
}

func appendName(b []byte, s string) []byte {
	return append(native.AppendUint32(b, uint32(len(s))), s...)
}

func appendList(b []byte, t *wit.Type, v wit.Value) []byte {
	b = native.AppendUint32(b, uint32(v.Len()))
	if packed, ok := v.Packed(); ok {
		for _, n := range packed {
			b = appendValue(b, t.Elem, wit.U8(n))
		}
		return b
	}
	for _, item := range v.Items() {
		b = appendValue(b, t.Elem, item)
	}
	return b
}

func appendFields(b []byte, t *wit.Type, v wit.Value) []byte {
	b = native.AppendUint32(b, uint32(len(t.Fields)))
	for i, item := range v.Items() {
		if t.Kind == wit.KindRecord {
			b = appendName(b, t.Fields[i].Name)
		}
		b = appendValue(b, t.Fields[i].Type, item)
	}
	return b
}

func appendLabels(b []byte, t *wit.Type, v wit.Value) []byte {
	var set []string
	for i, l := range t.Labels {
		if v.Uint()>>i&1 == 1 {
			set = append(set, l)
		}
	}
	b = native.AppendUint32(b, uint32(len(set)))
	for _, l := range set {
		b = appendName(b, l)
	}
	return b
}

func appendCase(b []byte, t *wit.Type, v wit.Value) []byte {
	c := t.Cases[v.Case()]
	switch t.Kind {
	case wit.KindEnum:
		return appendName(b, c.Name)
	case wit.KindVariant:
		b = appendName(b, c.Name)
	case wit.KindResult:
		b = append(b, byte(1-v.Case()))
	}
	payload, ok := v.Payload()
	if !ok {
		return append(b, 0)
	}
	return appendValue(append(b, 1), c.Type, payload)
}

// readValue reads one value of a type. The bytes come from the oracle, which
// could be wrong in any way.
func readValue(b []byte, t *wit.Type) (wit.Value, error) {
	r := &reader{b: b}
	v := r.value(t)
	if r.err == nil && len(r.b) > 0 {
		r.fail("%d bytes too many", len(r.b))
	}
	return v, r.err
}

type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("the oracle's value: "+format, args...)
	}
	r.b = nil
}

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.fail("unexpected end")
		return make([]byte, min(n, 8))
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) count() int { return int(native.Uint32(r.take(4))) }

func (r *reader) name() string { return string(r.take(r.count())) }

func (r *reader) value(t *wit.Type) wit.Value {
	if k := r.take(1)[0]; r.err == nil && k != kinds[t.Kind] {
		r.fail("kind %d for type %s", k, t)
	}
	switch t.Kind {
	case wit.KindString:
		return wit.String(r.name())
	case wit.KindList:
		return wit.List(r.items(r.count(), func(int) *wit.Type { return t.Elem })...)
	case wit.KindTuple:
		return wit.Tuple(r.items(r.members(t), func(i int) *wit.Type { return t.Fields[i].Type })...)
	case wit.KindRecord:
		return r.record(t)
	case wit.KindFlags:
		return r.flags(t)
	case wit.KindVariant, wit.KindEnum, wit.KindOption, wit.KindResult:
		return r.cased(t)
	case wit.KindOwn, wit.KindBorrow:
		return wit.Own(&wit.Handle{Rep: uint32(native.Uint64(r.take(8)))})
	}
	return wit.Scalar(t.Kind, native.Uint64(r.take(8)))
}

func (r *reader) items(n int, typ func(int) *wit.Type) []wit.Value {
	var items []wit.Value
	for i := 0; i < n && r.err == nil; i++ {
		items = append(items, r.value(typ(i)))
	}
	return items
}

// members is the count of a record's or tuple's members.
func (r *reader) members(t *wit.Type) int {
	n := r.count()
	if r.err == nil && n != len(t.Fields) {
		r.fail("%d members for type %s", n, t)
	}
	return min(n, len(t.Fields))
}

func (r *reader) record(t *wit.Type) wit.Value {
	fields := make([]wit.Value, r.members(t))
	for i := range fields {
		if name := r.name(); r.err == nil && name != t.Fields[i].Name {
			r.fail("field %q for type %s", name, t)
		}
		fields[i] = r.value(t.Fields[i].Type)
	}
	return wit.Record(fields...)
}

func (r *reader) flags(t *wit.Type) wit.Value {
	var set uint32
	for n := r.count(); n > 0 && r.err == nil; n-- {
		name := r.name()
		i := slices.Index(t.Labels, name)
		if i < 0 {
			r.fail("label %q for type %s", name, t)
			break
		}
		set |= 1 << i
	}
	return wit.Flags(set)
}

func (r *reader) cased(t *wit.Type) wit.Value {
	index := r.chosen(t)
	if r.err != nil {
		return wit.Value{}
	}
	if t.Kind == wit.KindEnum {
		return wit.Enum(uint32(index))
	}
	has := r.take(1)[0] != 0
	if t.Kind == wit.KindOption && has {
		index = 1
	}
	c := t.Cases[index].Type
	if has != (c != nil) {
		r.fail("case %d of type %s with or without a payload", index, t)
	}
	if r.err != nil || !has {
		return wit.CaseOf(t.Kind, uint32(index), nil)
	}
	payload := r.value(c)
	return wit.CaseOf(t.Kind, uint32(index), &payload)
}

// chosen is the case's index, for an option always 0.
func (r *reader) chosen(t *wit.Type) int {
	switch t.Kind {
	case wit.KindOption:
		return 0
	case wit.KindResult:
		return 1 - int(r.take(1)[0]&1)
	}
	name := r.name()
	i := t.CaseIndex(name)
	if r.err == nil && i < 0 {
		r.fail("case %q for type %s", name, t)
	}
	return i
}
