package custom

import (
	"sync/atomic"

	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/custom/backend"
	"github.com/writ-host/writ/capabilities/provider/value"
	"github.com/writ-host/writ/wit"
)

// maxHandles is how many resources of a provider an instance may have at once.
const maxHandles = 1 << 16

// scopes counts instances, so that each has a number of its own.
var scopes atomic.Uint64

// scope is what one component instance has of a provider. One goroutine uses
// it, but for live.
type scope struct {
	capability *Capability
	caller     backend.Caller // without a grant
	used       bool           // the provider may hold resources for it
	live       atomic.Int64

	// The call that is being made.
	args []byte
	life uint64
	err  error
}

type scopeKey struct{ c *Capability }

// scopeOf is the calling instance's scope, nil where there is no instance.
func (c *Capability) scopeOf(call *wit.Call) *scope {
	i := capabilities.From(call)
	if i == nil {
		return nil
	}
	return capabilities.State(i, scopeKey{c}, func() *scope {
		s := &scope{capability: c, caller: backend.Caller{App: i.App, Component: i.Component, Scope: scopes.Add(1)}}
		i.OnEnd(func() {
			if s.used {
				c.drops.put(drop{scope: s, ended: true})
			}
		})
		return s
	})
}

// encode prepares a call's arguments.
func (s *scope) encode(f *wit.Func, args []wit.Value) {
	s.life = 0
	s.args, s.err = value.AppendArgs(nil, f, args, s)
}

// take is the prepared arguments.
func (s *scope) take() (args []byte, life uint64, err error) {
	args, life, err = s.args, s.life, s.err
	s.args, s.err = nil, nil
	return args, life, err
}

// ID implements value.Handles.
func (s *scope) ID(h *wit.Handle) (uint64, error) {
	r, ok := h.Object.(*resource)
	if !ok || r.scope.capability != s.capability {
		return 0, backend.Errorf(backend.Invalid, "the resource is not the provider's")
	}
	if r.scope != s {
		return 0, backend.Errorf(backend.Invalid, "the resource is another instance's")
	}
	if s.life != 0 && s.life != r.life {
		return 0, backend.Errorf(backend.Unavailable, "a resource ended with provider %s's process", s.capability.provider)
	}
	s.life = r.life
	return r.id, nil
}

// Handle implements value.Handles: ids only come with results.
func (s *scope) Handle(*wit.Type, uint64) (*wit.Handle, error) {
	return nil, backend.Errorf(backend.Internal, "no handle is expected")
}

// release lets the resources go that a call handed over. The provider is told
// when it may not have taken them.
func (s *scope) release(args []wit.Value, failed bool) {
	for _, v := range args {
		s.releaseIn(v, failed)
	}
}

func (s *scope) releaseIn(v wit.Value, failed bool) {
	if v.Kind() == wit.KindOwn {
		if r, ok := v.Handle().Object.(*resource); ok && failed {
			r.Drop()
		} else if ok {
			s.live.Add(-1)
		}
		return
	}
	if p, ok := v.Payload(); ok {
		s.releaseIn(p, failed)
	}
	for _, item := range v.Items() {
		s.releaseIn(item, failed)
	}
}

// resource is what is behind a guest's handle: something of the provider's.
type resource struct {
	scope *scope
	id    uint64
	life  uint64
}

// Drop implements wit.Dropper.
func (r *resource) Drop() {
	r.scope.capability.drops.put(drop{scope: r.scope, life: r.life, id: r.id})
}

// arrivals is value.Handles of one result.
type arrivals struct {
	scope *scope
	life  uint64
	came  []*resource
}

// ID implements value.Handles.
func (a *arrivals) ID(*wit.Handle) (uint64, error) {
	return 0, backend.Errorf(backend.Internal, "no handle is sent")
}

// Handle implements value.Handles.
func (a *arrivals) Handle(t *wit.Type, id uint64) (*wit.Handle, error) {
	if t.Kind != wit.KindOwn {
		return nil, backend.Errorf(backend.Internal, "a result holds a borrow")
	}
	r := &resource{scope: a.scope, id: id, life: a.life}
	a.came = append(a.came, r)
	if a.scope.live.Add(1) > maxHandles {
		return nil, backend.Errorf(backend.TooLarge, "the instance has more than %d resources", maxHandles)
	}
	return &wit.Handle{Resource: t.Resource, Object: r}, nil
}

// drop gives back what came, when the result as a whole is not taken.
func (a *arrivals) drop() {
	for _, r := range a.came {
		r.Drop()
	}
}
