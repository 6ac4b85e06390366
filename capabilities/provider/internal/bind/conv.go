package bind

import (
	"fmt"
	"math"
	"reflect"

	"github.com/writ-host/writ/wit"
)

// conv turns values of one WIT type into those of one Go type and back.
//
//	bool, u8 … s64, f32, f64   bool, uint8 … int64, float32, float64
//	char                       rune
//	string                     string
//	list<u8>, list<T>          []byte, []T; an array for one of fixed length, too
//	record                     struct, fields by name
//	tuple                      struct, fields in order
//	option<T>                  *T
//	result<T, E>               struct{ OK *T; Err *E }
//	variant                    struct with a field for each case: *T, or bool without payload
//	enum                       a string type holding the case's name, or an integer type its index
//	flags                      struct of bools, or an unsigned integer type
//	own<r>, borrow<r>          *R, the same for all of r; an option or case of one is *R, too
type conv struct {
	read  func(v wit.Value, into reflect.Value) error
	write func(from reflect.Value) (wit.Value, error)
}

type convKey struct {
	wit *wit.Type
	go_ reflect.Type
}

// types makes conversions, and knows which Go type a resource has.
type types struct {
	made      map[convKey]conv
	resources map[*wit.Resource]reflect.Type
	found     func(*wit.Resource, reflect.Type) error // called for each new resource
}

// of is the conversion between two types, or why there is none.
func (m *types) of(t *wit.Type, g reflect.Type) (conv, error) {
	key := convKey{t, g}
	if c, ok := m.made[key]; ok {
		return c, nil
	}
	c, err := m.make(t, g)
	if err == nil {
		m.made[key] = c
	}
	return c, err
}

var scalarKinds = map[wit.Kind]reflect.Kind{
	wit.KindBool: reflect.Bool, wit.KindU8: reflect.Uint8, wit.KindU16: reflect.Uint16, wit.KindU32: reflect.Uint32,
	wit.KindU64: reflect.Uint64, wit.KindS8: reflect.Int8, wit.KindS16: reflect.Int16, wit.KindS32: reflect.Int32,
	wit.KindS64: reflect.Int64, wit.KindF32: reflect.Float32, wit.KindF64: reflect.Float64, wit.KindChar: reflect.Int32,
	wit.KindString: reflect.String,
}

func (m *types) make(t *wit.Type, g reflect.Type) (conv, error) {
	if kind, ok := scalarKinds[t.Kind]; ok {
		if g.Kind() != kind {
			return conv{}, fmt.Errorf("%s is not %s, but %s", t, g, kind)
		}
		return scalar(t.Kind), nil
	}
	switch t.Kind {
	case wit.KindList:
		return m.list(t, g)
	case wit.KindRecord, wit.KindTuple:
		return m.fields(t, g)
	case wit.KindOption:
		return m.option(t, g)
	case wit.KindVariant, wit.KindResult:
		return m.cases(t, g)
	case wit.KindEnum:
		return enum(t, g)
	case wit.KindFlags:
		return flags(t, g)
	case wit.KindOwn, wit.KindBorrow:
		return m.handle(t, g)
	}
	return conv{}, fmt.Errorf("%s has no Go type", t)
}

