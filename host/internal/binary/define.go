package binary

import (
	"fmt"
	"math"
	"strings"
)

// valType resolves a reference to a value type.
func (s *scope) valType(t ValType) (*defined, error) {
	if t.Prim != NotPrim {
		return primTypes[t.Prim], nil
	}
	return s.definedAt(t.Index)
}

func (s *scope) optValType(t *ValType) (*defined, error) {
	if t == nil {
		return nil, nil
	}
	return s.valType(*t)
}

// define resolves a value type's definition and lays it out.
func (s *scope) define(def TypeDef) (*defined, error) {
	d, err := s.resolve(def)
	if err != nil || d.kind == primKind {
		return d, err
	}
	d.info.size++
	d.info.depth = max(d.info.depth, 1)
	for _, e := range d.elems {
		if e == nil {
			continue
		}
		if err := d.info.combine(e.info); err != nil {
			return nil, err
		}
	}
	d.flatten()
	return d, d.lay()
}

func (s *scope) resolve(def TypeDef) (*defined, error) {
	switch t := def.(type) {
	case Prim:
		d := *primTypes[t]
		return &d, nil
	case *Record:
		return s.record(t)
	case *Variant:
		return s.variant(t)
	case *List:
		return s.list(t)
	case *Map:
		return s.mapType(t)
	case *Tuple:
		return s.tuple(t)
	case *Flags:
		return flagsType(t)
	case *Enum:
		d := &defined{kind: enumKind, names: t.Labels}
		return d, labels(t.Labels, "enum tag", "an enum")
	case *Option:
		return s.wrap(optionKind, &t.Elem)
	case *Result:
		return s.result(t)
	case *Own:
		return s.handle(ownKind, t.Index)
	case *Borrow:
		return s.handle(borrowKind, t.Index)
	case *Stream:
		return s.streamOf(t)
	case *Future:
		return s.futureOf(t)
	}
	return nil, fmt.Errorf("unexpected type definition")
}

// labels checks names of fields, cases and the like.
func labels(names []string, what, whole string) error {
	if len(names) == 0 {
		return fmt.Errorf("%s must have at least one %s", whole, what)
	}
	return uniqueLabels(names, what)
}

func uniqueLabels(names []string, what string) error {
	seen := make(map[string]string, len(names))
	for _, n := range names {
		if err := checkKebab(n); err != nil {
			return fmt.Errorf("%s name %w", what, err)
		}
		key := strings.ToLower(n)
		if prev, ok := seen[key]; ok {
			return fmt.Errorf("%s name %s conflicts with previous %s name %s", what, quote(n), what, quote(prev))
		}
		seen[key] = n
	}
	return nil
}

func (s *scope) record(t *Record) (*defined, error) {
	d := &defined{kind: recordKind}
	for _, f := range t.Fields {
		e, err := s.valType(f.Type)
		if err != nil {
			return nil, fmt.Errorf("record field %s: %w", quote(f.Name), err)
		}
		d.names = append(d.names, f.Name)
		d.elems = append(d.elems, e)
	}
	return d, labels(d.names, "record field", "a record")
}

func (s *scope) variant(t *Variant) (*defined, error) {
	d := &defined{kind: variantKind}
	for _, c := range t.Cases {
		e, err := s.optValType(c.Type)
		if err != nil {
			return nil, fmt.Errorf("variant case %s: %w", quote(c.Name), err)
		}
		d.names = append(d.names, c.Name)
		d.elems = append(d.elems, e)
	}
	return d, labels(d.names, "variant case", "a variant")
}

func (s *scope) list(t *List) (*defined, error) {
	if !t.Fixed {
		return s.wrap(listKind, &t.Elem)
	}
	if t.Len == 0 {
		return nil, fmt.Errorf("a fixed-length list must have more than zero elements")
	}
	d, err := s.wrap(fixedListKind, &t.Elem)
	if err != nil {
		return nil, err
	}
	d.len = t.Len
	return d, nil
}

// wrap is a type with one, perhaps absent, element type.
func (s *scope) wrap(kind defKind, elem *ValType) (*defined, error) {
	e, err := s.optValType(elem)
	return &defined{kind: kind, elems: []*defined{e}}, err
}

func (s *scope) mapType(t *Map) (*defined, error) {
	key, err := s.valType(t.Key)
	if err != nil {
		return nil, fmt.Errorf("map key: %w", err)
	}
	if !mapKey(key) {
		return nil, fmt.Errorf("invalid map key type %s", key)
	}
	value, err := s.valType(t.Value)
	return &defined{kind: mapKind, elems: []*defined{key, value}}, err
}

// mapKey says whether a type can be a map's key: integers, bool, char, string.
func mapKey(d *defined) bool {
	if d.kind != primKind {
		return false
	}
	switch d.prim {
	case F32, F64, ErrorContext:
		return false
	}
	return true
}

