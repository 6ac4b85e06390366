package postgres

import (
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/writ-host/writ/capabilities/sql/backend"
)

// The types that this package reads, by their fixed numbers.
const (
	oidBool        = 16
	oidBytea       = 17
	oidInt8        = 20
	oidInt2        = 21
	oidInt4        = 23
	oidText        = 25
	oidJSON        = 114
	oidFloat4      = 700
	oidFloat8      = 701
	oidDate        = 1082
	oidTime        = 1083
	oidTimestamp   = 1114
	oidTimestamptz = 1184
	oidNumeric     = 1700
	oidUUID        = 2950
	oidJSONB       = 3802
)

var typeNames = map[uint32]string{oidBool: "boolean", oidBytea: "bytea", oidInt8: "bigint", oidInt2: "smallint", oidInt4: "integer",
	oidText: "text", oidJSON: "json", oidFloat4: "real", oidFloat8: "double precision", oidDate: "date", oidTime: "time",
	oidTimestamp: "timestamp", oidTimestamptz: "timestamptz", oidNumeric: "numeric", oidUUID: "uuid", oidJSONB: "jsonb", 1042: "char", 1043: "varchar"}

// arrays are the array types, with the type of their items.
var arrays = map[uint32]uint32{1000: oidBool, 1001: oidBytea, 1016: oidInt8, 1005: oidInt2, 1007: oidInt4, 1009: oidText, 1015: oidText,
	1014: oidText, 199: oidJSON, 1021: oidFloat4, 1022: oidFloat8, 1182: oidDate, 1183: oidTime, 1115: oidTimestamp, 1185: oidTimestamptz,
	1231: oidNumeric, 2951: oidUUID, 3807: oidJSONB}

// Layouts of the server's text form, with datestyle ISO and time zone UTC.
const (
	layoutDate = "2006-01-02"
	layoutTime = "15:04:05.999999"
)

// encode is a parameter in text form; nil is null.
func encode(v backend.Value, oid uint32) ([]byte, error) {
	if v.Kind == backend.Null {
		return nil, nil
	}
	if v.Kind == backend.Array {
		return encodeArray(v.Items)
	}
	s, err := encodeText(v)
	if strings.ContainsRune(s, 0) {
		return nil, backend.Errorf(backend.Invalid, "PostgreSQL keeps no text with a NUL byte")
	}
	if oid == oidBytea && v.Kind != backend.Blob {
		return nil, backend.Errorf(backend.Invalid, "a parameter is to be bytes, and is not a blob")
	}
	return []byte(s), err
}

func encodeText(v backend.Value) (string, error) {
	switch v.Kind {
	case backend.Boolean:
		return strconv.FormatBool(v.Int != 0), nil
	case backend.Integer:
		return strconv.FormatInt(v.Int, 10), nil
	case backend.Double:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64), nil
	case backend.Blob:
		return `\x` + hex.EncodeToString(v.Bytes), nil
	case backend.Time:
		return time.UnixMicro(v.Int).UTC().Format(layoutTime), nil
	case backend.Date:
		return moment(time.Unix(v.Int*86400, 0).UTC(), layoutDate, "")
	case backend.DateTime:
		return moment(time.UnixMicro(v.Int).UTC(), layoutDate+" "+layoutTime, "")
	case backend.Timestamp:
		return moment(time.UnixMicro(v.Int).UTC(), layoutDate+" "+layoutTime, "+00")
	}
	return v.Text, nil
}

// moment spells years as PostgreSQL does: of four digits or more, and before Christ with BC.
func moment(t time.Time, layout, zone string) (string, error) {
	y := t.Year()
	if y >= 1 && y <= 9999 {
		return t.Format(layout) + zone, nil
	}
	if y < -4712 || y > 294275 {
		return "", backend.Errorf(backend.Invalid, "the year %d is beyond PostgreSQL's calendar", y)
	}
	rest := t.Format(strings.TrimPrefix(layout, "2006"))
	if y < 1 {
		return strconv.Itoa(10000 + 1 - y)[1:] + rest + zone + " BC", nil
	}
	return strconv.Itoa(y) + rest + zone, nil
}

