package host

import (
	"cmp"
	"context"
	"fmt"

	"github.com/writ-host/writ/host/internal/canon"
	"github.com/writ-host/writ/host/internal/plan"
	"github.com/writ-host/writ/host/internal/wasmtime"
	"github.com/writ-host/writ/wit"
)

// dispatcher is an instance as the engine sees it.
type dispatcher Instance

// HostCall performs a call that core code makes to one of its imports.
func (d *dispatcher) HostCall(ctx context.Context, _ *wasmtime.Store, id uint32, args, results []uint64) error {
	i := (*Instance)(d)
	t := &i.prepared.trampolines[id]
	if i.locked[t.table] && t.leaves() {
		return fmt.Errorf("the component called %s while it may not call out: in realloc or post-return", t.describe())
	}
	if i.depth >= maxDepth {
		return fmt.Errorf("calls nest deeper than %d", maxDepth)
	}
	switch t.kind {
	case plan.LowerImport:
		return i.callHost(ctx, t, args, results)
	case plan.LowerGuest:
		return i.callGuest(ctx, t, args, results)
	case plan.AlwaysTrap:
		return fmt.Errorf("%s: a component instance cannot be entered from within itself", t.name)
	}
	return i.callBuiltin(ctx, t, args, results)
}

// leaves says whether a call needs that the component instance may be left, as
// it may not be in realloc and post-return. Canonical ABI, "canon resource.rep":
// it alone does not ask.
func (t *trampoline) leaves() bool { return t.kind != plan.ResourceRep }

var builtins = map[plan.TrampolineKind]string{
	plan.ResourceNew: "resource.new", plan.ResourceRep: "resource.rep", plan.ResourceDrop: "resource.drop",
}

func (t *trampoline) describe() string {
	if t.resource != nil {
		return builtins[t.kind] + " of " + cmp.Or(t.resource.Name, "an unnamed resource")
	}
	return t.name
}

// callHost runs a host function: lift the arguments, call, lower the result.
func (i *Instance) callHost(ctx context.Context, t *trampoline, flat, results []uint64) (err error) {
	fr := i.push()
	defer i.pop()
	cx := fr.context(ctx, i, t.table, t.memory)
	if fr.args, err = t.canon.LiftParams(cx, flat, fr.args[:0]); err != nil {
		return fmt.Errorf("%s: arguments: %w", t.name, err)
	}
	fr.call.Func, fr.call.Args, fr.call.Data = t.typ, fr.args, i.data // the rest is zero since pop
	if err := t.run(ctx, &fr.call); err != nil {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	if err := t.canon.LowerResult(cx, flat, fr.call.Result, results); err != nil {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	return fr.scope.Exit()
}

// callGuest runs a function of another component of the same composition:
// arguments and result pass from one memory to the other.
func (i *Instance) callGuest(ctx context.Context, t *trampoline, flat, results []uint64) error {
	caller, callee, f := i.push(), i.push(), t.callee
	defer i.pop()
	defer i.pop()
	from, to := caller.context(ctx, i, t.table, t.memory), callee.context(ctx, i, f.table, f.memory)
	args, err := canon.PassParams(t.canon, from, flat, f.canon, to, callee.flat[:0])
	if err != nil {
		return fmt.Errorf("%s: arguments: %w", t.name, err)
	}
	out := callee.results[:f.results]
	if err := i.enter(ctx, f.table, f.slot, args, out); err != nil {
		return err
	}
	if err := canon.PassResult(f.canon, to, out, t.canon, from, flat, results); err != nil {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	if err := callee.scope.Exit(); err != nil {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	if err := i.postReturn(ctx, f, out); err != nil {
		return err
	}
	return caller.scope.Exit()
}

// callBuiltin runs resource.new, resource.rep or resource.drop.
func (i *Instance) callBuiltin(ctx context.Context, t *trampoline, args, results []uint64) (err error) {
	table, operand := &i.tables[t.table], uint32(args[0])
	var out uint32
	switch t.kind {
	case plan.ResourceNew:
		out, err = table.New(t.resource, operand)
	case plan.ResourceRep:
		out, err = table.Rep(operand, t.resource)
	case plan.ResourceDrop:
		var h *wit.Handle
		if h, err = table.Drop(operand, t.resource); err == nil && h != nil {
			return i.destroy(ctx, t, h)
		}
	}
	if len(results) > 0 {
		results[0] = uint64(out)
	}
	return err
}

// destroy runs the destructor of a resource whose last handle is gone.
func (i *Instance) destroy(ctx context.Context, t *trampoline, h *wit.Handle) error {
	if t.guest == plan.None {
		dropHostResource(h)
		return nil
	}
	d := i.prepared.dtors[t.guest]
	if d.slot == plan.None {
		return nil
	}
	if d.table == t.table {
		return i.store.Call(ctx, d.slot, []uint64{uint64(h.Rep)}, nil)
	}
	if i.entered[d.table] {
		return fmt.Errorf("%s: its destructor: a component instance cannot be entered from within itself", t.describe())
	}
	i.push()
	defer i.pop()
	return i.enter(ctx, d.table, d.slot, []uint64{uint64(h.Rep)}, nil)
}
