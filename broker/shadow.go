package broker

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Shadow sets the decisions of a broker against those that another policy would have made, and tells of the differences once a
// second. It decides nothing: a guest's side of it is a copy of the call into a queue that never blocks. What finds the queue
// full is not compared, and counted.
type Shadow struct {
	other  *Broker // holds the other policy
	tell   func(Difference)
	calls  chan compared
	missed atomic.Uint64
	stop   chan chan struct{}
	once   sync.Once

	// Of the one goroutine that compares.
	subjects map[*Subject]*Subject
	groups   map[difference]uint64
}

// Difference is calls of one kind that another policy would have decided otherwise. The one of no component is the calls that
// could not be compared.
type Difference struct {
	App, Component        string
	Capability, Operation string
	Resource              string // the class of the resources as in a Record; "" when there were too many kinds
	Allowed               bool   // in force; the other policy says the opposite
	Grant                 string // id of the grant or denial that counts in force
	Reason                Reason // in force
	OtherGrant            string // id of the grant or denial that counts under the other policy
	OtherReason           Reason
	Count                 uint64
}

// compared is a call on its way to the comparison.
type compared struct {
	subject *Subject
	call    Call
	allowed bool
	reason  Reason
	grant   *Grant
	denial  *Denial
}

type difference struct {
	subject               *Subject
	capability, operation string
	resource              string
	allowed               bool
	grant, otherGrant     string
	reason, otherReason   Reason
}

const (
	maxCompared    = 8192
	maxDifferences = 1024 // kinds that are told apart in a second
)

// NewShadow compares with what another broker holds, from the next decision on. That broker is the caller's to load and to
// close, after this one.
func (b *Broker) NewShadow(other *Broker, tell func(Difference)) *Shadow {
	s := &Shadow{other: other, tell: tell, calls: make(chan compared, maxCompared), stop: make(chan chan struct{}),
		subjects: map[*Subject]*Subject{}, groups: map[difference]uint64{}}
	go s.serve()
	b.shadow.Store(s)
	return s
}

// Close compares what waits, tells of it and stops. It is for when the broker that is compared decides no more.
func (s *Shadow) Close() {
	s.once.Do(func() {
		done := make(chan struct{})
		s.stop <- done
		<-done
	})
}

// offer takes a decision to compare. Open handles have to ask again for each operation meanwhile, since a decision that is
// used twice would be compared once.
func (s *Shadow) offer(subject *Subject, call *Call, d *Decision) {
	if d.Reason == Suspended || d.Reason == ResourceTooLong {
		return
	}
	d.Cacheable = false
	select {
	case s.calls <- compared{subject, *call, d.Allowed, d.Reason, d.Grant, d.Denial}:
	default:
		s.missed.Add(1)
	}
}

func (s *Shadow) serve() {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case c := <-s.calls:
			s.compare(&c)
		case <-tick.C:
			s.flush()
		case done := <-s.stop:
			for len(s.calls) > 0 {
				c := <-s.calls
				s.compare(&c)
			}
			s.flush()
			close(done)
			return
		}
	}
}

func (s *Shadow) compare(c *compared) {
	subject := s.subjects[c.subject]
	if subject == nil {
		subject = s.other.edition(c.subject.app, c.subject.component, c.subject.edition)
		s.subjects[c.subject] = subject
	}
	d := subject.Decide(context.Background(), c.call)
	if d.Allowed == c.allowed {
		return
	}
	class := class{c.call.Operation, c.call.Resource[:visible(c.call.Resource)]}
	key := difference{c.subject, c.call.Capability, c.call.Operation, class.pattern(), c.allowed,
		ruling(c.grant, c.denial), ruling(d.Grant, d.Denial), c.reason, d.Reason}
	if _, ok := s.groups[key]; !ok && len(s.groups) >= maxDifferences {
		key = difference{subject: c.subject, capability: c.call.Capability, allowed: c.allowed}
	}
	s.groups[key]++
}

// ruling is the id of what a decision goes by.
func ruling(g *Grant, d *Denial) string {
	switch {
	case d != nil:
		return d.ID
	case g != nil:
		return g.ID
	}
	return ""
}

func (s *Shadow) flush() {
	for k, n := range s.groups {
		s.tell(Difference{k.subject.app, k.subject.component, k.capability, k.operation, k.resource, k.allowed,
			k.grant, k.reason, k.otherGrant, k.otherReason, n})
	}
	clear(s.groups)
	if n := s.missed.Swap(0); n > 0 {
		s.tell(Difference{Count: n})
	}
}

// String says in words how both policies decide.
func (d Difference) String() string {
	if d.Component == "" {
		return "more calls at once than could be compared"
	}
	verdicts := map[bool]string{true: "allowed", false: "denied"}
	text := func(allowed bool, grant string, r Reason) string {
		t := verdicts[allowed]
		if !allowed && d.Operation != "" {
			t += ", " + r.String()
		}
		if grant != "" {
			t += " (" + grant + ")"
		}
		return t
	}
	return fmt.Sprintf("in force: %s; shadow: %s", text(d.Allowed, d.Grant, d.Reason), text(!d.Allowed, d.OtherGrant, d.OtherReason))
}
