package broker

import (
	"context"
	"fmt"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Explanation is why a call is denied or allowed by what is in force now.
type Explanation struct {
	Allowed bool
	Reason  Reason
	Grant   *Grant  // that allows
	Denial  *Denial // that denies
	// Nearest are the grants that came nearest to allowing it, and how they fell short.
	Nearest []Shortfall
	// Rules are those of the policy that mattered: that gave nothing where they could have, or that deny.
	Rules []RuleTrace
	// Smallest is the smallest grant that would allow it; nil when it is allowed, or when a denial or a bound stands in the way.
	Smallest *Grant
	// Opens is set for what has no grant of its own, such as opening a store: any grant that reaches below it allows it.
	Opens bool
}

// maxNearest is how many grants an explanation tells of.
const maxNearest = 5

// Explain decides about a call as Decide does, without recording it, and says why it falls so. Rates are not drawn on.
func (b *Broker) Explain(ctx context.Context, app, component string, call Call) (*Explanation, error) {
	s := b.Subject(app, component)
	c := b.state.Load().subject(s.number)
	if c == nil {
		return nil, fmt.Errorf("explain: no policy was asked about %s/%s", app, component)
	}
	now := b.config.Now()
	e := &Explanation{}
	index := b.state.Load().index(s.number, call.Capability, call.Operation)
	v := visit{bytes: call.Bytes, clock: b.config.Now}
	if index.deny != nil && index.deny.find(call.Resource, &v) {
		e.Reason, e.Denial = Denied, v.hit.denial
		return e, e.trace(ctx, c, &call, now)
	}
	for _, m := range index.grants() {
		if m == nil {
			continue
		}
		if m.find(call.Resource, &v) || findHolding(ctx, &call, &v) {
			e.Allowed, e.Reason, e.Grant = true, Granted, v.hit.grant
			return e, nil
		}
		if v.covered() {
			break
		}
	}
	e.Reason = v.reason
	var settled *Grant
	if v.fell != nil {
		settled = v.fell.grant
	}
	e.Nearest = c.shortfalls(&call, e.Reason, settled, now)
	e.Nearest = e.Nearest[:min(len(e.Nearest), maxNearest)]
	if e.Opens = !knownOperation(call.Capability, call.Operation); e.Opens {
		return e, e.trace(ctx, c, &call, now)
	}
	if e.Reason == NoGrant || e.Reason == Expired {
		e.Smallest = &Grant{App: app, Component: component, Capability: call.Capability, Operations: []string{call.Operation}, Resource: call.Resource}
		e.Smallest.ID = b.freeID(app, component, call.Capability)
	}
	return e, e.trace(ctx, c, &call, now)
}

// findHolding looks at the grants that depend on conditions.
func findHolding(ctx context.Context, call *Call, v *visit) bool {
	for _, list := range [2][]*entry{v.dynamic[:v.count], v.more} {
		for _, d := range list {
			if d.condition != nil {
				if reason := d.condition.holds(ctx, call, v.now()); reason != Granted {
					v.short(d, reason)
					continue
				}
			}
			v.hit = d
			return true
		}
	}
	v.count, v.more = 0, nil
	return false
}

// trace asks the policy once more, to see which rules mattered.
func (e *Explanation) trace(ctx context.Context, c *compiled, call *Call, now time.Time) (err error) {
	p := c.policy
	load := ast.NewTerm(policyInput(c.app, c.component))
	switch {
	case e.Reason == Denied && p.file != nil && e.Denial.Origin.File == p.file.Name:
		return nil // its line says it all
	case e.Reason == Denied:
		e.Rules, err = p.traceRules(ctx, p.denials.body, load, now, denialsRef, true)
	case e.Reason == ConditionFalse || e.Reason == ConditionError:
		near := e.Nearest[0].Grant
		k := c.conditions[near.When]
		e.Rules, err = p.traceRules(ctx, k.body, ast.NewTerm(k.input(call, now.UTC())), now, nil, false)
	case e.Reason == NoGrant || e.Reason == Expired:
		e.Rules, err = p.traceRules(ctx, p.grants.body, load, now, nil, false)
	}
	return err
}
