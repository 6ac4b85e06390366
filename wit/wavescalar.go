package wit

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// wordValues are words that are values, so that a label of the same spelling
// is written with %.
var wordValues = map[string]bool{"true": true, "false": true, "inf": true, "nan": true,
	"some": true, "none": true, "ok": true, "err": true}

func (r *valueReader) bool() (Value, error) {
	switch w := r.peekWord(); w {
	case "true", "false":
		r.at += len(w)
		return Bool(w == "true"), nil
	}
	return Value{}, r.errorf("want true or false")
}

// number reads the text of a number.
func (r *valueReader) number() string {
	r.space()
	s := r.text[r.at:]
	n := span(s, func(c byte) bool { return isWord(c) || c == '+' || c == '.' })
	r.at += n
	return s[:n]
}

func (r *valueReader) notNumber(s string, k Kind) error {
	if r.space(); s == "" {
		return r.errorf("want a %s", k)
	}
	return r.errorf("%q is not a %s", s, k)
}

// integerBits are the widths of integers, negative for signed ones.
var integerBits = map[Kind]int{KindS8: -8, KindU8: 8, KindS16: -16, KindU16: 16,
	KindS32: -32, KindU32: 32, KindS64: -64, KindU64: 64}

func (r *valueReader) integer(k Kind) (Value, error) {
	start := r.at
	s := r.number()
	bits := integerBits[k]
	var n uint64
	var err error
	if bits < 0 {
		var i int64
		i, err = strconv.ParseInt(s, 10, -bits)
		n = uint64(i)
	} else {
		n, err = strconv.ParseUint(s, 10, bits)
	}
	if err != nil || !plainInteger(s) {
		r.at = start
		return Value{}, r.notNumber(s, k)
	}
	return Scalar(k, n), nil
}

// plainInteger is a JSON integer: no plus and no leading zero.
func plainInteger(s string) bool {
	s = strings.TrimPrefix(s, "-")
	return s != "" && span(s, isDigit) == len(s) && (s == "0" || s[0] != '0')
}

func (r *valueReader) float(k Kind) (Value, error) {
	start := r.at
	bits := 32
	if k == KindF64 {
		bits = 64
	}
	s := r.number()
	var f float64
	var err error
	switch s {
	case "nan":
		return Scalar(k, canonicalNaN(k)), nil
	case "inf":
		f = math.Inf(1)
	case "-inf":
		f = math.Inf(-1)
	default:
		f, err = strconv.ParseFloat(s, bits)
	}
	if s != "inf" && s != "-inf" && (err != nil || !plainFloat(s)) {
		r.at = start
		return Value{}, r.notNumber(s, k)
	}
	if k == KindF32 {
		return Float32(float32(f)), nil
	}
	return Float64(f), nil
}

// canonicalNaN are the bits of the one NaN that text can say.
func canonicalNaN(k Kind) uint64 {
	if k == KindF32 {
		return 0x7fc00000
	}
	return 0x7ff8000000000000
}

// plainFloat is a JSON number.
func plainFloat(s string) bool {
	mantissa, exponent, hasExponent := cutAny(s, "eE")
	whole, fraction, hasFraction := strings.Cut(mantissa, ".")
	if !plainInteger(whole) || hasFraction && !allDigits(fraction) {
		return false
	}
	exponent = strings.TrimPrefix(strings.TrimPrefix(exponent, "+"), "-")
	return !hasExponent || allDigits(exponent)
}

func allDigits(s string) bool { return s != "" && span(s, isDigit) == len(s) }

func cutAny(s, chars string) (before, after string, found bool) {
	if i := strings.IndexAny(s, chars); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

func (r *valueReader) char() (Value, error) {
	if err := r.expect('\''); err != nil {
		return Value{}, err
	}
	if strings.HasPrefix(r.text[r.at:], "'") {
		return Value{}, r.errorf("a char is one character")
	}
	c, err := r.character()
	if err != nil {
		return Value{}, err
	}
	if !strings.HasPrefix(r.text[r.at:], "'") {
		return Value{}, r.errorf("a char is one character")
	}
	r.at++
	return Char(c), nil
}

func (r *valueReader) string() (Value, error) {
	if err := r.expect('"'); err != nil {
		return Value{}, err
	}
	var b strings.Builder
	for !strings.HasPrefix(r.text[r.at:], `"`) {
		c, err := r.character()
		if err != nil {
			return Value{}, err
		}
		b.WriteRune(c)
	}
	r.at++
	return String(b.String()), nil
}

// character reads one character of a string or char, which may be escaped.
func (r *valueReader) character() (rune, error) {
	c, n := utf8.DecodeRuneInString(r.text[r.at:])
	switch {
	case n == 0, c == '\n':
		return 0, r.errorf("the quote is not closed")
	case c == utf8.RuneError && n == 1:
		return 0, r.errorf("text is not UTF-8")
	case c != '\\':
		r.at += n
		return c, nil
	}
	return r.escape()
}

// escapes are the characters after a backslash, but for u.
var escapes = map[byte]rune{'\'': '\'', '"': '"', '\\': '\\', 't': '\t', 'n': '\n', 'r': '\r'}

func (r *valueReader) escape() (rune, error) {
	s := r.text[r.at:]
	if len(s) < 2 {
		return 0, r.errorf("the quote is not closed")
	}
	if c, ok := escapes[s[1]]; ok {
		r.at += 2
		return c, nil
	}
	hex, _, ok := strings.Cut(strings.TrimPrefix(s, `\u{`), "}")
	if !ok || !strings.HasPrefix(s, `\u{`) || hex == "" || len(hex) > 6 {
		return 0, r.errorf("there is no such escape")
	}
	n, err := strconv.ParseUint(hex, 16, 32)
	if err != nil || n > utf8.MaxRune || !utf8.ValidRune(rune(n)) {
		return 0, r.errorf("%s is not a character", hex)
	}
	r.at += len(`\u{}`) + len(hex)
	return rune(n), nil
}
