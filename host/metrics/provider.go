package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Provider counts for one provider.
type Provider struct {
	calls    *prometheus.CounterVec
	latency  prometheus.Observer
	up       prometheus.Gauge
	restarts prometheus.Counter
}

// Provider is the counters of a provider.
func (m *Metrics) Provider(name string) *Provider {
	if m == nil {
		return nil
	}
	return &Provider{calls: m.calls.MustCurryWith(prometheus.Labels{"provider": name}), latency: m.latency.WithLabelValues(name),
		up: m.up.WithLabelValues(name), restarts: m.restarts.WithLabelValues(name)}
}

// Call counts a call. The outcomes are the program's own.
func (p *Provider) Call(outcome string, took time.Duration) {
	if p != nil {
		p.calls.WithLabelValues(outcome).Inc()
		p.latency.Observe(took.Seconds())
	}
}

// Serves says whether the process does; again, whether it did before.
func (p *Provider) Serves(now, again bool) {
	if p == nil {
		return
	}
	p.up.Set(0)
	if now {
		p.up.Set(1)
	}
	if again {
		p.restarts.Inc()
	}
}
