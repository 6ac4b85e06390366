package bind

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/writ-host/writ/wit"
)

// part is a field of a struct with its conversion.
type part struct {
	name  string
	index []int
	conv  conv
	// direct says that the field is the value; else it is a pointer to it. For a
	// case without payload the field is a bool or a *struct{}, and conv is empty.
	direct, empty bool
}

// fields is for records, by name, and for tuples, in order.
func (m *types) fields(t *wit.Type, g reflect.Type) (conv, error) {
	if g.Kind() != reflect.Struct {
		return conv{}, fmt.Errorf("%s is not %s, but a struct", t, g)
	}
	if err := onlyFields(g, len(t.Fields)); err != nil {
		return conv{}, fmt.Errorf("%s: %w", t, err)
	}
	parts := make([]part, len(t.Fields))
	for i, f := range t.Fields {
		sf, err := fieldsOf(g)[i], error(nil)
		if f.Name != "" {
			sf, err = fieldFor(g, f.Name)
		}
		if err == nil {
			parts[i].conv, err = m.of(f.Type, sf.Type)
		}
		if err != nil {
			return conv{}, fmt.Errorf("%s: field %d %s: %w", t, i, f.Name, err)
		}
		parts[i].name, parts[i].index = sf.Name, sf.Index
	}
	return conv{
		func(v wit.Value, into reflect.Value) error { return readFields(parts, v, into) },
		func(from reflect.Value) (wit.Value, error) { return writeFields(t.Kind, parts, from) },
	}, nil
}

func readFields(parts []part, v wit.Value, into reflect.Value) error {
	items := v.Items()
	for i, p := range parts {
		if err := p.conv.read(items[i], into.FieldByIndex(p.index)); err != nil {
			return err
		}
	}
	return nil
}

func writeFields(k wit.Kind, parts []part, from reflect.Value) (wit.Value, error) {
	items := make([]wit.Value, len(parts))
	for i, p := range parts {
		var err error
		if items[i], err = p.conv.write(from.FieldByIndex(p.index)); err != nil {
			return wit.Value{}, fmt.Errorf("field %s: %w", p.name, err)
		}
	}
	if k == wit.KindTuple {
		return wit.Tuple(items...), nil
	}
	return wit.Record(items...), nil
}

func isHandle(t *wit.Type) bool { return t.Kind == wit.KindOwn || t.Kind == wit.KindBorrow }

// optional is the conversion behind a pointer that may be nil. The pointer of a
// resource is its own.
func (m *types) optional(t *wit.Type, g reflect.Type) (part, error) {
	if g.Kind() != reflect.Pointer {
		return part{}, fmt.Errorf("%s is not %s, but a pointer", t, g)
	}
	if isHandle(t) {
		c, err := m.of(t, g)
		return part{conv: c, direct: true}, err
	}
	c, err := m.of(t, g.Elem())
	return part{conv: c}, err
}

// read sets a pointer.
func (p *part) read(v wit.Value, into reflect.Value) error {
	if p.direct {
		return p.conv.read(v, into)
	}
	target := reflect.New(into.Type().Elem())
	into.Set(target)
	return p.conv.read(v, target.Elem())
}

func (p *part) write(from reflect.Value) (wit.Value, error) {
	if p.direct {
		return p.conv.write(from)
	}
	return p.conv.write(from.Elem())
}

func (m *types) option(t *wit.Type, g reflect.Type) (conv, error) {
	p, err := m.optional(t.Elem, g)
	if err != nil {
		return conv{}, fmt.Errorf("%s: %w", t, err)
	}
	return conv{
		func(v wit.Value, into reflect.Value) error {
			payload, ok := v.Payload()
			if !ok {
				into.SetZero()
				return nil
			}
			return p.read(payload, into)
		},
		func(from reflect.Value) (wit.Value, error) {
			if from.IsNil() {
				return wit.None(), nil
			}
			v, err := p.write(from)
			return wit.Some(v), err
		},
	}, nil
}

// caseName is a case as its field is called: a result's are ok and err.
func caseName(t *wit.Type, i int) string {
	if t.Kind == wit.KindResult {
		return []string{"ok", "err"}[i]
	}
	return t.Cases[i].Name
}

// cases is for variants and for results among other values.
func (m *types) cases(t *wit.Type, g reflect.Type) (conv, error) {
	if g.Kind() != reflect.Struct {
		return conv{}, fmt.Errorf("%s is not %s, but a struct with a field for each case", t, g)
	}
	if err := onlyFields(g, len(t.Cases)); err != nil {
		return conv{}, fmt.Errorf("%s: %w", t, err)
	}
	parts := make([]part, len(t.Cases))
	for i, c := range t.Cases {
		f, err := fieldFor(g, caseName(t, i))
		if err == nil {
			parts[i], err = m.casePart(c, f.Type)
		}
		if err != nil {
			return conv{}, fmt.Errorf("%s: case %s: %w", t, caseName(t, i), err)
		}
		parts[i].name, parts[i].index = f.Name, f.Index
	}
	return conv{
		func(v wit.Value, into reflect.Value) error { return readCase(parts, v, into) },
		func(from reflect.Value) (wit.Value, error) { return writeCase(t, parts, from) },
	}, nil
}

func (m *types) casePart(c wit.Case, g reflect.Type) (part, error) {
	if c.Type != nil {
		return m.optional(c.Type, g)
	}
	if g.Kind() != reflect.Bool && g != reflect.TypeFor[*struct{}]() {
		return part{}, fmt.Errorf("it carries nothing, so its field is not %s, but bool", g)
	}
	return part{empty: true}, nil
}

func readCase(parts []part, v wit.Value, into reflect.Value) error {
	into.SetZero()
	p := parts[v.Case()]
	field := into.FieldByIndex(p.index)
	payload, _ := v.Payload()
	switch {
	case !p.empty:
		return p.read(payload, field)
	case field.Kind() == reflect.Bool:
		field.SetBool(true)
	default:
		field.Set(reflect.ValueOf(&struct{}{}))
	}
	return nil
}

func writeCase(t *wit.Type, parts []part, from reflect.Value) (wit.Value, error) {
	at := -1
	for i, p := range parts {
		if from.FieldByIndex(p.index).IsZero() {
			continue
		}
		if at >= 0 {
			return wit.Value{}, fmt.Errorf("%s: both %s and %s are set", t, parts[at].name, p.name)
		}
		at = i
	}
	if at < 0 {
		names := make([]string, len(parts))
		for i, p := range parts {
			names[i] = p.name
		}
		return wit.Value{}, fmt.Errorf("%s: none of %s is set", t, strings.Join(names, ", "))
	}
	if parts[at].empty {
		return wit.CaseOf(t.Kind, uint32(at), nil), nil
	}
	v, err := parts[at].write(from.FieldByIndex(parts[at].index))
	return wit.CaseOf(t.Kind, uint32(at), &v), err
}
