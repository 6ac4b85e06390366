package writ

import (
	"context"
	"errors"
	"time"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/provider"
	"github.com/writ-host/writ/host"
	"github.com/writ-host/writ/host/metrics"
	"github.com/writ-host/writ/wit"
)

// openMetrics begins to count, when an operator has an address to read at.
func (h *Host) openMetrics() {
	if h.app.Config.Telemetry.Listen == "" {
		return
	}
	m := metrics.New(h.app.Manifest.Name)
	m.Build(hostVersion(), host.ReadFacts().Wasmtime)
	m.Gauge("requests_running", "Requests that have a slot.", func() float64 { return float64(len(h.slots)) })
	m.Gauge("requests_allowed", "Requests that may run at once (limits.concurrency).", func() float64 { return float64(cap(h.slots)) })
	m.Gauge("requests_queued", "Requests that wait for a slot.", func() float64 { return float64(h.queued.Load()) })
	m.Gauge("ledger_waiting_entries", "Entries that are not written to the ledger yet.", func() float64 {
		if h.ledger == nil {
			return 0
		}
		return float64(h.ledger.Waiting())
	})
	m.Gauge("ledger_writable", "1 while the ledger can be written.", func() float64 {
		if h.ledger == nil || h.ledger.Err() != nil {
			return 0
		}
		return 1
	})
	m.Gauge("ready", "1 while /readyz says ok.", func() float64 {
		if h.Ready() != nil {
			return 0
		}
		return 1
	})
	h.metrics, h.unrouted = m, m.Component("")
}

// countDecisions is told of the broker's decisions.
type countDecisions struct{ metrics *metrics.Metrics }

// Observe implements broker.Observer.
func (c countDecisions) Observe(r broker.Record) {
	verdict := "deny"
	if r.Allowed {
		verdict = "allow"
	}
	c.metrics.Decisions(r.Component, r.Capability, verdict, r.Reason.String(), r.Count)
}

// watchedCalls observes the calls to one provider.
type watchedCalls struct {
	host    *Host
	name    string
	metrics *metrics.Provider
}

// Begin implements provider.Observer.
func (w *watchedCalls) Begin(ctx context.Context) (span any, traceparent string) {
	return w.host.beginCall(ctx, w.name)
}

// End implements provider.Observer.
func (w *watchedCalls) End(span any, o provider.Outcome, took time.Duration) {
	w.metrics.Call(string(o), took)
	endCall(span, o)
}

// observer is who watches a provider's calls, nil for nobody.
func (h *Host) observer(name string) provider.Observer {
	if h.metrics == nil && h.traces == nil {
		return nil
	}
	return &watchedCalls{h, name, h.metrics.Provider(name)}
}

// instantiate makes an instance, and drop ends it.
func (r *runner) instantiate(ctx context.Context, data *capabilities.Instance) (*host.Instance, error) {
	if r.metrics == nil {
		return r.prepared.Instantiate(ctx, r.limits, data)
	}
	began := time.Now()
	i, err := r.prepared.Instantiate(ctx, r.limits, data)
	if err == nil {
		r.metrics.Began(time.Since(began))
	}
	return i, err
}

func (r *runner) drop(i *host.Instance) {
	if i == nil {
		return
	}
	if r.metrics != nil {
		r.metrics.Ended(i.Memory())
	}
	i.Close()
}

// countTrap counts a guest that was ended, by what ended it.
func (r *runner) countTrap(err error) {
	if err != nil {
		if kind := trapKind(err); kind != "" {
			r.metrics.Trap(kind)
		}
	}
}

// trapKind is one of few names for what ended a guest, "" when nothing did.
func trapKind(err error) string {
	var limit *wit.LimitError
	var denied *capabilities.DeniedError
	var trap *host.Trap
	switch {
	case errors.As(err, &limit):
		return "limit " + limit.Limit
	case errors.As(err, &denied):
		return "denied"
	case errors.Is(err, context.DeadlineExceeded):
		return "deadline"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.As(err, &trap) && trap.Cause == nil:
		return trap.Code.String()
	}
	return "error"
}
