package wit

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
)

// JSONValue is a value of a type as encoding/json writes it: numbers, strings,
// lists and objects as one expects; a variant as {"case": payload} or "case",
// an enum as "case", a result as {"ok": …} or {"error": …}, flags as a list of
// labels, an option as the value or null, but {"some": …} where that would be
// ambiguous. Numbers that JSON has no text for are "nan", "inf" and "-inf".
func JSONValue(t *Type, v Value) (any, error) {
	if v.Kind() != t.Kind {
		return nil, fmt.Errorf("the value is no %s", t)
	}
	switch t.Kind {
	case KindBool:
		return v.Bool(), nil
	case KindS8, KindS16, KindS32, KindS64:
		return v.Int(), nil
	case KindU8, KindU16, KindU32, KindU64:
		return v.Uint(), nil
	case KindF32:
		if f := jsonFloat(float64(v.F32())); f != float64(v.F32()) {
			return f, nil
		}
		return v.F32(), nil // with as many digits as it has, not as many as an f64
	case KindF64:
		return jsonFloat(v.F64()), nil
	case KindChar:
		return string(v.Rune()), nil
	case KindString:
		return v.Text(), nil
	case KindFlags:
		return jsonFlags(t, v), nil
	case KindList:
		return jsonList(t, v)
	case KindRecord, KindTuple:
		return jsonFields(t, v)
	case KindVariant, KindEnum, KindOption, KindResult:
		return jsonCase(t, v)
	}
	return nil, fmt.Errorf("%s has no JSON form", t)
}

func jsonFloat(f float64) any {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 0):
		return strings.ToLower(strings.TrimPrefix(fmt.Sprint(f), "+"))
	}
	return f
}

func jsonFlags(t *Type, v Value) any {
	set := []string{}
	for i, label := range t.Labels {
		if v.Uint()&(1<<i) != 0 {
			set = append(set, label)
		}
	}
	return set
}

func jsonList(t *Type, v Value) (any, error) {
	items := v.Items()
	if packed, ok := v.Packed(); ok {
		for _, b := range packed {
			items = append(items, U8(b))
		}
	}
	list := make([]any, len(items))
	for i, item := range items {
		var err error
		if list[i], err = JSONValue(t.Elem, item); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func jsonFields(t *Type, v Value) (any, error) {
	items := v.Items()
	if len(items) != len(t.Fields) {
		return nil, fmt.Errorf("the value has %d fields, %s has %d", len(items), t, len(t.Fields))
	}
	list, object := []any{}, jsonObject{}
	for i, f := range t.Fields {
		field, err := JSONValue(f.Type, items[i])
		if err != nil {
			return nil, err
		}
		list, object = append(list, field), append(object, jsonMember{f.Name, field})
	}
	if t.Kind == KindTuple {
		return list, nil
	}
	return object, nil
}

func jsonCase(t *Type, v Value) (any, error) {
	if int(v.Case()) >= len(t.Cases) {
		return nil, fmt.Errorf("case %d is not one of %s", v.Case(), t)
	}
	c := t.Cases[v.Case()]
	var payload any
	if p, ok := v.Payload(); ok && c.Type != nil {
		var err error
		if payload, err = JSONValue(c.Type, p); err != nil {
			return nil, err
		}
	}
	switch {
	case t.Kind == KindOption && (v.Case() == 0 || t.Elem.Kind != KindOption):
		return payload, nil
	case t.Kind == KindEnum, t.Kind == KindVariant && c.Type == nil:
		return c.Name, nil
	}
	return jsonObject{{c.Name, payload}}, nil
}

// jsonObject keeps the order of its members.
type jsonObject []jsonMember

type jsonMember struct {
	name  string
	value any
}

// MarshalJSON implements json.Marshaler.
func (o jsonObject) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, m := range o {
		if i > 0 {
			b = append(b, ',')
		}
		for _, part := range []any{m.name, m.value} {
			text, err := json.Marshal(part)
			if err != nil {
				return nil, err
			}
			b = append(append(b, text...), ':')
		}
		b = b[:len(b)-1]
	}
	return append(b, '}'), nil
}
