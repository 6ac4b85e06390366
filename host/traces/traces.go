// Package traces sends spans of what a host does to a collector, over OTLP.
// Begin at [Open]. What is called, and what spans say, is the caller's: this
// package has the exporter, the sampler, and a queue that never makes anybody
// wait.
//
// A nil *Traces traces nothing.
package traces

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/credentials"
)

const (
	maxWaiting    = 4096 // spans that wait for the collector; more are dropped
	maxBatch      = 512  // of them in one message
	batchTime     = 2 * time.Second
	exportTimeout = 10 * time.Second
	closeTimeout  = 3 * time.Second // for what is left when the host ends

	maxAttributes = 32  // of one span
	maxEvents     = 32  // of one span
	maxText       = 512 // of one attribute, in bytes
)

// Config says where spans go.
type Config struct {
	// Endpoint is the collector: http:// or https:// for OTLP over HTTP, grpc://
	// or grpcs:// for OTLP over gRPC. Without a path, HTTP has /v1/traces.
	Endpoint string
	// Sample is the share of traces that are begun here and kept, from 0 to 1.
	// What was begun elsewhere is kept if it was there.
	Sample  float64
	Headers map[string]string // that the collector wants, such as Authorization
	TLS     *tls.Config       // for https and grpcs; nil is the system's
	App     string            // the service's name
	Version string            // of the host
	Log     *slog.Logger
}

// Traces makes spans and has them sent.
type Traces struct {
	trace.Tracer
	provider *sdk.TracerProvider
	queue    *queue
}

// Check reports an endpoint that is none.
func Check(endpoint string) error {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("endpoint %q: want an address such as http://127.0.0.1:4318 or grpc://127.0.0.1:4317", endpoint)
	}
	switch u.Scheme {
	case "http", "https":
		return nil
	case "grpc", "grpcs":
		if u.Path != "" && u.Path != "/" {
			return fmt.Errorf("endpoint %q: gRPC has no path", endpoint)
		}
		return nil
	}
	return fmt.Errorf("endpoint %q: want http://, https://, grpc:// or grpcs://", endpoint)
}

// Open begins to trace. A collector that cannot be reached is no error: it may
// come later.
func Open(ctx context.Context, c Config) (*Traces, error) {
	if err := Check(c.Endpoint); err != nil {
		return nil, err
	}
	exporter, err := newExporter(ctx, c)
	if err != nil {
		return nil, err
	}
	about, err := resource.New(ctx, resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", c.App), attribute.String("writ.version", c.Version)),
		resource.WithFromEnv()) // the operator's last word
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, err
	}
	q := &queue{log: c.Log}
	q.next = sdk.NewBatchSpanProcessor(counted{exporter, q}, sdk.WithMaxQueueSize(maxWaiting), sdk.WithMaxExportBatchSize(maxBatch),
		sdk.WithBatchTimeout(batchTime), sdk.WithExportTimeout(exportTimeout))
	limits := sdk.SpanLimits{AttributeValueLengthLimit: maxText, AttributeCountLimit: maxAttributes, EventCountLimit: maxEvents,
		LinkCountLimit: 1, AttributePerEventCountLimit: maxAttributes, AttributePerLinkCountLimit: 1}
	provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(q), sdk.WithResource(about), sdk.WithRawSpanLimits(limits),
		sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(c.Sample))))
	return &Traces{Tracer: provider.Tracer("github.com/writ-host/writ"), provider: provider, queue: q}, nil
}

// again is how one message is tried again, within exportTimeout.
var again = otlptracehttp.RetryConfig{Enabled: true, InitialInterval: time.Second / 2, MaxInterval: 3 * time.Second, MaxElapsedTime: exportTimeout}

func newExporter(ctx context.Context, c Config) (*otlptrace.Exporter, error) {
	u, err := url.Parse(c.Endpoint)
	if err != nil {
		return nil, err
	}
	if u.Scheme == "grpc" || u.Scheme == "grpcs" {
		security := otlptracegrpc.WithInsecure()
		if u.Scheme == "grpcs" {
			security = otlptracegrpc.WithTLSCredentials(credentials.NewTLS(c.TLS))
		}
		return otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(u.Host), security, otlptracegrpc.WithHeaders(c.Headers),
			otlptracegrpc.WithTimeout(exportTimeout), otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig(again)))
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/v1/traces"
	}
	options := []otlptracehttp.Option{otlptracehttp.WithEndpointURL(u.String()), otlptracehttp.WithHeaders(c.Headers),
		otlptracehttp.WithTimeout(exportTimeout), otlptracehttp.WithRetry(again),
		otlptracehttp.WithCompression(otlptracehttp.GzipCompression)}
	if c.TLS != nil {
		options = append(options, otlptracehttp.WithTLSClientConfig(c.TLS))
	}
	return otlptracehttp.New(ctx, options...)
}

// Close sends what waits, if the collector takes it soon.
func (t *Traces) Close() {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		t.queue.tell(err)
	}
}

// Counts are the spans that the collector took, those that it could not be
// given, and those that were dropped because too many waited.
func (t *Traces) Counts() (sent, failed, dropped uint64) {
	return t.queue.sent.Load(), t.queue.failed.Load(), t.queue.dropped.Load()
}

// header is W3C's Trace Context.
var header propagation.TraceContext

// Continue has what a request's headers say be the parent of spans in ctx.
// Whether the sender is to be believed is for the caller to know.
func Continue(ctx context.Context, h http.Header) context.Context {
	return header.Extract(ctx, propagation.HeaderCarrier(h))
}

// Parent is the traceparent for what a span leads to, "" when it is not kept.
func Parent(ctx context.Context) string {
	if !trace.SpanContextFromContext(ctx).IsSampled() {
		return ""
	}
	carrier := propagation.MapCarrier{}
	header.Inject(ctx, carrier)
	return carrier.Get("traceparent")
}

// Tell replaces what a request's headers say of a trace by the span of ctx.
func Tell(ctx context.Context, h http.Header) {
	h.Del("Traceparent")
	h.Del("Tracestate")
	header.Inject(ctx, propagation.HeaderCarrier(h))
}
