package writ

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// What instances may be in writ.toml.
const (
	PerRequest = "per-request" // each request has a fresh one
	Reuse      = "reuse"       // one serves requests one after another
)

// reuse bounds how long an instance serves. The zero value is one request.
type reuse struct {
	requests int
	age      time.Duration
}

// checkReuse refuses what would be silently ignored.
func (c ManifestComponent) checkReuse() error {
	switch c.Instances {
	case Reuse:
		return nil
	case "", PerRequest:
		if c.Limits.ReuseRequests != 0 || c.Limits.ReuseAge != 0 {
			return fmt.Errorf("limits.reuse-requests and limits.reuse-age are for instances = %q", Reuse)
		}
		return nil
	}
	return fmt.Errorf("instances = %q: want %q or %q", c.Instances, PerRequest, Reuse)
}

// idle are the instances of a component that wait for their next request.
type idle struct {
	mu    sync.Mutex
	ready []*visit    // the one that came last is taken first
	sweep *time.Timer // drops those that get too old meanwhile; nil while none waits
}

// keep has an instance that served a request well wait for another; false when
// it has served its time.
func (r *runner) keep(v *visit) bool {
	if v.served >= r.reuse.requests {
		return false
	}
	left := r.reuse.age - time.Since(v.made)
	if left <= 0 {
		return false
	}
	v.flush()
	i := &r.idle
	i.mu.Lock()
	defer i.mu.Unlock()
	i.ready = append(i.ready, v)
	if i.sweep == nil {
		i.sweep = time.AfterFunc(left, func() { i.dropOld(time.Now()) })
	}
	return true
}

// old says whether an instance is beyond its age.
func (v *visit) old(now time.Time) bool { return now.Sub(v.made) >= v.runner.reuse.age }

// take is an instance that is not too old, or nil.
func (i *idle) take() *visit {
	i.mu.Lock()
	defer i.mu.Unlock()
	n := len(i.ready)
	if n == 0 || i.ready[n-1].old(time.Now()) { // it is the timer's to drop
		return nil
	}
	v := i.ready[n-1]
	i.ready[n-1] = nil
	i.ready = i.ready[:n-1]
	return v
}

// dropOld closes what is too old, and looks again when the next one will be.
func (i *idle) dropOld(now time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.sweep = nil
	var next time.Duration
	i.ready = slices.DeleteFunc(i.ready, func(v *visit) bool {
		if v.old(now) {
			v.close()
			return true
		}
		if left := v.runner.reuse.age - now.Sub(v.made); next == 0 || left < next {
			next = left
		}
		return false
	})
	if len(i.ready) > 0 {
		i.sweep = time.AfterFunc(next, func() { i.dropOld(time.Now()) })
	}
}

// close drops all; true when there was one.
func (i *idle) close() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.sweep != nil {
		i.sweep.Stop()
		i.sweep = nil
	}
	dropped := len(i.ready) > 0
	for _, v := range i.ready {
		v.close()
	}
	i.ready = nil
	return dropped
}

// dropIdle makes room in the engine's pool.
func (h *Host) dropIdle() (dropped bool) {
	e := h.edition.Load()
	if e == nil {
		return false
	}
	for _, r := range e.runners {
		dropped = r.idle.close() || dropped
	}
	return dropped
}
