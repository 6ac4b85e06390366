package broker

// Call is one operation that a guest wants to perform. Resource is canonical: it comes from one of the builders
// (KVResource, HTTPResource, …) or from Canonical.
type Call struct {
	Capability string
	Operation  string
	Resource   string
	Bytes      int64 // size of the payload when known, set against the grant's max_bytes
}

// Reason says why a decision fell as it did.
type Reason uint8

// Of several grants that fall short of a call, the one with the highest reason below Granted is told of as the nearest.
const (
	NoGrant         Reason = iota // no grant covers the operation on the resource
	Expired                       // a grant would have covered it, but its time has passed
	TooLarge                      // a grant covers it, but the payload is above its max_bytes
	ConditionError                // a grant covers it, but its condition failed, timed out or was undefined
	ConditionFalse                // a grant covers it, but its condition does not hold
	RateLimited                   // a grant covers it, but its calls_per_second are used up
	Granted                       // Decision.Grant allows it
	Denied                        // a denial covers it, whatever is granted
	ResourceTooLong               // the resource is longer than MaxResource
	Suspended                     // the host grants nothing until its ledger can be written again
)

var reasonNames = [...]string{
	"no grant", "grant expired", "payload too large", "condition failed", "condition false", "rate limited",
	"granted", "denied by policy", "resource too long", "ledger unavailable",
}

func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return "unknown reason"
}

// Decision is the answer to one Call. The zero Decision denies.
type Decision struct {
	Allowed bool
	Reason  Reason
	// Cacheable is set on an allow that holds for every later call of the same operation on the same resource until the
	// revision changes or the grant expires: one without rate, size or condition. Broker.Valid checks it.
	Cacheable bool
	Revision  uint64
	// Grant is the grant that allows, or on a deny the nearest one that fell short, or nil.
	Grant  *Grant
	Denial *Denial // what denies, when Reason is Denied
	use    *use
}

// GrantID is the id of the grant, or "" when there is none.
func (d Decision) GrantID() string {
	if d.Grant == nil {
		return ""
	}
	return d.Grant.ID
}
