package sql

import (
	"math"
	"strings"

	"github.com/writ-host/writ/capabilities/sql/backend"
	"github.com/writ-host/writ/wit"
)

// The cases of the interface's value are backend's kinds, in that order.

// readParameters reads a list of values, and how many bytes they have.
func readParameters(list wit.Value) (values []backend.Value, bytes int, err error) {
	items := list.Items()
	if len(items) > MaxParameters {
		return nil, 0, backend.Errorf(backend.TooLarge, "there are %d parameters, and %d are the most", len(items), MaxParameters)
	}
	values = make([]backend.Value, len(items))
	inArrays := 0
	for i, v := range items {
		if backend.Kind(v.Case()) == backend.Array {
			list, _ := v.Payload()
			if inArrays += list.Len(); inArrays > MaxItems {
				return nil, 0, backend.Errorf(backend.TooLarge, "the arrays have more than %d items", MaxItems)
			}
		}
		values[i] = readValue(v)
		if bytes += values[i].Size(); bytes > MaxBytes {
			return nil, 0, backend.Errorf(backend.TooLarge, "the parameters have more than %d bytes", MaxBytes)
		}
		if err := check(values[i]); err != nil {
			return nil, 0, err
		}
	}
	return values, bytes, nil
}

// check refuses what is no value of its kind.
func check(v backend.Value) error {
	if v.Kind == backend.Time && (v.Int < 0 || v.Int >= 86_400_000_000) {
		return backend.Errorf(backend.Invalid, "a time of %d microseconds since midnight", uint64(v.Int))
	}
	for _, item := range v.Items {
		if err := check(item); err != nil {
			return err
		}
	}
	return nil
}

func readValue(v wit.Value) backend.Value {
	out := backend.Value{Kind: backend.Kind(v.Case())}
	p, _ := v.Payload()
	switch out.Kind {
	case backend.Null:
	case backend.Boolean:
		return backend.Bool(p.Bool())
	case backend.Double:
		return backend.Float(p.F64())
	case backend.Decimal, backend.Text, backend.JSON, backend.UUID:
		out.Text = p.Text()
	case backend.Blob:
		out.Bytes = p.Bytes()
	case backend.Array:
		out.Items = make([]backend.Value, p.Len())
		for i, item := range p.Items() {
			out.Items[i] = readValue(item)
		}
	default:
		out.Int = p.Int()
	}
	return out
}

// giveValue is a value for a guest. Providers are not trusted to be tidy.
func giveValue(v backend.Value) wit.Value {
	var p wit.Value
	switch v.Kind {
	case backend.Boolean:
		p = wit.Bool(v.Int != 0)
	case backend.Double:
		p = wit.Float64(v.Float())
	case backend.Integer, backend.DateTime, backend.Timestamp:
		p = wit.S64(v.Int)
	case backend.Date:
		p = wit.S32(int32(min(max(v.Int, math.MinInt32), math.MaxInt32)))
	case backend.Time:
		p = wit.U64(uint64(v.Int))
	case backend.Decimal, backend.Text, backend.JSON, backend.UUID:
		p = wit.String(valid(v.Text))
	case backend.Blob:
		p = wit.Bytes(v.Bytes)
	case backend.Array:
		items := make([]wit.Value, len(v.Items))
		for i, item := range v.Items {
			if item.Kind != backend.Array {
				items[i] = giveValue(item)
			} else {
				items[i] = wit.Variant(uint32(backend.Null), nil)
			}
		}
		p = wit.List(items...)
	default:
		return wit.Variant(uint32(backend.Null), nil)
	}
	return wit.Variant(uint32(v.Kind), &p)
}

// valid is text that a guest can be given.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
