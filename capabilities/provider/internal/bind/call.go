package bind

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/writ-host/writ/wit"
)

// Call calls the method. receiver is the value of the bound type. An error is
// one that the function's result cannot say.
func (f *Func) Call(ctx context.Context, receiver any, args []wit.Value) (wit.Value, error) {
	in := make([]reflect.Value, 0, len(f.params)+2)
	if f.resource {
		receiver, args = args[0].Handle().Object, args[1:]
	}
	in = append(in, reflect.ValueOf(receiver))
	if f.context {
		in = append(in, reflect.ValueOf(ctx))
	}
	for i, c := range f.params {
		v := reflect.New(f.in[i]).Elem()
		if err := c.read(args[i], v); err != nil {
			return wit.Value{}, fmt.Errorf("parameter %d: %w", i, err)
		}
		in = append(in, v)
	}
	out := f.method.Func.Call(in)
	if f.fails {
		if err, _ := out[len(out)-1].Interface().(error); err != nil {
			return f.failure(err)
		}
	}
	return f.success(out)
}

func (f *Func) success(out []reflect.Value) (wit.Value, error) {
	var v wit.Value
	var err error
	if f.result != nil {
		if v, err = f.result.write(out[0]); err != nil {
			return wit.Value{}, fmt.Errorf("result: %w", err)
		}
	}
	switch {
	case !f.isResult():
		return v, nil
	case f.result == nil:
		return wit.Done(), nil
	}
	return wit.OK(v), nil
}

// failure is an error as the function's result has it: a string is its text; for
// another type it is the first error in the chain that is of a Go type for it,
// or else a case other with the text. What it cannot be stays an error.
func (f *Func) failure(err error) (wit.Value, error) {
	if !f.isResult() {
		return wit.Value{}, err
	}
	t := f.Type.Result.Cases[1].Type
	if t == nil {
		return wit.Failed(), nil
	}
	if t.Kind == wit.KindString {
		return wit.Err(textOf(err)), nil
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		if v, ok := f.bound.asFailure(t, reflect.ValueOf(e)); ok {
			return wit.Err(v), nil
		}
	}
	if at := t.CaseIndex("other"); t.Kind == wit.KindVariant && at >= 0 && t.Cases[at].Type != nil && t.Cases[at].Type.Kind == wit.KindString {
		text := textOf(err)
		return wit.Err(wit.Variant(uint32(at), &text)), nil
	}
	return wit.Value{}, err
}

func textOf(err error) wit.Value { return wit.String(strings.ToValidUTF8(err.Error(), "\uFFFD")) }

func (b *Bound) asFailure(t *wit.Type, v reflect.Value) (wit.Value, bool) {
	if v.Kind() == reflect.Pointer && !v.IsNil() && !isHandle(t) {
		v = v.Elem()
	}
	b.mu.Lock()
	c, err := b.types.of(t, v.Type())
	b.mu.Unlock()
	if err != nil {
		return wit.Value{}, false
	}
	out, err := c.write(v)
	return out, err == nil
}
