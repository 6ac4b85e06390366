package writ

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/provider"
	"github.com/writ-host/writ/capabilities/wasi"
	"github.com/writ-host/writ/host"
	"github.com/writ-host/writ/host/traces"
	"github.com/writ-host/writ/wit"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// maxTracedCalls is how many calls of one instance get a span in one request:
// a guest cannot have others' spans dropped by making more.
const maxTracedCalls = 256

// openTraces begins to trace, when the operator names a collector.
func (h *Host) openTraces(ctx context.Context) error {
	config, err := h.app.Config.Telemetry.Traces.open()
	if config == nil || err != nil {
		return err
	}
	config.App, config.Version, config.Log = h.app.Manifest.Name, hostVersion(), h.log
	if h.traces, err = traces.Open(ctx, *config); err != nil {
		return err
	}
	h.metrics.Spans(h.traces.Counts)
	return nil
}

// traceRequest begins the span of a request that a component serves, or nobody
// when r is nil. Who is trusted may have begun the trace.
func (h *Host) traceRequest(req *http.Request, r *runner, done *Request, trusted bool) *http.Request {
	if h.traces == nil {
		return req
	}
	ctx, method := req.Context(), knownMethod(req.Method)
	attributes := []attribute.KeyValue{attribute.String("writ.app", h.app.Manifest.Name), attribute.String("http.request.method", method)}
	name := method
	if r != nil {
		route := req.Header.Get("Spin-Matched-Route")
		name += " " + route
		attributes = append(attributes, attribute.String("writ.component", r.name), attribute.String("http.route", route))
	}
	if done.ID != "" {
		attributes = append(attributes, attribute.String("writ.request", done.ID))
	}
	if done.Caller != "" {
		attributes = append(attributes, attribute.String("writ.caller", done.Caller))
	} else if trusted {
		ctx = traces.Continue(ctx, req.Header)
	}
	ctx, done.span = h.traces.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attributes...))
	if done.Caller == "" || req.Header["Traceparent"] == nil { // a component that traces by itself is left its own
		traces.Tell(ctx, req.Header)
	}
	return req.WithContext(ctx)
}

// endSpan ends the span of a request.
func (r *Request) endSpan() {
	if r.span == nil {
		return
	}
	if r.Status > 0 {
		r.span.SetAttributes(attribute.Int("http.response.status_code", r.Status))
	}
	if r.Status >= 500 || r.Status == 0 {
		r.span.SetStatus(codes.Error, "")
	}
	endWith(r.span, r.Err)
}

// knownMethod keeps what clients make up out of names.
func knownMethod(method string) string {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH":
		return method
	}
	return "_OTHER"
}

// traceRun begins the span of what no request is for: a job, a change that is
// told of, a command.
func (h *Host) traceRun(ctx context.Context, name, component string) (context.Context, func(error)) {
	if h.traces == nil {
		return ctx, func(error) {}
	}
	ctx, span := h.traces.Start(ctx, name, trace.WithNewRoot(),
		trace.WithAttributes(attribute.String("writ.app", h.app.Manifest.Name), attribute.String("writ.component", component)))
	return ctx, func(err error) { endWith(span, err) }
}

// errReturned is that a function answered with an error, which spans tell of as
// of one that did not come to its end.
var errReturned = errors.New("it returned an error")

// failureOf is why a call of a function failed, or nil.
func failureOf(f *host.Func, result wit.Value, err error) error {
	if err == nil && f.Type.Result != nil && result.Kind() == wit.KindResult && result.Case() == 1 {
		return errReturned
	}
	return err
}

