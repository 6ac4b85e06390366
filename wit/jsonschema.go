package wit

import (
	"errors"
	"fmt"
	"math"
)

// maxSchema bounds a schema, in types: a few bytes of a component can name a
// type in a type twice, over and over.
const maxSchema = 4096

// ErrNoSchema is of types that JSON has no form or no reasonable schema for.
var ErrNoSchema = errors.New("it has no JSON schema")

// JSONSchema describes the JSON of a type's values, as [JSONValue] writes and
// [ParseJSON] reads it, as a JSON Schema (draft 2020-12).
func JSONSchema(t *Type) (map[string]any, error) {
	left := maxSchema
	return schemaOf(t, &left)
}

// JSONSchemaOf describes an object with a member for each field, of which
// options may be left out.
func JSONSchemaOf(fields []Field) (map[string]any, error) {
	left := maxSchema
	return objectSchema(fields, &left)
}

func schemaOf(t *Type, left *int) (map[string]any, error) {
	if *left--; *left < 0 {
		return nil, fmt.Errorf("%w: it is made of more than %d types", ErrNoSchema, maxSchema)
	}
	switch t.Kind {
	case KindBool:
		return map[string]any{"type": "boolean"}, nil
	case KindS8, KindS16, KindS32, KindS64:
		most := int64(math.MaxInt64) >> (64 - t.Size*8)
		return map[string]any{"type": "integer", "minimum": -most - 1, "maximum": most}, nil
	case KindU8, KindU16, KindU32, KindU64:
		return map[string]any{"type": "integer", "minimum": 0, "maximum": uint64(math.MaxUint64) >> (64 - t.Size*8)}, nil
	case KindF32, KindF64:
		return anyOf(map[string]any{"type": "number"}, map[string]any{"enum": []any{"nan", "inf", "-inf"}}), nil
	case KindChar:
		return map[string]any{"type": "string", "minLength": 1, "maxLength": 1}, nil
	case KindString:
		return map[string]any{"type": "string"}, nil
	case KindFlags:
		return map[string]any{"type": "array", "uniqueItems": true, "items": map[string]any{"enum": t.Labels}}, nil
	case KindList:
		return listSchema(t, left)
	case KindTuple:
		return tupleSchema(t, left)
	case KindRecord:
		return objectSchema(t.Fields, left)
	case KindOption:
		return optionSchema(t, left)
	case KindVariant, KindEnum, KindResult:
		return casesSchema(t, left)
	}
	return nil, fmt.Errorf("%w: %s", ErrNoSchema, t)
}

func anyOf(schemas ...any) map[string]any { return map[string]any{"anyOf": schemas} }

func listSchema(t *Type, left *int) (map[string]any, error) {
	items, err := schemaOf(t.Elem, left)
	s := map[string]any{"type": "array", "items": items}
	if t.Length > 0 {
		s["minItems"], s["maxItems"] = t.Length, t.Length
	}
	return s, err
}

func tupleSchema(t *Type, left *int) (map[string]any, error) {
	items := make([]any, len(t.Fields))
	for i, f := range t.Fields {
		var err error
		if items[i], err = schemaOf(f.Type, left); err != nil {
			return nil, err
		}
	}
	return map[string]any{"type": "array", "prefixItems": items, "items": false, "minItems": len(items)}, nil
}

func objectSchema(fields []Field, left *int) (map[string]any, error) {
	members, required := map[string]any{}, []string{}
	for _, f := range fields {
		m, err := schemaOf(f.Type, left)
		if err != nil {
			return nil, err
		}
		members[f.Name] = m
		if f.Type.Kind != KindOption {
			required = append(required, f.Name)
		}
	}
	return map[string]any{"type": "object", "properties": members, "required": required, "additionalProperties": false}, nil
}

func optionSchema(t *Type, left *int) (map[string]any, error) {
	inner, err := schemaOf(t.Elem, left)
	if t.Elem.Kind == KindOption {
		inner = memberSchema("some", inner)
	}
	return anyOf(inner, map[string]any{"type": "null"}), err
}

func casesSchema(t *Type, left *int) (map[string]any, error) {
	if *left -= len(t.Cases); *left < 0 {
		return nil, fmt.Errorf("%w: it is made of more than %d types", ErrNoSchema, maxSchema)
	}
	var bare []any
	var cases []any
	for _, c := range t.Cases {
		switch {
		case c.Type != nil:
			payload, err := schemaOf(c.Type, left)
			if err != nil {
				return nil, err
			}
			cases = append(cases, memberSchema(c.Name, payload))
		case t.Kind == KindResult:
			cases = append(cases, memberSchema(c.Name, map[string]any{"type": "null"}))
		default:
			bare = append(bare, c.Name)
		}
	}
	if len(bare) > 0 {
		cases = append(cases, map[string]any{"enum": bare})
	}
	if len(cases) == 1 {
		return cases[0].(map[string]any), nil
	}
	return anyOf(cases...), nil
}

// memberSchema is of an object with one member.
func memberSchema(name string, value map[string]any) map[string]any {
	return map[string]any{"type": "object", "properties": map[string]any{name: value}, "required": []string{name}, "additionalProperties": false}
}
