package plan

import (
	"fmt"

	"github.com/writ-host/writ/host/internal/binary"
	"github.com/writ-host/writ/wit"
)

// options are canonical options before slots are numbered.
type options struct {
	encoding                    binary.Encoding
	memory, realloc, postReturn *coreDef
}

// trampoline is a [Trampoline] before slots and instances are numbered.
type trampoline struct {
	kind  TrampolineKind
	core  binary.CoreFuncType
	frame *frame
	fn    *function // of the calls
	opts  options
	res   *wit.Resource
	// missing is why nothing may call it.
	missing error
}

// canon runs a canonical definition. One that this host does not have defines
// something that must not be used.
func (f *flattener) canon(fr *frame, it *binary.Canon) error {
	err := f.define(fr, it)
	u := missing(err)
	switch {
	case u == nil:
		return err
	case it.Kind == binary.Lift:
		fr.funcs = append(fr.funcs, &function{missing: u})
	default:
		f.addTrampoline(fr, &trampoline{missing: place(it.At(), fr.path(), u)})
	}
	return nil
}

func (f *flattener) define(fr *frame, it *binary.Canon) error {
	switch it.Kind {
	case binary.Lift:
		return f.lift(fr, it)
	case binary.Lower:
		return f.lower(fr, it)
	case binary.ResourceNew:
		return f.builtin(fr, it, ResourceNew, 1, 1)
	case binary.ResourceRep:
		return f.builtin(fr, it, ResourceRep, 1, 1)
	case binary.ResourceDrop:
		return f.builtin(fr, it, ResourceDrop, 1, 0)
	}
	return refuseAsync("canon " + it.Kind.String())
}

func (f *flattener) lift(fr *frame, it *binary.Canon) error {
	core, err := at(fr.coreFuncs, it.Func, binary.SortCoreFunc)
	if err != nil {
		return err
	}
	t, err := fr.typeAt(it.Type)
	if err != nil {
		return err
	}
	if t.fn == nil || core.fn == nil {
		return fmt.Errorf("canon lift: type %d is not a function type", it.Type)
	}
	opts, err := fr.options(&it.Options)
	if err != nil {
		return fmt.Errorf("canon lift: %w", err)
	}
	fr.funcs = append(fr.funcs, &function{typ: t.fn, lifted: &lifted{core, opts, fr}})
	return f.charge(f.funcSize(t.fn))
}

func (f *flattener) lower(fr *frame, it *binary.Canon) error {
	fn, err := at(fr.funcs, it.Func, binary.SortFunc)
	if err != nil {
		return err
	}
	if fn.missing != nil {
		return fn.missing
	}
	opts, err := fr.options(&it.Options)
	if err != nil {
		return fmt.Errorf("canon lower: %w", err)
	}
	t := &trampoline{kind: LowerImport, core: lowered(fn.typ), frame: fr, fn: fn, opts: opts}
	if fn.lifted != nil {
		t.kind = LowerGuest
		if related(fr, fn.lifted.frame) {
			t.kind, t.opts = AlwaysTrap, options{}
		}
		if err := f.charge(fr.depth + fn.lifted.frame.depth); err != nil {
			return err
		}
	}
	f.addTrampoline(fr, t)
	return f.charge(f.funcSize(fn.typ))
}

// related says whether one instance is the other, or contains it. Calls
// between such instances are refused by the component model, since the outer
// one may be on the stack already.
func related(a, b *frame) bool { return a.within(b) || b.within(a) }

func (fr *frame) within(outer *frame) bool {
	for f := fr; f != nil && f.depth >= outer.depth; f = f.caller {
		if f == outer {
			return true
		}
	}
	return false
}

// builtin adds one of the resource built-ins, which pass i32 values only.
func (f *flattener) builtin(fr *frame, it *binary.Canon, kind TrampolineKind, params, results int) error {
	if it.Options.Async {
		return refuseAsync("canon " + it.Kind.String() + " async")
	}
	t, err := fr.typeAt(it.Type)
	if err != nil {
		return err
	}
	if t.res == nil {
		return fmt.Errorf("canon %s: type %d is not a resource type", it.Kind, it.Type)
	}
	i32 := []binary.CoreValType{binary.I32}
	core := binary.CoreFuncType{Params: i32[:params], Results: i32[:results]}
	f.addTrampoline(fr, &trampoline{kind: kind, core: core, frame: fr, res: t.res})
	return nil
}

// addTrampoline makes the trampoline the frame's next core function.
func (f *flattener) addTrampoline(fr *frame, t *trampoline) {
	src := Source{Kind: FromTrampoline, ID: len(f.trampolines)}
	f.trampolines = append(f.trampolines, t)
	fr.coreFuncs = append(fr.coreFuncs, coreDef{binary.SortCoreFunc, src, &t.core})
}

// options looks up what canonical options refer to.
func (fr *frame) options(o *binary.CanonOptions) (out options, err error) {
	if o.Async || o.Callback != nil {
		return out, refuseAsync("async canonical option")
	}
	out.encoding = o.Encoding
	if out.memory, err = option(fr.coreMemories, o.Memory, binary.SortCoreMemory); err != nil {
		return out, err
	}
	if out.realloc, err = option(fr.coreFuncs, o.Realloc, binary.SortCoreFunc); err != nil {
		return out, err
	}
	out.postReturn, err = option(fr.coreFuncs, o.PostReturn, binary.SortCoreFunc)
	return out, err
}

func option(space []coreDef, i *uint32, sort binary.Sort) (*coreDef, error) {
	if i == nil {
		return nil, nil
	}
	def, err := at(space, *i, sort)
	return &def, err
}

// coreTypes are the binary codes of flattened types.
var coreTypes = [...]binary.CoreValType{
	wit.I32: binary.I32, wit.I64: binary.I64, wit.F32: binary.CoreF32, wit.F64: binary.CoreF64,
}

// lowered is the core type of a lowered function. Canonical ABI, "Flattening".
func lowered(fn *wit.Func) binary.CoreFuncType {
	var t binary.CoreFuncType
	count := 0
	for _, p := range fn.Params {
		count = min(count+p.Type.FlatCount, wit.MaxFlatParams+1)
		t.Params = flat(t.Params, p.Type)
	}
	if count > wit.MaxFlatParams {
		t.Params = []binary.CoreValType{binary.I32}
	}
	switch {
	case fn.Result == nil:
	case fn.Result.FlatCount > wit.MaxFlatResults:
		t.Params = append(t.Params, binary.I32)
	default:
		t.Results = flat(nil, fn.Result)
	}
	return t
}

// flat appends a type's flattened form. There is none beyond the number that
// can be passed as parameters, where the caller passes a pointer instead.
func flat(to []binary.CoreValType, t *wit.Type) []binary.CoreValType {
	if len(to) > wit.MaxFlatParams {
		return to
	}
	for _, c := range t.Flat {
		to = append(to, coreTypes[c])
	}
	return to
}
