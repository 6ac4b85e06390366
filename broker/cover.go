package broker

import "iter"

// Covers answers whether any grant in force could allow the operation, or with "" any operation, on some resource that begins
// with prefix. It is the question for opening a store, with KVStore as the prefix. Conditions, rates and sizes are left to
// the operations that follow. Its answer is recorded like that of Decide, with operation "open" for "".
func (s *Subject) Covers(capability, operation, prefix string) Decision {
	st := s.broker.state.Load()
	d := Decision{Revision: st.revision}
	v := visit{clock: s.broker.config.Now}
	if st.suspended {
		v.reason = Suspended
	} else if e := s.reaching(st, capability, operation, prefix, &v); e != nil {
		d.Allowed, d.Reason, d.Grant, d.Cacheable, d.use = true, Granted, e.grant, true, e.use
		s.broker.ledger.allow(e.use)
		return d
	}
	d.Reason = v.reason
	if v.fell != nil {
		d.Grant = v.fell.grant
	}
	if operation == "" {
		operation = "open"
	}
	call := &Call{Capability: capability, Operation: operation, Resource: prefix}
	if s.learn(call, &d, true) {
		return d
	}
	s.broker.ledger.deny(s, call, d, 0)
	return d
}

// CoversUnverified answers whether a grant in force that does not verify TLS covers an operation: what began under one goes on
// under no other. Conditions, rates and sizes are left to the next operation. Its answer is recorded like that of Decide.
func (s *Subject) CoversUnverified(capability, operation, resource string) Decision {
	st := s.broker.state.Load()
	d := Decision{Revision: st.revision}
	call := &Call{Capability: capability, Operation: operation, Resource: resource}
	if e := s.coveringUnverified(st, call, &d); e != nil {
		d.Allowed, d.Reason, d.Grant, d.Cacheable, d.use = true, Granted, e.grant, true, e.use
		s.broker.ledger.allow(e.use)
		return d
	}
	s.broker.ledger.deny(s, call, d, 0)
	return d
}

func (s *Subject) coveringUnverified(st *state, call *Call, d *Decision) *entry {
	if st.suspended {
		d.Reason = Suspended
		return nil
	}
	index := st.index(s.number, call.Capability, call.Operation)
	v := visit{clock: s.broker.config.Now}
	if index.deny != nil && index.deny.find(call.Resource, &v) {
		d.Reason, d.Denial = Denied, v.hit.denial
		return nil
	}
	if index.unverified == nil {
		return nil
	}
	if index.unverified.find(call.Resource, &v) {
		return v.hit
	}
	if v.count > 0 {
		return v.dynamic[0]
	}
	d.Reason = v.reason
	return nil
}

func (s *Subject) reaching(st *state, capability, operation, prefix string, v *visit) *entry {
	c := st.subject(s.number)
	if c == nil || len(prefix) > MaxResource {
		return nil
	}
	i := c.capability(capability)
	if i == nil {
		return nil
	}
	if operation != "" {
		return i.operation(operation).reaching(prefix, v)
	}
	for o := range i.operations {
		if e := i.operations[o].reaching(prefix, v); e != nil {
			return e
		}
	}
	return i.other.reaching(prefix, v)
}

// reaching finds a grant that allows something under prefix. A denial counts here when it covers all that is under prefix;
// narrower ones are left to the operations that follow.
func (o *operationIndex) reaching(prefix string, v *visit) *entry {
	if o.allow == nil && o.unverified == nil {
		return nil
	}
	if o.deny != nil {
		under := underPrefix(prefix)
		for _, e := range o.deny.entries {
			if includes([]*pattern{e.pattern}, under) {
				v.reason = max(v.reason, Denied)
				return nil
			}
		}
	}
	for _, m := range o.grants() {
		if m == nil {
			continue
		}
		if e := m.reach(&m.root, prefix, 0, v); e != nil {
			return e
		}
	}
	return nil
}

// underPrefix is the pattern of all resources that begin with a canonical prefix.
func underPrefix(prefix string) *pattern {
	units := append(unitsOf(prefix, 0), starBit|unit(starAll))
	return newPattern(prefix+"**", units)
}

// reach walks down a prefix and looks for a live entry below.
func (m *matcher) reach(n *node, prefix string, at int, v *visit) *entry {
	if at == len(prefix) {
		return n.below(v)
	}
	if e := n.reachTails(prefix[at:], v); e != nil {
		return e
	}
	end := m.segmentEnd(prefix, at)
	if end == len(prefix) {
		return n.reachLast(prefix[at:], v)
	}
	if k := m.kid(n, prefix[at:end]); k != nil {
		if e := m.reach(k, prefix, end, v); e != nil {
			return e
		}
	}
	if k := n.anyAt(prefix[at]); k != nil {
		if e := m.reach(k, prefix, end, v); e != nil {
			return e
		}
	}
	if n.more == nil {
		return nil
	}
	for g := range n.more.globs.all() {
		if g.segment.match(prefix[at:end]) {
			if e := m.reach(g.node, prefix, end, v); e != nil {
				return e
			}
		}
	}
	return nil
}

// reachLast looks at the segments that begin with the last, perhaps unfinished one of the prefix.
func (n *node) reachLast(last string, v *visit) *entry {
	for k := range n.kids() {
		if k.begins(last) {
			if e := k.below(v); e != nil {
				return e
			}
		}
	}
	return nil
}

// begins reports whether some segment that the node stands for begins with text.
func (n *node) begins(text string) bool {
	return newPattern(n.segment, unitsOf(n.segment, n.authority())).reaches(text)
}

// authority is the length of the segment when it holds a host, which only one directly below the root does.
func (n *node) authority() int {
	if n.parentID == rootID {
		return authorityEnd(n.segment)
	}
	return 0
}

func (n *node) reachTails(rest string, v *visit) *entry {
	if n.more != nil {
		for t := range n.more.tails.all() {
			if t.tail.reaches(rest) && v.live(t.entry) {
				return t.entry
			}
		}
	}
	if rest[0] == '/' {
		return n.firstRest(v)
	}
	return nil
}

// below finds a live entry in a node or under it.
func (n *node) below(v *visit) *entry {
	if n.here != nil && v.live(n.here) {
		return n.here
	}
	if e := n.firstRest(v); e != nil {
		return e
	}
	if n.more != nil {
		if e := v.firstLive(n.more.here); e != nil {
			return e
		}
		for t := range n.more.tails.all() {
			if v.live(t.entry) {
				return t.entry
			}
		}
	}
	for k := range n.kids() {
		if e := k.below(v); e != nil {
			return e
		}
	}
	return nil
}

// kids yields all children.
func (n *node) kids() iter.Seq[*node] {
	return func(yield func(*node) bool) {
		if n.any != nil && !yield(n.any) || n.more == nil {
			return
		}
		if n.more.anyFn != nil && !yield(n.more.anyFn) {
			return
		}
		for _, k := range n.more.kids {
			if !yield(k) {
				return
			}
		}
		for g := range n.more.globs.all() {
			if !yield(g.node) {
				return
			}
		}
	}
}

func (n *node) firstRest(v *visit) *entry {
	if n.rest != nil && v.live(n.rest) {
		return n.rest
	}
	if n.more != nil {
		return v.firstLive(n.more.rest)
	}
	return nil
}

func (v *visit) firstLive(entries []*entry) *entry {
	for _, e := range entries {
		if v.live(e) {
			return e
		}
	}
	return nil
}

// live reports whether an entry's time has not passed.
func (v *visit) live(e *entry) bool {
	if e.expires != 0 && v.now() >= e.expires {
		v.short(e, Expired)
		return false
	}
	return true
}
