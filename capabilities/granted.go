package capabilities

import "context"

// Granted is [Instance.Allowed], and names the grant.
func (i *Instance) Granted(ctx context.Context, capability string, a Access) (grant string, ok bool) {
	if i == nil {
		return "", false
	}
	before := i.grant
	defer func() { i.grant = before }()
	d := i.decide(ctx, capability, a)
	return d.GrantID(), d.Allowed
}
