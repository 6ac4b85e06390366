package capabilities

import (
	"context"
	"time"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/wit"
)

// Tracer is told of the calls of an instance that asked the broker, on the
// goroutine of the instance.
type Tracer interface {
	// Begin is told of a call that is allowed, before it runs with the context
	// that it returns.
	Begin(ctx context.Context, c *Traced) context.Context
	// End is told of every call that asked. Without Begin, it asked only while it
	// ran, or was denied.
	End(ctx context.Context, c *Traced, err error)
}

// Traced is one call as a tracer sees it.
type Traced struct {
	Interface, Function string
	Began               time.Time
	Asked               []Asked // in order, as far as maxAsked
	More                int     // how often it asked beyond that
	Last                Asked   // which denied, if one did
	Span                any     // the tracer's own
}

// Asked is one question to the broker and its answer.
type Asked struct {
	Access   Access // with its capability
	Decision broker.Decision
}

// maxAsked is how many questions of one call are kept.
const maxAsked = 16

// note keeps what was asked, where somebody wants to know.
func (i *Instance) note(capability string, a Access, d broker.Decision) {
	t := i.traced
	if t == nil {
		return
	}
	a.Capability = capability
	t.Last = Asked{a, d}
	if len(t.Asked) == maxAsked {
		t.More++
		return
	}
	t.Asked = append(t.Asked, t.Last)
}

// trace is run for an instance that has a tracer.
func (g *guarded) trace(ctx context.Context, call *wit.Call, i *Instance) (err error) {
	t := &Traced{Interface: g.iface, Function: g.name, Began: time.Now()}
	i.traced = t
	defer func() {
		i.traced = nil
		if len(t.Asked) > 0 {
			i.Tracer.End(ctx, t, err)
		}
	}()
	r, denied := g.check(ctx, call)
	if denied {
		return g.refuse(call, r)
	}
	within := ctx
	if len(t.Asked) > 0 {
		within = i.Tracer.Begin(ctx, t)
	}
	return g.fn.Run(within, call)
}
