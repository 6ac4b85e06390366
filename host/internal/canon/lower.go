package canon

import (
	"math"

	"github.com/writ-host/writ/wit"
)

// lowerer is one lowering under way. mem is fetched again after each
// reallocation, which runs the guest.
type lowerer struct {
	cx       *Context
	mem      []byte
	encoding Encoding
	batch    BatchMemory
	made     []Allocation // ahead of their turn
	after    error        // why there is none after them
}

func (f *Func) lowerer(cx *Context) lowerer {
	return lowerer{cx: cx, mem: cx.bytes(), encoding: f.options.Encoding}
}

// LowerParams appends the arguments of the core function to flat, for a call of
// a guest with args. After an error the handles in args are still the caller's.
func (f *Func) LowerParams(cx *Context, args []wit.Value, flat []uint64) ([]uint64, error) {
	if len(args) != len(f.params.fields) {
		return flat, mismatchf("%s: %d arguments, not %d", f.typ.Name, len(args), len(f.params.fields))
	}
	l, mark, start := f.lowerer(cx), cx.mark(), len(flat)
	flat, err := f.lowerParams(&l, args, flat)
	if err != nil {
		cx.takeBack(mark)
		return flat[:start], err
	}
	cx.keep(mark)
	return flat, nil
}

func (f *Func) lowerParams(l *lowerer, args []wit.Value, flat []uint64) ([]uint64, error) {
	var at uint32
	var err error
	if p, ok := l.plan(f.params); ok {
		p.params(f, args)
		l.allocate(&p)
	}
	if f.spill {
		if at, err = l.realloc(0, 0, f.params.align, f.params.size); err != nil {
			return flat, within(err, "parameters")
		}
		flat = append(flat, uint64(at))
	}
	for i, p := range f.params.fields {
		if f.spill {
			err = l.store(p.node, &args[i], uint64(at)+uint64(p.offset))
		} else {
			flat, err = l.lower(p.node, &args[i], flat)
		}
		if err != nil {
			return flat, within(err, "parameter %q", f.typ.Params[i].Name)
		}
	}
	return flat, nil
}

// LowerResult gives a guest the result of what it called. flat are the
// arguments that the guest passed, of which the last may point to where the
// result goes; out takes the results of the core function, of which there are
// CoreResults(Lower). After an error the handles in result are still the
// caller's.
func (f *Func) LowerResult(cx *Context, flat []uint64, result wit.Value, out []uint64) error {
	switch {
	case len(flat) != len(f.core[Lower].params):
		return mismatchf("%s: %d flat parameters, not %d", f.typ.Name, len(flat), len(f.core[Lower].params))
	case len(out) < len(f.core[Lower].results):
		return mismatchf("%s: room for %d flat results, not %d", f.typ.Name, len(out), len(f.core[Lower].results))
	case f.result == nil && result.Kind() != 0:
		return mismatchf("%s: %s was returned, and the function returns nothing", f.typ.Name, kindName(result.Kind()))
	case f.result == nil:
		return nil
	}
	l, mark := f.lowerer(cx), cx.mark()
	if err := f.lowerResult(&l, flat, result, out); err != nil {
		cx.takeBack(mark)
		return within(err, "result")
	}
	cx.keep(mark)
	return nil
}

func (f *Func) lowerResult(l *lowerer, flat []uint64, result wit.Value, out []uint64) error {
	if !f.retptr {
		_, err := l.lower(f.result, &result, out[:0])
		return err
	}
	at := uint64(uint32(flat[len(flat)-1]))
	if err := l.span(at, uint64(f.result.size), f.result.align, "value"); err != nil {
		return err
	}
	if p, ok := l.plan(f.result); ok {
		p.value(f.result, &result)
		l.allocate(&p)
	}
	return l.store(f.result, &result, at)
}

// span checks that size bytes can be stored at an address.
func (l *lowerer) span(at, size uint64, align uint32, what string) error {
	if at%uint64(align) != 0 {
		return trapf("%s at 0x%x: not aligned to %d", what, at, align)
	}
	if at+size > uint64(len(l.mem)) {
		return trapf("%s at 0x%x: %d bytes reach beyond the memory's %d", what, at, size, len(l.mem))
	}
	return nil
}

// realloc calls the guest's allocator and checks what it returns.
func (l *lowerer) realloc(old, oldSize, align, size uint32) (uint32, error) {
	if l.cx.Memory == nil {
		return 0, mismatchf("%d bytes are needed, and the instance has no memory", size)
	}
	at, ok, err := l.next(align, size)
	if err != nil {
		return 0, err
	}
	if !ok {
		if at, err = l.cx.Memory.Realloc(old, oldSize, align, size); err != nil {
			return 0, err
		}
		l.mem = l.cx.Memory.Bytes()
	}
	return at, l.span(uint64(at), uint64(size), align, "what realloc returned")
}