func scalar(k wit.Kind) conv {
	switch k {
	case wit.KindBool:
		return conv{func(v wit.Value, into reflect.Value) error { into.SetBool(v.Bool()); return nil },
			func(from reflect.Value) (wit.Value, error) { return wit.Bool(from.Bool()), nil }}
	case wit.KindString:
		return conv{func(v wit.Value, into reflect.Value) error { into.SetString(v.Text()); return nil },
			func(from reflect.Value) (wit.Value, error) { return wit.String(from.String()), nil }}
	case wit.KindF32:
		return conv{func(v wit.Value, into reflect.Value) error { into.SetFloat(float64(v.F32())); return nil },
			func(from reflect.Value) (wit.Value, error) { return wit.Float32(float32(from.Float())), nil }}
	case wit.KindF64:
		return conv{func(v wit.Value, into reflect.Value) error { into.SetFloat(v.F64()); return nil },
			func(from reflect.Value) (wit.Value, error) { return wit.Float64(from.Float()), nil }}
	case wit.KindChar:
		return conv{func(v wit.Value, into reflect.Value) error { into.SetInt(int64(v.Rune())); return nil },
			func(from reflect.Value) (wit.Value, error) { return wit.Char(rune(from.Int())), nil }}
	case wit.KindS8, wit.KindS16, wit.KindS32, wit.KindS64:
		return conv{func(v wit.Value, into reflect.Value) error { into.SetInt(v.Int()); return nil },
			func(from reflect.Value) (wit.Value, error) { return wit.Scalar(k, uint64(from.Int())), nil }}
	}
	return conv{func(v wit.Value, into reflect.Value) error { into.SetUint(v.Uint()); return nil },
		func(from reflect.Value) (wit.Value, error) { return wit.Scalar(k, from.Uint()), nil }}
}

func (m *types) list(t *wit.Type, g reflect.Type) (conv, error) {
	isArray := g.Kind() == reflect.Array && t.Length != 0 && uint64(g.Len()) == uint64(t.Length)
	if g.Kind() != reflect.Slice && !isArray {
		return conv{}, fmt.Errorf("%s is not %s, but a slice", t, g)
	}
	elem, err := m.of(t.Elem, g.Elem())
	if err != nil {
		return conv{}, fmt.Errorf("%s: %w", t, err)
	}
	if t.Elem.Kind == wit.KindU8 && !isArray {
		return packed(), nil
	}
	return conv{
		func(v wit.Value, into reflect.Value) error { return readList(elem, v, into, isArray) },
		func(from reflect.Value) (wit.Value, error) {
			items := make([]wit.Value, from.Len())
			for i := range items {
				var err error
				if items[i], err = elem.write(from.Index(i)); err != nil {
					return wit.Value{}, fmt.Errorf("item %d: %w", i, err)
				}
			}
			return wit.List(items...), nil
		},
	}, nil
}

func packed() conv {
	return conv{
		func(v wit.Value, into reflect.Value) error { into.SetBytes(v.Bytes()); return nil },
		func(from reflect.Value) (wit.Value, error) { return wit.Bytes(from.Bytes()), nil },
	}
}

