package sql

import (
	"context"
	"sync"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/sql/backend"
	"github.com/writ-host/writ/wit"
)

// maxPlans is how many statements of a database are remembered.
const maxPlans = 1024

// plan is what a statement touches, with each access as the broker knows it.
type plan struct {
	backend.Plan
	asked []capabilities.Access
}

// plans remembers what statements touch: components run the same few over and
// over. It is about the schema and not about who asks, so they share it.
type plans struct {
	mu   sync.RWMutex
	kept map[string]*plan
}

func (p *plans) get(text string) *plan {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.kept[text]
}

func (p *plans) put(text string, v *plan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kept == nil || len(p.kept) >= maxPlans {
		p.kept = map[string]*plan{} // whoever makes up ever new statements pays for it
	}
	p.kept[text] = v
}

// plan is what a statement touches; fresh asks the database again.
func (d *database) plan(ctx context.Context, at backend.Caller, text string, fresh bool) (*plan, error) {
	if p := d.plans.get(text); p != nil && !fresh {
		return p, nil
	}
	found, err := d.backend.Prepare(ctx, at, text)
	if err != nil {
		return nil, err
	}
	p := &plan{Plan: found, asked: make([]capabilities.Access, len(found.Accesses))}
	for i, a := range found.Accesses {
		p.asked[i] = capabilities.Access{Operation: a.Verb, Resource: broker.SQLResource(d.name, a.Table)}
	}
	d.plans.put(text, p)
	return p, nil
}

var errDenied = &backend.Error{Code: backend.AccessDenied, Message: "not granted"}

// permit asks for each access of a plan. It returns the grant, when it is the same for all.
func (p *plan) permit(ctx context.Context, call *wit.Call, bytes int) (grant string, err error) {
	i := capabilities.From(call)
	for n, a := range p.asked {
		if a.Operation == broker.Insert || a.Operation == broker.Update {
			a.Bytes = int64(bytes)
		}
		id, ok := i.Granted(ctx, broker.SQL, a)
		switch {
		case !ok:
			return "", errDenied
		case n == 0:
			grant = id
		case id != grant:
			grant = ""
		}
	}
	return grant, nil
}

// each yields the accesses of plans, for functions on what they led to.
func each(list []*plan) func(yield func(capabilities.Access) bool) {
	return func(yield func(capabilities.Access) bool) {
		for _, p := range list {
			for _, a := range p.asked {
				if !yield(a) {
					return
				}
			}
		}
	}
}
