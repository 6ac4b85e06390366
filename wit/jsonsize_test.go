package wit

import (
	"strings"
	"testing"
)

// What would be more JSON than allowed is refused before there is any, however
// small the value is in the guest.
func TestJSONFits(t *testing.T) {
	const most = 1000
	long := strings.Repeat("a", 100)
	many := func(v Value) Value {
		items := make([]Value, 20)
		for i := range items {
			items[i] = v
		}
		return List(items...)
	}
	for name, c := range map[string]struct {
		typ  *Type
		v    Value
		fits bool
	}{
		"bytes":               {ListOf(TypeU8), Bytes(make([]byte, most)), true},
		"more bytes":          {ListOf(TypeU8), Bytes(make([]byte, most+1)), false},
		"text":                {TypeString, String(strings.Repeat("x", most+1)), false},
		"lists in a list":     {ListOf(ListOf(TypeU8)), many(Bytes(make([]byte, 60))), false},
		"long names":          {ListOf(EnumOf(long)), many(Enum(0)), false},
		"long fields":         {ListOf(RecordOf(Field{Name: long, Type: TypeU8})), many(Record(U8(1))), false},
		"long flags":          {ListOf(FlagsOf(long)), many(Flags(1)), false},
		"flags that are off":  {ListOf(FlagsOf(long)), many(Flags(0)), true},
		"a large error":       {ResultOf(nil, TypeString), Err(String(strings.Repeat("x", most+1))), false},
		"nothing, many times": {ListOf(OptionOf(TypeU8)), many(None()), true},
	} {
		if got := JSONFits(c.typ, c.v, most); got != c.fits {
			t.Errorf("%s: %v, want %v", name, got, c.fits)
		}
	}
}