// traceInstance begins the span of an instance's work, and has it told of the
// instance's calls. Each call of it goes with one of the function it returns.
func (r *runner) traceInstance(ctx context.Context, data *capabilities.Instance, began time.Time) (context.Context, func(error)) {
	h := r.host
	if h.traces == nil || !trace.SpanContextFromContext(ctx).IsSampled() {
		return ctx, endNothing
	}
	ctx, span := h.traces.Start(ctx, "instance "+r.name, trace.WithTimestamp(began), trace.WithAttributes(attribute.String("writ.app", h.app.Manifest.Name),
		attribute.String("writ.component", r.name), attribute.String("writ.instance", data.ID)))
	t := &callTracer{host: h, left: maxTracedCalls}
	data.Tracer = t
	return ctx, func(err error) {
		data.Tracer = nil
		if t.left < 0 {
			span.SetAttributes(attribute.Int("writ.calls_without_span", -t.left))
		}
		endWith(span, err)
	}
}

func endNothing(error) {}

// endWith ends a span. Of an error it has one of few names: its text may tell of
// what a guest was about.
func endWith(span trace.Span, err error) {
	var exit wasi.Exit
	if err != nil && !(errors.As(err, &exit) && exit.Code == 0) {
		span.SetStatus(codes.Error, trapKind(err))
	}
	span.End()
}

// callTracer has a span for each call of an instance that asked the broker.
type callTracer struct {
	host *Host
	left int // calls that may have a span; below 0, how many had none
}

// Begin implements capabilities.Tracer.
func (t *callTracer) Begin(ctx context.Context, c *capabilities.Traced) context.Context {
	ctx, c.Span = t.start(ctx, c)
	return ctx
}

// End implements capabilities.Tracer.
func (t *callTracer) End(ctx context.Context, c *capabilities.Traced, err error) {
	span, began := c.Span.(trace.Span)
	if !began {
		_, span = t.start(ctx, c)
	}
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(t.asked(c.Last)...)
	if len(c.Asked)+c.More > 1 {
		for _, a := range c.Asked {
			span.AddEvent("decision", trace.WithAttributes(t.asked(a)...))
		}
		span.SetAttributes(attribute.Int("writ.decisions", len(c.Asked)+c.More))
	}
	endWith(span, err)
}

// start begins a span, or nothing: clocks and random numbers are left out, which
// instances ask for without end, unless they are denied; and so is what is too much.
func (t *callTracer) start(ctx context.Context, c *capabilities.Traced) (context.Context, trace.Span) {
	if name := c.Last.Access.Capability; c.Last.Decision.Allowed && (name == broker.Clock || name == broker.Random) {
		return ctx, noop.Span{}
	}
	if t.left--; t.left < 0 {
		return ctx, noop.Span{}
	}
	_, function, method := strings.Cut(c.Function, "]")
	if !method {
		function = c.Function
	}
	return t.host.traces.Start(ctx, c.Last.Access.Capability+" "+function, trace.WithTimestamp(c.Began),
		trace.WithAttributes(attribute.String("writ.interface", c.Interface), attribute.String("writ.function", c.Function)))
}

// asked is one decision. The resource is as in the ledger, without keys and paths.
func (t *callTracer) asked(a capabilities.Asked) []attribute.KeyValue {
	verdict := "deny"
	if a.Decision.Allowed {
		verdict = "allow"
	}
	attributes := []attribute.KeyValue{attribute.String("writ.capability", a.Access.Capability),
		attribute.String("writ.operation", a.Access.Operation), attribute.String("writ.resource", t.host.redact.Resource(a.Access.Resource)),
		attribute.String("writ.verdict", verdict), attribute.String("writ.reason", a.Decision.Reason.String())}
	if id := a.Decision.GrantID(); id != "" {
		attributes = append(attributes, attribute.String("writ.grant", id))
	}
	return attributes
}

// beginCall begins the span of a call to a provider. Span is nil without one.
func (h *Host) beginCall(ctx context.Context, name string) (span any, traceparent string) {
	if h.traces == nil || !trace.SpanContextFromContext(ctx).IsSampled() {
		return nil, ""
	}
	ctx, s := h.traces.Start(ctx, "provider "+name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attribute.String("writ.provider", name)))
	return s, traces.Parent(ctx)
}

func endCall(span any, o provider.Outcome) {
	if s, ok := span.(trace.Span); ok {
		if o != provider.Answered {
			s.SetStatus(codes.Error, string(o))
		}
		s.End()
	}
}
