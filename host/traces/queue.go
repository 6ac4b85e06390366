package traces

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// tellEvery is how often failures are logged, at most.
const tellEvery = time.Minute

// queue is before the SDK's batches: it lets in no more spans than may wait, so
// that all that is lost is counted, and nobody waits.
type queue struct {
	next sdk.SpanProcessor
	log  *slog.Logger

	waiting               atomic.Int64
	sent, failed, dropped atomic.Uint64
	told                  atomic.Int64 // when failures were last logged, in ns since 1970
}

// OnStart implements sdk.SpanProcessor.
func (q *queue) OnStart(ctx context.Context, s sdk.ReadWriteSpan) { q.next.OnStart(ctx, s) }

// OnEnd implements sdk.SpanProcessor.
func (q *queue) OnEnd(s sdk.ReadOnlySpan) {
	if !s.SpanContext().IsSampled() {
		return
	}
	if q.waiting.Add(1) > maxWaiting {
		q.waiting.Add(-1)
		q.dropped.Add(1)
		return
	}
	q.next.OnEnd(s)
}

// ForceFlush implements sdk.SpanProcessor.
func (q *queue) ForceFlush(ctx context.Context) error { return q.next.ForceFlush(ctx) }

// Shutdown implements sdk.SpanProcessor.
func (q *queue) Shutdown(ctx context.Context) error { return q.next.Shutdown(ctx) }

// counted is behind the batches: it notes what became of them.
type counted struct {
	sdk.SpanExporter
	queue *queue
}

// ExportSpans implements sdk.SpanExporter. It tells of a failure itself.
func (c counted) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := c.SpanExporter.ExportSpans(ctx, spans)
	c.queue.waiting.Add(-int64(len(spans)))
	if err != nil {
		c.queue.failed.Add(uint64(len(spans)))
		c.queue.tell(err)
		return nil
	}
	c.queue.sent.Add(uint64(len(spans)))
	return nil
}

// tell logs a failure, once in a while.
func (q *queue) tell(err error) {
	last, now := q.told.Load(), time.Now().UnixNano()
	if now-last < int64(tellEvery) || !q.told.CompareAndSwap(last, now) {
		return
	}
	q.log.Warn("spans could not be given to the collector", "error", err, "failed", q.failed.Load(), "dropped", q.dropped.Load())
}
