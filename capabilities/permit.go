package capabilities

import (
	"cmp"
	"context"

	"github.com/writ-host/writ/broker"
)

// Permit is one access that is asked about again and again, such as reading an
// open file: it remembers the answer for as long as that holds, so that asking
// costs an atomic load. It belongs to one instance.
type Permit struct {
	Access   Access // with its Capability
	decision broker.Decision
	lasting  broker.Decision // of Lasts, where decision holds for one operation only
}

// validator is a Subject that knows whether an earlier decision still holds.
type validator interface {
	Valid(d broker.Decision) bool
}

// unverifier is a Subject that knows whether a grant that does not verify TLS
// covers an operation.
type unverifier interface {
	CoversUnverified(capability, operation, resource string) broker.Decision
}

var (
	_ validator  = (*broker.Subject)(nil)
	_ unverifier = (*broker.Subject)(nil)
)

// Holds asks whether the access is allowed at this moment.
func (p *Permit) Holds(ctx context.Context, i *Instance) bool {
	return i != nil && p.decide(ctx, i, p.Access.Capability).Allowed
}

func (p *Permit) decide(ctx context.Context, i *Instance, capability string) broker.Decision {
	if p.decision.Allowed && p.decision.Cacheable {
		if v, ok := i.Subject.(validator); ok && v.Valid(p.decision) {
			i.grant = p.decision.GrantID()
			if i.traced != nil {
				i.note(cmp.Or(p.Access.Capability, capability), p.Access, p.decision)
			}
			return p.decision
		}
	}
	p.decision = i.decide(ctx, capability, p.Access)
	return p.decision
}

// Grant is what the latest answer allowed under, or nil.
func (p *Permit) Grant() *broker.Grant { return p.decision.Grant }

// Lasts asks whether what was allowed may go on, for the parts of one long
// operation such as the bytes of a stream. Unlike Holds it does not count as
// one more operation: it draws on no rate, and leaves conditions to the next
// operation. What began under a grant that does not verify TLS goes on under
// such a grant alone.
func (p *Permit) Lasts(ctx context.Context, i *Instance) bool {
	if i == nil || i.Subject == nil || !p.decision.Allowed {
		return false
	}
	call := i.traced // which asked before
	i.traced = nil
	defer func() { i.traced = call }()
	unverified := p.decision.Grant != nil && p.decision.Grant.TLS == broker.Unverified
	if p.decision.Cacheable && !unverified {
		return p.Holds(ctx, i)
	}
	if v, ok := i.Subject.(validator); !ok || !p.lasting.Cacheable || !v.Valid(p.lasting) {
		p.lasting = p.covers(i.Subject, unverified)
	}
	return p.lasting.Allowed
}

func (p *Permit) covers(s Subject, unverified bool) broker.Decision {
	if !unverified {
		return s.Covers(p.Access.Capability, p.Access.Operation, p.Access.Resource)
	}
	if u, ok := s.(unverifier); ok {
		return u.CoversUnverified(p.Access.Capability, p.Access.Operation, p.Access.Resource)
	}
	return broker.Decision{}
}