func (s *scope) tuple(t *Tuple) (*defined, error) {
	if len(t.Types) == 0 {
		return nil, fmt.Errorf("a tuple must have at least one type")
	}
	d := &defined{kind: tupleKind}
	for _, et := range t.Types {
		e, err := s.valType(et)
		if err != nil {
			return nil, err
		}
		d.elems = append(d.elems, e)
	}
	return d, nil
}

func flagsType(t *Flags) (*defined, error) {
	if len(t.Labels) > 32 {
		return nil, fmt.Errorf("cannot have more than 32 flags")
	}
	return &defined{kind: flagsKind, names: t.Labels}, labels(t.Labels, "flag", "flags")
}

func (s *scope) result(t *Result) (*defined, error) {
	okay, err := s.optValType(t.OK)
	if err != nil {
		return nil, err
	}
	fail, err := s.optValType(t.Err)
	return &defined{kind: resultKind, elems: []*defined{okay, fail}}, err
}

func (s *scope) handle(kind defKind, index uint32) (*defined, error) {
	r, err := s.resourceAt(index)
	info := typeInfo{resources: true, borrows: kind == borrowKind}
	return &defined{kind: kind, res: r, info: info}, err
}

func (s *scope) streamOf(t *Stream) (*defined, error) {
	d, err := s.wrap(streamKind, t.Elem)
	if err != nil {
		return nil, err
	}
	if e := d.elems[0]; e != nil && e.kind == primKind && e.prim == Char {
		return nil, fmt.Errorf("`stream<char>` is not valid at this time")
	}
	return d, noBorrow(d, "stream")
}

func (s *scope) futureOf(t *Future) (*defined, error) {
	d, err := s.wrap(futureKind, t.Elem)
	if err != nil {
		return nil, err
	}
	return d, noBorrow(d, "future")
}

func noBorrow(d *defined, what string) error {
	if e := d.elems[0]; e != nil && e.info.borrows {
		return fmt.Errorf("a %s cannot contain a `borrow` type", what)
	}
	return nil
}

// maxValueSize bounds elem_size(t, 'i64'), as Binary.md says.
const maxValueSize = 1 << 28

// lay computes size and alignment.
func (d *defined) lay() error {
	switch d.kind {
	case recordKind, tupleKind:
		d.laySequence()
	case variantKind, optionKind, resultKind, enumKind:
		d.layCases()
	case listKind, mapKind:
		d.size, d.align = 16, 8
	case fixedListKind:
		e := d.elems[0]
		d.size, d.align = e.size*uint64(d.len), e.align
	case flagsKind:
		d.size = flagsSize(len(d.names))
		d.align = d.size
	default:
		d.size, d.align = 4, 4
	}
	if d.size >= maxValueSize {
		return fmt.Errorf("type exceeds maximum byte size of %d", maxValueSize-1)
	}
	return nil
}

func (d *defined) laySequence() {
	d.align = 1
	for _, e := range d.elems {
		d.size = alignTo(d.size, e.align) + e.size
		d.align = max(d.align, e.align)
	}
	d.size = alignTo(d.size, d.align)
}

func (d *defined) layCases() {
	cases := max(len(d.names), 2)
	if d.kind == variantKind || d.kind == enumKind {
		cases = len(d.names)
	}
	tag := discriminantSize(cases)
	var size, align uint64 = 0, 1
	for _, e := range d.elems {
		if e != nil {
			size, align = max(size, e.size), max(align, e.align)
		}
	}
	d.align = max(align, tag)
	d.size = alignTo(alignTo(tag, align)+size, d.align)
}

func discriminantSize(cases int) uint64 {
	switch {
	case cases <= math.MaxUint8+1:
		return 1
	case cases <= math.MaxUint16+1:
		return 2
	}
	return 4
}

func flagsSize(n int) uint64 {
	switch {
	case n <= 8:
		return 1
	case n <= 16:
		return 2
	}
	return 4
}

func alignTo(n, align uint64) uint64 { return (n + align - 1) / align * align }

// defineFunc resolves a function type.
func (s *scope) defineFunc(t *FuncType) (*funcType, error) {
	f := &funcType{async: t.Async, info: typeInfo{size: 1, depth: 1}}
	for _, p := range t.Params {
		d, err := s.valType(p.Type)
		if err != nil {
			return nil, fmt.Errorf("function parameter %s: %w", quote(p.Name), err)
		}
		f.names = append(f.names, p.Name)
		f.params = append(f.params, d)
		if err := f.info.combine(d.info); err != nil {
			return nil, err
		}
	}
	if err := uniqueLabels(f.names, "function parameter"); err != nil {
		return nil, err
	}
	return f, s.defineResult(f, t.Result)
}

func (s *scope) defineResult(f *funcType, t *ValType) error {
	r, err := s.optValType(t)
	if err != nil || r == nil {
		return err
	}
	if r.info.borrows {
		return fmt.Errorf("function result cannot contain a `borrow` type")
	}
	f.result = r
	return f.info.combine(r.info)
}
