package canon

import (
	"unicode/utf16"
	"unicode/utf8"
)

// str stores a string and returns its pointer and tagged length. The host's
// strings are UTF-8, so the sequences of reallocations are those that the
// specification gives for a UTF-8 source. Canonical ABI, "Storing".
func (l *lowerer) str(s string) (uint32, uint32, error) {
	if len(s) > maxStringBytes {
		return 0, 0, mismatchf("string of %d bytes is longer than %d", len(s), maxStringBytes)
	}
	if len(l.made) == 0 && !utf8.ValidString(s) { // what was planned is valid
		return 0, 0, mismatchf("string is not valid UTF-8")
	}
	switch l.encoding {
	case UTF16:
		return l.strUTF16(s)
	case Latin1OrUTF16:
		return l.strLatin1(s)
	}
	at, err := l.realloc(0, 0, 1, uint32(len(s)))
	if err != nil {
		return 0, 0, err
	}
	copy(l.mem[at:], s)
	return at, uint32(len(s)), nil
}

func (l *lowerer) strUTF16(s string) (uint32, uint32, error) {
	worst := 2 * uint32(len(s))
	at, err := l.realloc(0, 0, 2, worst)
	if err != nil {
		return 0, 0, err
	}
	size := putUTF16(l.mem[at:at+worst], s)
	if size < worst {
		at, err = l.realloc(at, worst, 2, size)
	}
	return at, size / 2, err
}

// strLatin1 speculates that the string is Latin-1, and starts over as UTF-16
// where it is not.
func (l *lowerer) strLatin1(s string) (uint32, uint32, error) {
	length := uint32(len(s))
	at, err := l.realloc(0, 0, 2, length)
	if err != nil {
		return 0, 0, err
	}
	size, all := putLatin1(l.mem[at:at+length], s)
	if !all {
		return l.widen(s, at, length)
	}
	if size < length {
		at, err = l.realloc(at, length, 2, size)
	}
	return at, size, err
}

// widen stores a string as UTF-16 in place of its Latin-1 beginning, which the
// specification inflates in place and which is simply encoded again here.
func (l *lowerer) widen(s string, at, length uint32) (uint32, uint32, error) {
	worst := 2 * length
	at, err := l.realloc(at, length, 2, worst)
	if err != nil {
		return 0, 0, err
	}
	size := putUTF16(l.mem[at:at+worst], s)
	if size < worst {
		at, err = l.realloc(at, worst, 2, size)
	}
	return at, size/2 | utf16Tag, err
}

// putUTF16 encodes s, whose UTF-16 form fits, and returns its size in bytes.
func putUTF16(b []byte, s string) uint32 {
	size := 0
	for _, r := range s {
		if r < 0x10000 {
			little.PutUint16(b[size:], uint16(r))
			size += 2
			continue
		}
		high, low := utf16.EncodeRune(r)
		little.PutUint16(b[size:], uint16(high))
		little.PutUint16(b[size+2:], uint16(low))
		size += 4
	}
	return uint32(size)
}

// putLatin1 encodes s as far as it is Latin-1.
func putLatin1(b []byte, s string) (size uint32, all bool) {
	for _, r := range s {
		if r > 0xff {
			return size, false
		}
		b[size] = byte(r)
		size++
	}
	return size, true
}
