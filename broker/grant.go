package broker

import (
	"strconv"
	"time"
)

// Grant lets one component perform operations on the resources that a pattern names. It is data that a policy produced.
// It is immutable once the broker has it.
type Grant struct {
	ID         string
	App        string
	Component  string // "*" is every component of the app
	Capability string
	Resource   string // the pattern as its author wrote it
	Operations []string
	Limits     Limits
	TLS        string    // Unverified, or "": certificates are verified
	When       string    // name of a rule in data.writ.conditions, or ""
	Expires    time.Time // zero is never
	Reason     string
	Origin     Origin

	pattern *pattern
}

// Unverified is the TLS of a grant under which requests go to whoever answers, whatever certificate that one shows. Where a
// grant that verifies is for the same, that one counts, whether it allows or not.
const Unverified = "unverified"

// Limits bounds what a grant allows. A zero field is no bound.
type Limits struct {
	CallsPerSecond int64 // counted for each component apart, with a burst of one second's worth
	MaxBytes       int64 // payload of one operation
}

// Origin is where a grant was written: the line in grants.json, or the Rego rule that produced it.
type Origin struct {
	File string
	Line int // from 1; 0 when unknown
}

func (o Origin) String() string {
	if o.Line == 0 {
		return o.File
	}
	return o.File + ":" + strconv.Itoa(o.Line)
}

// Denial forbids what no grant can then allow. An empty or "*" App or Component is every one of them.
type Denial struct {
	ID         string
	App        string
	Component  string
	Capability string
	Resource   string
	Operations []string
	Reason     string
	Origin     Origin

	pattern *pattern
}

// App is what the policy is asked about: an application and its components.
type App struct {
	Name       string
	Components []Component
}

// Component describes one component to the policy.
type Component struct {
	Name     string
	Digest   string // "sha256:…" of the component's bytes
	Imports  []string
	Labels   map[string]string
	Signer   string
	Requests []Request
	// Edition tells versions of the component apart that run at the same time; the highest is the latest. The policy does not
	// see it.
	Edition uint64
}

// Request is what the developer says a component needs. It is never a grant.
type Request struct {
	Capability string
	Resource   string // a pattern
	Operations []string
	Reason     string
}
