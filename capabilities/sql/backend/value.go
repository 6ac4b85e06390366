package backend

import "math"

// Kind is what a [Value] is. The numbers are the cases of writ:sql's value, and
// the fields of the provider protocol's.
type Kind uint8

// The kinds.
const (
	Null      Kind = iota
	Boolean        // Int is 0 or 1
	Integer        // Int
	Double         // Int has its bits
	Decimal        // Text: digits, with a sign and a point
	Text           // Text
	Blob           // Bytes
	Date           // Int: days since 1970-01-01
	Time           // Int: microseconds since midnight
	DateTime       // Int: microseconds since 1970-01-01T00:00:00, of no zone
	Timestamp      // Int: microseconds since 1970-01-01T00:00:00Z
	JSON           // Text
	UUID           // Text
	Array          // Items, of any kinds but Array
)

// Value is one value of a row, or a parameter. The zero Value is null.
type Value struct {
	Kind  Kind
	Int   int64
	Text  string
	Bytes []byte
	Items []Value
}

// Bool is a boolean.
func Bool(b bool) Value {
	if b {
		return Value{Kind: Boolean, Int: 1}
	}
	return Value{Kind: Boolean}
}

// Int is an integer.
func Int(n int64) Value { return Value{Kind: Integer, Int: n} }

// Float is a double.
func Float(f float64) Value { return Value{Kind: Double, Int: int64(math.Float64bits(f))} }

// String is a value that is kept as text: text, decimals, JSON, UUIDs.
func String(k Kind, s string) Value { return Value{Kind: k, Text: s} }

// Float is a double's value.
func (v Value) Float() float64 { return math.Float64frombits(uint64(v.Int)) }

// valueCost is what a value counts beyond its content.
const valueCost = 16

// Size is about how many bytes a value takes.
func (v Value) Size() int {
	n := valueCost + len(v.Text) + len(v.Bytes)
	for _, i := range v.Items {
		n += i.Size()
	}
	return n
}

// RowSize is about how many bytes a row takes.
func RowSize(row []Value) int {
	n := valueCost
	for _, v := range row {
		n += v.Size()
	}
	return n
}
