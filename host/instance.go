package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/writ-host/writ/host/internal/canon"
	"github.com/writ-host/writ/host/internal/plan"
	"github.com/writ-host/writ/host/internal/wasmtime"
	"github.com/writ-host/writ/wit"
)

// Limits bounds one instance. Zero values mean the engine's own limits.
type Limits struct {
	Memory  uint64 // bytes of each linear memory
	Tables  uint64 // elements of each table
	Handles uint32 // open resource handles, of all components within together; default 65,536
	// Transfer is the most that the host allocates for the values of one call, in bytes; default 128 MiB.
	Transfer uint64
	// CPU is how long the guest may run, without what it waits for, as sampled
	// every 10 ms or so; by default as long as its contexts last.
	CPU time.Duration
}

const defaultHandles = 1 << 16

// Instance is a running component. One goroutine at a time may use it.
type Instance struct {
	prepared *Prepared
	store    *wasmtime.Store
	data     any
	limits   Limits
	*parts
	depth   int
	closing bool // when the call under way ends
	ended   error
}

// parts are what an instance leaves to a later one.
type parts struct {
	tables  []canon.Table // one for each component instance within
	shared  *canon.Shared // by the tables
	locked  []bool        // by table: it may not call out now (realloc, post-return)
	entered []bool        // by table: a call into it is under way
	frames  []*frame      // of the calls under way; spare ones behind depth
}

// ErrEnded means that an earlier call trapped or was cancelled, or that the
// instance was closed.
var ErrEnded = errors.New("the instance has ended")

// Instantiate makes an instance and runs the component's start functions. Data
// is the Data of every [wit.Call] that the instance makes.
func (p *Prepared) Instantiate(ctx context.Context, limits Limits, data any) (*Instance, error) {
	if limits.Handles == 0 {
		limits.Handles = defaultHandles
	}
	i := &Instance{prepared: p, data: data, limits: limits, parts: p.parts(limits.Handles)}
	var err error
	if i.store, err = p.template.NewStore(wasmtime.Limits{Memory: limits.Memory, Tables: limits.Tables, CPU: limits.CPU}); err != nil {
		return nil, err
	}
	if err := i.store.Instantiate(ctx, (*dispatcher)(i)); err != nil {
		i.Close()
		return nil, fmt.Errorf("instantiate: %w", limited(err))
	}
	return i, nil
}

// parts are an earlier instance's, or new ones. Tables of components that
// implement resources are always new: handles know their instance by its table,
// and may outlive it.
func (p *Prepared) parts(handles uint32) *parts {
	s, _ := p.spare.Get().(*parts)
	if s == nil {
		s = &parts{locked: make([]bool, p.plan.Tables), entered: make([]bool, p.plan.Tables)}
	}
	if s.tables == nil || len(p.plan.Resources) > 0 {
		s.tables, s.shared = make([]canon.Table, p.plan.Tables), &canon.Shared{}
	}
	s.shared.Left = handles
	for t := range s.tables {
		s.tables[t].Shared = s.shared
	}
	return s
}

// Close ends the instance and drops every host resource that it still holds.
// One that is closed while a call is under way ends with the call.
func (i *Instance) Close() {
	switch {
	case i.store == nil:
		return
	case i.depth > 0:
		i.closing = true
		return
	}
	i.store.Close()
	i.store = nil
	for t := range i.tables {
		i.tables[t].DropAll(dropHostResource)
	}
	clear(i.locked)
	clear(i.entered)
	i.prepared.spare.Put(i.parts)
	i.parts, i.data = nil, nil
}

// Renew gives an instance that goes on to another request the CPU time of its
// limits once more.
func (i *Instance) Renew() {
	if i.store != nil {
		i.store.SetCPU(i.limits.CPU)
	}
}

func dropHostResource(h *wit.Handle) {
	if d, ok := h.Object.(wit.Dropper); ok {
		d.Drop()
	}
}

// Call calls an exported function. The error of a guest that was ended is a
// [Trap]; the instance can then only be closed. Owned handles among the
// arguments belong to the guest from here on.
func (i *Instance) Call(ctx context.Context, f *Func, args ...wit.Value) (wit.Value, error) {
	switch {
	case f.prepared != i.prepared:
		return wit.Value{}, fmt.Errorf("call %s: the function is of another component", f.Type.Name)
	case i.store == nil || i.ended != nil:
		return wit.Value{}, fmt.Errorf("call %s: %w", f.Type.Name, ErrEnded)
	case i.depth > 0:
		return wit.Value{}, fmt.Errorf("call %s: the instance is in a call already", f.Type.Name)
	}
	fr := i.push()
	defer i.done()
	cx := fr.context(ctx, i, f.table, f.memory)
	flat, err := f.canon.LowerParams(cx, args, fr.flat[:0])
	if err != nil {
		var mismatch *canon.Mismatch // the caller's mistake, of which the guest has seen nothing
		if !errors.As(err, &mismatch) {
			i.ended = err
		}
		return wit.Value{}, limited(fmt.Errorf("%s: arguments: %w", f.Type.Name, err))
	}
	result, err := i.invoke(ctx, f, fr, flat)
	if err != nil {
		i.ended = err
	}
	return result, limited(err)
}

// Drop ends a resource that the instance implements and that a call returned
// to the host as an owned handle: its destructor runs.
func (i *Instance) Drop(ctx context.Context, h *wit.Handle) error {
	switch {
	case i.store == nil || i.ended != nil:
		return ErrEnded
	case i.depth > 0:
		return fmt.Errorf("drop a resource: the instance is in a call already")
	}
	for _, r := range i.prepared.plan.Resources {
		if r.Type != h.Resource || h.Instance != any(&i.tables[r.Instance]) {
			continue
		}
		h.Resource, h.Instance = nil, nil // it is of no more use to anyone
		if r.Dtor == plan.None {
			return nil
		}
		i.push()
		defer i.done()
		i.ended = i.enter(ctx, r.Instance, r.Dtor, []uint64{uint64(h.Rep)}, nil)
		return limited(i.ended)
	}
	return fmt.Errorf("drop a resource: it is not of this instance, or was dropped before")
}

// done ends the outermost call.
func (i *Instance) done() {
	i.pop()
	if i.closing {
		i.Close()
	}
}

// enter calls core code of a component instance from outside of it.
func (i *Instance) enter(ctx context.Context, table, slot int, args, results []uint64) error {
	i.entered[table] = true
	err := i.store.Call(ctx, slot, args, results)
	i.entered[table] = false
	return err
}

// invoke runs a lifted function in the way that canon lift says, from where its
// arguments were lowered: call, lift the result, end the borrows, post-return.
func (i *Instance) invoke(ctx context.Context, f *Func, fr *frame, flat []uint64) (wit.Value, error) {
	results := fr.results[:f.results]
	if err := i.enter(ctx, f.table, f.slot, flat, results); err != nil {
		return wit.Value{}, err
	}
	result, err := f.canon.LiftResult(&fr.cx, results)
	if err != nil {
		return wit.Value{}, fmt.Errorf("%s: %w", f.Type.Name, err)
	}
	if err := fr.scope.Exit(); err != nil {
		return wit.Value{}, fmt.Errorf("%s: %w", f.Type.Name, err)
	}
	return result, i.postReturn(ctx, f, results)
}

func (i *Instance) postReturn(ctx context.Context, f *Func, results []uint64) error {
	if f.post == plan.None {
		return nil
	}
	i.locked[f.table] = true
	defer func() { i.locked[f.table] = false }()
	return i.store.Call(ctx, f.post, results, nil)
}
