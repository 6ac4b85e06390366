package provider

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	pb "github.com/writ-host/writ/proto/writ/provider/v1"
	"github.com/writ-host/writ/wit"
)

// maxScoped bounds the resources that one component instance has here.
const maxScoped = 1 << 16

// scopes are the resources that component instances have at this provider.
type scopes struct {
	mu   sync.Mutex
	open map[uint64]*scope
}

// scope is those of one instance.
type scope struct {
	mu      sync.Mutex
	ended   bool
	objects map[uint64]*object
}

// object is a resource. It goes when it is dropped and no call uses it.
type object struct {
	resource *wit.Resource
	value    any
	uses     int
	dropped  bool
}

// lastID makes ids, none of which is used twice.
var lastID atomic.Uint64

// get is a scope, made when it is not there.
func (s *scopes) get(id uint64) *scope {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[uint64]*scope{}
	}
	of := s.open[id]
	if of == nil {
		of = &scope{objects: map[uint64]*object{}}
		s.open[id] = of
	}
	return of
}

// drop takes out what ends, and returns what nobody uses any more.
func (s *scopes) drop(r *pb.DropRequest) []any {
	s.mu.Lock()
	of := s.open[r.GetScope()]
	if r.GetScopeEnded() {
		delete(s.open, r.GetScope())
	}
	s.mu.Unlock()
	if of == nil {
		return nil
	}
	of.mu.Lock()
	defer of.mu.Unlock()
	var gone []any
	for _, id := range r.GetHandles() {
		gone = append(gone, of.forget(id)...)
	}
	if r.GetScopeEnded() {
		of.ended = true
		for id := range of.objects {
			gone = append(gone, of.forget(id)...)
		}
	}
	return gone
}

// forget is called with mu held.
func (s *scope) forget(id uint64) []any {
	o := s.objects[id]
	delete(s.objects, id)
	if o == nil {
		return nil
	}
	o.dropped = true
	if o.uses > 0 {
		return nil
	}
	return []any{o.value}
}

// use is what one call has of a scope: it implements value.Handles.
type use struct {
	scope    *scope
	borrowed []*object
	taken    []any    // owned arguments
	given    []uint64 // ids of what the result has
}

// ID gives a resource to the caller.
func (u *use) ID(h *wit.Handle) (uint64, error) {
	u.scope.mu.Lock()
	defer u.scope.mu.Unlock()
	switch {
	case u.scope.ended:
		return 0, errors.New("the caller has ended")
	case len(u.scope.objects) >= maxScoped:
		return 0, fmt.Errorf("the caller has %d resources already", maxScoped)
	}
	id := lastID.Add(1)
	u.scope.objects[id] = &object{resource: h.Resource, value: h.Object}
	u.given = append(u.given, id)
	return id, nil
}

// Handle lends a resource to the call, or hands it over.
func (u *use) Handle(t *wit.Type, id uint64) (*wit.Handle, error) {
	u.scope.mu.Lock()
	defer u.scope.mu.Unlock()
	o := u.scope.objects[id]
	switch {
	case o == nil:
		return nil, fmt.Errorf("the caller has no resource %d", id)
	case o.resource != t.Resource:
		return nil, fmt.Errorf("resource %d is a %s, and no %s", id, o.resource.Name, t.Resource.Name)
	case t.Kind == wit.KindOwn && o.uses > 0:
		return nil, fmt.Errorf("resource %d is in use by another call", id)
	case t.Kind == wit.KindOwn:
		delete(u.scope.objects, id)
		u.taken = append(u.taken, o.value)
	default:
		o.uses++
		u.borrowed = append(u.borrowed, o)
	}
	return &wit.Handle{Resource: o.resource, Object: o.value}, nil
}

// done ends the call's borrows, and returns what was dropped meanwhile.
func (u *use) done() (gone []any) {
	if u.scope == nil {
		return nil
	}
	u.scope.mu.Lock()
	defer u.scope.mu.Unlock()
	for _, o := range u.borrowed {
		if o.uses--; o.uses == 0 && o.dropped {
			gone = append(gone, o.value)
		}
	}
	u.borrowed = nil
	return gone
}

// giveUp takes back what a result was to have.
func (u *use) giveUp(result wit.Value) (gone []any) {
	if u.scope == nil {
		return nil
	}
	u.scope.mu.Lock()
	defer u.scope.mu.Unlock()
	for _, id := range u.given {
		delete(u.scope.objects, id)
	}
	return owned(nil, result)
}

// owned appends the resources that a value holds.
func owned(objects []any, v wit.Value) []any {
	if v.Kind() == wit.KindOwn && v.Handle() != nil {
		return append(objects, v.Handle().Object)
	}
	if p, ok := v.Payload(); ok {
		return owned(objects, p)
	}
	for _, item := range v.Items() {
		objects = owned(objects, item)
	}
	return objects
}
