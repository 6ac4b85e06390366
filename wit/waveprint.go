package wit

import (
	"fmt"
	"math"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// FormatValue is the text of a value in WAVE, which [ParseValue] reads back: {a: 1,
// b: some("x")}. It fails when the value does not fit the type, or when
// something in it has no text: a handle, a stream or a future.
func FormatValue(t *Type, v Value) (string, error) {
	b, err := AppendValue(nil, t, v)
	return string(b), err
}

// AppendValue appends the text of a value as [FormatValue] makes it.
func AppendValue(b []byte, t *Type, v Value) ([]byte, error) {
	if v.kind != t.Kind {
		return b, fmt.Errorf("format value: want %s, got %s", t, v.kind)
	}
	switch t.Kind {
	case KindBool:
		return strconv.AppendBool(b, v.Bool()), nil
	case KindS8, KindS16, KindS32, KindS64:
		return strconv.AppendInt(b, v.Int(), 10), nil
	case KindU8, KindU16, KindU32, KindU64:
		return strconv.AppendUint(b, v.Uint(), 10), nil
	case KindF32:
		return appendFloat(b, float64(v.F32()), 32), nil
	case KindF64:
		return appendFloat(b, v.F64(), 64), nil
	case KindChar:
		return append(appendCharacter(append(b, '\''), v.Rune(), '\''), '\''), nil
	case KindString:
		return appendString(b, v.Text())
	case KindList:
		return appendList(b, t, v)
	case KindTuple, KindRecord:
		return appendFields(b, t, v)
	case KindFlags:
		return appendFlags(b, t, v), nil
	case KindVariant, KindEnum, KindOption, KindResult:
		return appendCase(b, t, v)
	}
	return b, fmt.Errorf("format value: a %s has no text: a handle, stream or future is of use within its instance only", t)
}

func appendFloat(b []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, "nan"...)
	case math.IsInf(f, 1):
		return append(b, "inf"...)
	case math.IsInf(f, -1):
		return append(b, "-inf"...)
	}
	return strconv.AppendFloat(b, f, 'g', -1, bits)
}

func appendString(b []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return b, fmt.Errorf("format value: a string is not UTF-8")
	}
	b = append(b, '"')
	for _, c := range s {
		b = appendCharacter(b, c, '"')
	}
	return append(b, '"'), nil
}

func appendCharacter(b []byte, c, quote rune) []byte {
	switch c {
	case '\\', quote:
		return append(b, '\\', byte(c))
	case '\t':
		return append(b, `\t`...)
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	}
	if !unicode.IsPrint(c) {
		return fmt.Appendf(b, `\u{%x}`, c)
	}
	return utf8.AppendRune(b, c)
}

func appendList(b []byte, t *Type, v Value) ([]byte, error) {
	b = append(b, '[')
	var err error
	if packed, ok := v.Packed(); ok && t.Elem.Kind == KindU8 {
		for i, n := range packed {
			b = strconv.AppendUint(appendComma(b, i), uint64(n), 10)
		}
		return append(b, ']'), nil
	}
	for i, item := range v.Items() {
		if b, err = AppendValue(appendComma(b, i), t.Elem, item); err != nil {
			return b, err
		}
	}
	return append(b, ']'), nil
}

func appendComma(b []byte, i int) []byte {
	if i == 0 {
		return b
	}
	return append(b, ", "...)
}

// appendFields prints a record or tuple.
func appendFields(b []byte, t *Type, v Value) ([]byte, error) {
	items := v.Items()
	if len(items) != len(t.Fields) {
		return b, fmt.Errorf("format value: %d fields for %s", len(items), t)
	}
	braces := "()"
	if t.Kind == KindRecord {
		braces = "{}"
	}
	b = append(b, braces[0])
	var err error
	for i, f := range t.Fields {
		b = appendComma(b, i)
		if t.Kind == KindRecord {
			b = append(appendLabel(b, f.Name), ": "...)
		}
		if b, err = AppendValue(b, f.Type, items[i]); err != nil {
			return b, err
		}
	}
	return append(b, braces[1]), nil
}

func appendLabel(b []byte, name string) []byte {
	if wordValues[name] {
		b = append(b, '%')
	}
	return append(b, name...)
}

func appendFlags(b []byte, t *Type, v Value) []byte {
	b = append(b, '{')
	n := 0
	for i, label := range t.Labels {
		if v.Uint()>>i&1 == 1 {
			b = appendLabel(appendComma(b, n), label)
			n++
		}
	}
	return append(b, '}')
}

// appendCase prints a variant, enum, option or result.
func appendCase(b []byte, t *Type, v Value) ([]byte, error) {
	if uint64(v.Case()) >= uint64(len(t.Cases)) {
		return b, fmt.Errorf("format value: there is no case %d of %s", v.Case(), t)
	}
	c := t.Cases[v.Case()]
	if words, ok := wrapWords[t.Kind]; ok {
		b = append(b, words[v.Case()]...)
	} else {
		b = appendLabel(b, c.Name)
	}
	payload, has := v.Payload()
	if has != (c.Type != nil) {
		return b, fmt.Errorf("format value: case %s of %s: wrong payload", c.Name, t)
	}
	if !has {
		return b, nil
	}
	b, err := AppendValue(append(b, '('), c.Type, payload)
	return append(b, ')'), err
}
