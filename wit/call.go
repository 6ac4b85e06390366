package wit

import "context"

// Func is a function type with its name.
type Func struct {
	// Name as components spell it: get, [constructor]fields,
	// [method]fields.get or [static]fields.from-list.
	Name   string
	Params []Param
	Result *Type // nil when it returns nothing
	Async  bool
}

// Param is a function's parameter.
type Param struct {
	Name string
	Type *Type
}

// Handle is a resource, reached through own and borrow values. A host's own
// resource has an Object; a guest's has the guest's Rep.
type Handle struct {
	Resource *Resource
	Object   any
	Rep      uint32
	// Instance is the runtime instance that implements a guest's resource.
	Instance any
}

// Dropper is implemented by a host resource's Object that must know when the
// guest drops the last handle, or ends. Drop is called once, and must not block.
type Dropper interface {
	Drop()
}

// HostFunc implements a function that components import. It runs on the
// goroutine of the calling instance and may block; ctx ends with the guest's
// call. An error is a trap: it ends the guest's call, so it is only for guests
// that broke the ABI and for functions that have no error of their own. What a
// function's type can say goes to [Call.Return].
type HostFunc func(ctx context.Context, call *Call) error

// Call is one call of a host function. It is valid until the function returns.
type Call struct {
	Func *Func
	Args []Value
	// Result is what the function returns; [Call.Return] sets it.
	Result Value
	// Data belongs to the instance that calls, as given when it was made.
	Data any
}

// Return sets the call's result.
func (c *Call) Return(v Value) { c.Result = v }

// Self is the object behind the first argument, a method's resource.
func Self[T any](c *Call) T { return Object[T](c.Args[0]) }

// Object is the Go object behind a handle of a host's resource. Values were
// checked against the function's type, so a wrong T is the host's own mistake.
func Object[T any](v Value) T { return v.Handle().Object.(T) }

// NewOwn is an owned handle of a host's resource.
func NewOwn(r *Resource, object any) Value { return Own(&Handle{Resource: r, Object: object}) }
