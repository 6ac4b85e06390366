package canon

import "github.com/writ-host/writ/wit"

// store writes a value to memory; the caller has checked that all of its bytes
// are there and aligned. Canonical ABI, "Storing".
func (l *lowerer) store(n *node, v *wit.Value, at uint64) error {
	if n.numeric() {
		if err := n.number(v); err != nil {
			return err
		}
		putBits(l.mem[at:], n.size, v.Bits())
		return nil
	}
	if err := n.fits(v); err != nil {
		return err
	}
	switch n.op {
	case opString:
		p, units, err := l.str(v.Text())
		return l.pair(at, p, units, err)
	case opBytes, opList:
		p, length, err := l.list(n, v)
		return l.pair(at, p, length, err)
	case opFixed:
		return l.items(n.elem, v, at)
	case opRecord:
		return l.storeRecord(n, v, at)
	case opVariant:
		return l.storeVariant(n, v, at)
	}
	b, err := l.scalar(n, v)
	if err == nil {
		putBits(l.mem[at:], n.size, uint64(b))
	}
	return err
}

// pair stores the pointer and length of what a realloc made.
func (l *lowerer) pair(at uint64, p, length uint32, err error) error {
	if err == nil {
		b := l.mem[at : at+8]
		little.PutUint32(b, p)
		little.PutUint32(b[4:], length)
	}
	return err
}

// putBits writes 1, 2, 4 or 8 bytes.
func putBits(b []byte, size uint32, bits uint64) {
	switch size {
	case 1:
		b[0] = byte(bits)
	case 2:
		little.PutUint16(b, uint16(bits))
	case 4:
		little.PutUint32(b, uint32(bits))
	default:
		little.PutUint64(b, bits)
	}
}

func (l *lowerer) storeRecord(n *node, v *wit.Value, at uint64) error {
	items := v.Items()
	for i, f := range n.fields {
		if err := l.store(f.node, &items[i], at+uint64(f.offset)); err != nil {
			return within(err, "%s", fieldName(n.typ, i))
		}
	}
	return nil
}

func (l *lowerer) storeVariant(n *node, v *wit.Value, at uint64) error {
	index := v.Case()
	putBits(l.mem[at:], uint32(n.disc), uint64(index))
	c := n.cases[index]
	if c == nil {
		return nil
	}
	payload, _ := v.Payload()
	if err := l.store(c, &payload, at+uint64(n.payload)); err != nil {
		return within(err, "case %q", n.typ.Cases[index].Name)
	}
	return nil
}

// list stores a list's items in memory of their own.
func (l *lowerer) list(n *node, v *wit.Value) (uint32, uint32, error) {
	length := uint64(v.Len())
	if length > maxListBytes || length*uint64(n.elem.size) > maxListBytes {
		return 0, 0, mismatchf("list of %d items of %d bytes takes more than %d bytes", length, n.elem.size, maxListBytes)
	}
	at, err := l.realloc(0, 0, n.elem.align, uint32(length*uint64(n.elem.size)))
	if err != nil {
		return 0, 0, err
	}
	return at, uint32(length), l.items(n.elem, v, uint64(at))
}

// items stores list items into a range that was checked.
func (l *lowerer) items(elem *node, v *wit.Value, at uint64) error {
	if b, ok := v.Packed(); ok {
		copy(l.mem[at:at+uint64(len(b))], b)
		return nil
	}
	items := v.Items()
	if elem.numeric() {
		return storeNumbers(elem, l.mem[at:], items)
	}
	for i := range items {
		if err := l.store(elem, &items[i], at+uint64(i)*uint64(elem.size)); err != nil {
			return within(err, "item %d", i)
		}
	}
	return nil
}

// storeNumbers stores items of a numeric type.
func storeNumbers(n *node, b []byte, items []wit.Value) error {
	kind, size := n.kind, int(n.size)
	for i := range items {
		v := &items[i]
		if bits := v.Bits(); v.Kind() != kind || n.extend(bits) != bits {
			return within(n.number(v), "item %d", i)
		}
		putBits(b[i*size:], n.size, v.Bits())
	}
	return nil
}
