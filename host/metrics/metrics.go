// Package metrics counts what a host does, for Prometheus. All labels come from
// the operator's and the developer's files, or from lists in this program:
// nothing that a client or a guest sends becomes one. Begin at [Metrics].
//
// A nil *Metrics counts nothing, and so do the nil values that it gives.
package metrics

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are those of one host.
type Metrics struct {
	registry *prometheus.Registry
	app      string

	requests      *prometheus.CounterVec
	durations     *prometheus.HistogramVec
	instantiation *prometheus.HistogramVec
	memory        *prometheus.HistogramVec
	live          *prometheus.GaugeVec
	traps         *prometheus.CounterVec
	output        *prometheus.CounterVec

	decisions *prometheus.CounterVec
	calls     *prometheus.CounterVec
	latency   *prometheus.HistogramVec
	up        *prometheus.GaugeVec
	restarts  *prometheus.CounterVec
	runs      *prometheus.CounterVec
	runTime   *prometheus.HistogramVec
	reloads   *prometheus.CounterVec
}

var (
	short = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30} // seconds
	tiny  = []float64{5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 5e-2, .5}
	calls = []float64{5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, .1, .5, 1, 5}
	long  = []float64{.01, .1, .5, 1, 5, 15, 60, 300, 900, 3600}
	bytes = []float64{1 << 16, 1 << 18, 1 << 20, 1 << 21, 1 << 22, 1 << 24, 1 << 26, 1 << 28, 1 << 30, 1 << 32}
)

// New makes the metrics of a host that runs an app.
func New(app string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), app: app}
	m.requests = m.counter("requests_total", "HTTP requests by class of the response's status; none when the client got none.", "app", "component", "class")
	m.durations = m.histogram("request_duration_seconds", "Time from a request to the end of its response.", short, "app", "component")
	m.instantiation = m.histogram("instantiation_seconds", "Time to make an instance.", tiny, "app", "component")
	m.memory = m.histogram("instance_memory_bytes", "Linear memory of an instance when it ended.", bytes, "app", "component")
	m.live = m.gauge("instances_live", "Instances of components that are alive.", "app", "component")
	m.traps = m.counter("traps_total", "Guests that were ended, by kind.", "app", "component", "kind")
	m.output = m.counter("guest_output_dropped_bytes_total", "What guests printed beyond their limits.", "app", "component")
	m.decisions = m.counter("decisions_total", "The broker's decisions. Allows are counted once a second.", "app", "component", "capability", "verdict", "reason")
	m.calls = m.counter("provider_calls_total", "Calls to providers by outcome.", "provider", "outcome")
	m.latency = m.histogram("provider_call_seconds", "Time of a call to a provider.", calls, "provider")
	m.up = m.gauge("provider_up", "1 while the provider's process serves.", "provider")
	m.restarts = m.counter("provider_restarts_total", "Times that a provider's process served again after it had ended.", "provider")
	m.runs = m.counter("job_runs_total", "Runs of jobs by result.", "app", "job", "result")
	m.runTime = m.histogram("job_duration_seconds", "Time that runs of jobs took.", long, "app", "job")
	m.reloads = m.counter("reloads_total", "Changes of grants, policies or the app that were taken up or refused.", "what", "result")
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *Metrics) counter(name, help string, labels ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "writ", Name: name, Help: help}, labels)
	m.registry.MustRegister(v)
	return v
}

func (m *Metrics) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "writ", Name: name, Help: help}, labels)
	m.registry.MustRegister(v)
	return v
}

func (m *Metrics) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "writ", Name: name, Help: help, Buckets: buckets}, labels)
	m.registry.MustRegister(v)
	return v
}

// Gauge has a value read whenever the metrics are.
func (m *Metrics) Gauge(name, help string, read func() float64) {
	if m != nil {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "writ", Name: name, Help: help}, read))
	}
}

// Spans counts spans of traces, by what became of them.
func (m *Metrics) Spans(read func() (sent, failed, dropped uint64)) {
	if m == nil {
		return
	}
	result := func(name string, of func() uint64) {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "writ", Name: "trace_spans_total",
			Help: "Spans that the collector took, that it could not be given, and that were dropped.", ConstLabels: prometheus.Labels{"result": name}},
			func() float64 { return float64(of()) }))
	}
	result("sent", func() uint64 { n, _, _ := read(); return n })
	result("failed", func() uint64 { _, n, _ := read(); return n })
	result("dropped", func() uint64 { _, _, n := read(); return n })
}

// Build tells what runs.
func (m *Metrics) Build(version, wasmtime string) {
	if m != nil {
		m.gauge("build_info", "What runs; always 1.", "version", "wasmtime").WithLabelValues(version, wasmtime).Set(1)
	}
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}

// Decisions counts decisions of the broker.
func (m *Metrics) Decisions(component, capability, verdict, reason string, n uint64) {
	if m != nil {
		m.decisions.WithLabelValues(m.app, component, capability, verdict, reason).Add(float64(n))
	}
}

// Run counts a run of a job.
func (m *Metrics) Run(job, result string, took time.Duration) {
	if m != nil {
		m.runs.WithLabelValues(m.app, job, result).Inc()
		m.runTime.WithLabelValues(m.app, job).Observe(took.Seconds())
	}
}

// Reload counts a change that was taken up or refused.
func (m *Metrics) Reload(what string, err error) {
	if m == nil {
		return
	}
	result := "taken"
	if err != nil {
		result = "refused"
	}
	m.reloads.WithLabelValues(what, result).Inc()
}
