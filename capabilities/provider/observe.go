package provider

import (
	"context"
	"time"

	"github.com/writ-host/writ/capabilities/kv/backend"
	pb "github.com/writ-host/writ/proto/writ/provider/v1"
	"go.opentelemetry.io/otel/propagation"
)

// Observer is told of every call to a provider, on the goroutine that makes it.
type Observer interface {
	// Begin returns what End gets, and the W3C trace parent that goes with the
	// call, or "".
	Begin(ctx context.Context) (span any, traceparent string)
	// End is told how a call ended. What a provider answers is ok, whatever it
	// says; a request over HTTP that got no response is an error.
	End(span any, o Outcome, took time.Duration)
}

// Outcome is how a call ended.
type Outcome string

// The outcomes of calls.
const (
	Answered    Outcome = "ok"
	Late        Outcome = "deadline"
	Unreachable Outcome = "unavailable"
	Broken      Outcome = "error"
)

// observed is one call as an observer sees it; the zero one has none.
type observed struct {
	observer    Observer
	span        any
	traceparent string
	began       time.Time
}

func (p *Provider) begin(ctx context.Context) (c observed) {
	if p.config.Observer != nil {
		c.observer, c.began = p.config.Observer, time.Now()
		c.span, c.traceparent = c.observer.Begin(ctx)
	}
	return c
}

// of has the provider told of the trace.
func (c *observed) of(caller *pb.Caller) *pb.Caller {
	caller.Traceparent = c.traceparent
	return caller
}

func (c *observed) end(err error) {
	if c.observer != nil {
		c.observer.End(c.span, outcomeOf(err), time.Since(c.began))
	}
}

func outcomeOf(err error) Outcome {
	if err == nil {
		return Answered
	}
	switch backend.AsError(err).Code {
	case backend.Deadline:
		return Late
	case backend.Unavailable:
		return Unreachable
	}
	return Broken
}

// inTrace has the context of a provider's handler carry the host's span, as the
// remote parent of what the provider traces with OpenTelemetry.
func inTrace(ctx context.Context, c *pb.Caller) context.Context {
	parent := c.GetTraceparent()
	if parent == "" {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": parent})
}
