package conformance

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/writ-host/writ/wit"
)

// arguments are the script's values as the function's parameters have them.
func arguments(args []value, f *wit.Func) ([]wit.Value, error) {
	if len(args) != len(f.Params) {
		return nil, fmt.Errorf("%d arguments for %s", len(args), f)
	}
	out := make([]wit.Value, len(args))
	for i, a := range args {
		var err error
		if out[i], err = a.as(f.Params[i].Type); err != nil {
			return nil, fmt.Errorf("argument %q: %w", f.Params[i].Name, err)
		}
	}
	return out, nil
}

// as is the value in a type. Scripts repeat the type's kind, which has to agree.
func (v value) as(t *wit.Type) (wit.Value, error) {
	if kinds[v.Type] != t.Kind {
		return wit.Value{}, fmt.Errorf("a value of kind %q is none of type %s", v.Type, t)
	}
	switch t.Kind {
	case wit.KindList:
		return v.list(t)
	case wit.KindRecord:
		return v.record(t)
	case wit.KindTuple:
		return v.tuple(t)
	case wit.KindVariant, wit.KindEnum, wit.KindOption, wit.KindResult:
		return v.cased(t)
	case wit.KindFlags:
		return v.flags(t)
	}
	return v.scalar(t)
}

var kinds = map[string]wit.Kind{
	"bool": wit.KindBool, "s8": wit.KindS8, "u8": wit.KindU8, "s16": wit.KindS16, "u16": wit.KindU16,
	"s32": wit.KindS32, "u32": wit.KindU32, "s64": wit.KindS64, "u64": wit.KindU64, "f32": wit.KindF32,
	"f64": wit.KindF64, "char": wit.KindChar, "string": wit.KindString, "list": wit.KindList,
	"record": wit.KindRecord, "tuple": wit.KindTuple, "variant": wit.KindVariant, "enum": wit.KindEnum,
	"option": wit.KindOption, "result": wit.KindResult, "flags": wit.KindFlags,
}

func (v value) scalar(t *wit.Type) (wit.Value, error) {
	if t.Kind == wit.KindBool {
		var b bool
		err := json.Unmarshal(v.Value, &b)
		return wit.Bool(b), err
	}
	var text string
	if err := json.Unmarshal(v.Value, &text); err != nil {
		return wit.Value{}, err
	}
	switch t.Kind {
	case wit.KindString:
		return wit.String(text), nil
	case wit.KindChar:
		r, size := utf8.DecodeRuneInString(text)
		if size != len(text) {
			return wit.Value{}, fmt.Errorf("%q is not one character", text)
		}
		return wit.Char(r), nil
	case wit.KindS8, wit.KindS16, wit.KindS32, wit.KindS64:
		n, err := strconv.ParseInt(text, 10, 8*int(t.Size))
		return wit.Scalar(t.Kind, uint64(n)), err
	}
	n, err := bits(text, t)
	return wit.Scalar(t.Kind, n), err
}

// bits are an unsigned integer's, or a float's, which is written as one or as a NaN.
func bits(text string, t *wit.Type) (uint64, error) {
	if text == "nan:canonical" || text == "nan:arithmetic" {
		if t.Kind == wit.KindF32 {
			return uint64(math.Float32bits(float32(math.NaN()))), nil
		}
		return math.Float64bits(math.NaN()), nil
	}
	return strconv.ParseUint(text, 10, 8*int(t.Size))
}

func (v value) list(t *wit.Type) (wit.Value, error) {
	var items []value
	if err := json.Unmarshal(v.Value, &items); err != nil {
		return wit.Value{}, err
	}
	out := make([]wit.Value, len(items))
	for i, item := range items {
		var err error
		if out[i], err = item.as(t.Elem); err != nil {
			return wit.Value{}, fmt.Errorf("item %d: %w", i, err)
		}
	}
	return wit.List(out...), nil
}

