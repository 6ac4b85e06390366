package sqlite

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/writ-host/writ/capabilities/sql/backend"
)

// declared is what a column's declared type makes of its values: SQLite itself
// keeps integers, doubles, text and bytes.
type declared uint8

const (
	asKept declared = iota
	asBoolean
	asDecimal
	asDate
	asTime
	asMoment
	asJSON
	asUUID
	asArray
)

// declaredAs reads a declared type: its words say what it is.
func declaredAs(t string) declared {
	t = strings.ToUpper(t)
	switch {
	case strings.HasSuffix(t, "[]"):
		return asArray
	case strings.Contains(t, "BOOL"):
		return asBoolean
	case strings.Contains(t, "DECIMAL"), strings.Contains(t, "NUMERIC"):
		return asDecimal
	case strings.Contains(t, "TIMESTAMP"), strings.Contains(t, "DATETIME"):
		return asMoment
	case strings.Contains(t, "DATE"):
		return asDate
	case strings.Contains(t, "TIME"):
		return asTime
	case strings.Contains(t, "JSON"):
		return asJSON
	case strings.Contains(t, "UUID"):
		return asUUID
	}
	return asKept
}

// column is a value of the row that a statement is at.
func (s *statement) column(i int) backend.Value {
	switch kind := s.kinds[i]; s.ColumnType(i) {
	case sqlite3.INTEGER:
		return integer(kind, s.ColumnInt64(i))
	case sqlite3.FLOAT:
		f := s.ColumnFloat(i)
		if kind == asDecimal {
			return backend.String(backend.Decimal, strconv.FormatFloat(f, 'f', -1, 64))
		}
		return backend.Float(f)
	case sqlite3.TEXT:
		return text(kind, valid(s.ColumnText(i)))
	case sqlite3.BLOB:
		return backend.Value{Kind: backend.Blob, Bytes: s.ColumnBlob(i, []byte{})}
	}
	return backend.Value{}
}

func integer(kind declared, n int64) backend.Value {
	switch {
	case kind == asBoolean && (n == 0 || n == 1):
		return backend.Bool(n == 1)
	case kind == asDecimal:
		return backend.String(backend.Decimal, strconv.FormatInt(n, 10))
	}
	return backend.Int(n)
}

// Layouts in which SQLite's own functions take and give dates and times.
const (
	layoutDate   = "2006-01-02"
	layoutTime   = "15:04:05.999999"
	layoutMoment = layoutDate + " " + layoutTime
)

// text is text in the form that its column declares, if it has that form.
func text(kind declared, s string) backend.Value {
	switch kind {
	case asDecimal:
		if isDecimal(s) {
			return backend.String(backend.Decimal, s)
		}
	case asDate:
		if t, err := time.Parse(layoutDate, s); err == nil {
			return backend.Value{Kind: backend.Date, Int: t.Unix() / 86400}
		}
	case asTime:
		if t, err := time.Parse(layoutTime, s); err == nil {
			return backend.Value{Kind: backend.Time, Int: t.Sub(t.Truncate(24 * time.Hour)).Microseconds()}
		}
	case asMoment:
		return moment(s)
	case asJSON:
		return backend.String(backend.JSON, s)
	case asUUID:
		return backend.String(backend.UUID, s)
	case asArray:
		if items, ok := array(s); ok {
			return backend.Value{Kind: backend.Array, Items: items}
		}
	}
	return backend.String(backend.Text, s)
}

// moment reads date and time; with a zone it is a moment.
func moment(s string) backend.Value {
	plain := strings.Replace(s, "T", " ", 1)
	if t, err := time.Parse(layoutMoment, plain); err == nil {
		return backend.Value{Kind: backend.DateTime, Int: t.UnixMicro()}
	}
	if t, err := time.Parse(layoutMoment+"Z07:00", plain); err == nil {
		return backend.Value{Kind: backend.Timestamp, Int: t.UnixMicro()}
	}
	return backend.String(backend.Text, s)
}

// isDecimal accepts digits with a sign and a point.
func isDecimal(s string) bool {
	s = strings.TrimPrefix(strings.TrimPrefix(s, "-"), "+")
	whole, part, point := strings.Cut(s, ".")
	return (whole != "" || part != "") && digits(whole) && digits(part) && (!point || part != "" || whole != "")
}

func digits(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}

// array reads an array, kept as JSON.
func array(s string) ([]backend.Value, bool) {
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var list []any
	if d.Decode(&list) != nil {
		return nil, false
	}
	items := make([]backend.Value, len(list))
	for i, v := range list {
		switch v := v.(type) {
		case nil:
		case bool:
			items[i] = backend.Bool(v)
		case string:
			items[i] = backend.String(backend.Text, v)
		case json.Number:
			items[i] = number(v)
		default:
			return nil, false
		}
	}
	return items, true
}

func number(n json.Number) backend.Value {
	if i, err := n.Int64(); err == nil {
		return backend.Int(i)
	}
	f, _ := n.Float64() // JSON's grammar holds; a number beyond doubles is infinite
	return backend.Float(f)
}

// asText is a value that SQLite keeps as text.
func asText(v backend.Value) (string, error) {
	switch v.Kind {
	case backend.Date:
		return time.Unix(v.Int*86400, 0).UTC().Format(layoutDate), nil
	case backend.Time:
		return time.UnixMicro(v.Int).UTC().Format("15:04:05.000000"), nil
	case backend.DateTime:
		return time.UnixMicro(v.Int).UTC().Format(layoutDate + " 15:04:05.000000"), nil
	case backend.Timestamp:
		return time.UnixMicro(v.Int).UTC().Format(layoutDate + " 15:04:05.000000Z"), nil
	case backend.Array:
		return arrayText(v.Items)
	}
	return v.Text, nil
}

func arrayText(items []backend.Value) (string, error) {
	list := make([]any, len(items))
	for i, v := range items {
		switch v.Kind {
		case backend.Null:
		case backend.Boolean:
			list[i] = v.Int != 0
		case backend.Integer:
			list[i] = v.Int
		case backend.Double:
			list[i] = v.Float()
		case backend.Blob:
			return "", backend.Errorf(backend.Invalid, "SQLite keeps no arrays of bytes")
		default:
			list[i], _ = asText(v) // no array is in an array
		}
	}
	b, err := json.Marshal(list)
	if err != nil {
		return "", backend.Errorf(backend.Invalid, "an array: %v", err)
	}
	return string(b), nil
}
