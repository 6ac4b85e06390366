package binary

import (
	"fmt"
	"unicode/utf8"
)

// reader reads the primitive forms of the binary format from b[pos:end]. The
// first fault sticks: after it every read returns zero, so that callers need to
// look at err only where they loop.
type reader struct {
	b        []byte
	pos, end int
	limits   Limits
	// left is what remains of Limits.Definitions.
	left int
	// typeRef is the last function type index that an import or export named.
	typeRef uint32
	path    path
	err     *Error
	// needs is the first feature that is switched off and that validation can
	// do without: what is invalid besides is told before.
	needs *Error
}

func (r *reader) ok() bool { return r.err == nil }

// failAt records a fault at an offset, unless there is one already.
func (r *reader) failAt(offset int, format string, args ...any) {
	if r.err == nil {
		r.err = &Error{Offset: offset, Path: r.path.String(), Msg: fmt.Sprintf(format, args...)}
	}
}

func (r *reader) fail(format string, args ...any) { r.failAt(r.pos, format, args...) }

// unsupported records that the input needs a feature that is switched off.
func (r *reader) unsupported(offset int, feature, what string) {
	if r.err != nil {
		return
	}
	r.failAt(offset, "%v", &missingFeature{feature, what})
	r.err.Feature = feature
}

// need records that the input needs a feature that is switched off, and goes on.
func (r *reader) need(offset int, feature, what string) {
	if r.err != nil || r.needs != nil {
		return
	}
	r.needs = &Error{Offset: offset, Path: r.path.String(), Msg: (&missingFeature{feature, what}).Error(), Feature: feature}
}

func (r *reader) push(label string, index int) { r.path = append(r.path, step{label, index}) }
func (r *reader) pop()                         { r.path = r.path[:len(r.path)-1] }

func (r *reader) rest() int { return r.end - r.pos }

func (r *reader) u8() byte {
	if r.err != nil {
		return 0
	}
	if r.pos >= r.end {
		r.fail("unexpected end")
		return 0
	}
	c := r.b[r.pos]
	r.pos++
	return c
}

func (r *reader) peek() byte {
	if r.err != nil || r.pos >= r.end {
		return 0
	}
	return r.b[r.pos]
}

// u32 reads an unsigned LEB128 number of at most 32 bits.
func (r *reader) u32() uint32 {
	if r.err == nil && r.pos < r.end && r.b[r.pos] < 0x80 {
		r.pos++
		return uint32(r.b[r.pos-1])
	}
	start := r.pos
	var v uint64
	for shift := uint(0); shift < 35; shift += 7 {
		c := r.u8()
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			if v > 1<<32-1 {
				r.failAt(start, "integer too large for 32 bits")
				return 0
			}
			return uint32(v)
		}
	}
	r.failAt(start, "integer representation too long")
	return 0
}

// signed reads a signed LEB128 number of the given width.
func (r *reader) signed(bits uint) int64 {
	start := r.pos
	var v int64
	for shift := uint(0); shift < bits; shift += 7 {
		c := r.u8()
		v |= int64(c&0x7f) << shift
		if c >= 0x80 {
			continue
		}
		if used := shift + 7; used < 64 {
			v = v << (64 - used) >> (64 - used)
		}
		if bits < 64 && (v < -1<<(bits-1) || v >= 1<<(bits-1)) {
			r.failAt(start, "integer too large for %d bits", bits)
		}
		return v
	}
	r.failAt(start, "integer representation too long")
	return 0
}

// bytes returns the next n bytes; they alias the input.
func (r *reader) bytes(n int) []byte {
	if r.err != nil {
		return nil
	}
	if n < 0 || n > r.rest() {
		r.fail("unexpected end: %d bytes needed, %d left", n, r.rest())
		return nil
	}
	r.pos += n
	return r.b[r.pos-n : r.pos : r.pos]
}

// name reads a length and that many bytes of UTF-8.
func (r *reader) name() string {
	start := r.pos
	n := int64(r.u32())
	if n > int64(r.limits.NameBytes) {
		r.failAt(start, "name of %d bytes is longer than the limit of %d", n, r.limits.NameBytes)
		return ""
	}
	b := r.bytes(int(n))
	if !utf8.Valid(b) {
		r.failAt(start, "malformed UTF-8 in a name")
		return ""
	}
	return string(b)
}

// bool reads a byte that is 0 or 1.
func (r *reader) bool(what string) bool {
	c := r.u8()
	if c > 1 {
		r.failAt(r.pos-1, "invalid byte %#02x for %s", c, what)
	}
	return c == 1
}

// count reads the length of a vector whose elements take a byte or more each.
// It takes the elements off the budget of definitions.
func (r *reader) count(limit int, what string) int {
	start := r.pos
	n := r.plainCount(limit, what)
	if !r.take(start, n) {
		return 0
	}
	return n
}

// take takes n off the budget of definitions.
func (r *reader) take(at, n int) bool {
	if n > r.left {
		r.failAt(at, "too many definitions: the limit is %d for the whole input", r.limits.Definitions)
		return false
	}
	r.left -= n
	return true
}

// plainCount is count for elements that are as small decoded as they are in the
// input.
func (r *reader) plainCount(limit int, what string) int {
	start := r.pos
	n := int64(r.u32())
	switch {
	case r.err != nil:
		return 0
	case n > int64(limit):
		r.failAt(start, "%d %s: the limit is %d", n, what, limit)
		return 0
	case n > int64(r.rest()):
		r.failAt(start, "unexpected end: %d %s do not fit in the %d bytes left", n, what, r.rest())
		return 0
	}
	return int(n)
}

// sub reads a size and has body read exactly that many bytes.
func (r *reader) sub(what string, body func()) {
	start := r.pos
	size := int64(r.u32())
	if r.err != nil {
		return
	}
	if size > int64(r.rest()) {
		r.failAt(start, "unexpected end: %s of %d bytes, %d left", what, size, r.rest())
		return
	}
	end := r.end
	r.end = r.pos + int(size)
	body()
	if r.err == nil && r.pos != r.end {
		r.fail("%s has %d bytes too many", what, r.rest())
	}
	r.end = end
}

// vec reads a vector of budgeted elements.
func vec[T any](r *reader, limit int, what string, elem func() T) []T {
	n := r.count(limit, what)
	if n == 0 {
		return nil
	}
	out := make([]T, 0, min(n, 256))
	for i := 0; i < n && r.ok(); i++ {
		out = append(out, elem())
	}
	return out
}