// lower appends a value's flat form. Values go by pointer, since copies of
// their small fields cost more than all else here. Canonical ABI, "Flat Lowering".
func (l *lowerer) lower(n *node, v *wit.Value, flat []uint64) ([]uint64, error) {
	if n.numeric() {
		err := n.number(v)
		if n.size < 8 {
			return append(flat, uint64(uint32(v.Bits()))), err // a sign stays within the i32
		}
		return append(flat, v.Bits()), err
	}
	if err := n.fits(v); err != nil {
		return flat, err
	}
	switch n.op {
	case opString:
		at, units, err := l.str(v.Text())
		return append(flat, uint64(at), uint64(units)), err
	case opBytes, opList:
		at, length, err := l.list(n, v)
		return append(flat, uint64(at), uint64(length)), err
	case opFixed:
		return l.lowerFixed(n, v, flat)
	case opRecord:
		return l.lowerRecord(n, v, flat)
	case opVariant:
		return l.lowerVariant(n, v, flat)
	}
	b, err := l.scalar(n, v)
	return append(flat, uint64(b)), err
}

func (l *lowerer) lowerRecord(n *node, v *wit.Value, flat []uint64) ([]uint64, error) {
	items := v.Items()
	for i, f := range n.fields {
		var err error
		if flat, err = l.lower(f.node, &items[i], flat); err != nil {
			return flat, within(err, "%s", fieldName(n.typ, i))
		}
	}
	return flat, nil
}

func (l *lowerer) lowerFixed(n *node, v *wit.Value, flat []uint64) ([]uint64, error) {
	if b, ok := v.Packed(); ok {
		for _, c := range b {
			flat = append(flat, uint64(c))
		}
		return flat, nil
	}
	items := v.Items()
	for i := range items {
		var err error
		if flat, err = l.lower(n.elem, &items[i], flat); err != nil {
			return flat, within(err, "item %d", i)
		}
	}
	return flat, nil
}

func (l *lowerer) lowerVariant(n *node, v *wit.Value, flat []uint64) ([]uint64, error) {
	end := len(flat) + n.flat
	flat = append(flat, uint64(v.Case()))
	if c := n.cases[v.Case()]; c != nil {
		payload, _ := v.Payload()
		var err error
		if flat, err = l.lower(c, &payload, flat); err != nil {
			return flat, within(err, "case %q", n.typ.Cases[v.Case()].Name)
		}
	}
	for len(flat) < end {
		flat = append(flat, 0)
	}
	return flat, nil
}

// fits checks that a value's shape is the type's, as far as the value itself
// says; its parts are checked when they are lowered.
func (n *node) fits(v *wit.Value) error {
	if v.Kind() != n.kind {
		return mismatchf("%s is needed, not %s", kindName(n.kind), kindName(v.Kind()))
	}
	switch n.op {
	case opEnum, opVariant:
		return n.fitsCase(v)
	case opRecord:
		if v.Len() != len(n.fields) {
			return mismatchf("%s of %d is needed, not of %d", kindName(n.kind), len(n.fields), v.Len())
		}
	case opFixed, opBytes, opList:
		return n.fitsList(v)
	}
	return nil
}

func (n *node) fitsCase(v *wit.Value) error {
	i := v.Case()
	if uint64(i) >= uint64(len(n.cases)) {
		return mismatchf("%s case %d: there are %d cases", kindName(n.kind), i, len(n.cases))
	}
	if _, ok := v.Payload(); ok != (n.cases[i] != nil) {
		if ok {
			return mismatchf("case %q carries nothing, and a payload was given", n.typ.Cases[i].Name)
		}
		return mismatchf("case %q needs a payload", n.typ.Cases[i].Name)
	}
	return nil
}

func (n *node) fitsList(v *wit.Value) error {
	if n.op == opFixed && uint64(v.Len()) != uint64(n.length) {
		return mismatchf("list of %d items is needed, not of %d", n.length, v.Len())
	}
	if _, packed := v.Packed(); packed && n.elem.op != opU8 {
		return mismatchf("list of %s is needed, not bytes", kindName(n.elem.kind))
	}
	return nil
}

// number checks a value of a numeric type.
func (n *node) number(v *wit.Value) error {
	if b := v.Bits(); v.Kind() == n.kind && n.extend(b) == b {
		return nil
	}
	if err := n.fits(v); err != nil {
		return err
	}
	return n.outOfRange(v)
}

func (n *node) outOfRange(v *wit.Value) error {
	return mismatchf("%s: 0x%x is out of range", kindName(n.kind), v.Bits())
}

// scalar is the i32 of a value whose type is one flat i32 and not a number.
func (l *lowerer) scalar(n *node, v *wit.Value) (uint32, error) {
	b := v.Bits()
	switch n.op {
	case opBool:
		return uint32(min(b, 1)), nil
	case opEnum:
		return v.Case(), nil
	case opChar:
		if b > math.MaxUint32 || !isScalarValue(uint32(b)) {
			return 0, n.outOfRange(v)
		}
	case opFlags:
		if b&^uint64(n.mask) != 0 {
			return 0, n.outOfRange(v)
		}
	default:
		return l.handle(n, v)
	}
	return uint32(b), nil
}
