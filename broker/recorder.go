package broker

import (
	"crypto/rand"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Observer is told of decisions, on one goroutine of the broker's own and never on a guest's, so it may block. While it
// does, denials beyond maxPending are counted and told of in groups; nothing is dropped.
type Observer interface {
	Observe(Record)
}

// Record tells of Count decisions. Allows are told of once a second for each grant, operation and class of resources, denials
// one by one with Count 1 unless the observer cannot keep up.
type Record struct {
	ID         string // of a denial that is told of by itself, for writ explain
	Time       time.Time
	App        string
	Component  string
	Capability string
	Operation  string
	Resource   string // of a denial, redacted; of allows, their class as a pattern; "" for denials told of in a group
	GrantID    string // what allowed, or came nearest; for Denied the id of the denial
	TLS        string // of what allowed; see Grant
	Allowed    bool
	Reason     Reason
	Revision   uint64
	Duration   time.Duration // of the condition's evaluation, where there was one
	Count      uint64
	// Nearest is the grant that came nearest to allowing what was denied, or the denial in its way; Short says in words how
	// it fell short. Only of denials told of by themselves.
	Nearest, Short string
}

// denied is a denial on its way to the observer.
type denied struct {
	Record  // its resource is not redacted yet
	subject *Subject
	bytes   int64
	grant   *Grant
	denial  *Denial
}

// maxPending bounds the denials that wait for the observer.
const maxPending = 4096

const flushEvery = time.Second

// use counts the calls that one grant allowed for one operation, between two flushes. It is in the recorder's list of uses
// to tell of exactly while its count is not zero.
type use struct {
	count     atomic.Uint64
	next      *use
	subject   *Subject
	grant     *Grant
	operation string
	resource  string // the class of resources that it counts, as a pattern
	revision  uint64
}

type denialGroup struct {
	subject               *Subject
	capability, operation string
	grant                 string
	reason                Reason
	revision              uint64
}

// recorder brings decisions to the observer. The guest's side of it takes a few atomic operations, or for a denial a send
// that never blocks.
type recorder struct {
	observer Observer
	redact   *Redactor
	now      func() time.Time

	uses    atomic.Pointer[use]
	denials chan denied
	name    string // of this recorder, in ids
	told    uint64 // denials
	onDeny  func(Record, Call)
	stop    chan chan struct{}
	once    sync.Once

	mu       sync.Mutex
	overflow map[denialGroup]uint64
}

func newRecorder(c Config) *recorder {
	r := &recorder{observer: c.Observer, redact: c.Redact, now: c.Now}
	if r.observer == nil {
		return r
	}
	r.denials = make(chan denied, maxPending)
	r.name, r.onDeny = strings.ToLower(rand.Text()[:8]), c.OnDeny
	r.stop = make(chan chan struct{})
	r.overflow = map[denialGroup]uint64{}
	go r.serve()
	return r
}

func (r *recorder) close() {
	if r.observer == nil {
		return
	}
	r.once.Do(func() {
		done := make(chan struct{})
		r.stop <- done
		<-done
	})
}

func (r *recorder) allow(u *use) {
	if r.observer == nil || u.count.Add(1) != 1 {
		return
	}
	for {
		head := r.uses.Load()
		u.next = head
		if r.uses.CompareAndSwap(head, u) {
			return
		}
	}
}

func (r *recorder) deny(s *Subject, call *Call, d Decision, took time.Duration) {
	if r.observer == nil {
		return
	}
	id := d.GrantID()
	if d.Denial != nil {
		id = d.Denial.ID
	}
	rec := denied{subject: s, bytes: call.Bytes, grant: d.Grant, denial: d.Denial, Record: Record{
		Time: r.now(), App: s.app, Component: s.component, Capability: call.Capability, Operation: call.Operation,
		Resource: call.Resource, GrantID: id, Reason: d.Reason, Revision: d.Revision, Duration: took, Count: 1,
	}}
	select {
	case r.denials <- rec:
	default:
		r.group(denialGroup{s, call.Capability, call.Operation, rec.GrantID, d.Reason, d.Revision})
	}
}

// maxGroups bounds the groups of denials, since guests choose the methods of HTTP requests.
const maxGroups = 1024

func (r *recorder) group(g denialGroup) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.overflow[g]; !ok && len(r.overflow) >= maxGroups {
		g.operation, g.grant, g.reason = "", "", NoGrant
	}
	r.overflow[g]++
}

func (r *recorder) serve() {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case d := <-r.denials:
			r.tell(d)
		case <-tick.C:
			r.flush()
		case done := <-r.stop:
			r.drain()
			r.flush()
			close(done)
			return
		}
	}
}

func (r *recorder) drain() {
	for {
		select {
		case d := <-r.denials:
			r.tell(d)
		default:
			return
		}
	}
}

func (r *recorder) tell(d denied) {
	call := Call{d.Capability, d.Operation, d.Resource, d.bytes}
	r.told++
	d.ID = r.name + "-" + strconv.FormatUint(r.told, 36)
	d.Nearest, d.Short = d.subject.broker.nearest(d.subject, &call, &d.Record, d.grant, d.denial)
	d.Resource = r.redact.Resource(d.Resource)
	r.observer.Observe(d.Record)
	if r.onDeny != nil {
		r.onDeny(d.Record, call)
	}
}

// flush tells of the allows since the last flush, and of the denials that did not find room.
func (r *recorder) flush() {
	now := r.now()
	for u := r.uses.Swap(nil); u != nil; {
		next := u.next // before the count is zero: from then on a guest may put the use back into the list
		r.observer.Observe(Record{
			Time: now, App: u.subject.app, Component: u.subject.component, Capability: u.grant.Capability,
			Operation: u.operation, Resource: u.resource, GrantID: u.grant.ID, TLS: u.grant.TLS, Allowed: true, Reason: Granted,
			Revision: u.revision, Count: u.count.Swap(0),
		})
		u = next
	}
	r.mu.Lock()
	groups := r.overflow
	r.overflow = map[denialGroup]uint64{}
	r.mu.Unlock()
	for g, n := range groups {
		r.observer.Observe(Record{
			Time: now, App: g.subject.app, Component: g.subject.component, Capability: g.capability, Operation: g.operation,
			GrantID: g.grant, Reason: g.reason, Revision: g.revision, Count: n,
		})
	}
}
