package plan

import (
	"errors"
	"fmt"

	"github.com/writ-host/writ/host/internal/binary"
	"github.com/writ-host/writ/wit"
)

// size is what a type comes to when written out in full: types are shared, so
// that a small component can describe a huge one.
type size struct{ nodes, depth int }

// defineType runs a type definition of a component. A resource type is a new
// one each time.
func (f *flattener) defineType(fr *frame, it *binary.Type) error {
	def, ok := it.Def.(*binary.ResourceType)
	if !ok {
		t, err := f.evaluate(&fr.scope, it.Def)
		if err == nil {
			fr.types = append(fr.types, t)
		}
		return err
	}
	r := &resource{typ: &wit.Resource{}, frame: fr}
	if def.Dtor != nil {
		dtor, err := at(fr.coreFuncs, *def.Dtor, binary.SortCoreFunc)
		if err != nil {
			return err
		}
		r.dtor = &dtor
	}
	f.resources = append(f.resources, r)
	fr.types = append(fr.types, typ{res: r.typ})
	return nil
}

// resource is a resource type that the component defines.
type resource struct {
	typ   *wit.Resource
	dtor  *coreDef
	frame *frame
}

// evaluate turns a definition, other than a resource's, into a type. One of
// values that this host does not have must not be used.
func (f *flattener) evaluate(s *scope, def binary.TypeDef) (typ, error) {
	t, err := f.typeOf(s, def)
	if u := missing(err); u != nil {
		return typ{missing: u}, nil
	}
	return t, err
}

func (f *flattener) typeOf(s *scope, def binary.TypeDef) (typ, error) {
	switch d := def.(type) {
	case *binary.FuncType:
		fn, err := f.funcType(s, d)
		return typ{fn: fn}, err
	case *binary.InstanceType:
		return typ{inst: &instanceType{d, s}}, nil
	case *binary.ComponentType:
		return typ{}, nil
	}
	e := evaluator{f: f, scope: s, total: size{nodes: 1}}
	t := e.value(def)
	if e.err == nil {
		e.err = f.measure(t, e.total)
	}
	return typ{val: t}, e.err
}

// measure checks a new type's size and remembers it.
func (f *flattener) measure(t *wit.Type, total size) error {
	if total.nodes > f.limits.TypeSize {
		return fmt.Errorf("the type has more than %d parts", f.limits.TypeSize)
	}
	if total.depth > f.limits.TypeDepth {
		return fmt.Errorf("the type nests more than %d deep", f.limits.TypeDepth)
	}
	f.sizes[t] = total
	return nil
}

// named is a type under the name it is exported by.
func (f *flattener) named(t *wit.Type, name string) *wit.Type {
	if t.Name == name {
		return t
	}
	n := t.Named(name)
	f.sizes[n] = f.sizeOf(t)
	return n
}

func (f *flattener) sizeOf(t *wit.Type) size {
	if s, ok := f.sizes[t]; ok {
		return s
	}
	return size{nodes: 1, depth: 1}
}

// funcSize is how many nodes a function's type has.
func (f *flattener) funcSize(fn *wit.Func) int {
	n := 1
	for _, p := range fn.Params {
		n += f.sizeOf(p.Type).nodes
	}
	if fn.Result != nil {
		n += f.sizeOf(fn.Result).nodes
	}
	return n
}

func (f *flattener) funcType(s *scope, d *binary.FuncType) (*wit.Func, error) {
	if d.Async {
		return nil, refuseAsync("async function type")
	}
	e := evaluator{f: f, scope: s}
	fn := &wit.Func{}
	for _, p := range d.Params {
		fn.Params = append(fn.Params, wit.Param{Name: p.Name, Type: e.ref(p.Type)})
	}
	fn.Result = e.optional(d.Result)
	return fn, e.err
}

// evaluator makes one type. It keeps the first error, so that its methods can
// be nested; after an error their results mean nothing.
type evaluator struct {
	f     *flattener
	scope *scope
	total size
	err   error
}

func (e *evaluator) fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

// value makes a value type. The parts that a component writes are counted as
// work by [evaluator.ref].
func (e *evaluator) value(def binary.TypeDef) *wit.Type {
	switch d := def.(type) {
	case binary.Prim:
		return e.ref(binary.ValType{Prim: d})
	case *binary.Record:
		e.some(len(d.Fields))
		return wit.RecordOf(e.fields(d.Fields)...)
	case *binary.Variant:
		return e.variant(d)
	case *binary.List:
		return e.list(d)
	case *binary.Map:
		e.count(1)
		return wit.MapOf(e.ref(d.Key), e.ref(d.Value))
	case *binary.Tuple:
		e.some(len(d.Types))
		return wit.TupleOf(e.refs(d.Types)...)
	case *binary.Flags:
		e.flags(len(d.Labels))
		return wit.FlagsOf(d.Labels...)
	case *binary.Enum:
		e.count(len(d.Labels))
		return wit.EnumOf(d.Labels...)
	case *binary.Option:
		return wit.OptionOf(e.ref(d.Elem))
	case *binary.Result:
		return wit.ResultOf(e.optional(d.OK), e.optional(d.Err))
	case *binary.Own:
		return e.handle(wit.OwnOf, d.Index)
	case *binary.Borrow:
		return e.handle(wit.BorrowOf, d.Index)
	}
	e.fail(refuseType(def))
	return wit.TypeBool
}

