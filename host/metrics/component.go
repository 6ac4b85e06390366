package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// classes are those of a response's status; the first is for no response.
var classes = [...]string{"none", "1xx", "2xx", "3xx", "4xx", "5xx"}

// Component counts for one component, with all labels resolved beforehand.
type Component struct {
	requests      [len(classes)]prometheus.Counter
	durations     prometheus.Observer
	instantiation prometheus.Observer
	memory        prometheus.Observer
	live          prometheus.Gauge
	output        prometheus.Counter
	traps         *prometheus.CounterVec
}

// Component is the counters of a component, "" for requests that reach none.
func (m *Metrics) Component(name string) *Component {
	if m == nil {
		return nil
	}
	c := &Component{
		durations:     m.durations.WithLabelValues(m.app, name),
		instantiation: m.instantiation.WithLabelValues(m.app, name),
		memory:        m.memory.WithLabelValues(m.app, name),
		live:          m.live.WithLabelValues(m.app, name),
		output:        m.output.WithLabelValues(m.app, name),
		traps:         m.traps.MustCurryWith(prometheus.Labels{"app": m.app, "component": name}),
	}
	for i, class := range classes {
		c.requests[i] = m.requests.WithLabelValues(m.app, name, class)
	}
	return c
}

// Request counts a request; status 0 is none.
func (c *Component) Request(status int, took time.Duration) {
	if c == nil {
		return
	}
	class := status / 100
	if class < 0 || class >= len(classes) {
		class = 0
	}
	c.requests[class].Inc()
	c.durations.Observe(took.Seconds())
}

// Began counts an instance that was made, and Ended that it is gone.
func (c *Component) Began(took time.Duration) {
	if c != nil {
		c.instantiation.Observe(took.Seconds())
		c.live.Inc()
	}
}

// Ended is told how much memory the instance had, in bytes.
func (c *Component) Ended(memory uint64) {
	if c != nil {
		c.live.Dec()
		c.memory.Observe(float64(memory))
	}
}

// Trap counts a guest that was ended. The kinds are the program's own.
func (c *Component) Trap(kind string) {
	if c != nil {
		c.traps.WithLabelValues(kind).Inc()
	}
}

// Dropped counts bytes that a guest printed in vain.
func (c *Component) Dropped(n int) {
	if c != nil {
		c.output.Add(float64(n))
	}
}
