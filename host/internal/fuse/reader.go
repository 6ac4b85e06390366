package fuse

import (
	"errors"
	"fmt"
)

var errEnd = errors.New("unexpected end")

// reader reads the primitive forms of the binary format. The first fault
// sticks: after it every read returns zero.
type reader struct {
	b   []byte
	pos int
	err error
}

func (r *reader) ok() bool   { return r.err == nil }
func (r *reader) more() bool { return r.err == nil && r.pos < len(r.b) }

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

func (r *reader) u8() byte {
	if r.err != nil {
		return 0
	}
	if r.pos >= len(r.b) {
		r.err = errEnd
		return 0
	}
	r.pos++
	return r.b[r.pos-1]
}

// u32 reads an unsigned LEB128 number.
func (r *reader) u32() uint32 {
	var v uint64
	for shift := 0; shift < 35; shift += 7 {
		c := r.u8()
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			if v > 1<<32-1 {
				r.fail("a number does not fit in 32 bits")
				return 0
			}
			return uint32(v)
		}
	}
	r.fail("a number is too long")
	return 0
}

// signed reads a signed LEB128 number of the given width.
func (r *reader) signed(bits int) int64 {
	var v int64
	for shift := 0; shift < bits; shift += 7 {
		c := r.u8()
		v |= int64(c&0x7f) << shift
		if c < 0x80 {
			if used := shift + 7; used < 64 {
				v = v << (64 - used) >> (64 - used)
			}
			if bits < 64 && (v < -1<<(bits-1) || v >= 1<<(bits-1)) {
				r.fail("a number does not fit in %d bits", bits)
			}
			return v
		}
	}
	r.fail("a number is too long")
	return 0
}

// bytes returns the next n bytes; they alias the input.
func (r *reader) bytes(n uint32) []byte {
	if r.err != nil || int64(n) > int64(len(r.b)-r.pos) {
		r.fail("%w: %d bytes needed", errEnd, n)
		return nil
	}
	r.pos += int(n)
	return r.b[r.pos-int(n) : r.pos : r.pos]
}

func (r *reader) name() string { return string(r.bytes(r.u32())) }

// count reads the length of a vector whose elements take a byte or more each.
func (r *reader) count() int {
	n := r.u32()
	if int64(n) > int64(len(r.b)-r.pos) {
		r.fail("%w: a vector of %d", errEnd, n)
		return 0
	}
	return int(n)
}

// sub is a reader of the next bytes, as many as a size says.
func (r *reader) sub() *reader {
	b := r.bytes(r.u32())
	return &reader{b: b, err: r.err}
}

// done fails when bytes are left.
func (r *reader) done() error {
	if r.err == nil && r.pos != len(r.b) {
		r.fail("%d bytes are left over", len(r.b)-r.pos)
	}
	return r.err
}

func leb(b []byte, n uint32) []byte {
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

func signedLEB(b []byte, n int64) []byte {
	for ; n < -64 || n > 63; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n)&0x7f)
}
