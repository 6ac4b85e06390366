package canon

import (
	"fmt"
	"math"

	"github.com/writ-host/writ/wit"
)

// op is what is to be done for a type; the scalar ops come first.
type op uint8

const (
	opBool op = iota
	opU8
	opU16
	opU32
	opU64
	opS8
	opS16
	opS32
	opS64
	opF32
	opF64
	opChar
	opFlags
	opEnum
	opString
	opBytes // list<u8>
	opList
	opFixed
	opRecord
	opVariant
	opOwn
	opBorrow
)

// node is a type as lifting and lowering walk it. Equal types share a node, so
// that a small type with a huge expansion stays small.
type node struct {
	op       op
	kind     wit.Kind
	disc     uint8  // bytes of a discriminant
	unused   uint8  // bits of a number's 64 that are not its own
	signed   bool   // a number is sign-extended to 64 bits
	borrows  bool   // has a borrow in it
	several  bool   // storing a value may take several allocations
	size     uint32 // bytes in memory
	align    uint32
	payload  uint32 // where a variant's payload starts
	length   uint32 // of a fixed-length list
	mask     uint32 // the bits that flags have
	flat     int    // number of flat values
	inner    uint64 // values that every value of this type has below it
	elem     *node
	fields   []field
	cases    []*node // nil for a case that carries nothing
	resource *wit.Resource
	typ      *wit.Type // for error messages and signatures only
}

type field struct {
	node   *node
	offset uint32
}

// maxDepth bounds how deep types nest; it is wasmtime's bound as well.
const maxDepth = 100

type compiler struct {
	options Options
	nodes   map[*wit.Type]*node
	depth   int
}

func (c *compiler) params(f *wit.Func) (*node, error) {
	types := make([]*wit.Type, len(f.Params))
	for i, p := range f.Params {
		if p.Type == nil {
			return nil, fmt.Errorf("parameter %q has no type", p.Name)
		}
		if _, err := c.node(p.Type); err != nil {
			return nil, fmt.Errorf("parameter %q: %w", p.Name, err)
		}
		types[i] = p.Type
	}
	return c.aggregate(wit.TupleOf(types...))
}

func (c *compiler) result(t *wit.Type) (*node, error) {
	n, err := c.node(t)
	if err == nil && n.borrows {
		return nil, fmt.Errorf("a borrow cannot be returned")
	}
	return n, err
}

// node is a type's node, made once.
func (c *compiler) node(t *wit.Type) (*node, error) {
	if n := c.nodes[t]; n != nil {
		return n, nil
	}
	if c.depth == maxDepth {
		return nil, fmt.Errorf("types nest deeper than %d", maxDepth)
	}
	c.depth++
	n, err := c.make(t)
	c.depth--
	if err != nil {
		return nil, err
	}
	if n.size > maxListBytes {
		return nil, fmt.Errorf("a value would take more than %d bytes", maxListBytes)
	}
	c.nodes[t] = n
	return n, nil
}

var scalarOps = [...]op{
	wit.KindBool: opBool, wit.KindS8: opS8, wit.KindU8: opU8, wit.KindS16: opS16, wit.KindU16: opU16,
	wit.KindS32: opS32, wit.KindU32: opU32, wit.KindS64: opS64, wit.KindU64: opU64,
	wit.KindF32: opF32, wit.KindF64: opF64, wit.KindChar: opChar, wit.KindString: opString,
}

func (c *compiler) make(t *wit.Type) (*node, error) {
	switch t.Kind {
	case wit.KindRecord, wit.KindTuple:
		if len(t.Fields) == 0 {
			return nil, fmt.Errorf("a %s without fields is not a type", kindName(t.Kind))
		}
		return c.aggregate(t)
	case wit.KindVariant, wit.KindEnum, wit.KindOption, wit.KindResult:
		return c.variant(t)
	case wit.KindList:
		return c.list(t)
	case wit.KindFlags:
		return flagsNode(t)
	case wit.KindOwn, wit.KindBorrow:
		return c.handle(t)
	case wit.KindStream, wit.KindFuture, wit.KindErrorContext:
		return nil, fmt.Errorf("%s is not supported", kindName(t.Kind))
	}
	if t.Kind == 0 || int(t.Kind) >= len(scalarOps) {
		return nil, fmt.Errorf("unknown type kind %d", t.Kind)
	}
	n := newNode(t, scalarOps[t.Kind])
	n.unused, n.signed = uint8(64-8*t.Size), n.op >= opS8 && n.op <= opS64
	return n, nil
}

