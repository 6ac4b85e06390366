package canon

import (
	"unsafe"

	"github.com/writ-host/writ/wit"
)

const (
	valueBytes = uint64(unsafe.Sizeof(wit.Value{}))
	// maxChunk bounds how many values are allocated ahead of need.
	maxChunk = 512
	// maxReserve bounds what is allocated for values that the guest only says it
	// has: each list in a list says so again, before any of it was read.
	maxReserve = 1 << 15
	// maxText bounds how many bytes short strings share; keeping one of them
	// keeps them all.
	maxText = 1024
)

// arena allocates what one lift makes, within a budget. Values and short
// strings share chunks that grow with what the call has used, so that a scalar
// costs its own size and a thousand small strings cost a few allocations.
type arena struct {
	left   uint64 // budget in bytes
	values []wit.Value
	used   int // values allocated
	text   []byte
	texts  int // bytes of short strings allocated
}

// spend takes bytes from the budget.
func (a *arena) spend(n uint64) error {
	if n > a.left {
		return overBuffers("values of the call need more memory than its limit: %d bytes more, %d left", n, a.left)
	}
	a.left -= n
	return nil
}

// alloc makes n zero values.
func (a *arena) alloc(n uint64) ([]wit.Value, error) {
	if n > a.left/valueBytes {
		return nil, overBuffers("values of the call need more memory than its limit: %d values more, %d bytes left", n, a.left)
	}
	a.left -= n * valueBytes
	return a.slice(int(n)), nil
}

func (a *arena) slice(n int) []wit.Value {
	if n > len(a.values) {
		if n >= maxChunk {
			return make([]wit.Value, n)
		}
		a.values = make([]wit.Value, max(n, min(a.used, maxChunk)))
	}
	s := a.values[:n:n]
	a.values, a.used = a.values[n:], a.used+n
	return s
}

// reserve makes the next n values come from one allocation, or as many of them
// as are well reserved, when the budget has room for all.
func (a *arena) reserve(n uint64) {
	if n > uint64(len(a.values)) && n <= a.left/valueBytes {
		a.values = make([]wit.Value, min(n, maxReserve))
	}
}

// copyBytes copies bytes that the budget was charged for.
func (a *arena) copyBytes(b []byte) []byte {
	n := len(b)
	if n > maxText/4 {
		return append([]byte(nil), b...)
	}
	if n > len(a.text) {
		a.text = make([]byte, max(n, min(a.texts, maxText)))
	}
	c := a.text[:n:n]
	a.text, a.texts = a.text[n:], a.texts+n
	copy(c, b)
	return c
}

// copyString copies a string's bytes that the budget was charged for.
func (a *arena) copyString(b []byte) string {
	c := a.copyBytes(b)
	return unsafe.String(unsafe.SliceData(c), len(c))
}
