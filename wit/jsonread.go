package wit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"unicode/utf8"
)

// ParseJSON reads a value of a type from JSON, in the form in which [JSONValue]
// writes it; a field that is an option may be left out. Errors name the place in
// the value, as in ".sizes[2]: want u8".
func ParseJSON(t *Type, text []byte) (Value, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var data any
	if err := d.Decode(&data); err != nil {
		return Value{}, fmt.Errorf("it is not JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return Value{}, errors.New("there is more behind the value")
	}
	return fromJSON(t, data)
}

// placeError is an error and where in a value it is.
type placeError struct{ place, message string }

func (e *placeError) Error() string {
	if e.place == "" {
		return e.message
	}
	return e.place + ": " + e.message
}

// within puts an error into the member of a value that it came from.
func within(err error, format string, args ...any) error {
	var at *placeError
	if !errors.As(err, &at) {
		return err
	}
	return &placeError{fmt.Sprintf(format, args...) + at.place, at.message}
}

func wantJSON(t *Type) error { return &placeError{"", "want " + t.String()} }

func fromJSON(t *Type, data any) (Value, error) {
	switch t.Kind {
	case KindBool:
		if b, ok := data.(bool); ok {
			return Bool(b), nil
		}
	case KindS8, KindU8, KindS16, KindU16, KindS32, KindU32, KindS64, KindU64:
		return integerFromJSON(t, data)
	case KindF32, KindF64:
		return floatFromJSON(t, data)
	case KindChar:
		if s, ok := data.(string); ok && utf8.RuneCountInString(s) == 1 {
			r, _ := utf8.DecodeRuneInString(s)
			return Char(r), nil
		}
	case KindString:
		if s, ok := data.(string); ok {
			return String(s), nil
		}
	case KindList, KindTuple, KindFlags:
		if items, ok := data.([]any); ok {
			return itemsFromJSON(t, items)
		}
	case KindRecord:
		if members, ok := data.(map[string]any); ok {
			return recordFromJSON(t, members)
		}
	case KindVariant, KindEnum, KindResult:
		return caseFromJSON(t, data)
	case KindOption:
		return optionFromJSON(t, data)
	default:
		return Value{}, &placeError{"", fmt.Sprintf("%s has no JSON form", t)}
	}
	return Value{}, wantJSON(t)
}

// integerFromJSON takes numbers without a fraction, however they are written.
func integerFromJSON(t *Type, data any) (Value, error) {
	n, ok := data.(json.Number)
	if !ok {
		return Value{}, wantJSON(t)
	}
	text, bits := n.String(), int(t.Size)*8
	if f, err := strconv.ParseFloat(text, 64); err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		text = strconv.FormatInt(int64(f), 10) // 3.0 and 3e0 are 3
	}
	switch t.Kind {
	case KindS8, KindS16, KindS32, KindS64:
		if i, err := strconv.ParseInt(text, 10, bits); err == nil {
			return scalar(t.Kind, uint64(i)), nil
		}
	default:
		if u, err := strconv.ParseUint(text, 10, bits); err == nil {
			return scalar(t.Kind, u), nil
		}
	}
	return Value{}, &placeError{"", fmt.Sprintf("want %s, and %.40s is none", t, n)}
}

func floatFromJSON(t *Type, data any) (Value, error) {
	var f float64
	switch n := data.(type) {
	case json.Number:
		var err error
		if f, err = strconv.ParseFloat(n.String(), int(t.Size)*8); err != nil {
			return Value{}, &placeError{"", fmt.Sprintf("want %s, and %.40s is none", t, n)}
		}
	case string:
		switch n {
		case "nan":
			return Scalar(t.Kind, canonicalNaN(t.Kind)), nil
		case "inf", "-inf":
			f = math.Inf(map[string]int{"inf": 1, "-inf": -1}[n])
		default:
			return Value{}, wantJSON(t)
		}
	default:
		return Value{}, wantJSON(t)
	}
	if t.Kind == KindF32 {
		return Float32(float32(f)), nil
	}
	return Float64(f), nil
}

func itemsFromJSON(t *Type, data []any) (Value, error) {
	switch {
	case t.Kind == KindFlags:
		return flagsFromJSON(t, data)
	case t.Kind == KindTuple && len(data) != len(t.Fields), t.Length > 0 && len(data) != int(t.Length):
		return Value{}, &placeError{"", fmt.Sprintf("want %s, which has another number of items than %d", t, len(data))}
	}
	items := make([]Value, len(data))
	for i, item := range data {
		kind := t.Elem
		if t.Kind == KindTuple {
			kind = t.Fields[i].Type
		}
		var err error
		if items[i], err = fromJSON(kind, item); err != nil {
			return Value{}, within(err, "[%d]", i)
		}
	}
	switch {
	case t.Kind == KindTuple:
		return Tuple(items...), nil
	case t.Elem.Kind == KindU8 && t.Length == 0:
		packed := make([]byte, len(items))
		for i, item := range items {
			packed[i] = byte(item.n)
		}
		return Bytes(packed), nil
	}
	return List(items...), nil
}

func flagsFromJSON(t *Type, data []any) (Value, error) {
	var bits uint32
next:
	for i, item := range data {
		for at, label := range t.Labels {
			if label == item {
				bits |= 1 << at
				continue next
			}
		}
		return Value{}, &placeError{fmt.Sprintf("[%d]", i), "want " + t.String()}
	}
	return Flags(bits), nil
}

func recordFromJSON(t *Type, members map[string]any) (Value, error) {
	items := make([]Value, len(t.Fields))
	for i, f := range t.Fields {
		data, ok := members[f.Name]
		if !ok && f.Type.Kind != KindOption {
			return Value{}, &placeError{"." + f.Name, "it is missing"}
		}
		var err error
		if items[i], err = fromJSON(f.Type, data); err != nil {
			return Value{}, within(err, ".%s", f.Name)
		}
	}
	for name := range members {
		if t.fieldIndex(name) < 0 {
			return Value{}, &placeError{"", fmt.Sprintf("there is no field %.64q", name)}
		}
	}
	return Record(items...), nil
}

// caseFromJSON takes "case", or {"case": payload}.
func caseFromJSON(t *Type, data any) (Value, error) {
	var name string
	var payload any
	switch d := data.(type) {
	case string:
		name = d
	case map[string]any:
		if len(d) != 1 || t.Kind == KindEnum {
			return Value{}, wantJSON(t)
		}
		for name, payload = range d {
		}
	default:
		return Value{}, wantJSON(t)
	}
	i := t.CaseIndex(name)
	if i < 0 {
		return Value{}, &placeError{"", fmt.Sprintf("want %s, which has no case %.64q", t, name)}
	}
	inner := t.Cases[i].Type
	if inner == nil {
		if payload != nil {
			return Value{}, &placeError{"." + name, "it has no payload"}
		}
		return CaseOf(t.Kind, uint32(i), nil), nil
	}
	v, err := fromJSON(inner, payload)
	return CaseOf(t.Kind, uint32(i), &v), within(err, ".%s", name)
}

// optionFromJSON takes null or the value, which is in {"some": …} where null
// could be either.
func optionFromJSON(t *Type, data any) (Value, error) {
	if data == nil {
		return None(), nil
	}
	if t.Elem.Kind != KindOption {
		v, err := fromJSON(t.Elem, data)
		return Some(v), err
	}
	members, ok := data.(map[string]any)
	inner, some := members["some"]
	if !ok || !some || len(members) != 1 {
		return Value{}, wantJSON(t)
	}
	v, err := fromJSON(t.Elem, inner)
	return Some(v), within(err, ".some")
}
