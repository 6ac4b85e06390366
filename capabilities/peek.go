package capabilities

import "github.com/writ-host/writ/broker"

// peeker is a Subject that tells what matches without recording a decision.
type peeker interface {
	Peek(call broker.Call) (granted, denied bool)
}

var _ peeker = (*broker.Subject)(nil)

// Choose finds the one of several accesses to ask about with [Instance.Allowed],
// where the same thing has several names: the first is the thing itself, and a
// denial of it decides. Otherwise it is the first that a grant matches, or the
// last one.
func (i *Instance) Choose(capability string, accesses []Access) Access {
	p, ok := i.Subject.(peeker)
	if !ok {
		return accesses[len(accesses)-1]
	}
	for n, a := range accesses {
		granted, denied := p.Peek(broker.Call{Capability: capability, Operation: a.Operation, Resource: a.Resource, Bytes: a.Bytes})
		if n == 0 && denied || granted && !denied {
			return a
		}
	}
	return accesses[len(accesses)-1]
}
