package canon

import "github.com/writ-host/writ/wit"

// lifter is one lift under way. No guest runs meanwhile, so its view of the
// memory stays valid.
type lifter struct {
	arena
	cx       *Context
	mem      []byte
	encoding Encoding
}

func (f *Func) lifter(cx *Context) lifter {
	limit := cx.MaxBytes
	if limit == 0 {
		limit = DefaultMaxBytes
	}
	return lifter{arena: arena{left: limit}, cx: cx, mem: cx.bytes(), encoding: f.options.Encoding}
}

// LiftParams appends the parameters that a guest passed to dst. flat are the
// arguments of the core function, a pointer to the result included. After an
// error no handle has left the guest's table.
func (f *Func) LiftParams(cx *Context, flat []uint64, dst []wit.Value) ([]wit.Value, error) {
	if len(flat) != len(f.core[Lower].params) {
		return dst, mismatchf("%s: %d flat parameters, not %d", f.typ.Name, len(flat), len(f.core[Lower].params))
	}
	start, need := len(dst), len(f.params.fields)
	for range need {
		dst = append(dst, wit.Value{})
	}
	if need == 0 {
		return dst, nil
	}
	l, mark := f.lifter(cx), cx.mark()
	l.reserve(f.params.inner - uint64(need))
	if err := f.liftParams(&l, flat, dst[start:]); err != nil {
		cx.putBack(mark)
		clear(dst[start:])
		return dst[:start], err
	}
	cx.keep(mark)
	return dst, nil
}

func (f *Func) liftParams(l *lifter, flat []uint64, out []wit.Value) error {
	var at uint64
	if f.spill {
		at = uint64(uint32(flat[0]))
		if err := l.span(at, f.params, "parameters"); err != nil {
			return err
		}
	}
	next := 0
	for i, p := range f.params.fields {
		var err error
		if f.spill {
			err = l.load(p.node, at+uint64(p.offset), &out[i])
		} else {
			err = l.lift(p.node, flat[next:], &out[i])
			next += p.node.flat
		}
		if err != nil {
			return within(err, "parameter %q", f.typ.Params[i].Name)
		}
	}
	return nil
}

// LiftResult is what a guest's function returned; no value when the function
// returns nothing. flat are the results of the core function.
func (f *Func) LiftResult(cx *Context, flat []uint64) (wit.Value, error) {
	var v wit.Value
	if len(flat) != len(f.core[Lift].results) {
		return v, mismatchf("%s: %d flat results, not %d", f.typ.Name, len(flat), len(f.core[Lift].results))
	}
	if f.result == nil {
		return v, nil
	}
	l, mark := f.lifter(cx), cx.mark()
	l.reserve(f.result.inner)
	if err := f.liftResult(&l, flat, &v); err != nil {
		cx.putBack(mark)
		return wit.Value{}, within(err, "result")
	}
	cx.keep(mark)
	return v, nil
}

func (f *Func) liftResult(l *lifter, flat []uint64, v *wit.Value) error {
	if !f.retptr {
		return l.lift(f.result, flat, v)
	}
	at := uint64(uint32(flat[0]))
	if err := l.span(at, f.result, "value"); err != nil {
		return err
	}
	return l.load(f.result, at, v)
}

// span checks that a value of type n can be at an address.
func (l *lifter) span(at uint64, n *node, what string) error {
	if at%uint64(n.align) != 0 {
		return trapf("%s at 0x%x: not aligned to %d", what, at, n.align)
	}
	if at+uint64(n.size) > uint64(len(l.mem)) {
		return trapf("%s at 0x%x: %d bytes reach beyond the memory's %d", what, at, n.size, len(l.mem))
	}
	return nil
}

// lift reads a value from its flat form. Canonical ABI, "Flat Lifting".
func (l *lifter) lift(n *node, flat []uint64, out *wit.Value) error {
	if n.numeric() {
		*out = wit.Scalar(n.kind, n.extend(flat[0]))
		return nil
	}
	switch n.op {
	case opString:
		return l.str(uint64(uint32(flat[0])), uint32(flat[1]), out)
	case opBytes, opList:
		return l.list(n, uint64(uint32(flat[0])), uint64(uint32(flat[1])), out)
	case opFixed:
		return l.liftFixed(n, flat, out)
	case opRecord:
		return l.liftRecord(n, flat, out)
	case opVariant:
		return l.liftVariant(n, flat, out)
	}
	return l.scalar(n, uint32(flat[0]), out)
}

func (l *lifter) liftRecord(n *node, flat []uint64, out *wit.Value) error {
	items, err := l.alloc(uint64(len(n.fields)))
	if err != nil {
		return err
	}
	next := 0
	for i, f := range n.fields {
		if err := l.lift(f.node, flat[next:], &items[i]); err != nil {
			return within(err, "%s", fieldName(n.typ, i))
		}
		next += f.node.flat
	}
	*out = aggregateValue(n.kind, items)
	return nil
}

func (l *lifter) liftFixed(n *node, flat []uint64, out *wit.Value) error {
	if n.elem.op == opU8 {
		b := make([]byte, n.length)
		for i := range b {
			b[i] = byte(flat[i])
		}
		*out = wit.Bytes(b)
		return l.spend(uint64(n.length))
	}
	items, err := l.alloc(uint64(n.length))
	if err != nil {
		return err
	}
	for i := range items {
		if err := l.lift(n.elem, flat[i*n.elem.flat:], &items[i]); err != nil {
			return within(err, "item %d", i)
		}
	}
	*out = wit.List(items...)
	return nil
}

func (l *lifter) liftVariant(n *node, flat []uint64, out *wit.Value) error {
	index := uint32(flat[0])
	c, err := n.at(index)
	if err != nil || c == nil {
		*out = wit.CaseOf(n.kind, index, nil)
		return err
	}
	payload, err := l.alloc(1)
	if err != nil {
		return err
	}
	if err := l.lift(c, flat[1:], &payload[0]); err != nil {
		return within(err, "case %q", n.typ.Cases[index].Name)
	}
	*out = wit.CaseOf(n.kind, index, &payload[0])
	return nil
}

// at is the payload's type of a case, nil when the case carries nothing.
func (n *node) at(index uint32) (*node, error) {
	if uint64(index) >= uint64(len(n.cases)) {
		return nil, trapf("%s discriminant %d: there are %d cases", kindName(n.kind), index, len(n.cases))
	}
	return n.cases[index], nil
}

func aggregateValue(k wit.Kind, items []wit.Value) wit.Value {
	if k == wit.KindTuple {
		return wit.Tuple(items...)
	}
	return wit.Record(items...)
}

// scalar makes the value of a type that is one flat i32 and not a number. Bits
// beyond the type's width are ignored.
func (l *lifter) scalar(n *node, bits uint32, out *wit.Value) error {
	switch n.op {
	case opBool:
		*out = wit.Bool(bits != 0)
	case opFlags:
		*out = wit.Flags(bits & n.mask)
	case opChar:
		if !isScalarValue(bits) {
			return trapf("char 0x%x: not a Unicode scalar value", bits)
		}
		*out = wit.Char(rune(bits))
	case opEnum:
		if _, err := n.at(bits); err != nil {
			return err
		}
		*out = wit.Enum(bits)
	default:
		return l.handle(n, bits, out)
	}
	return nil
}

func isScalarValue(c uint32) bool { return c < 0xd800 || c > 0xdfff && c <= 0x10ffff }