// some checks that a record or tuple is not empty: layout depends on it.
func (e *evaluator) some(n int) {
	if n == 0 {
		e.fail(errors.New("a record or tuple has no fields"))
	}
}

// flags checks that the labels fit 32 bits.
func (e *evaluator) flags(n int) {
	if n > 32 {
		e.fail(fmt.Errorf("flags have %d labels, more than 32", n))
	}
	e.count(n)
}

func refuseType(def binary.TypeDef) error {
	name := fmt.Sprintf("%T", def)
	switch def.(type) {
	case *binary.Stream:
		name = "stream"
	case *binary.Future:
		name = "future"
	}
	return refuseAsync(name)
}

func (e *evaluator) list(d *binary.List) *wit.Type {
	elem := e.ref(d.Elem)
	if !d.Fixed {
		return wit.ListOf(elem)
	}
	if d.Len == 0 || e.err != nil {
		e.fail(errors.New("a list of fixed length has no elements"))
		return elem
	}
	return wit.FixedListOf(elem, d.Len)
}

func (e *evaluator) variant(d *binary.Variant) *wit.Type {
	cases := make([]wit.Case, len(d.Cases))
	for i, c := range d.Cases {
		cases[i] = wit.Case{Name: c.Name, Type: e.optional(c.Type)}
	}
	return wit.VariantOf(cases...)
}

func (e *evaluator) fields(labels []binary.Label) []wit.Field {
	fields := make([]wit.Field, len(labels))
	for i, l := range labels {
		fields[i] = wit.Field{Name: l.Name, Type: e.ref(l.Type)}
	}
	return fields
}

func (e *evaluator) refs(types []binary.ValType) []*wit.Type {
	out := make([]*wit.Type, len(types))
	for i, t := range types {
		out[i] = e.ref(t)
	}
	return out
}

// optional is nil for no type. A case without a payload counts all the same.
func (e *evaluator) optional(t *binary.ValType) *wit.Type {
	if t == nil {
		e.count(1)
		return nil
	}
	return e.ref(*t)
}

// count adds parts that are not types of their own.
func (e *evaluator) count(n int) {
	e.total.nodes += n
	e.total.depth = max(e.total.depth, 1)
	if err := e.f.charge(n); err != nil {
		e.fail(err)
	}
}

var primitives = [...]*wit.Type{
	binary.Bool: wit.TypeBool, binary.S8: wit.TypeS8, binary.U8: wit.TypeU8,
	binary.S16: wit.TypeS16, binary.U16: wit.TypeU16, binary.S32: wit.TypeS32, binary.U32: wit.TypeU32,
	binary.S64: wit.TypeS64, binary.U64: wit.TypeU64, binary.F32: wit.TypeF32, binary.F64: wit.TypeF64,
	binary.Char: wit.TypeChar, binary.String: wit.TypeString,
}

// ref looks up the type of a part and adds its size to the whole's.
func (e *evaluator) ref(v binary.ValType) *wit.Type {
	t, err := e.lookup(v)
	if err != nil {
		e.fail(err)
		return wit.TypeBool
	}
	part := e.f.sizeOf(t)
	e.total.nodes = min(e.total.nodes+part.nodes, 1<<30)
	e.total.depth = max(e.total.depth, part.depth+1)
	if err := e.f.charge(1); err != nil {
		e.fail(err)
	}
	return t
}

func (e *evaluator) lookup(v binary.ValType) (*wit.Type, error) {
	switch {
	case v.Prim == binary.ErrorContext:
		return nil, refuseAsync("error-context")
	case int(v.Prim) >= len(primitives):
		return nil, fmt.Errorf("primitive type %d does not exist", v.Prim)
	case v.Prim != binary.NotPrim:
		return primitives[v.Prim], nil
	}
	t, err := e.scope.typeAt(v.Index)
	if err == nil && t.val == nil {
		err = fmt.Errorf("type %d is not a value type", v.Index)
	}
	return t.val, err
}

// handle makes an own or a borrow.
func (e *evaluator) handle(of func(*wit.Resource) *wit.Type, i uint32) *wit.Type {
	e.count(1)
	t, err := e.scope.typeAt(i)
	if err == nil && t.res == nil {
		err = fmt.Errorf("type %d is not a resource type", i)
	}
	if err != nil {
		e.fail(err)
	}
	h := of(t.res)
	if t.res != nil && t.as != t.res.Name {
		h.As = t.as
	}
	return h
}
