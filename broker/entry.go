package broker

import (
	"sync/atomic"
	"time"
)

// entry is a grant or a denial as a matcher holds it, for one operation.
type entry struct {
	simple    bool // settles whatever matches
	cacheable bool // for how long an allow holds; see Decision.Cacheable
	grant     *Grant
	use       *use
	classes   *classes // in place of use, where the pattern leaves open what records show
	expires   int64    // in ns since 1970; 0 is never
	maxBytes  int64
	limiter   *limiter
	condition *condition
	pattern   *pattern
	denial    *Denial // in place of grant
}

func newEntry(g *Grant, l *limiter, c *condition, u *use) *entry {
	e := &entry{pattern: g.pattern, grant: g, maxBytes: g.Limits.MaxBytes, limiter: l, condition: c, use: u}
	if !g.Expires.IsZero() {
		e.expires = g.Expires.UnixNano()
	}
	e.cacheable = e.maxBytes == 0 && l == nil && c == nil
	e.simple = e.cacheable && e.expires == 0
	return e
}

// visit looks at the entries that match one call.
type visit struct {
	bytes int64
	clock func() time.Time
	at    int64 // the time of the call in ns, once it was needed

	hit    *entry // settles the call
	fell   *entry // the nearest that fell short, and why
	reason Reason //
	// Entries that need a condition or a rate to be looked at. The first few are held without an allocation.
	dynamic [4]*entry
	count   int
	more    []*entry
}

func (v *visit) all(entries []*entry) bool {
	for _, e := range entries {
		if v.one(e) {
			return true
		}
	}
	return false
}

// one reports whether an entry settles the call.
func (v *visit) one(e *entry) bool {
	switch {
	case e.simple:
	case e.expires != 0 && v.now() >= e.expires:
		v.short(e, Expired)
		return false
	case e.maxBytes > 0 && v.bytes > e.maxBytes:
		v.short(e, TooLarge)
		return false
	case e.limiter != nil || e.condition != nil:
		v.later(e)
		return false
	}
	v.hit = e
	return true
}

func (v *visit) later(e *entry) {
	if v.count < len(v.dynamic) {
		v.dynamic[v.count] = e
		v.count++
		return
	}
	v.more = append(v.more, e)
}

// short notes that an entry matches but does not allow. What fell short by more than its time is the nearer one.
func (v *visit) short(e *entry, r Reason) {
	if r > v.reason {
		v.fell, v.reason = e, r
	}
}

// covered reports whether a grant in force matches and does not allow.
func (v *visit) covered() bool { return v.reason > Expired }

func (v *visit) now() int64 {
	if v.at == 0 {
		v.at = v.clock().UnixNano()
	}
	return v.at
}

// limiter bounds calls per second with a burst of one second's worth. It holds the time at which a caller that used all its
// calls would have to make the next one (a generic cell rate algorithm), so that one atomic word is its whole state.
type limiter struct {
	interval int64 // ns between calls at the full rate
	next     atomic.Int64
}

func newLimiter(perSecond int64) *limiter {
	return &limiter{interval: max(1, int64(time.Second)/perSecond)}
}

func (l *limiter) take(now int64) bool {
	for {
		next := l.next.Load()
		due := max(next, now) + l.interval
		if due-now > max(int64(time.Second), l.interval) {
			return false
		}
		if l.next.CompareAndSwap(next, due) {
			return true
		}
	}
}