func readList(elem conv, v wit.Value, into reflect.Value, isArray bool) error {
	items := v.Items()
	if b, ok := v.Packed(); ok {
		items = make([]wit.Value, len(b))
		for i := range b {
			items[i] = wit.U8(b[i])
		}
	}
	if !isArray {
		into.Set(reflect.MakeSlice(into.Type(), len(items), len(items)))
	}
	for i, item := range items {
		if err := elem.read(item, into.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

func (m *types) handle(t *wit.Type, g reflect.Type) (conv, error) {
	if g.Kind() != reflect.Pointer {
		return conv{}, fmt.Errorf("%s is not %s, but a pointer to the type with the methods of %s", t, g, t.Resource.Name)
	}
	if was, ok := m.resources[t.Resource]; ok && was != g {
		return conv{}, fmt.Errorf("resource %s is %s here and %s elsewhere", t.Resource.Name, g, was)
	} else if !ok {
		m.resources[t.Resource] = g
		if err := m.found(t.Resource, g); err != nil {
			return conv{}, err
		}
	}
	return conv{
		func(v wit.Value, into reflect.Value) error {
			object := reflect.ValueOf(v.Handle().Object)
			if !object.IsValid() || object.Type() != g {
				return fmt.Errorf("a handle is not of %s", t.Resource.Name)
			}
			into.Set(object)
			return nil
		},
		func(from reflect.Value) (wit.Value, error) {
			if from.IsNil() {
				return wit.Value{}, fmt.Errorf("a nil %s is returned", g)
			}
			return wit.NewOwn(t.Resource, from.Interface()), nil
		},
	}, nil
}

func enum(t *wit.Type, g reflect.Type) (conv, error) {
	switch {
	case g.Kind() == reflect.String:
		return conv{
			func(v wit.Value, into reflect.Value) error { into.SetString(t.Cases[v.Case()].Name); return nil },
			func(from reflect.Value) (wit.Value, error) {
				return enumCase(t, t.CaseIndex(from.String()), from)
			},
		}, nil
	case reflect.Zero(g).CanInt():
		return conv{
			func(v wit.Value, into reflect.Value) error { into.SetInt(int64(v.Case())); return nil },
			func(from reflect.Value) (wit.Value, error) { return enumCase(t, int(from.Int()), from) },
		}, holds(t, len(t.Cases)-1, g)
	case reflect.Zero(g).CanUint() && g.Kind() != reflect.Uintptr:
		return conv{
			func(v wit.Value, into reflect.Value) error { into.SetUint(uint64(v.Case())); return nil },
			func(from reflect.Value) (wit.Value, error) {
				return enumCase(t, int(min(from.Uint(), math.MaxInt32)), from)
			},
		}, holds(t, len(t.Cases)-1, g)
	}
	return conv{}, fmt.Errorf("%s is not %s, but a string or integer type", t, g)
}

func holds(t *wit.Type, n int, g reflect.Type) error {
	if bits := g.Bits(); bits < 16 && n >= 1<<(bits-1) {
		return fmt.Errorf("%s has more cases than %s holds", t, g)
	}
	return nil
}

func enumCase(t *wit.Type, i int, from reflect.Value) (wit.Value, error) {
	if i < 0 || i >= len(t.Cases) {
		return wit.Value{}, fmt.Errorf("%v is no case of %s", from, t)
	}
	return wit.Enum(uint32(i)), nil
}

func flags(t *wit.Type, g reflect.Type) (conv, error) {
	if reflect.Zero(g).CanUint() && g.Kind() != reflect.Uintptr {
		if g.Bits() < len(t.Labels) {
			return conv{}, fmt.Errorf("%s has more flags than %s holds", t, g)
		}
		return conv{
			func(v wit.Value, into reflect.Value) error { into.SetUint(v.Uint()); return nil },
			func(from reflect.Value) (wit.Value, error) {
				if from.Uint()>>len(t.Labels) != 0 {
					return wit.Value{}, fmt.Errorf("%#x has bits that %s does not have", from.Uint(), t)
				}
				return wit.Flags(uint32(from.Uint())), nil
			},
		}, nil
	}
	if g.Kind() != reflect.Struct {
		return conv{}, fmt.Errorf("%s is not %s, but a struct of bools or an unsigned integer", t, g)
	}
	return flagStruct(t, g)
}

func flagStruct(t *wit.Type, g reflect.Type) (conv, error) {
	at := make([][]int, len(t.Labels))
	for i, label := range t.Labels {
		f, err := fieldFor(g, label)
		if err != nil {
			return conv{}, fmt.Errorf("%s: %w", t, err)
		}
		if f.Type.Kind() != reflect.Bool {
			return conv{}, fmt.Errorf("%s: field %s of %s is not a bool", t, f.Name, g)
		}
		at[i] = f.Index
	}
	return conv{
		func(v wit.Value, into reflect.Value) error {
			for i, index := range at {
				into.FieldByIndex(index).SetBool(v.Uint()>>i&1 == 1)
			}
			return nil
		},
		func(from reflect.Value) (wit.Value, error) {
			var bits uint32
			for i, index := range at {
				if from.FieldByIndex(index).Bool() {
					bits |= 1 << i
				}
			}
			return wit.Flags(bits), nil
		},
	}, onlyFields(g, len(t.Labels))
}
