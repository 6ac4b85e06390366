package canon

import (
	"encoding/binary"

	"github.com/writ-host/writ/wit"
)

var little = binary.LittleEndian

// load reads a value from memory; the caller has checked that all of its bytes
// are there and aligned. Canonical ABI, "Loading".
func (l *lifter) load(n *node, at uint64, out *wit.Value) error {
	if n.numeric() {
		*out = wit.Scalar(n.kind, n.extend(bitsAt(l.mem[at:], n.size)))
		return nil
	}
	switch n.op {
	case opString:
		b := l.mem[at : at+8]
		return l.str(uint64(little.Uint32(b)), little.Uint32(b[4:]), out)
	case opBytes, opList:
		b := l.mem[at : at+8]
		return l.list(n, uint64(little.Uint32(b)), uint64(little.Uint32(b[4:])), out)
	case opFixed:
		return l.items(n.elem, at, uint64(n.length), out)
	case opRecord:
		return l.loadRecord(n, at, out)
	case opVariant:
		return l.loadVariant(n, at, out)
	}
	return l.scalar(n, uint32(bitsAt(l.mem[at:], n.size)), out)
}

// bitsAt reads 1, 2, 4 or 8 bytes.
func bitsAt(b []byte, size uint32) uint64 {
	switch size {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(little.Uint16(b))
	case 4:
		return uint64(little.Uint32(b))
	}
	return little.Uint64(b)
}

func (l *lifter) loadRecord(n *node, at uint64, out *wit.Value) error {
	items, err := l.alloc(uint64(len(n.fields)))
	if err != nil {
		return err
	}
	for i, f := range n.fields {
		if err := l.load(f.node, at+uint64(f.offset), &items[i]); err != nil {
			return within(err, "%s", fieldName(n.typ, i))
		}
	}
	*out = aggregateValue(n.kind, items)
	return nil
}

func (l *lifter) loadVariant(n *node, at uint64, out *wit.Value) error {
	index := uint32(bitsAt(l.mem[at:], uint32(n.disc)))
	c, err := n.at(index)
	if err != nil || c == nil {
		*out = wit.CaseOf(n.kind, index, nil)
		return err
	}
	payload, err := l.alloc(1)
	if err != nil {
		return err
	}
	if err := l.load(c, at+uint64(n.payload), &payload[0]); err != nil {
		return within(err, "case %q", n.typ.Cases[index].Name)
	}
	*out = wit.CaseOf(n.kind, index, &payload[0])
	return nil
}

// list reads a list of dynamic length.
func (l *lifter) list(n *node, at, length uint64, out *wit.Value) error {
	size := length * uint64(n.elem.size)
	switch {
	case size > maxListBytes:
		return trapf("list at 0x%x: %d items of %d bytes are more than %d bytes", at, length, n.elem.size, maxListBytes)
	case at%uint64(n.elem.align) != 0:
		return trapf("list at 0x%x: not aligned to %d", at, n.elem.align)
	case at+size > uint64(len(l.mem)):
		return trapf("list at 0x%x: %d bytes reach beyond the memory's %d", at, size, len(l.mem))
	}
	return l.items(n.elem, at, length, out)
}

// items reads list items from a range that was checked.
func (l *lifter) items(elem *node, at, length uint64, out *wit.Value) error {
	b := l.mem[at : at+length*uint64(elem.size)]
	if elem.op == opU8 {
		if err := l.spend(length); err != nil {
			return err
		}
		*out = wit.Bytes(l.copyBytes(b))
		return nil
	}
	items, err := l.alloc(length)
	if err != nil {
		return err
	}
	*out = wit.List(items...)
	if elem.numeric() {
		loadNumbers(elem, b, items)
		return nil
	}
	l.reserve(length * elem.inner)
	for i := range items {
		if err := l.load(elem, at+uint64(i)*uint64(elem.size), &items[i]); err != nil {
			return within(err, "item %d", i)
		}
	}
	return nil
}

// loadNumbers reads items of a numeric type.
func loadNumbers(elem *node, b []byte, items []wit.Value) {
	n := *elem // a copy, which the compiler knows nobody changes
	switch n.size {
	case 1:
		for i := range items {
			items[i] = wit.Scalar(n.kind, n.extend(uint64(b[i])))
		}
	case 2:
		for i := range items {
			items[i] = wit.Scalar(n.kind, n.extend(uint64(little.Uint16(b[2*i:]))))
		}
	case 4:
		for i := range items {
			items[i] = wit.Scalar(n.kind, n.extend(uint64(little.Uint32(b[4*i:]))))
		}
	default:
		for i := range items {
			items[i] = wit.Scalar(n.kind, little.Uint64(b[8*i:]))
		}
	}
}
