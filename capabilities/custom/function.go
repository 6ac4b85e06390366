package custom

import (
	"context"
	"fmt"
	"strings"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/custom/backend"
	"github.com/writ-host/writ/capabilities/provider/value"
	"github.com/writ-host/writ/wit"
)

// function is one function of a provider's interface.
type function struct {
	capability *Capability
	iface      string
	typ        *wit.Func
	resource   string // in grants
	gives      bool   // its result can hold resources
}

func (c *Capability) bind(i *wit.Interface, f *wit.Func) (capabilities.Func, error) {
	resource, err := broker.InterfaceResource(i.Name.String(), f.Name)
	if err != nil {
		return capabilities.Func{}, err
	}
	fn := &function{capability: c, iface: i.Name.String(), typ: f, resource: resource, gives: f.Result != nil && f.Result.HasHandle}
	bound := capabilities.Func{Run: fn.run, Access: fn.access}
	if denied := caseOf(f, "access-denied", nil); denied != nil {
		bound.Deny = func(call *wit.Call) { call.Return(*denied) }
	}
	return bound, nil
}

// caseOf is a function's failure by the case of that name, where its result has
// it: without a payload, or carrying a string.
func caseOf(f *wit.Func, name string, text *wit.Value) *wit.Value {
	if f.Result == nil || f.Result.Kind != wit.KindResult || f.Result.Cases[1].Type == nil {
		return nil
	}
	e := f.Result.Cases[1].Type
	if e.Kind != wit.KindEnum && e.Kind != wit.KindVariant {
		return nil
	}
	at := e.CaseIndex(name)
	if at < 0 || (e.Cases[at].Type == nil) != (text == nil) || text != nil && e.Cases[at].Type.Kind != wit.KindString {
		return nil
	}
	failed := wit.Err(wit.CaseOf(e.Kind, uint32(at), text))
	return &failed
}

// access encodes the arguments, which is how many bytes the call takes.
func (f *function) access(call *wit.Call) capabilities.Access {
	a := capabilities.Access{Operation: broker.Invoke, Resource: f.resource}
	if s := f.capability.scopeOf(call); s != nil {
		s.encode(f.typ, call.Args)
		a.Bytes = int64(len(s.args))
	}
	return a
}

// run calls the function at the provider.
func (f *function) run(ctx context.Context, call *wit.Call) error {
	i, s := capabilities.From(call), f.capability.scopeOf(call)
	if s == nil {
		return fmt.Errorf("%s has no caller", f.typ.Name)
	}
	args, life, err := s.take()
	if err != nil {
		s.release(call.Args, true)
		return f.fail(call, err)
	}
	s.used = s.used || f.gives
	at := s.caller
	at.Grant = i.Grant()
	answer, err := f.capability.backend.Invoke(ctx, at, backend.Call{Interface: f.iface, Function: f.typ.Name, Args: args, Life: life})
	if err == nil {
		err = f.finish(call, s, answer)
	}
	s.release(call.Args, err != nil)
	if err != nil {
		return f.fail(call, err)
	}
	return nil
}

// finish takes the result up.
func (f *function) finish(call *wit.Call, s *scope, answer backend.Answer) error {
	if f.typ.Result == nil {
		if len(answer.Result) > 0 {
			return backend.Errorf(backend.Internal, "provider %s: %s of %s returns nothing, and it answered %d bytes",
				f.capability.provider, f.typ.Name, f.iface, len(answer.Result))
		}
		return nil
	}
	came := &arrivals{scope: s, life: answer.Life}
	v, err := value.Decode(answer.Result, f.typ.Result, came)
	if err != nil {
		came.drop()
		return backend.Errorf(backend.Internal, "provider %s: result of %s of %s: %v", f.capability.provider, f.typ.Name, f.iface, err)
	}
	call.Return(v)
	return nil
}

// fail answers a call that the provider did not do: with what the function's
// own error has for that, else by a trap.
func (f *function) fail(call *wit.Call, err error) error {
	e := backend.AsError(err)
	text := wit.String(strings.ToValidUTF8(e.Error(), "\uFFFD"))
	var v *wit.Value
	switch e.Code {
	case backend.AccessDenied:
		v = caseOf(f.typ, "access-denied", nil)
	case backend.Unavailable, backend.Deadline:
		v = caseOf(f.typ, "unavailable", nil)
	}
	if v == nil {
		v = caseOf(f.typ, "other", &text)
	}
	if r := f.typ.Result; v == nil && r != nil && r.Kind == wit.KindResult && r.Cases[1].Type != nil && r.Cases[1].Type.Kind == wit.KindString {
		failed := wit.Err(text)
		v = &failed
	}
	if v == nil {
		return err
	}
	call.Return(*v)
	return nil
}
