package broker

import "slices"

// state is what is in force. It is immutable but for counters and rates.
type state struct {
	revision  uint64
	suspended bool        // nothing is allowed
	digest    string      // of the source
	subjects  []*compiled // by Subject.number; nil or missing has no grants
}

// compiled is what one subject may do.
type compiled struct {
	app          string
	component    Component
	policy       *policy
	capabilities []capabilityIndex
	grants       []*Grant
	denials      []*Denial
	conditions   map[string]*condition
	limiters     map[limiterKey]*limiter
}

type capabilityIndex struct {
	name       string
	operations []operationIndex
	other      operationIndex // for operations that no grant or denial names: those of Any
}

// operationIndex holds the grants and denials of one operation. A nil matcher matches nothing. Grants that do not verify TLS
// are apart, as they count only where no other one in force matches.
type operationIndex struct {
	name                    string
	allow, unverified, deny *matcher
}

// grants are the matchers of grants, in the order in which they count.
func (o *operationIndex) grants() [2]*matcher { return [2]*matcher{o.allow, o.unverified} }

// limiterKey identifies a grant with a rate across loads: changed in what it limits, it begins anew.
type limiterKey struct {
	id, capability, resource string
	perSecond                int64
}

func (st *state) subject(number int) *compiled {
	if number < len(st.subjects) {
		return st.subjects[number]
	}
	return nil
}

var noIndex operationIndex

func (st *state) index(number int, capability, operation string) *operationIndex {
	c := st.subject(number)
	if c == nil {
		return &noIndex
	}
	if i := c.capability(capability); i != nil {
		return i.operation(operation)
	}
	return &noIndex
}

func (c *compiled) capability(name string) *capabilityIndex {
	for i := range c.capabilities {
		if c.capabilities[i].name == name {
			return &c.capabilities[i]
		}
	}
	return nil
}

func (c *capabilityIndex) operation(name string) *operationIndex {
	for i := range c.operations {
		if c.operations[i].name == name {
			return &c.operations[i]
		}
	}
	return &c.other
}

// compiler builds what one subject may do from the policy's answers.
type compiler struct {
	subject    *Subject
	revision   uint64
	conditions map[string]*condition
	old        map[limiterKey]*limiter
	out        *compiled
}

func (c *compiler) compile(grants []*Grant, denials []*Denial) *compiled {
	c.out.grants, c.out.denials, c.out.conditions = grants, denials, c.conditions
	c.out.limiters = map[limiterKey]*limiter{}
	for _, g := range grants {
		c.reserve(g.Capability, g.Operations)
	}
	for _, n := range denials {
		c.reserve(n.Capability, n.Operations)
	}
	for _, g := range grants {
		c.addGrant(g)
	}
	for _, n := range denials {
		e := &entry{simple: true, pattern: n.pattern, denial: n}
		for _, o := range c.indexes(n.Capability, n.Operations) {
			o.deny = o.deny.with(e)
		}
	}
	c.out.pack()
	return c.out
}

func (c *compiled) pack() {
	for _, i := range c.capabilities {
		for _, o := range append(i.operations, i.other) {
			for _, m := range []*matcher{o.allow, o.unverified, o.deny} {
				if m != nil {
					m.pack()
				}
			}
		}
	}
}

// reserve makes an index for each operation that is named anywhere, so that grants of Any are in each of them.
func (c *compiler) reserve(capability string, operations []string) {
	i := c.out.capability(capability)
	if i == nil {
		c.out.capabilities = append(c.out.capabilities, capabilityIndex{name: capability})
		i = &c.out.capabilities[len(c.out.capabilities)-1]
	}
	for _, op := range operations {
		if op != Any && i.operation(op) == &i.other {
			i.operations = append(i.operations, operationIndex{name: op})
		}
	}
}

// indexes returns the indexes that the operations of a grant or denial belong to.
func (c *compiler) indexes(capability string, operations []string) []*operationIndex {
	i := c.out.capability(capability)
	if slices.Contains(operations, Any) {
		all := []*operationIndex{&i.other}
		for o := range i.operations {
			all = append(all, &i.operations[o])
		}
		return all
	}
	named := make([]*operationIndex, 0, len(operations))
	for _, op := range operations {
		named = append(named, i.operation(op))
	}
	return named
}

func (c *compiler) addGrant(g *Grant) {
	l := c.limiter(g)
	for _, o := range c.indexes(g.Capability, g.Operations) {
		op := o.name
		if op == "" {
			op = Any
		}
		u := &use{subject: c.subject, grant: g, operation: op, resource: g.pattern.text, revision: c.revision}
		e := newEntry(g, l, c.conditions[g.When], u)
		e.classes = newClasses(u)
		if g.TLS == Unverified {
			o.unverified = o.unverified.with(e)
		} else {
			o.allow = o.allow.with(e)
		}
	}
}

// limiter carries the state of a rate over from the grants that were in force before.
func (c *compiler) limiter(g *Grant) *limiter {
	if g.Limits.CallsPerSecond == 0 {
		return nil
	}
	key := limiterKey{g.ID, g.Capability, g.pattern.text, g.Limits.CallsPerSecond}
	l := c.old[key]
	if l == nil {
		l = newLimiter(g.Limits.CallsPerSecond)
	}
	c.out.limiters[key] = l
	return l
}

// with adds an entry to a matcher, which may be nil.
func (m *matcher) with(e *entry) *matcher {
	if m == nil {
		m = &matcher{}
	}
	m.add(e)
	return m
}
