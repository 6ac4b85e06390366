package canon

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/writ-host/writ/wit"
)

// utf16Tag says in a length of the latin1+utf16 encoding that the string is
// UTF-16.
const utf16Tag = 1 << 31

// str reads a string. Canonical ABI, load_string_from_range.
func (l *lifter) str(at uint64, units uint32, out *wit.Value) error {
	wide, align, size := l.encoding == UTF16, uint64(1), uint64(units)
	if l.encoding != UTF8 {
		align = 2
	}
	if l.encoding == Latin1OrUTF16 && units&utf16Tag != 0 {
		wide, size = true, uint64(units^utf16Tag)
	}
	if wide {
		size *= 2
	}
	switch {
	case size > maxStringBytes:
		return trapf("string at 0x%x: %d bytes are more than %d", at, size, maxStringBytes)
	case at%align != 0:
		return trapf("string at 0x%x: not aligned to %d", at, align)
	case at+size > uint64(len(l.mem)):
		return trapf("string at 0x%x: %d bytes reach beyond the memory's %d", at, size, len(l.mem))
	}
	s, err := l.decode(l.mem[at:at+size], wide, at)
	*out = wit.String(s)
	return err
}

func (l *lifter) decode(b []byte, wide bool, at uint64) (string, error) {
	switch {
	case wide:
		return l.decodeUTF16(b, at)
	case l.encoding == Latin1OrUTF16:
		return l.decodeLatin1(b)
	case !utf8.Valid(b):
		return "", trapf("string at 0x%x: invalid UTF-8", at)
	}
	if err := l.spend(uint64(len(b))); err != nil {
		return "", err
	}
	return l.copyString(b), nil
}

func (l *lifter) decodeLatin1(b []byte) (string, error) {
	size := len(b)
	for _, c := range b {
		size += int(c >> 7)
	}
	if err := l.spend(uint64(size)); err != nil {
		return "", err
	}
	if size == len(b) {
		return l.copyString(b), nil
	}
	var s strings.Builder
	s.Grow(size)
	for _, c := range b {
		s.WriteRune(rune(c))
	}
	return s.String(), nil
}

func (l *lifter) decodeUTF16(b []byte, at uint64) (string, error) {
	size := 0
	for i := 0; i < len(b); {
		r, n := utf16At(b[i:])
		if n == 0 {
			return "", trapf("string at 0x%x: invalid UTF-16 at code unit %d", at, i/2)
		}
		size, i = size+utf8.RuneLen(r), i+n
	}
	if err := l.spend(uint64(size)); err != nil {
		return "", err
	}
	var s strings.Builder
	s.Grow(size)
	for i := 0; i < len(b); {
		r, n := utf16At(b[i:])
		s.WriteRune(r)
		i += n
	}
	return s.String(), nil
}

// utf16At is the code point at the start of b and its length in bytes, 0 when
// it is a lone surrogate.
func utf16At(b []byte) (rune, int) {
	r := rune(little.Uint16(b))
	if !utf16.IsSurrogate(r) {
		return r, 2
	}
	if len(b) < 4 {
		return 0, 0
	}
	if r = utf16.DecodeRune(r, rune(little.Uint16(b[2:]))); r == utf8.RuneError {
		return 0, 0
	}
	return r, 4
}
