package binary

import (
	"errors"
	"fmt"
	"slices"
)

// canon validates a canonical definition and adds the function it defines.
func (s *scope) canon(c *Canon) error {
	if err := s.checkOptions(&c.Options); err != nil {
		return err
	}
	if c.Kind == Lift {
		return s.lift(c)
	}
	f, err := s.canonCore(c)
	s.coreFuncs = append(s.coreFuncs, f)
	return err
}

// canonCore is the core function that a canonical definition other than a lift
// defines.
func (s *scope) canonCore(c *Canon) (*CoreFuncType, error) {
	switch c.Kind {
	case Lower:
		return s.lower(c)
	case ResourceNew, ResourceRep:
		return signature(1, 1), s.ownResource(c.Type)
	case ResourceDrop:
		_, err := s.resourceAt(c.Type)
		return signature(1, 0), err
	}
	return s.asyncCanon(c)
}

// ownResource checks that a resource type is of this very component.
func (s *scope) ownResource(i uint32) error {
	r, err := s.resourceAt(i)
	if err != nil {
		return err
	}
	if !s.local[r.res] {
		return fmt.Errorf("type %d is not a local resource", i)
	}
	return nil
}

var reallocType = signature(4, 1)

// checkOptions checks what does not depend on the kind of definition.
func (s *scope) checkOptions(o *CanonOptions) error {
	if o.Memory != nil {
		if err := s.checkMemory(*o.Memory); err != nil {
			return err
		}
	}
	switch {
	case o.Callback != nil && !o.Async:
		return errors.New("cannot specify callback without async")
	case o.PostReturn != nil && o.Async:
		return errors.New("cannot specify post-return function in async")
	case o.Realloc == nil:
		return nil
	case o.Memory == nil:
		return errors.New("canonical option `realloc` requires `memory` to also be specified")
	}
	f, err := s.coreFuncAt(*o.Realloc)
	if err != nil {
		return err
	}
	if !f.Equal(reallocType) {
		return fmt.Errorf("canonical option `realloc` uses a core function with an incorrect signature: %s", f)
	}
	return nil
}

func (s *scope) checkMemory(i uint32) error {
	_, err := at(s.coreMemories, i, "memory")
	return err
}

func (o *CanonOptions) needMemory(need bool) error {
	if need && o.Memory == nil {
		return errors.New("canonical option `memory` is required")
	}
	return nil
}

func (o *CanonOptions) needRealloc(need bool) error {
	if err := o.needMemory(need); err != nil {
		return err
	}
	if need && o.Realloc == nil {
		return errors.New("canonical option `realloc` is required")
	}
	return nil
}

// forLower refuses the options that only lifting has.
func (o *CanonOptions) forLower() error {
	if o.PostReturn != nil {
		return errors.New("canonical option `post-return` cannot be specified for lowerings")
	}
	if o.Callback != nil {
		return errors.New("canonical option `callback` cannot be specified for lowerings")
	}
	return nil
}

func (o *CanonOptions) suits(f *funcType) error {
	if o.Async && !f.async {
		return errors.New("the `async` canonical option requires an async function type")
	}
	return nil
}

func (s *scope) lift(c *Canon) error {
	t, err := typeOf[*funcType](s, c.Type, "a function type")
	if err != nil {
		return err
	}
	core, err := s.coreFuncAt(c.Func)
	if err != nil {
		return err
	}
	s.funcs = append(s.funcs, t)
	if err := s.checkLiftFuncs(&c.Options, core); err != nil {
		return err
	}
	if err := c.Options.suits(t); err != nil {
		return err
	}
	want, err := liftedSignature(t, &c.Options)
	if err != nil {
		return err
	}
	if !slices.Equal(want.Params, core.Params) {
		return fmt.Errorf("lowered parameter types [%s] do not match parameter types [%s] of core function %d",
			joinTypes(want.Params), joinTypes(core.Params), c.Func)
	}
	if !slices.Equal(want.Results, core.Results) {
		return fmt.Errorf("lowered result types [%s] do not match result types [%s] of core function %d",
			joinTypes(want.Results), joinTypes(core.Results), c.Func)
	}
	return nil
}

// checkLiftFuncs checks the functions that lifting can call.
func (s *scope) checkLiftFuncs(o *CanonOptions, core *CoreFuncType) error {
	if o.PostReturn != nil {
		f, err := s.coreFuncAt(*o.PostReturn)
		if err != nil {
			return err
		}
		if !slices.Equal(f.Params, core.Results) || len(f.Results) != 0 {
			return fmt.Errorf("canonical option `post-return` uses a core function with an incorrect signature: %s", f)
		}
	}
	if o.Callback != nil {
		f, err := s.coreFuncAt(*o.Callback)
		if err != nil {
			return err
		}
		if !f.Equal(signature(3, 1)) {
			return fmt.Errorf("canonical option `callback` uses a core function with an incorrect signature: %s", f)
		}
	}
	return nil
}

// liftedSignature is the core function type that a lift of t takes.
func liftedSignature(t *funcType, o *CanonOptions) (*CoreFuncType, error) {
	params, pointers := flattenParams(t)
	if err := o.needRealloc(pointers || params.over); err != nil {
		return nil, err
	}
	want := &CoreFuncType{Params: params.types}
	if params.over {
		want.Params = []CoreValType{I32}
	}
	if o.Async {
		if o.Callback != nil {
			want.Results = []CoreValType{I32}
		}
		need := t.result != nil && (t.result.flat.over || t.result.pointers)
		return want, o.needMemory(need)
	}
	if t.result == nil {
		return want, nil
	}
	want.Results = t.result.flat.types
	if tooManyResults(t.result) {
		want.Results = []CoreValType{I32}
		return want, o.needMemory(true)
	}
	return want, nil
}

func flattenParams(t *funcType) (f flattened, pointers bool) {
	for _, p := range t.params {
		f.add(p.flat)
		pointers = pointers || p.pointers
	}
	return f, pointers
}

func tooManyResults(d *defined) bool {
	return d.flat.over || len(d.flat.types) > maxFlatResults
}

func (s *scope) lower(c *Canon) (*CoreFuncType, error) {
	t, err := at(s.funcs, c.Func, "function")
	if err != nil {
		return nil, err
	}
	if err := c.Options.forLower(); err != nil {
		return nil, err
	}
	if err := c.Options.suits(t); err != nil {
		return nil, err
	}
	return loweredSignature(t, &c.Options)
}

// loweredSignature is the core function type that a lower of t has.
func loweredSignature(t *funcType, o *CanonOptions) (*CoreFuncType, error) {
	params, pointers := flattenParams(t)
	over := params.over || o.Async && len(params.types) > maxFlatAsyncParams
	if err := o.needMemory(pointers || over); err != nil {
		return nil, err
	}
	f := &CoreFuncType{Params: params.types}
	if over {
		f.Params = []CoreValType{I32}
	}
	if t.result != nil {
		if err := o.needRealloc(t.result.pointers); err != nil {
			return nil, err
		}
	}
	switch {
	case t.result == nil:
	case o.Async || tooManyResults(t.result):
		f.Params = append(f.Params[:len(f.Params):len(f.Params)], I32)
		if err := o.needMemory(true); err != nil {
			return nil, err
		}
	default:
		f.Results = t.result.flat.types
	}
	if o.Async {
		f.Results = []CoreValType{I32}
	}
	return f, nil
}