func encodeArray(items []backend.Value) ([]byte, error) {
	var b strings.Builder
	b.WriteByte('{')
	for i, v := range items {
		if i > 0 {
			b.WriteByte(',')
		}
		if v.Kind == backend.Null {
			b.WriteString("NULL")
			continue
		}
		s, err := encodeText(v)
		if err != nil {
			return nil, err
		}
		b.WriteString(`"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`)
	}
	b.WriteByte('}')
	if strings.ContainsRune(b.String(), 0) {
		return nil, backend.Errorf(backend.Invalid, "PostgreSQL keeps no text with a NUL byte")
	}
	return []byte(b.String()), nil
}

// decode reads a value in text form; what has no better form stays text.
func decode(b []byte, oid uint32) backend.Value {
	if b == nil {
		return backend.Value{}
	}
	s := string(b)
	if item, ok := arrays[oid]; ok {
		if items, ok := decodeArray(s, item); ok {
			return backend.Value{Kind: backend.Array, Items: items}
		}
		return backend.String(backend.Text, valid(s))
	}
	if v, ok := decodeTyped(s, oid); ok {
		return v
	}
	return backend.String(backend.Text, valid(s))
}

func decodeTyped(s string, oid uint32) (backend.Value, bool) {
	switch oid {
	case oidBool:
		return backend.Bool(s == "t"), true
	case oidInt2, oidInt4, oidInt8:
		n, err := strconv.ParseInt(s, 10, 64)
		return backend.Int(n), err == nil
	case oidFloat4, oidFloat8:
		f, err := strconv.ParseFloat(s, 64)
		return backend.Float(f), err == nil || math.IsInf(f, 0)
	case oidNumeric:
		return backend.String(backend.Decimal, s), true
	case oidBytea:
		raw, err := hex.DecodeString(strings.TrimPrefix(s, `\x`))
		return backend.Value{Kind: backend.Blob, Bytes: raw}, err == nil
	case oidJSON, oidJSONB:
		return backend.String(backend.JSON, valid(s)), true
	case oidUUID:
		return backend.String(backend.UUID, s), true
	}
	return decodeTime(s, oid)
}

// decodeTime reads dates and times; infinite ones and those before Christ stay text.
func decodeTime(s string, oid uint32) (backend.Value, bool) {
	layouts := map[uint32]string{oidDate: layoutDate, oidTime: layoutTime, oidTimestamp: layoutDate + " " + layoutTime,
		oidTimestamptz: layoutDate + " " + layoutTime + "Z07"}
	layout, ok := layouts[oid]
	if !ok {
		return backend.Value{}, false
	}
	t, err := time.Parse(layout, s)
	if err != nil {
		return backend.Value{}, false
	}
	switch oid {
	case oidDate:
		return backend.Value{Kind: backend.Date, Int: t.Unix() / 86400}, true
	case oidTime:
		return backend.Value{Kind: backend.Time, Int: t.Sub(t.Truncate(24 * time.Hour)).Microseconds()}, true
	case oidTimestamp:
		return backend.Value{Kind: backend.DateTime, Int: t.UnixMicro()}, true
	}
	return backend.Value{Kind: backend.Timestamp, Int: t.UnixMicro()}, true
}

// decodeArray reads an array of one dimension that begins at 1.
func decodeArray(s string, item uint32) (items []backend.Value, ok bool) {
	if len(s) < 2 || s[0] != '{' || s[len(s)-1] != '}' {
		return nil, false
	}
	items = []backend.Value{}
	for s = s[1 : len(s)-1]; s != ""; {
		var word string
		var quoted bool
		if word, s, quoted, ok = arrayItem(s); !ok {
			return nil, false
		}
		if !quoted && word == "NULL" {
			items = append(items, backend.Value{})
			continue
		}
		v := decode([]byte(word), item)
		items = append(items, v)
	}
	return items, true
}

// arrayItem cuts off an array's first item and the comma after it.
func arrayItem(s string) (word, rest string, quoted, ok bool) {
	if s[0] == '{' {
		return "", "", false, false // another dimension
	}
	if s[0] != '"' {
		word, rest, _ = strings.Cut(s, ",")
		return word, rest, false, true
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if i++; i < len(s) {
				b.WriteByte(s[i])
			}
		case '"':
			return b.String(), strings.TrimPrefix(s[i+1:], ","), true, true
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", true, false
}
