package broker

import (
	"errors"
	"strings"
)

const hexDigits = "0123456789ABCDEF"

// charset says which bytes a part of a resource shows as themselves; all others are percent-encoded.
type charset [256]bool

func charsOf(extra string) *charset {
	var c charset
	for _, b := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~" + extra) {
		c[b] = true
	}
	return &c
}

var (
	unreserved     = charsOf("")
	keyChars       = charsOf("/")
	interfaceChars = charsOf(":@/+")
	functionChars  = charsOf("[]")
)

// appendEncoded appends bytes that stand for themselves.
func appendEncoded(dst []byte, s string, plain *charset) []byte {
	for i := range len(s) {
		dst = appendByte(dst, s[i], plain)
	}
	return dst
}

func appendByte(dst []byte, c byte, plain *charset) []byte {
	if plain[c] {
		return append(dst, c)
	}
	return append(dst, '%', hexDigits[c>>4], hexDigits[c&15])
}

// appendText appends text in which %XX stands for a byte and, in a pattern, stars are wildcards.
func appendText(dst []byte, s string, plain *charset, pattern bool) ([]byte, error) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '%':
			v, ok := unescape(s[i:])
			if !ok {
				return nil, errors.New("a percent sign that two hexadecimal digits do not follow")
			}
			dst = appendByte(dst, v, plain)
			i += 2
		case c != '*':
			dst = appendByte(dst, c, plain)
		case !pattern:
			return nil, errors.New("a star in a resource that is not a pattern: write %2A")
		default:
			if n := len(dst); n < 2 || dst[n-1] != '*' || dst[n-2] != '*' { // three stars mean no more than two
				dst = append(dst, '*')
			}
		}
	}
	return dst, nil
}

func unescape(s string) (byte, bool) {
	if len(s) < 3 {
		return 0, false
	}
	hi, lo := strings.IndexByte(hexDigits, upper(s[1])), strings.IndexByte(hexDigits, upper(s[2]))
	return byte(hi<<4 | lo&15), hi >= 0 && lo >= 0
}

func upper(c byte) byte {
	if c >= 'a' && c <= 'f' {
		return c - 'a' + 'A'
	}
	return c
}
