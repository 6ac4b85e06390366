package broker

import (
	"context"
	"time"
)

// Subject is a component of an app, as the one that calls.
type Subject struct {
	broker    *Broker
	app       string
	component string
	edition   uint64
	number    int
}

// App is the name of the subject's app.
func (s *Subject) App() string { return s.app }

// Component is the name of the subject's component.
func (s *Subject) Component() string { return s.component }

// Decide answers whether the subject may perform a call now, and records the answer. The context bounds the evaluation of
// conditions and nothing else. Use what it allows at once: a later use needs a new decision, or Broker.Valid.
func (s *Subject) Decide(ctx context.Context, call Call) Decision {
	d := s.decide(ctx, call)
	if shadow := s.broker.shadow.Load(); shadow != nil {
		shadow.offer(s, &call, &d)
	}
	return d
}

func (s *Subject) decide(ctx context.Context, call Call) Decision {
	st := s.broker.state.Load()
	d := Decision{Revision: st.revision}
	if st.suspended {
		d.Reason = Suspended
		return s.denied(&call, d, 0)
	}
	if len(call.Resource) > MaxResource {
		d.Reason = ResourceTooLong
		return s.denied(&call, d, 0)
	}
	index := st.index(s.number, call.Capability, call.Operation)
	v := visit{bytes: call.Bytes, clock: s.broker.config.Now}
	if index.deny != nil && index.deny.find(call.Resource, &v) {
		d.Reason, d.Denial = Denied, v.hit.denial
		return s.denied(&call, d, 0)
	}
	var took time.Duration
	for _, m := range index.grants() {
		if m == nil {
			continue
		}
		if m.find(call.Resource, &v) || s.findDynamic(ctx, &call, &v, &took) {
			return s.allowed(&call, d, v.hit)
		}
		if v.covered() {
			break
		}
	}
	d.Reason = v.reason
	if v.fell != nil {
		d.Grant = v.fell.grant
	}
	return s.denied(&call, d, took)
}

// findDynamic looks at the grants that match but depend on a condition or a rate.
func (s *Subject) findDynamic(ctx context.Context, call *Call, v *visit, took *time.Duration) bool {
	for _, list := range [2][]*entry{v.dynamic[:v.count], v.more} {
		for _, e := range list {
			if s.holds(ctx, call, e, v, took) {
				v.hit = e
				return true
			}
		}
	}
	v.count, v.more = 0, nil
	return false
}

// holds evaluates what an entry depends on. A rate is drawn on last, so that only allowed calls count.
func (s *Subject) holds(ctx context.Context, call *Call, e *entry, v *visit, took *time.Duration) bool {
	if e.condition != nil {
		start := time.Now()
		reason := e.condition.holds(ctx, call, v.now())
		*took += time.Since(start)
		if reason != Granted {
			v.short(e, reason)
			return false
		}
	}
	if e.limiter != nil && !e.limiter.take(v.now()) {
		v.short(e, RateLimited)
		return false
	}
	return true
}

func (s *Subject) allowed(call *Call, d Decision, e *entry) Decision {
	d.Allowed, d.Reason, d.Grant, d.use = true, Granted, e.grant, e.use
	if e.classes != nil {
		d.use = e.classes.use(call)
	}
	d.Cacheable = e.cacheable
	s.broker.ledger.allow(d.use)
	return d
}

func (s *Subject) denied(call *Call, d Decision, took time.Duration) Decision {
	if s.learn(call, &d, false) {
		return d
	}
	s.broker.ledger.deny(s, call, d, took)
	return d
}