func (v value) tuple(t *wit.Type) (wit.Value, error) {
	var items []value
	if err := json.Unmarshal(v.Value, &items); err != nil {
		return wit.Value{}, err
	}
	if len(items) != len(t.Fields) {
		return wit.Value{}, fmt.Errorf("%d values for type %s", len(items), t)
	}
	out := make([]wit.Value, len(items))
	for i, item := range items {
		var err error
		if out[i], err = item.as(t.Fields[i].Type); err != nil {
			return wit.Value{}, fmt.Errorf("member %d: %w", i, err)
		}
	}
	return wit.Tuple(out...), nil
}

// record reads pairs of name and value.
func (v value) record(t *wit.Type) (wit.Value, error) {
	var pairs [][2]json.RawMessage
	if err := json.Unmarshal(v.Value, &pairs); err != nil {
		return wit.Value{}, err
	}
	if len(pairs) != len(t.Fields) {
		return wit.Value{}, fmt.Errorf("%d fields for type %s", len(pairs), t)
	}
	out := make([]wit.Value, len(pairs))
	for i, p := range pairs {
		var name string
		var field value
		if err := json.Unmarshal(p[0], &name); err != nil {
			return wit.Value{}, err
		}
		if err := json.Unmarshal(p[1], &field); err != nil {
			return wit.Value{}, err
		}
		if name != t.Fields[i].Name {
			return wit.Value{}, fmt.Errorf("field %q where the type has %q", name, t.Fields[i].Name)
		}
		var err error
		if out[i], err = field.as(t.Fields[i].Type); err != nil {
			return wit.Value{}, fmt.Errorf("field %q: %w", name, err)
		}
	}
	return wit.Record(out...), nil
}

// cased reads a variant, an enum, an option or a result.
func (v value) cased(t *wit.Type) (wit.Value, error) {
	name, payload, err := v.chosen(t.Kind)
	if err != nil {
		return wit.Value{}, err
	}
	index := t.CaseIndex(name)
	if index < 0 {
		return wit.Value{}, fmt.Errorf("type %s has no case %q", t, name)
	}
	c := t.Cases[index].Type
	if (c == nil) != (payload == nil) {
		return wit.Value{}, fmt.Errorf("case %q: a payload too many or too few", name)
	}
	if c == nil {
		return wit.CaseOf(t.Kind, uint32(index), nil), nil
	}
	inner, err := payload.as(c)
	if err != nil {
		return wit.Value{}, fmt.Errorf("case %q: %w", name, err)
	}
	return wit.CaseOf(t.Kind, uint32(index), &inner), nil
}

// chosen is the case's name and payload.
func (v value) chosen(k wit.Kind) (name string, payload *value, err error) {
	switch k {
	case wit.KindEnum:
		err = json.Unmarshal(v.Value, &name)
	case wit.KindOption:
		if err = json.Unmarshal(v.Value, &payload); payload != nil {
			return "some", payload, err
		}
		name = "none"
	case wit.KindResult:
		var r map[string]*value
		err = json.Unmarshal(v.Value, &r)
		for which, p := range r {
			name, payload = map[string]string{"Ok": "ok", "Err": "error"}[which], p
		}
	default:
		var c struct {
			Case    string
			Payload *value
		}
		err = json.Unmarshal(v.Value, &c)
		name, payload = c.Case, c.Payload
	}
	return name, payload, err
}

func (v value) flags(t *wit.Type) (wit.Value, error) {
	var labels []string
	if err := json.Unmarshal(v.Value, &labels); err != nil {
		return wit.Value{}, err
	}
	var set uint32
	for _, l := range labels {
		i := slices.Index(t.Labels, l)
		if i < 0 {
			return wit.Value{}, fmt.Errorf("type %s has no label %q", t, l)
		}
		set |= 1 << i
	}
	return wit.Flags(set), nil
}

// compareResult wants a result to be what the script says.
func compareResult(got wit.Value, t *wit.Type, want []value) error {
	if t == nil || len(want) == 0 {
		if t != nil || len(want) > 0 {
			return fmt.Errorf("%d results wanted of a function with another number", len(want))
		}
		return nil
	}
	expected, err := want[0].as(t)
	if err != nil {
		return fmt.Errorf("wanted result: %w", err)
	}
	if !same(got, expected) {
		return fmt.Errorf("result %s, want %s", show(t, got), show(t, expected))
	}
	return nil
}
