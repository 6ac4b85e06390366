package sql

import (
	"time"

	"github.com/writ-host/writ/capabilities/sql/backend"
	"github.com/writ-host/writ/wit"
)

// The cases of the value of fermyon:spin/sqlite.
const (
	spinInteger uint32 = iota
	spinReal
	spinText
	spinBlob
	spinNull
)

// spinParameters reads a list of values, and how many bytes they have.
func spinParameters(list wit.Value) (values []backend.Value, bytes int, err error) {
	if list.Len() > MaxParameters {
		return nil, 0, backend.Errorf(backend.TooLarge, "there are %d parameters, and %d are the most", list.Len(), MaxParameters)
	}
	values = make([]backend.Value, list.Len())
	for i, v := range list.Items() {
		values[i] = spinParameter(v)
		if bytes += values[i].Size(); bytes > MaxBytes {
			return nil, 0, backend.Errorf(backend.TooLarge, "the parameters have more than %d bytes", MaxBytes)
		}
	}
	return values, bytes, nil
}

func spinParameter(v wit.Value) backend.Value {
	p, _ := v.Payload()
	switch v.Case() {
	case spinInteger:
		return backend.Int(p.Int())
	case spinReal:
		return backend.Float(p.F64())
	case spinText:
		return backend.String(backend.Text, p.Text())
	case spinBlob:
		return backend.Value{Kind: backend.Blob, Bytes: p.Bytes()}
	}
	return backend.Value{}
}

func spinRow(row []backend.Value) (wit.Value, error) {
	values := make([]wit.Value, len(row))
	for i, v := range row {
		var err error
		if values[i], err = spinValue(v); err != nil {
			return wit.Value{}, err
		}
	}
	return wit.Record(wit.List(values...)), nil
}

// spinValue is a value in the types that SQLite has: what has none of its own is
// an integer or a text there, too.
func spinValue(v backend.Value) (wit.Value, error) {
	switch v.Kind {
	case backend.Null:
		return wit.Variant(spinNull, nil), nil
	case backend.Boolean, backend.Integer:
		return spinCase(spinInteger, wit.S64(v.Int)), nil
	case backend.Double:
		return spinCase(spinReal, wit.Float64(v.Float())), nil
	case backend.Blob:
		return spinCase(spinBlob, wit.Bytes(v.Bytes)), nil
	case backend.Decimal, backend.Text, backend.JSON, backend.UUID:
		return spinCase(spinText, wit.String(valid(v.Text))), nil
	case backend.Date:
		return spinCase(spinText, wit.String(time.Unix(0, 0).UTC().AddDate(0, 0, int(v.Int)).Format(time.DateOnly))), nil
	case backend.Time:
		return spinCase(spinText, wit.String(time.UnixMicro(v.Int).UTC().Format("15:04:05.999999"))), nil
	case backend.DateTime:
		return spinCase(spinText, wit.String(time.UnixMicro(v.Int).UTC().Format("2006-01-02 15:04:05.999999"))), nil
	case backend.Timestamp:
		return spinCase(spinText, wit.String(time.UnixMicro(v.Int).UTC().Format(time.RFC3339Nano))), nil
	}
	return wit.Value{}, backend.Errorf(backend.Invalid, "a column is an array, which Spin's values do not have: unnest it in the statement")
}

func spinCase(n uint32, p wit.Value) wit.Value { return wit.Variant(n, &p) }
