package capabilities

import (
	"cmp"
	"context"
	"fmt"
	"runtime/debug"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/wit"
)

// Guard is a capability's interfaces as components get them: every function
// asks the broker about its access before it runs, at every call, so that a
// revocation also reaches handles that are open. It is the one decorator that
// asks. A function that is missing in an import is a mistake of the
// capability, and panics when the host starts.
func Guard(c Capability) []wit.Binding {
	imports := c.Imports()
	bindings := make([]wit.Binding, 0, len(imports))
	for _, i := range imports {
		b := wit.Binding{Interface: i.Interface, Funcs: make(map[string]wit.HostFunc, len(i.Funcs))}
		for _, f := range i.Interface.Funcs {
			fn, ok := i.Funcs[f.Name]
			if !ok || fn.Run == nil {
				panic(fmt.Sprintf("capability %s: %s has no function %q", c.Name(), i.Interface.Name, f.Name))
			}
			g := &guarded{fn: fn, capability: c.Name(), iface: i.Interface.Name.String(), name: f.Name}
			b.Funcs[f.Name] = g.call
		}
		bindings = append(bindings, b)
	}
	return bindings
}

// guarded is one function behind the guard.
type guarded struct {
	fn         Func
	capability string
	iface      string
	name       string
}

// call is the wit.HostFunc that components get.
func (g *guarded) call(ctx context.Context, call *wit.Call) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = g.panicked(call, p)
		}
	}()
	if i := From(call); i != nil && i.Tracer != nil {
		return g.trace(ctx, call, i)
	}
	denial, denied := g.check(ctx, call)
	if denied {
		return g.refuse(call, denial)
	}
	return g.fn.Run(ctx, call)
}

// refuse is what becomes of a call that is denied.
func (g *guarded) refuse(call *wit.Call, r refusal) error {
	if g.fn.Deny == nil {
		return g.denial(call, r)
	}
	g.fn.Deny(call)
	return nil
}

// refusal is an access with the decision that refused it.
type refusal struct {
	access   Access
	decision broker.Decision
}

// check asks for all that the call touches, and stops at the first that is refused.
func (g *guarded) check(ctx context.Context, call *wit.Call) (r refusal, denied bool) {
	switch {
	case g.fn.Permit != nil:
		return g.checkPermit(ctx, call)
	case g.fn.Each != nil:
		return g.checkEach(ctx, call)
	case g.fn.Access == nil:
		return refusal{}, false
	}
	a := g.fn.Access(call)
	d := From(call).decide(ctx, g.capability, a)
	return refusal{a, d}, !d.Allowed
}

func (g *guarded) checkPermit(ctx context.Context, call *wit.Call) (r refusal, denied bool) {
	p := g.fn.Permit(call)
	if p == nil {
		return refusal{}, false
	}
	i := From(call)
	if i == nil {
		return refusal{access: p.Access}, true
	}
	d := p.decide(ctx, i, g.capability)
	return refusal{p.Access, d}, !d.Allowed
}

func (g *guarded) checkEach(ctx context.Context, call *wit.Call) (r refusal, denied bool) {
	i := From(call)
	g.fn.Each(call, func(a Access) bool {
		d := i.decide(ctx, g.capability, a)
		r, denied = refusal{a, d}, !d.Allowed
		return d.Allowed
	})
	return r, denied
}

// decide asks the broker, and remembers the grant that allowed.
func (i *Instance) decide(ctx context.Context, capability string, a Access) broker.Decision {
	if i == nil || i.Subject == nil {
		return broker.Decision{}
	}
	if a.Capability != "" {
		capability = a.Capability
	}
	if a.Reach {
		d := i.Subject.Covers(capability, a.Operation, a.Resource)
		i.note(capability, a, d)
		return d
	}
	d := i.Subject.Decide(ctx, broker.Call{Capability: capability, Operation: a.Operation, Resource: a.Resource, Bytes: a.Bytes})
	i.note(capability, a, d)
	i.grant = d.GrantID()
	return d
}

// Allowed asks the broker about one more access in the course of a call that
// the guard let run, such as one key of a listing.
func (i *Instance) Allowed(ctx context.Context, capability string, a Access) bool {
	if i == nil {
		return false
	}
	grant := i.grant
	defer func() { i.grant = grant }()
	return i.decide(ctx, capability, a).Allowed
}

// DeniedError is the trap for a denied function that has no error of its own.
type DeniedError struct {
	App, Component      string
	Interface, Function string
	Access              Access
	Reason              broker.Reason
	Grant               string // id of the grant that fell short, or ""
}

func (g *guarded) denial(call *wit.Call, r refusal) *DeniedError {
	e := &DeniedError{Interface: g.iface, Function: g.name, Access: r.access, Reason: r.decision.Reason, Grant: r.decision.GrantID()}
	if e.Access.Capability == "" {
		e.Access.Capability = g.capability
	}
	if i := From(call); i != nil {
		e.App, e.Component = i.App, i.Component
	}
	return e
}

func (e *DeniedError) Error() string {
	what := cmp.Or(e.Access.Operation, "anything") + " on " + e.Access.Resource
	if e.Access.Reach {
		what += "**"
	}
	why := e.Reason.String()
	if e.Grant != "" {
		why += " (grant " + e.Grant + ")"
	}
	return fmt.Sprintf("call %s of %s: denied: %s: component %q of app %q needs a grant of capability %s for %s",
		e.Function, e.Interface, why, e.Component, e.App, e.Access.Capability, what)
}

// panicked turns a host function's panic into a trap of the guest that called
// it: one request fails, and the process goes on.
func (g *guarded) panicked(call *wit.Call, p any) error {
	i := From(call)
	app, component := "", ""
	if i != nil {
		app, component = i.App, i.Component
	}
	i.Logger().Error("host function panicked", "interface", g.iface, "function", g.name,
		"app", app, "component", component, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	return fmt.Errorf("call %s of %s: the host failed: %v", g.name, g.iface, p)
}