// numeric says that every bit pattern of the type's size is a value of it.
func (n *node) numeric() bool { return n.op >= opU8 && n.op <= opF64 }

// extend makes a number's bits as values have them from those that a guest gave.
func (n *node) extend(bits uint64) uint64 {
	if n.signed {
		return uint64(int64(bits<<(n.unused&63)) >> (n.unused & 63))
	}
	return bits << (n.unused & 63) >> (n.unused & 63)
}

func newNode(t *wit.Type, o op) *node {
	return &node{op: o, kind: t.Kind, size: t.Size, align: max(t.Align, 1), flat: t.FlatCount, typ: t}
}

func (c *compiler) aggregate(t *wit.Type) (*node, error) {
	n := newNode(t, opRecord)
	pointers := 0
	for i, f := range t.Fields {
		part, err := c.node(f.Type)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", fieldName(t, i), err)
		}
		n.fields = append(n.fields, field{part, f.Offset})
		n.borrows = n.borrows || part.borrows
		n.inner = clamp(n.inner + 1 + part.inner)
		if f.Type.HasPointer {
			pointers++
		}
		n.several = n.several || part.several || pointers > 1
	}
	if n.size > maxListBytes {
		return nil, fmt.Errorf("a value would take more than %d bytes", maxListBytes)
	}
	return n, nil
}

func (c *compiler) variant(t *wit.Type) (*node, error) {
	if len(t.Cases) == 0 {
		return nil, fmt.Errorf("a %s without cases is not a type", kindName(t.Kind))
	}
	n := newNode(t, opVariant)
	if t.Kind == wit.KindEnum {
		n.op = opEnum
	}
	n.disc, n.payload = uint8(wit.DiscriminantSize(len(t.Cases))), t.PayloadOffset
	n.cases = make([]*node, len(t.Cases))
	for i, k := range t.Cases {
		if k.Type == nil {
			continue
		}
		part, err := c.node(k.Type)
		if err != nil {
			return nil, fmt.Errorf("case %q: %w", k.Name, err)
		}
		n.cases[i], n.borrows = part, n.borrows || part.borrows
		n.several = n.several || part.several
	}
	return n, nil
}

func (c *compiler) list(t *wit.Type) (*node, error) {
	if t.Elem == nil {
		return nil, fmt.Errorf("a list without an element type is not a type")
	}
	elem, err := c.node(t.Elem)
	if err != nil {
		return nil, fmt.Errorf("list element: %w", err)
	}
	n := newNode(t, opList)
	n.elem, n.borrows, n.length = elem, elem.borrows, t.Length
	n.several = elem.typ.HasPointer
	switch {
	case t.Length > 0:
		n.op = opFixed
		if elem.op != opU8 {
			n.inner = clamp(uint64(t.Length) * (1 + elem.inner))
		}
	case elem.op == opU8:
		n.op = opBytes
	}
	return n, nil
}

func flagsNode(t *wit.Type) (*node, error) {
	if len(t.Labels) == 0 || len(t.Labels) > 32 {
		return nil, fmt.Errorf("flags have 1 to 32 labels, not %d", len(t.Labels))
	}
	n := newNode(t, opFlags)
	n.mask = uint32(1<<len(t.Labels) - 1)
	return n, nil
}

func (c *compiler) handle(t *wit.Type) (*node, error) {
	n := newNode(t, opOwn)
	if t.Kind == wit.KindBorrow {
		n.op, n.borrows = opBorrow, true
	}
	n.resource = t.Resource
	if c.options.Resolve != nil {
		n.resource = c.options.Resolve(t.Resource)
	}
	if n.resource == nil {
		return nil, fmt.Errorf("%s of no resource", kindName(t.Kind))
	}
	return n, nil
}

// clamp keeps products of two counts from wrapping around.
func clamp(n uint64) uint64 { return min(n, math.MaxUint32) }
